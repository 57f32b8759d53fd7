// Stores Perfil's changes in seam's database. It runs alongside seam, as a separate program.
import express from 'express';
import mysql from 'mysql2/promise';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.CHANGES_SECRET);
const pool = mysql.createPool(process.env.DATABASE_URL);
/** Fields that a change may name. Each is also a column of `users`. */
const FIELDS = ['full_name', 'email', 'roleId', 'password'];
// If no hash is sent, the old password must still stop working. bcrypt accepts no password for the hash '!'.
const columnOf = (field, record) => (field === 'password' ? (record.password_hash ?? '!') : record[field]);
/** Notices to the account's owner. */
const NOTICES = {
  email: 'The e-mail address of your account was changed. If that was not you, contact us.',
  password: 'The password of your account was changed. If that was not you, contact us.',
};
// SQL states of classes 22 and 23: the value is too long, taken, or refers to a row that does not exist.
const isRefused = (error) => /^2[23]/.test(error.sqlState ?? '');

/** Applies a change, unless it or a newer one has already been applied to the account. */
async function apply(db, { id, subject: { account }, fields, record }) {
  // Creates and locks the account's row in perfil_changes: if the same change arrives twice at the same time, one
  // delivery waits for the other.
  await db.query('INSERT INTO perfil_changes VALUES (?, 0) ON DUPLICATE KEY UPDATE account = account', [account]);
  const claim = 'UPDATE perfil_changes SET change_id = ? WHERE account = ? AND change_id < ?';
  const [{ affectedRows }] = await db.query(claim, [id, account, id]);
  const [[user]] = await db.query('SELECT email FROM users WHERE idUser = ? FOR UPDATE', [account]);
  if (affectedRows === 0 || !user || !record) return;
  for (const field of FIELDS.filter((name) => fields.includes(name))) {
    try {
      await db.query('UPDATE users SET ?? = ? WHERE idUser = ?', [field, columnOf(field, record), account]);
    } catch (error) {
      if (!isRefused(error)) throw error;
      // Failing would block all later changes. Someone has to fix this value by hand.
      console.error(`change ${id}: ${field} of account ${account} was not stored: ${error.code}`);
      continue;
    }
    // Notify the old address: if an attacker set the new one, the account's owner reads only the old one. The condition
    // skips an address that was set again. It always holds for a password, which is not in the record.
    if (field in NOTICES && record[field] !== user.email)
      await db.query('INSERT INTO perfil_notices SET ?', { address: user.email, text: NOTICES[field] });
  }
}

/** Applies all changes in one transaction. */
async function applyAll(changes) {
  const db = await pool.getConnection();
  try {
    await db.beginTransaction();
    for (const change of changes) await apply(db, change);
    await db.commit();
  } catch (error) {
    await db.rollback().catch(() => db.destroy());
    throw error;
  } finally {
    db.release();
  }
}

const app = express();
app.post('/changes', express.raw({ type: 'application/json', limit: '1mb' }), async (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body, request.headers);
  } catch {
    return response.sendStatus(401);
  }
  await applyAll(event.data.changes);
  response.sendStatus(204);
});
app.listen(Number(process.env.PORT ?? 3000));
