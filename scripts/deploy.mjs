// npm run deploy [-- --dry-run and any other option of `wrangler deploy`]
// Builds for release, applies the migrations that the database lacks, and deploys to the Cloudflare account that
// wrangler is logged in to. The migrations come first: a new worker may need them, an old one is not disturbed by them.
import fs from 'node:fs';
import path from 'node:path';
import { root, run, step, Trouble } from './lib.mjs';
import { installPackages, installToolchain } from './setup.mjs';

const args = process.argv.slice(2);
const placeholder = /^database_id = "0{8}-/m.test(fs.readFileSync(path.join(root, 'wrangler.toml'), 'utf8'));
if (placeholder && !args.includes('--dry-run')) {
  throw new Trouble(
    'wrangler.toml names no database yet: run `npx wrangler d1 create perfil` and put the id ' +
      'that it prints there as database_id',
  );
}
await installPackages();
await installToolchain();
if (!args.includes('--dry-run')) {
  step('Migrating the database');
  await run('wrangler', ['d1', 'migrations', 'apply', 'DB', '--remote']);
}
step('Building and deploying');
await run('wrangler', ['deploy', ...args]);
