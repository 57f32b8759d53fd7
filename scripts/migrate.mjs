// Applies the migrations that a database lacks, like `wrangler d1 migrations apply`, but with one line of output.
import { quietly, Trouble } from './lib.mjs';

/**
 * Applies the migrations without asking, and returns a summary as text. wrangler's output, a table of all migrations
 * after each one, is shown only if one fails.
 * @param {string[]} where options of wrangler: `--local` or `--remote`, and those that select the database
 */
export async function applyMigrations(where) {
  const printed = await quietly('wrangler', ['d1', 'migrations', 'apply', 'DB', ...where]).catch(() => {
    throw new Trouble('a migration failed; its message is above');
  });
  const { size } = new Set([...printed.matchAll(/(\S+\.sql)\s*│\s*✅/g)].map(([, file]) => file));
  return `${size} ${size === 1 ? 'migration' : 'migrations'} applied`;
}
