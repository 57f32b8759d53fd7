// Stores Perfil's changes in the database of personas. It runs alongside that back end, as a separate program.
import { DatabaseSync } from 'node:sqlite';
import express from 'express';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.CHANGES_SECRET);
const db = new DatabaseSync(process.env.DATABASE, { timeout: 1000 });
/** Fields that a change may name. Each is also a column of `personas`. */
const FIELDS = ['nombres', 'apellidos', 'telefono', 'dni', 'foto_url'];
const claim = db.prepare(
  `INSERT INTO perfil_changes (persona, change_id) VALUES (:persona, :id)
  ON CONFLICT (persona) DO UPDATE SET change_id = excluded.change_id WHERE change_id < excluded.change_id`,
);
const updates = new Map(FIELDS.map((field) => [field, db.prepare(`UPDATE personas SET ${field} = ? WHERE id = ?`)]));
// SQLITE_CONSTRAINT: the value is taken, or a CHECK or NOT NULL forbids it.
const isRefused = (error) => (error.errcode & 0xff) === 19;

/** Applies a change, unless it or a newer one has already been applied to the persona. */
function apply({ id, subject: { persona }, fields, record }) {
  if (claim.run({ persona, id }).changes === 0 || !record) return;
  for (const field of FIELDS.filter((name) => fields.includes(name))) {
    try {
      updates.get(field).run(record[field], persona);
    } catch (error) {
      if (!isRefused(error)) throw error;
      // Failing would block all later changes. Someone has to fix this value by hand.
      console.error(`change ${id}: ${field} of persona ${persona} was not stored: ${error.message}`);
    }
  }
}

/** Applies all changes in one transaction. */
function applyAll(changes) {
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const change of changes) apply(change);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

const app = express();
app.post('/changes', express.raw({ type: 'application/json', limit: '1mb' }), (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body, request.headers);
  } catch {
    return response.sendStatus(401);
  }
  applyAll(event.data.changes);
  response.sendStatus(204);
});
app.listen(Number(process.env.PORT ?? 3000));
