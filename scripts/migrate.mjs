// Applying the migrations that a database lacks, as `wrangler d1 migrations apply` does, in one line.
import { quietly, Trouble } from './lib.mjs';

/**
 * Applies them without a question, and returns what was done, as a text. What wrangler prints, a table of all of them
 * after each one, is shown only if one fails.
 * @param {string[]} where options of wrangler: `--local` or `--remote`, and those that choose the database
 */
export async function applyMigrations(where) {
  const said = await quietly('wrangler', ['d1', 'migrations', 'apply', 'DB', ...where]).catch(() => {
    throw new Trouble('a migration failed; its message is above');
  });
  const { size } = new Set([...said.matchAll(/(\S+\.sql)\s*│\s*✅/g)].map(([, file]) => file));
  return `${size} ${size === 1 ? 'migration' : 'migrations'} applied`;
}
