// node scripts/dev/changes.mjs <file>
// Writes the newest rows of the local change feed to a file of the demo page, which shows what was just changed. It
// reads the database file directly, so neither the worker nor the deployed page needs an endpoint for the feed. It runs
// in its own process, because node:sqlite needs the newer Node that package.json installs.
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { databaseFile } from './local.mjs';

const NEWEST = 'SELECT * FROM changes ORDER BY id DESC LIMIT 10';
const PAUSE_MS = 250;
const [target] = process.argv.slice(2);

/** Returns the newest rows, the latest first; none if the database does not exist or wrangler is changing it. */
function newestRows() {
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
  const rows = newestRows().map((row) => ({ ...row, fields: JSON.parse(String(row.fields)) }));
  const text = JSON.stringify(rows);
  // Writes only to an existing file: the server does not serve files that are created later, and the page may be
  // written again at any moment.
  if (text !== shown && fs.existsSync(target)) fs.writeFileSync(target, (shown = text));
  await setTimeout(PAUSE_MS);
}
