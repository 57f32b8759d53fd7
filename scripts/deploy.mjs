// npm run deploy [-- --env staging, --dry-run and any other option of `wrangler deploy`]
// Builds for release, creates the database and the bucket named in wrangler.toml if they are missing, applies pending
// migrations, and deploys to the Cloudflare account that wrangler is logged in to, together with the secret if it is
// missing. The migrations come first, because the new worker may need them and the old one works with them. Everything
// that is missing is found and asked for before anything is changed.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readOptions } from './deploy/options.mjs';
import { choosePlace, createResources, databaseIsThere, keyIsThere, readSecret } from './deploy/resources.mjs';
import { attempt, run, step } from './lib.mjs';
import { applyMigrations } from './migrate.mjs';
import { installPackages, installToolchain } from './setup.mjs';

/**
 * Runs `wrangler deploy`. A secret is passed in a file that only this user can read, and that is always removed. A
 * signal stops the upload as well.
 */
async function deploy({ rest, common }, secret) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-deploy-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  const upload = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'])
    process.on(name, () => {
      upload.abort();
      process.exit(1);
    });
  const file = path.join(folder, 'secrets.json');
  if (secret) fs.writeFileSync(file, JSON.stringify({ JWT_SECRET: secret }), { mode: 0o600 });
  const secrets = secret ? ['--secrets-file', file] : [];
  await run('wrangler', ['deploy', ...rest, ...common, ...secrets], { signal: upload.signal });
}

/** Reads the parts of wrangler.toml that a deployment needs, or ends with the message of config.mjs. */
async function readConfig({ config = '', env = '' }) {
  const { error, printed, all } = await attempt('node', ['scripts/deploy/config.mjs', config, env]);
  if (!error) return JSON.parse(printed);
  process.stderr.write(all);
  process.exit(1);
}

async function deployAll(config, options) {
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
// Before the build, which may take minutes.
const config = options.isDryRun ? undefined : await readConfig(options);
step('Building the worker');
await run('node', ['scripts/build.mjs']);
if (options.isDryRun) await run('wrangler', ['deploy', ...options.rest, ...options.common]);
else await deployAll(config, options);
