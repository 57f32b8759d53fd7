// The local database: its migrations and its demo accounts.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { output, quietly, root, step } from '../lib.mjs';
import { applyMigrations } from '../migrate.mjs';

const folder = path.join(root, 'migrations');
/** File with the hashes that were applied. It is in wrangler's state folder, so it is removed with the database. */
const appliedFile = path.join(root, '.wrangler/state/perfil-migrations.json');

const hashOf = (text) => createHash('sha256').update(text).digest('hex');

/** Returns hashes by file name: of every migration, and of the database's section in wrangler.toml. */
function currentHashes() {
  const [database] = /^\[\[d1_databases\]\]\n(?:.+\n)*/m.exec(
    fs.readFileSync(path.join(root, 'wrangler.toml'), 'utf8'),
  );
  const files = fs.readdirSync(folder).filter((file) => file.endsWith('.sql'));
  return Object.fromEntries([
    ['wrangler.toml', hashOf(database)],
    ...files.sort().map((file) => [file, hashOf(fs.readFileSync(path.join(folder, file)))]),
  ]);
}

/** Returns the hashes that were current when the database was last prepared; undefined if it does not exist. */
function appliedHashes() {
  try {
    return JSON.parse(fs.readFileSync(appliedFile, 'utf8'));
  } catch {
    return undefined;
  }
}

export const databaseExists = () => fs.existsSync(appliedFile);

/** Returns a text that is different after a migration was added or edited. */
export const migrationsVersion = () => JSON.stringify(currentHashes());

function warnAboutEdits(before, now) {
  const edited = Object.keys(now).filter((file) => file.endsWith('.sql') && before[file] && before[file] !== now[file]);
  for (const file of edited)
    console.log(
      `perfil: migrations/${file} was edited after it was applied, and the edit has no effect on the local database; ` +
        'to create a new database, run: rm -rf .wrangler',
    );
}

async function hasNoAccounts() {
  const command = 'SELECT count(*) AS accounts FROM users';
  const result = await output('wrangler', ['d1', 'execute', 'DB', '--local', '--json', '--command', command]);
  return JSON.parse(result)[0].results[0].accounts === 0;
}

/**
 * Applies the migrations that the local database lacks, and inserts the demo accounts if it has no accounts. Returns
 * whether it inserted them.
 */
export async function prepareDatabase() {
  const [before, now] = [appliedHashes(), currentHashes()];
  if (before && JSON.stringify(before) === JSON.stringify(now)) return false;
  step('Preparing the local database');
  const migrations = await applyMigrations(['--local']);
  const isEmpty = await hasNoAccounts();
  if (isEmpty) await quietly('wrangler', ['d1', 'execute', 'DB', '--local', '--file', 'tests/fixtures/demo.sql']);
  console.log(`  ${migrations}${isEmpty ? ', demo accounts inserted' : ''}`);
  if (before) warnAboutEdits(before, now);
  fs.writeFileSync(appliedFile, JSON.stringify(now));
  return isEmpty;
}
