// `npm run dev` in a copy of the project: what it prints and serves, mistakes when it is started, edits while it runs,
// and that no process is left when it ends.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { token } from '../support/tokens.mjs';
import {
  copyProject,
  freePort,
  isServed,
  processesIn,
  run,
  start,
  temporaryFolder,
  until,
  writeProgram,
} from './support.mjs';

const UP = 'Perfil is up';
const DEV = ['scripts/dev.mjs'];
const DEADLINE = { timeout: 180_000 };
const copy = copyProject(temporaryFolder({ after }));

/** Starts `npm run dev` in the copy. `stop` ends it in the same way as Ctrl-C. */
async function develop(t, { program = 'node', args = DEV, env = {} } = {}) {
  const port = await freePort();
  const development = start(copy, program, [...args, '--port', String(port)], { env });
  const stop = async () => {
    development.child.kill('SIGINT');
    await development.ended;
  };
  t.after(stop);
  await development.waitFor(UP);
  return { ...development, port, url: `http://localhost:${port}`, stop };
}

const file = (name) => path.join(copy.folder, name);

/** Creates the database and the secret, unless an earlier test has, so that each test can run by itself. */
async function prepare(t) {
  if (fs.existsSync(file('.wrangler')) && fs.existsSync(file('.dev.vars'))) return;
  const { stop } = await develop(t);
  await stop();
}

const read = (name) => fs.readFileSync(file(name), 'utf8');

/** Changes the first name of account 42 as its owner. Returns the status. */
async function change({ url }, secret, firstName = 'Alice') {
  const response = await fetch(`${url}/api/profile/42/update/`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${await token(42, { secret })}`, 'content-type': 'application/json' },
    body: JSON.stringify({ first_name: firstName }),
  });
  return response.status;
}

const secret = () => /(?<=^JWT_SECRET=")[^"]+/m.exec(read('.dev.vars'))[0];

test('fills in the empty secret of .dev.vars.example, and prints few lines', DEADLINE, async (t) => {
  fs.copyFileSync(file('.dev.vars.example'), file('.dev.vars'));
  const development = await develop(t);
  assert.equal(read('.dev.vars').match(/^JWT_SECRET=/gm).length, 1);
  assert.equal(await change(development, secret()), 200);
  const [before] = development.output().split(UP);
  assert.doesNotMatch(before, /Installing/, 'the packages were already installed');
  assert.match(before, /\d+ migrations applied, demo accounts inserted/);
  assert.ok(before.split('\n').length < 25, before);
  await development.stop();
  assert.deepEqual(processesIn(copy.folder), []);
});

test('the page has tokens for the demo accounts, which are never deployed', DEADLINE, async (t) => {
  const { url, stop } = await develop(t);
  const load = async (name) => (await fetch(`${url}/reference/${name}`)).json();
  const accounts = /** @type {{id: number, token: string}[]} */ (await load('demo.json'));
  assert.equal(await change({ url }, secret()), 200);
  // The change appears in the page's feed shortly after the response.
  await until(
    async () => {
      const [latest] = /** @type {any[]} */ (await load('changes.json'));
      return latest?.account_id === 42 && latest.fields.includes('first_name');
    },
    () => 'the change is not in changes.json',
  );
  await stop();
  assert.deepEqual(
    accounts.map(({ id }) => id),
    [1, 5, 6, 7, 42],
  );
  const forbidden = [secret(), ...accounts.map((account) => account.token), 'demo.js', 'changes.json'];
  const { output } = await run(copy, file('node_modules/.bin/wrangler'), ['deploy', '--dry-run', '--outdir', 'bundle']);
  const [, files] = /from the assets directory (\S+)/.exec(output);
  assert.equal(files, file('build/page'));
  for (const folder of [file('bundle'), files]) {
    const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
    assert.ok(names.length > 3);
    for (const name of names.filter((each) => fs.statSync(path.join(folder, each)).isFile())) {
      const contents = fs.readFileSync(path.join(folder, name));
      const found = forbidden.filter((text) => contents.includes(text));
      assert.deepEqual(found, [], `${folder}/${name}`);
    }
  }
});

test('npm run token warns if the account is not in the local database or is not active', DEADLINE, async (t) => {
  await prepare(t);
  for (const [args, problem] of [
    [['42'], ''],
    [['7', '--layout', 'seam'], ''],
    [['999'], 'the local database has no account 999'],
    [['999', '--layout', 'seam'], 'the local database has no account with the ID 999 in seam'],
    [['43'], 'the account 43 is not active'],
  ]) {
    const { code, output } = await run(copy, 'node', ['scripts/token.mjs', ...args]);
    const [signed, ...rest] = output.trimEnd().split('\n');
    assert.deepEqual([code, rest.join('\n')], [0, problem && `perfil: ${problem}, so the worker rejects this token`]);
    assert.match(signed, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  }
});

test('npm run token warns if the local database has no tables, as after wrangler dev', DEADLINE, async (t) => {
  await prepare(t);
  const databases = '.wrangler/state/v3/d1/miniflare-D1DatabaseObject';
  fs.renameSync(file(databases), file('.databases'));
  fs.mkdirSync(file(databases));
  // For SQLite, an empty file is an empty database.
  fs.writeFileSync(file(`${databases}/${'0'.repeat(64)}.sqlite`), '');
  const { code, output } = await run(copy, 'node', ['scripts/token.mjs', '42']);
  fs.rmSync(file(databases), { recursive: true });
  fs.renameSync(file('.databases'), file(databases));
  assert.equal(code, 0);
  assert.match(output, /\nperfil: the local database lacks the migrations that `npm run dev` applies, so the worker/);
});

test('also recognizes that wrangler is ready if the output has colours', DEADLINE, async (t) => {
  // The variables that it sets in a terminal.
  const development = await develop(t, { env: { FORCE_COLOR: '1', CARGO_TERM_COLOR: 'always' } });
  assert.equal(await change(development, secret()), 200);
});

test('runs only once in a folder, and names the process and the port of the first one', DEADLINE, async (t) => {
  const { port, child } = await develop(t);
  const { code, output } = await run(copy, 'node', [...DEV, '--port', String(await freePort())]);
  assert.equal(code, 1);
  assert.match(
    output,
    new RegExp(`already running in this folder \\(process ${child.pid}\\), on http://localhost:${port}:`),
  );
});

