// Stores what Perfil changes in seam's database. It runs beside seam, as a program of its own.
import express from 'express';
import mysql from 'mysql2/promise';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.CHANGES_SECRET);
const pool = mysql.createPool(process.env.DATABASE_URL);
/** Fields that a change may name, which are columns of `users` as well. */
const FIELDS = ['full_name', 'email', 'roleId', 'password'];
// If the hash is not sent, the old password must stop working: bcrypt accepts no password for this one.
const columnOf = (field, record) => (field === 'password' ? (record.password_hash ?? '!') : record[field]);
/** What the account's owner is told. */
const NOTICES = {
  email: 'The e-mail address of your account was changed. If that was not you, contact us.',
  password: 'The password of your account was changed. If that was not you, contact us.',
};
// SQL states of the classes 22 and 23: a value is too long, taken, or not in the table that it refers to.
const isRefused = (error) => /^2[23]/.test(error.sqlState ?? '');

/** Applies a change, unless the account has that one or a newer one already. */
async function apply(db, { id, subject: { account }, fields, record }) {
  // This locks the account's row: if the same change arrives twice at once, one delivery waits for the other.
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
      // Failing would hold up all later changes: somebody has to look at this value.
      console.error(`change ${id}: ${field} of account ${account} was not stored: ${error.code}`);
      continue;
    }
    // To the old address: if somebody else set a new one, the account's owner reads only the old one.
    if (field in NOTICES && record[field] !== user.email)
      await db.query('INSERT INTO perfil_notices SET ?', { address: user.email, text: NOTICES[field] });
  }
}

/** Applies changes in one transaction. */
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
