// npm run deactivate -- seam 7 [--remote] [--env NAME]
// Makes the account that a back end knows by this number inactive at once: its tokens are refused from then on.
// docs/moving-over.md says when that is needed.
import { parseArgs } from 'node:util';
import { rowsOf } from './database.mjs';
import { Trouble } from './lib.mjs';
import { installPackages } from './setup.mjs';

const BACK_ENDS = ['seam', 'falcon', 'django'];
const USAGE = `usage: npm run deactivate -- <${BACK_ENDS.join('|')}> <number> [options]
  --remote        changes the deployed database; otherwise the local one
  --env NAME      the environment of wrangler.toml

<number> is the account's number in that back end.`;

function parse() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { remote: { type: 'boolean', default: false }, env: { type: 'string' } },
    });
    const [backEnd, number, ...more] = positionals;
    const isName = values.env === undefined || /^[\w-]+$/.test(values.env);
    if (more.length === 0 && BACK_ENDS.includes(backEnd) && /^[1-9]\d{0,14}$/.test(number) && isName)
      return { backEnd, number, ...values };
  } catch {
    /* an unknown option: the usage says it all */
  }
  throw new Trouble(USAGE);
}

const { backEnd, number, ...where } = parse();
await installPackages();
// Back end and number were checked: nothing else of what the user wrote gets into it.
const account = `(SELECT account_id FROM identities WHERE back_end = '${backEnd}' AND id = ${number})`;
const [row] = await rowsOf(`UPDATE users SET is_active = 0 WHERE id = ${account} RETURNING id`, where);
if (!row)
  throw new Trouble(
    `no account has the number ${number} in ${backEnd}; nothing was changed (it may not be imported yet)`,
  );
console.log(`account ${row.id} (${backEnd} ${number}) is inactive`);