test('is not confused by another process that has the ID of one that was killed', async (t) => {
  const server = net.createServer().listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  const hash = createHash('sha256').update(`${copy.folder}/`).digest('hex').slice(0, 16);
  const pidFile = path.join(os.tmpdir(), `perfil-dev-${hash}.json`);
  fs.writeFileSync(pidFile, JSON.stringify({ pid: process.pid, port: 8787 }));
  t.after(() => fs.rmSync(pidFile));
  const { output } = await run(copy, 'node', [...DEV, '--port', String(port)]);
  // The error of the next check.
  assert.match(output, new RegExp(`^perfil: port ${port} is in use`));
});

for (const [victim, name] of [
  ['npm', 'SIGTERM'],
  ['npm', 'SIGKILL'],
  ['scripts/dev.mjs', 'SIGKILL'],
  ['scripts/dev/main.mjs', 'SIGKILL'],
  ['.bin/wrangler', 'SIGKILL'],
])
  test(`leaves no process when ${victim} receives ${name}`, DEADLINE, async (t) => {
    const { child, port } = await develop(t, victim === 'npm' ? { program: 'npm', args: ['run', 'dev', '--'] } : {});
    const one = processesIn(copy.folder).find(({ command }) => command.includes(`${victim} `));
    process.kill(victim === 'npm' ? child.pid : one.pid, /** @type {NodeJS.Signals} */ (name));
    await until(
      async () => processesIn(copy.folder).length === 0 && !(await isServed(port)),
      () => JSON.stringify(processesIn(copy.folder)),
      20,
    );
  });

