// `npm run deploy` against a local stand-in for Cloudflare's API: what it creates, and what it does not change.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { unstable_readConfig } from 'wrangler';
import { read, root } from '../support/project.mjs';
import { startPlatform } from './platform.mjs';
import { copyProject, processesIn, run, start, temporaryFolder, until } from './support.mjs';

const DEADLINE = { timeout: 180_000 };
const SECRET = 'the secret of a deployment, which is not printed';
const WITH_SECRET = { JWT_SECRET: SECRET };
const MIGRATIONS = fs.readdirSync(path.join(root, 'migrations')).length;
const copy = copyProject(temporaryFolder({ after }));
const file = (name) => path.join(copy.folder, name);
/** Temporary folder for the file with the secret. Another deployment may use the system's folder at the same time. */
const temporary = temporaryFolder({ after });

/** Runs `npm run deploy` against a stand-in, and checks that the output does not contain the secret. */
async function deploy(platform, args = [], env = {}) {
  platform.calls.length = 0;
  const { code, output } = await run(copy, 'node', ['scripts/deploy.mjs', ...args], {
    env: { ...platform.env, TMPDIR: temporary, ...env },
  });
  assert.ok(!output.includes(SECRET));
  assert.deepEqual(
    fs.readdirSync(temporary).filter((name) => name.startsWith('perfil-deploy-')),
    [],
  );
  return { code, output, summary: output.split('▸ Done\n')[1]?.trim().split(/\n */) };
}

/** Returns the stand-in's calls that change something, without the queries of the migrations. */
const changes = ({ calls }) => calls.filter((call) => !call.startsWith('GET ') && !call.endsWith('/query'));

/** Runs `body` while a file of the copy is replaced. */
async function withFile(name, contents, body) {
  const before = fs.existsSync(file(name)) ? fs.readFileSync(file(name)) : undefined;
  fs.writeFileSync(file(name), contents);
  await body().finally(() => (before ? fs.writeFileSync(file(name), before) : fs.rmSync(file(name))));
}

const UPLOAD = [
  'POST /workers/scripts/perfil/assets-upload-session',
  'PUT /workers/scripts/perfil',
  'PATCH /workers/scripts/perfil/script-settings',
  'POST /workers/scripts/perfil/subdomain',
  'PUT /workers/scripts/perfil/schedules',
];

test('the first run creates everything, and the second creates nothing', DEADLINE, async (t) => {
  const platform = await startPlatform(t);
  const first = await deploy(platform, ['--location', 'weur'], WITH_SECRET);
  assert.equal(first.code, 0, first.output);
  assert.deepEqual(first.summary, [
    'bucket perfil-avatars: created (--location weur)',
    'database perfil: created (--location weur)',
    `migrations: ${MIGRATIONS} migrations applied`,
    'secret: JWT_SECRET set',
  ]);
  assert.deepEqual(changes(platform), ['POST /r2/buckets', 'POST /d1/database', ...UPLOAD]);
  const [{ name, primary_location_hint: hint, uuid, sqlite }] = platform.databases;
  assert.deepEqual([name, hint], ['perfil', 'weur']);
  assert.equal(sqlite.prepare('SELECT count(*) AS n FROM d1_migrations').get().n, MIGRATIONS);
  assert.deepEqual(platform.buckets, [{ name: 'perfil-avatars', locationHint: 'weur', jurisdiction: undefined }]);
  const { secrets, bindings } = platform.workers.perfil;
  assert.deepEqual(secrets, WITH_SECRET);
  assert.equal(bindings.find((binding) => binding.name === 'DB').id, uuid);
  assert.equal(bindings.find((binding) => binding.name === 'AVATARS').bucket_name, 'perfil-avatars');

  const second = await deploy(platform, ['--location', 'enam'], { JWT_SECRET: 'another secret, of at least 32 bytes' });
  assert.equal(second.code, 0, second.output);
  assert.deepEqual(second.summary, [
    'bucket perfil-avatars: already existed; --location had no effect',
    'database perfil: already existed; --location had no effect',
    'migrations: 0 migrations applied',
    'secret: a key was already set',
  ]);
  // The call that creates the bucket fails, because the bucket exists. The worker is uploaded again, as a new version.
  assert.deepEqual(changes(platform), [
    'POST /r2/buckets',
    UPLOAD[0],
    'POST /workers/scripts/perfil/versions',
    'POST /workers/scripts/perfil/deployments',
    ...UPLOAD.slice(2),
  ]);
  assert.deepEqual([platform.databases.length, platform.buckets.length, secrets], [1, 1, WITH_SECRET]);
});

