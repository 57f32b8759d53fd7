// npm run deploy [-- --dry-run and any other option of `wrangler deploy`]
// Builds for release and deploys to the Cloudflare account that wrangler is logged in to.
import fs from 'node:fs';
import path from 'node:path';
import { Trouble, root, run, step } from './lib.mjs';
import { installPackages, installToolchain } from './setup.mjs';

const args = process.argv.slice(2);
const placeholder = /^database_id = "0{8}-/m.test(fs.readFileSync(path.join(root, 'wrangler.toml'), 'utf8'));
if (placeholder && !args.includes('--dry-run')) {
  throw new Trouble('wrangler.toml names no database yet: run `npx wrangler d1 create perfil` and put the id that it prints there as database_id');
}
await installPackages();
await installToolchain();
step('Building and deploying');
await run('wrangler', ['deploy', ...args]);
