// node scripts/token/account.mjs <back end or plain> <number>
// Prints what is wrong with an account in the local database, or nothing. It reads the file that wrangler keeps instead
// of starting wrangler, which takes seconds. A process of its own, because node:sqlite needs the Node of the packages.
import { DatabaseSync } from 'node:sqlite';
import { databaseFile } from '../dev/local.mjs';

const QUERY = {
  plain: 'SELECT is_active FROM users WHERE id = ?',
  other:
    'SELECT is_active FROM users JOIN identities ON identities.account_id = users.id ' +
    'WHERE identities.back_end = ? AND identities.id = ?',
};

const [layout, number] = process.argv.slice(2);

/** @param {DatabaseSync} database */
function look(database) {
  const found =
    layout === 'plain'
      ? database.prepare(QUERY.plain).get(Number(number))
      : database.prepare(QUERY.other).get(layout, Number(number));
  const whose = layout === 'plain' ? `account ${number}` : `account that ${layout} knows as ${number}`;
  if (!found) console.log(`the local database has no ${whose}`);
  else if (found.is_active !== 1) console.log(`the ${whose} is not active`);
}

const file = databaseFile();
if (file) {
  const database = new DatabaseSync(file, { readOnly: true });
  // `wrangler dev` alone makes a database without tables.
  const isMigrated = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'identities'").get();
  if (isMigrated) look(database);
  else console.log('the local database lacks the migrations that `npm run dev` applies');
}
