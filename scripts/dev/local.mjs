// The file of the local database, read without wrangler, which takes seconds to start.
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../lib.mjs';

/** The local database that was written last; its name is a hash of what wrangler.toml names. */
export function databaseFile() {
  const folder = path.join(root, '.wrangler/state/v3/d1/miniflare-D1DatabaseObject');
  if (!fs.existsSync(folder)) return undefined;
  const written = (file) =>
    Math.max(...[file, `${file}-wal`].map((each) => fs.statSync(each, { throwIfNoEntry: false })?.mtimeMs ?? 0));
  const files = fs.readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  return files.map((name) => path.join(folder, name)).sort((a, b) => written(b) - written(a))[0];
}
