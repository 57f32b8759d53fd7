// The receivers of examples/, each started as its users start it, on a database with the tables and accounts of a dump.
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { environment, python } from './available_examples.mjs';
import { root } from './project.mjs';

const examples = path.join(root, 'examples');

/** Clean-up functions to run when the tests have ended, in reverse order. */
const atExit = [];
process.on('exit', () => {
  for (const end of atExit.reverse()) end();
});
export const SECRET = `whsec_${Buffer.from('a test secret for the change feed').toString('base64')}`;

/** The headers that sign a post, as Standard Webhooks specifies them. */
export function signature(body, { id = 'seam-1-1', secret = SECRET, at = Math.floor(Date.now() / 1000) } = {}) {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signed = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': `v1,${signed}` };
}

export const bodyOf = (changes) =>
  JSON.stringify({ type: 'changes', timestamp: new Date().toISOString(), data: { changes } });

/** Posts a batch of changes to a receiver, and returns the response. */
export function deliver({ url }, changes, { body = bodyOf(changes), headers = {}, ...signing } = {}) {
  const json = { 'content-type': 'application/json' };
  return fetch(url, { method: 'POST', body, headers: { ...json, ...signature(body, signing), ...headers } });
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits up to ten seconds until `ready` resolves to a truthy value. */
async function until(ready, what) {
  for (const deadline = Date.now() + 10_000; !(await ready()); await pause(20))
    if (Date.now() > deadline) throw new Error(`${what} did not start`);
}

/** Starts a program that runs until `stop` is called; `printed` is its standard error. */
function program(command, args, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  // Also runs if a test fails before it can stop the program.
  atExit.push(() => child.kill('SIGKILL'));
  const running = {
    printed: '',
    /** @param {NodeJS.Signals} name */
    stop: async (name = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(name);
      await once(child, 'exit');
    },
  };
  child.stderr.setEncoding('utf8').on('data', (text) => {
    running.printed += text;
  });
  return running;
}

/** Starts a receiver on a free port; `env` contains the variables that its users set. */
async function serve(command, args, cwd, env) {
  const port = await freePort();
  const environment = { ...process.env, CHANGES_SECRET: SECRET, PORT: String(port), ...env };
  const running = program(command, args(port), { cwd, env: environment });
  const url = `http://127.0.0.1:${port}/changes`;
  await until(() => fetch(url).then(Boolean, () => false), `${command} ${args(port).join(' ')}`);
  return Object.assign(running, { url });
}

/** Creates a folder that is removed when the tests end. */
export function scratch() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-receivers-'));
  atExit.push(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a separate MariaDB server that only listens on a socket. */
export async function startMariaDb() {
  const folder = scratch();
  const [data, socket] = [path.join(folder, 'data'), path.join(folder, 'socket')];
  // A separate temporary folder, because a server removes files of others from a shared one.
  const own = [`--datadir=${data}`, `--tmpdir=${folder}`];
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  const create = ['--no-defaults', ...own, '--auth-root-authentication-method=normal', ...asRoot];
  const created = spawnSync('mariadb-install-db', create, { encoding: 'utf8', env: environment });
  if (created.status !== 0) throw new Error(`mariadb-install-db: ${created.stderr}`);
  const files = [...own, `--socket=${socket}`, `--pid-file=${path.join(folder, 'pid')}`];
  const client = ['--no-defaults', `--socket=${socket}`, '--user=root'];
  const load = (schema, sql) => {
    const { status, stderr } = spawnSync('mariadb', [...client, schema], { input: sql, encoding: 'utf8' });
    if (status !== 0) throw new Error(`mariadb: ${stderr}`);
  };
  const start = async () => {
    const server = program('mariadbd', ['--no-defaults', ...files, '--skip-networking', ...asRoot], {
      env: environment,
    });
    const up = () => spawnSync('mariadb', [...client, '-e', 'SELECT 1'], { stdio: 'ignore' }).status === 0;
    await until(up, 'mariadbd');
    return server;
  };
  let server = await start();
  return {
    urlOf: (schema) => `mysql://root@localhost/${schema}?socketPath=${encodeURIComponent(socket)}`,
    /** Creates a schema from a dump, with the receiver's additions. */
    create: (schema, ...files) => {
      load('mysql', `CREATE DATABASE ${schema} CHARACTER SET utf8mb4`);
      for (const file of files) load(schema, fs.readFileSync(path.join(root, file)));
    },
    /** Kills the server as in a crash, runs `during`, and starts it again. */
    whileDown: async (during) => {
      await server.stop('SIGKILL');
      try {
        await during();
      } finally {
        server = await start();
      }
    },
    stop: () => server.stop(),
  };
}

/** Runs queries in a schema. */
export async function queries(url) {
  const mysql = createRequire(path.join(examples, 'seam/package.json'))('mysql2/promise');
  const pool = mysql.createPool(url);
  return {
    rows: async (sql, ...values) => (await pool.query(sql, values))[0].map((row) => ({ ...row })),
    run: (sql, ...values) => pool.query(sql, values),
    stop: () => pool.end(),
  };
}

export const startSeam = (url) =>
  serve('node', () => ['receiver.js'], path.join(examples, 'seam'), { DATABASE_URL: url });

/** Starts the program that sends seam's notices. */
export const startNotices = (url, smtp) =>
  program('node', ['notices.js'], {
    cwd: path.join(examples, 'seam'),
    env: { ...process.env, DATABASE_URL: url, SMTP_URL: smtp, MAIL_FROM: 'accounts@example.com' },
  });

export async function startFalcon(url) {
  const folder = path.join(examples, 'falcon');
  // Test files run at the same time, so each gets its own folder.
  const dist = `dist/${process.pid}`;
  atExit.push(() => fs.rmSync(path.join(folder, dist), { recursive: true, force: true }));
  const built = spawnSync('npm', ['run', 'build', '--', '--outDir', dist], { cwd: folder, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`npm run build: ${built.stdout}${built.stderr}`);
  return serve('node', () => [`${dist}/main.js`], folder, { DATABASE_URL: url });
}

/** A separate connection to a SQLite file, which waits while a receiver commits. */
const open = (file) => new DatabaseSync(file, { timeout: 5000 });

/** Creates a SQLite file with the table of personas and the receiver's table. */
export function createPersonas(rows) {
  const file = path.join(scratch(), 'personas.sqlite3');
  const db = open(file);
  db.exec(`CREATE TABLE personas (id INTEGER PRIMARY KEY, nombres TEXT NOT NULL, apellidos TEXT NOT NULL, telefono TEXT,
    dni TEXT NOT NULL UNIQUE, foto_url TEXT)`);
  db.exec(fs.readFileSync(path.join(examples, 'personas/schema.sql'), 'utf8'));
  const insert = db.prepare('INSERT INTO personas VALUES (:id, :nombres, :apellidos, :telefono, :dni, :foto_url)');
  for (const row of rows) insert.run(row);
  return { file, db };
}

export const startPersonas = (file) =>
  serve('node', () => ['receiver.js'], path.join(examples, 'personas'), { DATABASE: file });

const project = path.join(root, 'tests/support/django');
const djangoEnvironment = (file) => ({
  ...process.env,
  CHANGES_SECRET: SECRET,
  DATABASE: file,
  DJANGO_SETTINGS_MODULE: 'settings',
  PYTHONPATH: [project, path.join(examples, 'django')].join(path.delimiter),
  PYTHONDONTWRITEBYTECODE: '1',
});

/** Runs a Django command, or Python code in its shell, and returns its output. */
function django(file, args) {
  const { status, stdout, stderr } = spawnSync(python, ['-m', 'django', ...args], {
    env: djangoEnvironment(file),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`django ${args[0]}: ${stderr}`);
  return stdout.trim();
}

/** Creates a SQLite file with the accounts of a `dumpdata`, and the tables of the receiver's migration. */
export function createDjango(dump) {
  const folder = scratch();
  const file = path.join(folder, 'db.sqlite3');
  django(file, ['migrate', '--run-syncdb', '-v0']);
  const people = JSON.parse(fs.readFileSync(path.join(root, dump), 'utf8'))
    .filter(({ model }) => model === 'users.users')
    .map(({ fields, ...rest }) => ({ ...rest, fields: { ...fields, groups: [], user_permissions: [] } }));
  fs.writeFileSync(path.join(folder, 'people.json'), JSON.stringify(people));
  django(file, ['loaddata', '-v0', path.join(folder, 'people.json')]);
  const canLogIn = (id, password) =>
    django(file, [
      'shell',
      '-v0',
      '-c',
      `from users.models import Users; print(Users.objects.get(pk=${id}).check_password(${JSON.stringify(password)}))`,
    ]) === 'True';
  return { file, db: open(file), canLogIn };
}

export const startDjango = (file) =>
  serve(python, (port) => ['-m', 'django', 'runserver', '--noreload', String(port)], project, djangoEnvironment(file));
