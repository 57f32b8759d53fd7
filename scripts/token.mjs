// npm run token -- 42 [--layout plain|seam|falcon|django] [--ttl seconds]
// Prints a token. Without --layout, <id> is the account's own ID; with it, the account's ID in that back end. The token
// is signed with the back end's own secret in .dev.vars (JWT_SECRET_SEAM and so on), or with JWT_SECRET if it has none.
import { parseArgs } from 'node:util';
import { assertNotTakenByNpm, output, Trouble } from './lib.mjs';
import { layouts, mint } from './secret.mjs';
import { installPackages } from './setup.mjs';

const USAGE = `usage: npm run token -- <id> [--layout ${layouts.join('|')}] [--ttl <seconds>]

<id> is the account's own ID or, with --layout, its ID in that back end.`;

function parse() {
  assertNotTakenByNpm('token', ['layout', 'ttl']);
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { layout: { type: 'string', default: 'plain' }, ttl: { type: 'string', default: '3600' } },
    });
    const [id, ttl] = [positionals[0], values.ttl];
    if (
      positionals.length === 1 &&
      [id, ttl].every((n) => /^[1-9]\d{0,14}$/.test(n)) &&
      layouts.includes(values.layout)
    ) {
      return { id: Number(id), layout: values.layout, ttl: Number(ttl) };
    }
  } catch {
    /* an unknown option: the usage is shown */
  }
  throw new Trouble(USAGE);
}

const { id, layout, ttl } = parse();
await installPackages();
console.log(await mint(id, layout, ttl));
const problem = await output('node', [
  '--disable-warning=ExperimentalWarning',
  'scripts/token/account.mjs',
  layout,
  String(id),
]);
if (problem) console.error(`perfil: ${problem.trim()}, so the worker rejects this token`);
