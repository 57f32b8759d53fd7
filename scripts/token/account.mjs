// node scripts/token/account.mjs <back end or plain> <id>
// Prints a problem with an account in the local database, if there is one. It reads the database file instead of
// starting wrangler, which takes seconds. It runs in its own process, because node:sqlite needs the newer Node that
// package.json installs.
import { DatabaseSync } from 'node:sqlite';
import { databaseFile } from '../dev/local.mjs';

const QUERY = {
  plain: 'SELECT is_active FROM users WHERE id = ?',
  other:
    'SELECT is_active FROM users JOIN identities ON identities.account_id = users.id ' +
    'WHERE identities.back_end = ? AND identities.id = ?',
};

const [layout, id] = process.argv.slice(2);

/** @param {DatabaseSync} database */
function checkAccount(database) {
  const found =
    layout === 'plain'
      ? database.prepare(QUERY.plain).get(Number(id))
      : database.prepare(QUERY.other).get(layout, Number(id));
  const account = layout === 'plain' ? `account ${id}` : `account with the ID ${id} in ${layout}`;
  if (!found) console.log(`the local database has no ${account}`);
  else if (found.is_active !== 1) console.log(`the ${account} is not active`);
}

const file = databaseFile();
if (file) {
  const database = new DatabaseSync(file, { readOnly: true });
  // `wrangler dev` by itself creates a database without tables.
  const isMigrated = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'identities'").get();
  if (isMigrated) checkAccount(database);
  else console.log('the local database lacks the migrations that `npm run dev` applies');
}
