// node scripts/dev/changes.mjs <file>
// Writes the newest rows of the local change feed to a file of the demo page, which shows what was just changed. It
// reads the database beside the worker, so the worker and the deployed page need no way to read the feed. A process of
// its own, because node:sqlite needs the Node of the packages.
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { databaseFile } from './local.mjs';

const NEWEST = 'SELECT * FROM changes ORDER BY id DESC LIMIT 10';
const PAUSE_MS = 250;
const [target] = process.argv.slice(2);

/** The newest rows, the latest first; none while there is no database, or wrangler is changing it. */
function read() {
  try {
    const database = new DatabaseSync(databaseFile(), { readOnly: true });
    try {
      return database.prepare(NEWEST).all();
    } finally {
      database.close();
    }
  } catch {
    return [];
  }
}

let shown = '';
for (;;) {
  const rows = read().map((row) => ({ ...row, fields: JSON.parse(String(row.fields)) }));
  const text = JSON.stringify(rows);
  // Only a file that is there: the server serves no other, and the page may be written anew at any moment.
  if (text !== shown && fs.existsSync(target)) fs.writeFileSync(target, (shown = text));
  await setTimeout(PAUSE_MS);
}