test('--env staging does not change production', DEADLINE, async (t) => {
  const platform = await startPlatform(t);
  const { code, output } = await deploy(platform, ['--env', 'staging', '--location=oc'], WITH_SECRET);
  assert.equal(code, 0, output);
  assert.deepEqual(
    platform.databases.map(({ name }) => name),
    ['perfil-staging'],
  );
  assert.deepEqual(
    platform.buckets.map(({ name }) => name),
    ['perfil-avatars-staging'],
  );
  assert.deepEqual(Object.keys(platform.workers), ['perfil-staging']);
  const production = platform.calls.filter((call) => /\/perfil(-avatars)?(\/|$)/.test(call));
  assert.deepEqual(production, []);
});

test('a run after one that was interrupted once the bucket existed creates the rest', DEADLINE, async (t) => {
  const platform = await startPlatform(t);
  platform.buckets.push({ name: 'perfil-avatars', jurisdiction: undefined });
  const { code, output, summary } = await deploy(platform, ['--location', 'weur'], WITH_SECRET);
  assert.equal(code, 0, output);
  assert.equal(summary[0], 'bucket perfil-avatars: already existed; --location had no effect');
});

test('--location applies to a missing bucket if the database exists', DEADLINE, async (t) => {
  const platform = await startPlatform(t);
  assert.equal((await deploy(platform, ['--location', 'weur'], WITH_SECRET)).code, 0);
  platform.buckets.length = 0;
  const { code, output, summary } = await deploy(platform, ['--location', 'weur']);
  assert.equal(code, 0, output);
  assert.deepEqual(summary.slice(0, 2), [
    'bucket perfil-avatars: created (--location weur)',
    'database perfil: already existed; --location had no effect',
  ]);
  assert.deepEqual(platform.buckets, [{ name: 'perfil-avatars', locationHint: 'weur', jurisdiction: undefined }]);
});

test('a jurisdiction applies to the database and the bucket', DEADLINE, async (t) => {
  const platform = await startPlatform(t);
  const refused = await deploy(platform, ['--jurisdiction', 'eu'], WITH_SECRET);
  assert.match(refused.output, /\nperfil: add `jurisdiction = "eu"` below `bucket_name = "perfil-avatars"`/);
  assert.deepEqual([refused.code, changes(platform)], [1, []]);
  const bucket = 'bucket_name = "perfil-avatars"\n';
  await withFile('wrangler.toml', read('wrangler.toml').replace(bucket, `${bucket}jurisdiction = "eu"\n`), async () => {
    const both = await deploy(platform, ['--location', 'weur'], WITH_SECRET);
    assert.match(both.output, /\nperfil: in wrangler\.toml, the bucket is in the jurisdiction eu/);
    const { code, output } = await deploy(platform, [], WITH_SECRET);
    assert.equal(code, 0, output);
    assert.equal(platform.databases[0].jurisdiction, 'eu');
    assert.equal(platform.buckets[0].jurisdiction, 'eu');
  });
});

test('what is missing is reported before anything is changed', DEADLINE, async (t) => {
  const platform = await startPlatform(t);
  for (const [args, env, message] of /** @type {[string[], object, RegExp][]} */ ([
    [[], WITH_SECRET, /\nperfil: the database perfil does not exist yet, and its location cannot be changed later/],
    [['--location', 'weur'], {}, /\nperfil: the worker has no JWT_SECRET/],
    [['--location', 'weur'], { JWT_SECRET: 'short' }, /\nperfil: JWT_SECRET has 5 bytes/],
    [
      ['--location', 'weur', '--secrets-file', 'none.json'],
      {},
      /^perfil: --secrets-file: the file none\.json does not exist/,
    ],
    [
      ['--env', 'nonsense'],
      WITH_SECRET,
      /^perfil: Processing wrangler\.toml configuration:\n {2}- No environment found .* "nonsense"/,
    ],
  ])) {
    const { code, output } = await deploy(platform, args, env);
    assert.match(output, message);
    assert.deepEqual([code, changes(platform)], [1, []]);
  }
});

test('Ctrl-C and Ctrl-D at a question end the command', DEADLINE, () => {
  const program = "import('./scripts/deploy/ask.mjs').then(({ ask }) => ask('Where?')).then(console.log)";
  for (const [typed, status, printed] of /** @type {[string, number, RegExp][]} */ ([
    ['weur\r', 0, /\nweur\n$/],
    ['\x03', 130, /> $/],
    ['\x04', 130, /> $/],
  ])) {
    const child = spawnSync('node', ['-e', program], { cwd: root, input: typed, encoding: 'utf8' });
    assert.deepEqual([child.status, child.stderr], [status, '']);
    assert.match(stripVTControlCharacters(child.stdout), printed);
  }
});

