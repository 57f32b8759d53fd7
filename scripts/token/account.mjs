// node scripts/token/account.mjs <back end or plain> <number>
// Prints what is wrong with an account in the local database, or nothing. It reads the file that wrangler keeps instead
// of starting wrangler, which takes seconds. A process of its own, because node:sqlite needs the Node of the packages.
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { root } from '../lib.mjs';

const QUERY = {
  plain: 'SELECT is_active FROM users WHERE id = ?',
  other:
    'SELECT is_active FROM users JOIN identities ON identities.account_id = users.id ' +
    'WHERE identities.back_end = ? AND identities.id = ?',
};

/** The local database that was written last; its name is a hash of what wrangler.toml names. */
function databaseFile() {
  const folder = path.join(root, '.wrangler/state/v3/d1/miniflare-D1DatabaseObject');
  if (!fs.existsSync(folder)) return undefined;
  const written = (file) =>
    Math.max(...[file, `${file}-wal`].map((each) => fs.statSync(each, { throwIfNoEntry: false })?.mtimeMs ?? 0));
  const files = fs.readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  return files.map((name) => path.join(folder, name)).sort((a, b) => written(b) - written(a))[0];
}

const [layout, number] = process.argv.slice(2);
const file = databaseFile();
if (file) {
  const database = new DatabaseSync(file, { readOnly: true });
  const found =
    layout === 'plain'
      ? database.prepare(QUERY.plain).get(Number(number))
      : database.prepare(QUERY.other).get(layout, Number(number));
  const whose = layout === 'plain' ? `account ${number}` : `account that ${layout} knows as ${number}`;
  if (!found) console.log(`the local database has no ${whose}`);
  else if (found.is_active !== 1) console.log(`the ${whose} is not active`);
}
