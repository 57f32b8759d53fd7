// The local database: its migrations and its demo accounts.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { output, quietly, root, step } from '../lib.mjs';
import { applyMigrations } from '../migrate.mjs';

const folder = path.join(root, 'migrations');
/** Inside wrangler's own state, so that it goes when the database goes. */
const stamp = path.join(root, '.wrangler/state/perfil-migrations.json');

const hashOf = (text) => createHash('sha256').update(text).digest('hex');

/** Which database wrangler.toml names, and every migration, as hashes by name. */
function wanted() {
  const [database] = /^\[\[d1_databases\]\]\n(?:.+\n)*/m.exec(
    fs.readFileSync(path.join(root, 'wrangler.toml'), 'utf8'),
  );
  const files = fs.readdirSync(folder).filter((file) => file.endsWith('.sql'));
  return Object.fromEntries([
    ['wrangler.toml', hashOf(database)],
    ...files.sort().map((file) => [file, hashOf(fs.readFileSync(path.join(folder, file)))]),
  ]);
}

/** What was applied when the database was last prepared; undefined if there is none. */
function applied() {
  try {
    return JSON.parse(fs.readFileSync(stamp, 'utf8'));
  } catch {
    return undefined;
  }
}

export const databaseIsThere = () => fs.existsSync(stamp);

/** Identifies the migrations as they are now. */
export const migrations = () => JSON.stringify(wanted());

function warnOfEdits(before, now) {
  const edited = Object.keys(now).filter((file) => file.endsWith('.sql') && before[file] && before[file] !== now[file]);
  for (const file of edited)
    console.log(
      `perfil: migrations/${file} was edited after it was applied, and the local database keeps what it did before: ` +
        '`rm -rf .wrangler` gives you a fresh one',
    );
}

async function isEmpty() {
  const command = 'SELECT count(*) AS accounts FROM users';
  const counted = await output('wrangler', ['d1', 'execute', 'DB', '--local', '--json', '--command', command]);
  return JSON.parse(counted)[0].results[0].accounts === 0;
}

/**
 * Applies the migrations that the local database lacks, and inserts the demo accounts if it holds no account; returns
 * whether it did.
 */
export async function prepareDatabase() {
  const [before, now] = [applied(), wanted()];
  if (before && JSON.stringify(before) === JSON.stringify(now)) return false;
  step('Preparing the local database');
  const done = await applyMigrations(['--local']);
  const fill = await isEmpty();
  if (fill) await quietly('wrangler', ['d1', 'execute', 'DB', '--local', '--file', 'tests/fixtures/demo.sql']);
  console.log(`  ${done}${fill ? ', demo accounts inserted' : ''}`);
  if (before) warnOfEdits(before, now);
  fs.writeFileSync(stamp, JSON.stringify(now));
  return fill;
}
