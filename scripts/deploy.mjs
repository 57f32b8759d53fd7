// npm run deploy [-- --env staging, --dry-run and any other option of `wrangler deploy`]
// Builds for release, creates the database and the bucket named in wrangler.toml if they are missing, applies pending
// migrations, and deploys to the Cloudflare account that wrangler is logged in to. If no key is set yet, it also sets
// JWT_SECRET. The migrations are applied first, because the new worker may need them and the old one works with them.
// Before it changes anything, the script determines what is missing, and asks for it.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readOptions } from './deploy/options.mjs';
import { choosePlace, createResources, databaseExists, hasKey, readSecret } from './deploy/resources.mjs';
import { attempt, run, step } from './lib.mjs';
import { applyMigrations } from './migrate.mjs';
import { installPackages, installToolchain } from './setup.mjs';

/**
 * Runs `wrangler deploy`. A secret is passed in a file that only this user can read and that is always removed. A
 * signal to this process also stops the upload.
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

/** Returns the settings that a deployment needs. If they are invalid, ends the process with config.mjs's message. */
async function readConfig({ config = '', env = '' }) {
  const { error, printed, all } = await attempt('node', ['scripts/deploy/config.mjs', config, env]);
  if (!error) return JSON.parse(printed);
  process.stderr.write(all);
  process.exit(1);
}

async function deployAll(config, options) {
  step(`Checking the resources of ${config.name}`);
  const isNew = !(await databaseExists(config.database, options.common));
  const needsSecret = !(await hasKey(config, options));
  const place = isNew || options.place ? await choosePlace(options.place, config) : undefined;
  const secret = needsSecret ? await readSecret() : undefined;

  const summary = [];
  if (place) {
    const database = isNew ? `the database ${config.database.name} and ` : '';
    step(`Creating ${database}the bucket ${config.bucket.name}`);
    summary.push(...(await createResources(config, place, isNew, options.common)));
  } else {
    summary.push(`database ${config.database.name}: already existed`);
  }
  step('Migrating the database');
  const migrations = await applyMigrations(['--remote', ...options.common]);
  console.log(`  ${migrations}`);
  step(`Deploying ${config.name}`);
  await deploy(options, secret);
  const source = options.secretsFile ? `set from ${options.secretsFile}` : 'a key was already set';
  summary.push(`migrations: ${migrations}`, `secret: ${secret ? 'JWT_SECRET set' : source}`);
  step('Done');
  for (const line of summary) console.log(`  ${line}`);
}

const options = readOptions(process.argv.slice(2));
await installPackages();
await installToolchain();
// Read before the build, which may take minutes.
const config = options.isDryRun ? undefined : await readConfig(options);
step('Building the worker');
await run('node', ['scripts/build.mjs']);
if (options.isDryRun) await run('wrangler', ['deploy', ...options.rest, ...options.common]);
else await deployAll(config, options);
