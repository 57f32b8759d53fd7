// npm run deactivate -- seam 7 [--remote] [--env NAME]
// Deactivates the account with this ID in a back end. From then on, its tokens are refused. docs/moving-over.md
// describes when this is needed.
import { parseArgs } from 'node:util';
import { rowsOf } from './database.mjs';
import { assertNotTakenByNpm, Trouble } from './lib.mjs';
import { installPackages } from './setup.mjs';

const BACK_ENDS = ['seam', 'falcon', 'django'];
const USAGE = `usage: npm run deactivate -- <${BACK_ENDS.join('|')}> <id> [options]
  --remote        changes the deployed database instead of the local one
  --env NAME      the environment of wrangler.toml

<id> is the account's ID in that back end.`;

function parse() {
  // Without `--remote`, the command would change the local database and report success.
  assertNotTakenByNpm('deactivate', ['remote', 'env']);
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { remote: { type: 'boolean', default: false }, env: { type: 'string' } },
    });
    const [backEnd, id, ...more] = positionals;
    const isName = values.env === undefined || /^[\w-]+$/.test(values.env);
    if (more.length === 0 && BACK_ENDS.includes(backEnd) && /^[1-9]\d{0,14}$/.test(id) && isName)
      return { backEnd, id, ...values };
  } catch {
    /* an unknown option: the usage is shown */
  }
  throw new Trouble(USAGE);
}

const { backEnd, id, ...where } = parse();
await installPackages();
// Only a back end and an ID that were checked are inserted into the statement.
const account = `(SELECT account_id FROM identities WHERE back_end = '${backEnd}' AND id = ${id})`;
const [row] = await rowsOf(`UPDATE users SET is_active = 0 WHERE id = ${account} RETURNING id`, where);
if (!row)
  throw new Trouble(
    `no account has the ID ${id} in ${backEnd}; nothing was changed (it may not have been imported yet)`,
  );
console.log(`account ${row.id} (${backEnd} ${id}) is inactive`);
