// npm run deploy [-- --env staging, --dry-run and any other option of `wrangler deploy`]
// Builds for release, creates the database and the bucket that wrangler.toml names if they are missing, applies the
// migrations that the database lacks, and deploys to the Cloudflare account that wrangler is logged in to, with the
// secret that is missing. The migrations come first: a new worker may need them, an old one is not disturbed by them.
// What is missing is found and asked for before anything is changed.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readOptions } from './deploy/options.mjs';
import { choosePlace, createResources, databaseIsThere, keyIsThere, readSecret } from './deploy/resources.mjs';
import { output, run, step } from './lib.mjs';
import { applyMigrations } from './migrate.mjs';
import { installPackages, installToolchain } from './setup.mjs';

/** `wrangler deploy`; a secret is passed in a file that only this user can read, and that is removed in any case. */
async function deploy({ rest, common }, secret) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-deploy-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.exit(1));
  const file = path.join(folder, 'secrets.json');
  if (secret) fs.writeFileSync(file, JSON.stringify({ JWT_SECRET: secret }), { mode: 0o600 });
  await run('wrangler', ['deploy', ...rest, ...common, ...(secret ? ['--secrets-file', file] : [])]);
}

async function deployAll(options) {
  const config = JSON.parse(
    await output('node', ['scripts/deploy/config.mjs', options.config ?? '', options.env ?? '']),
  );
  step(`Looking for what ${config.name} needs`);
  const isNew = !(await databaseIsThere(config.database, options.common));
  const needsSecret = !(await keyIsThere(config, options));
  const place = isNew || options.place ? await choosePlace(options.place, config) : undefined;
  const secret = needsSecret ? await readSecret() : undefined;

  const done = [];
  if (place) {
    const database = isNew ? `the database ${config.database.name} and ` : '';
    step(`Creating ${database}the bucket ${config.bucket.name}`);
    done.push(...(await createResources(config, place, isNew, options.common)));
  } else {
    done.push(`database ${config.database.name}: it existed already`);
  }
  step('Migrating the database');
  const migrations = await applyMigrations(['--remote', ...options.common]);
  console.log(`  ${migrations}`);
  step(`Deploying ${config.name}`);
  await deploy(options, secret);
  const source = options.secretsFile ? `set from ${options.secretsFile}` : 'a key was there already';
  done.push(`migrations: ${migrations}`, `secret: ${secret ? 'JWT_SECRET set' : source}`);
  step('Done');
  for (const line of done) console.log(`  ${line}`);
}

const options = readOptions(process.argv.slice(2));
await installPackages();
await installToolchain();
step('Building the worker');
await run('node', ['scripts/build.mjs']);
if (options.isDryRun) await run('wrangler', ['deploy', ...options.rest, ...options.common]);
else await deployAll(options);
