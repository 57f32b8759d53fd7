// Queries the database for scripts, through wrangler, which knows where it is.
import fs from 'node:fs';
import path from 'node:path';
import { capture, root, Trouble } from './lib.mjs';

/** Converts a failure of wrangler to an error that tells the operator what to do. */
function trouble(text, { remote, env }) {
  const where = [remote ? '--remote' : '--local', ...(env ? ['--env', env] : [])].join(' ');
  if (/no such (table|column)/.test(text))
    return new Trouble(
      `the database lacks a migration: run \`npx wrangler d1 migrations apply DB ${where}\` (${text.trim()})`,
    );
  const [, missing] = /Couldn't find a D1 DB named '([^']+)'/.exec(text) ?? [];
  if (missing) {
    const deploy = `npm run deploy${env ? ` -- --env ${env}` : ''}`;
    return new Trouble(`your Cloudflare account has no database ${missing}: \`${deploy}\` creates it`);
  }
  if (text.includes("Couldn't find a D1 DB"))
    return new Trouble(`wrangler.toml has no database DB${env ? ` in the environment ${env}` : ''}`);
  return new Trouble(`wrangler could not query the database: ${text.trim()}`);
}

/**
 * Runs a statement with `wrangler d1 execute`, in the local database or, with `remote`, in the deployed one. Returns
 * its rows. wrangler prints errors as JSON too.
 * @param {string} sql
 * @param {{remote?: boolean, env?: string}} where
 */
export async function rowsOf(sql, { remote, env }) {
  if (
    env &&
    !new RegExp(`^\\[+env\\.${env}[.\\]]`, 'm').test(fs.readFileSync(path.join(root, 'wrangler.toml'), 'utf8'))
  )
    // wrangler would only warn, and query the database of the top level.
    throw new Trouble(`wrangler.toml has no environment ${env}`);
  const args = ['d1', 'execute', 'DB', remote ? '--remote' : '--local', '--json', '--command', sql];
  const { code, text } = await capture('wrangler', env ? [...args, '--env', env] : args);
  let result;
  try {
    result = JSON.parse(text);
  } catch {
    throw trouble(text || `it ended with exit code ${code}`, { remote, env });
  }
  const { error } = result;
  if (error) throw trouble([error.text, ...(error.notes ?? []).map((note) => note.text)].join(' '), { remote, env });
  return result[0].results;
}
