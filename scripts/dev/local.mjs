// Finds the file of the local database, so that scripts can read it without wrangler, which takes seconds to start.
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../lib.mjs';

/**
 * Returns the database file that was written last, because its name is a hash of the database in wrangler.toml;
 * undefined if none exists.
 */
export function databaseFile() {
  const folder = path.join(root, '.wrangler/state/v3/d1/miniflare-D1DatabaseObject');
  if (!fs.existsSync(folder)) return undefined;
  const lastWrite = (file) =>
    Math.max(...[file, `${file}-wal`].map((each) => fs.statSync(each, { throwIfNoEntry: false })?.mtimeMs ?? 0));
  const files = fs.readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  return files.map((name) => path.join(folder, name)).sort((a, b) => lastWrite(b) - lastWrite(a))[0];
}