test('a signal also stops the upload, and the file with the secret is removed', DEADLINE, async (t) => {
  const hang = 'POST /workers/scripts/perfil/assets-upload-session';
  const platform = await startPlatform(t, { hang });
  const { child, ended, output } = start(copy, 'node', ['scripts/deploy.mjs', '--location', 'weur'], {
    env: { ...platform.env, TMPDIR: temporary, ...WITH_SECRET },
  });
  await until(() => platform.calls.includes(hang), output);
  child.kill('SIGTERM');
  assert.equal(await ended, 1);
  assert.deepEqual([processesIn(copy.folder), platform.workers], [[], {}]);
  assert.deepEqual(
    fs.readdirSync(temporary).filter((name) => name.startsWith('perfil-deploy-')),
    [],
  );
});

test('a secret is not requested if a secrets file or a key set provides the keys', DEADLINE, async (t) => {
  const platform = await startPlatform(t);
  fs.writeFileSync(file('secrets.json'), JSON.stringify({ JWT_SECRET_SEAM: SECRET }));
  const { code, output, summary } = await deploy(platform, ['--location', 'weur', '--secrets-file', 'secrets.json']);
  assert.equal(code, 0, output);
  assert.equal(summary.at(-1), 'secret: set from secrets.json');
  assert.deepEqual(platform.workers.perfil.secrets, { JWT_SECRET_SEAM: SECRET });
  const withKeySet = read('wrangler.toml').replace(
    'JWT_JWKS_URL = ""',
    'JWT_JWKS_URL = "https://login.example.com/keys"',
  );
  await withFile('wrangler.toml', withKeySet, async () => {
    platform.workers.perfil.secrets = {};
    assert.equal((await deploy(platform)).code, 0);
  });
});

test('nothing is deployed if a migration fails', DEADLINE, async (t) => {
  const platform = await startPlatform(t);
  await withFile('migrations/9999_faulty.sql', 'CREATE TABLE roles (id INTEGER);\n', async () => {
    const { code, output } = await deploy(platform, ['--location', 'weur'], WITH_SECRET);
    assert.equal(code, 1);
    assert.match(output, /table roles already exists[\s\S]*\nperfil: a migration failed; its message is above\n$/);
    assert.deepEqual(platform.workers, {});
  });
});

test('options that npm treats as its own are reported', DEADLINE, async (t) => {
  const platform = await startPlatform(t);
  for (const args of [['--dry-run'], ['--env=staging'], ['--env', 'staging'], ['--', 'staging']]) {
    const { code, output } = await run(copy, 'npm', ['run', 'deploy', ...args], { env: platform.env });
    assert.match(output, /\nperfil: (npm treated --(dry-run|env) as one of its own options|usage: npm run deploy)/);
    assert.deepEqual([code, platform.calls], [1, []]);
  }
});

test(
  'staging has every binding and every variable of production, and shares no resource with it',
  DEADLINE,
  async () => {
    const config = path.join(root, 'wrangler.toml');
    const [production, staging] = ['', 'staging'].map((env) =>
      unstable_readConfig({ config, env }, { hideWarnings: true }),
    );
    const names = ({ vars, d1_databases, r2_buckets, ratelimits }) => ({
      vars,
      bindings: [...d1_databases, ...r2_buckets].map(({ binding }) => binding),
      limits: ratelimits.map(({ name, simple }) => ({ name, simple })),
    });
    assert.deepEqual(names(staging), names(production));
    const resources = ({ name, d1_databases, r2_buckets, ratelimits }) => [
      name,
      ...d1_databases.map((each) => each.database_name),
      ...r2_buckets.map((each) => each.bucket_name),
      ...ratelimits.map((each) => each.namespace_id),
    ];
    const shared = resources(staging).filter((name) => resources(production).includes(name));
    assert.deepEqual(shared, []);
    assert.deepEqual(staging.routes, []);
    const other = ({ name, vars, d1_databases, r2_buckets, ratelimits, routes, targetEnvironment, ...rest }) => rest;
    assert.deepEqual(other(staging), other(production));

    const { code, output } = await run(copy, 'node', ['scripts/deploy.mjs', '--dry-run', '--env', 'staging']);
    assert.equal(code, 0, output);
    for (const name of ['env.DB (perfil-staging)', 'env.AVATARS (perfil-avatars-staging)'])
      assert.ok(output.includes(name));
    assert.doesNotMatch(output, /WARNING/);
  },
);