test('names a secret that the worker would reject', DEADLINE, async (t) => {
  await prepare(t);
  const secrets = read('.dev.vars');
  const short = /^perfil: JWT_SECRET\w* in \.dev\.vars has \d+ bytes, but a secret needs at least 32/;
  for (const [text, message] of /** @type {[string, RegExp][]} */ ([
    ['JWT_SECRET="short"\n', short],
    [`${secrets}JWT_SECRET_SEAM=also-short\n`, short],
    [`${secrets}JWT_SECRET_SEAM=${secret()}\n`, /^perfil: JWT_SECRET and JWT_SECRET_SEAM in \.dev\.vars have the same/],
  ])) {
    fs.writeFileSync(file('.dev.vars'), text);
    const { code, output } = await run(copy, 'node', DEV);
    assert.equal(code, 1);
    assert.match(output, message);
  }
  fs.writeFileSync(file('.dev.vars'), secrets);
});

test("stops with wrangler's message if a migration fails", DEADLINE, async () => {
  fs.writeFileSync(file('migrations/9999_faulty.sql'), 'CREATE TABLE roles (id INTEGER);\n');
  const port = await freePort();
  const { code, output } = await run(copy, 'node', [...DEV, '--port', String(port)]);
  assert.equal(code, 1);
  assert.match(output, /table `?roles`? already exists/);
  assert.match(output, /perfil: a migration failed; its message is above\n$/);
  assert.deepEqual(processesIn(copy.folder), []);
  fs.rmSync(file('migrations/9999_faulty.sql'));
});

test('continues without the demo picture if the worker refuses it', DEADLINE, async (t) => {
  fs.rmSync(file('.wrangler'), { recursive: true, force: true });
  const config = read('wrangler.toml');
  fs.writeFileSync(file('wrangler.toml'), config.replace('"10485760"', '"10"'));
  const development = await develop(t);
  assert.match(development.output(), /perfil: account 6 has no demo picture, because the upload failed with 413/);
  assert.equal(await change(development, secret()), 200);
  fs.writeFileSync(file('wrangler.toml'), config);
});

test('--origin starts a demo back end, which gets other requests and the changes [X1 X2 C2]', DEADLINE, async (t) => {
  const development = await develop(t, { args: [...DEV, '--origin'] });
  const json = async (path, options) =>
    /** @type {any} */ (await (await fetch(`${development.url}${path}`, options)).json());
  const update = (id, credential, body) => {
    const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json' };
    return json(`/api/v1/users/${id}`, { method: 'PUT', headers, body: JSON.stringify(body) });
  };

  assert.equal((await json('/api/v1/users')).data.length, 6);
  const signUp = await json('/api/v1/users', { method: 'POST', body: '{"full_name": "New Person"}' });
  const { idUser, token: bearer } = signUp.data;
  assert.equal((await update(idUser, bearer, { full_name: 'Newer' })).message, 'changed at the demo back end');
  await development.waitFor('"method":"POST","route":null,"status":201');
  await development.waitFor('"back_end":"seam","subject":1001,"origin":true,"origin_status":200');

  const admin = await token(6, { secret: secret() });
  const { message } = await update(7, admin, { full_name: 'Jane Miller', email: 'miller@example.com' });
  assert.equal(message, 'Usuario actualizado exitosamente');
  await development.waitFor('(PUT /api/v1/users/:id) of account 7: email, full_name; stored email, full_name');
  assert.deepEqual((await json('/api/v1/users/7')).data, {
    idUser: 7,
    full_name: 'Jane Miller',
    email: 'miller@example.com',
    roleId: 2,
  });
  assert.equal(await change(development, secret()), 200);
  await development.waitFor('(PUT /api/profile/:id/update/) of account 42: first_name; nothing to store');
});

