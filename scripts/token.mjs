// npm run token -- 42 [--layout plain|seam|falcon|django] [--ttl seconds]
// Prints a token for an account, signed with the secret of .dev.vars.
import { parseArgs } from 'node:util';
import { Trouble } from './lib.mjs';
import { layouts, mint } from './secret.mjs';
import { installPackages } from './setup.mjs';

const USAGE = `usage: npm run token -- <account id> [--layout ${layouts.join('|')}] [--ttl <seconds>]`;

function parse() {
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
    /* an unknown option: the usage says it all */
  }
  throw new Trouble(USAGE);
}

const { id, layout, ttl } = parse();
await installPackages();
console.log(await mint(id, layout, ttl));