test('applies a new migration, and restarts if its database is removed', DEADLINE, async (t) => {
  const development = await develop(t);
  fs.writeFileSync(file('migrations/9999_notes.sql'), 'CREATE TABLE notes (id INTEGER);\n');
  await development.waitFor('1 migration applied');
  assert.equal(await change(development, secret()), 200);
  fs.appendFileSync(file('migrations/9999_notes.sql'), '-- edited\n');
  await development.waitFor('migrations/9999_notes.sql was edited after it was applied');
  fs.rmSync(file('.wrangler'), { recursive: true });
  await development.waitFor('up again');
  assert.equal(await change(development, secret()), 200);
  fs.rmSync(file('migrations/9999_notes.sql'));
});

test('restarts with the new .dev.vars after an edit', DEADLINE, async (t) => {
  const development = await develop(t);
  const secrets = read('.dev.vars');
  fs.writeFileSync(file('.dev.vars'), `${secrets}CORS_ALLOWED_ORIGINS="http://localhost:5173"\n`);
  await development.waitFor('up again');
  const { status, headers } = await fetch(`${development.url}/users`, {
    method: 'OPTIONS',
    headers: { origin: 'http://localhost:5173', 'access-control-request-method': 'PUT' },
  });
  assert.deepEqual([status, headers.get('access-control-allow-origin')], [204, 'http://localhost:5173']);
  await development.stop();
  fs.writeFileSync(file('.dev.vars'), secrets);
});

test('keeps running if an edit leaves no usable secret in .dev.vars', DEADLINE, async (t) => {
  const development = await develop(t);
  const before = secret();
  fs.writeFileSync(file('.dev.vars'), 'JWT_SECRET=short\n');
  await development.waitFor('perfil: JWT_SECRET in .dev.vars has 5 bytes');
  await development.waitFor('perfil: the server keeps running with the previous .dev.vars');
  assert.equal(await change(development, before), 200);
  fs.rmSync(file('.dev.vars'));
  await development.waitFor('Wrote a random JWT_SECRET to .dev.vars');
  await development.waitFor('up again');
  assert.notEqual(secret(), before);
  assert.equal(await change(development, secret()), 200);
});

test('keeps the worker that was built before while the source does not compile', DEADLINE, async (t) => {
  const development = await develop(t);
  // Runs the real compiler in the copy. The dependencies of the faulty crate have already been compiled.
  const target = path.join(import.meta.dirname, '../../target');
  writeProgram(copy, 'cargo', `PATH=\${PATH#*:} CARGO_TARGET_DIR='${target}' exec cargo "$@"`);
  const source = read('src/lib.rs');
  fs.writeFileSync(file('src/lib.rs'), `${source}\nfn faulty() -> u8 { "text" }\n`);
  await development.waitFor('the worker that was built before keeps running');
  assert.match(development.output(), /error\[E0308\]: mismatched types\s+--> src\/lib\.rs/);
  const [, after] = development.output().split(UP);
  assert.ok(after.split('\n').length < 60, after);
  assert.equal(await change(development, secret()), 200);
});

test('rejects a port that is in use or invalid, and unknown options', DEADLINE, async (t) => {
  const server = net.createServer().listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  for (const [args, env, expected] of /** @type {[string[], object, string][]} */ ([
    [['--port', String(port)], {}, `perfil: port ${port} is in use`],
    [[`--port=${port}`], {}, `perfil: port ${port} is in use`],
    [[], { PORT: String(port) }, `perfil: port ${port} is in use`],
    [['--port', '65536'], {}, "perfil: '65536' is not a valid port"],
    [['9000'], {}, 'perfil: usage: npm run dev'],
    [['--prot', '9000'], {}, 'perfil: usage: npm run dev'],
    [['--origin', 'x'], {}, 'perfil: usage: npm run dev'],
  ])) {
    const { code, output } = await run(copy, 'node', [...DEV, ...args], { env });
    assert.deepEqual([code, output.slice(0, expected.length)], [1, expected]);
  }
});
