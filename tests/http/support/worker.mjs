// One helper for every HTTP test: the built worker in Miniflare, with a real D1, fresh for each call.
import fs from 'node:fs';
import path from 'node:path';
import { Miniflare, convertV4MiniflareOptions } from 'miniflare';
import { SECRET, token } from './tokens.mjs';

const root = path.resolve(import.meta.dirname, '../../..');
const read = (...parts) => fs.readFileSync(path.join(root, ...parts), 'utf8');

/** The statements of a SQL file; a `;` ends one when it ends a line. */
const statements = (sql) => sql.replace(/^\s*--.*$/gm, '').split(/;\s*$/m).map((s) => s.trim()).filter(Boolean);

/** The schema as `wrangler d1 migrations apply` would leave it. */
const migrations = () => fs.readdirSync(path.join(root, 'migrations')).filter((f) => f.endsWith('.sql')).sort().flatMap((f) => statements(read('migrations', f)));

const build = path.join(root, 'build');

/** The built worker's modules behind the entry that counts; workerd resolves their imports as they stand. */
function modules() {
  const built = fs.readdirSync(build, { recursive: true }).filter((f) => /\.(js|wasm)$/.test(f)).map((f) => path.join(build, f)).map((file) => (file.endsWith('.wasm')
    ? { type: 'CompiledWasm', path: file, contents: new Uint8Array(fs.readFileSync(file)) }
    : { type: 'ESModule', path: file, contents: fs.readFileSync(file, 'utf8') }));
  return [{ type: 'ESModule', path: path.join(build, 'counting.mjs'), contents: read('tests/http/support/counting.mjs') }, ...built];
}

const TABLES = ['roles', 'permissions', 'permissionXRole', 'users', 'personas'];

/** What the worker's own configuration binds, so that the tests run with the date and flags that users get. */
const config = read('wrangler.toml');
const setting = (name) => new RegExp(`^${name} = (.*)$`, 'm').exec(config)?.[1];

/**
 * Starts a worker. `vars` are its variables beside JWT_SECRET (undefined removes one);
 * `bindings: false` starts it without a database.
 */
export async function startWorker({ vars = {}, bindings = true } = {}) {
  const lines = [];
  const logged = {};
  const log = ({ level, message }) => {
    lines.push({ level, message });
    if (!message.startsWith('{')) return;
    const line = JSON.parse(message);
    (logged[line.request_id] ??= Promise.withResolvers()).resolve(line);
  };
  const variables = Object.fromEntries(Object.entries({ JWT_SECRET: SECRET, ...vars }).filter(([, v]) => v !== undefined));
  const miniflare = new Miniflare(convertV4MiniflareOptions({
    host: '127.0.0.1', port: 0, cf: false, inspectorPort: undefined,
    handleStructuredLogs: log,
    workers: [{
      name: 'perfil', modulesRoot: build, modules: modules(),
      compatibilityDate: JSON.parse(setting('compatibility_date')), compatibilityFlags: JSON.parse(setting('compatibility_flags') ?? '[]'),
      bindings: variables,
      ...(bindings && { d1Databases: { DB: 'perfil' }, r2Buckets: { AVATARS: 'perfil-avatars' } }),
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    }],
  }));
  let url, database;
  try {
    url = (await miniflare.unsafeGetDirectURL('perfil')).href.replace(/\/$/, '');
    database = bindings ? await miniflare.getD1Database('DB', 'perfil') : undefined;
    const sql = [...migrations(), ...statements(read('tests/fixtures/demo.sql'))];
    await database?.batch(sql.map((s) => database.prepare(s)));
  } catch (error) {
    // Left running, it would keep the test runner from ending.
    await miniflare.dispose();
    throw error;
  }

  /** Sends a request; `as` is the account whose token goes with it, `json` a value to send, `body` raw bytes. */
  async function send(method, target, { as, token: bearer, json, body, headers = {} } = {}) {
    const credential = bearer ?? (as === undefined ? undefined : await token(as));
    const response = await fetch(url + target, {
      method, redirect: 'manual',
      headers: {
        ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: json === undefined ? body : JSON.stringify(json),
      ...(body instanceof ReadableStream && { duplex: 'half' }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      /** The parsed body; throws where it is no JSON. */
      get json() { return JSON.parse(text); },
      /** D1 calls as counted outside the worker. */
      d1Calls: Number(response.headers.get('x-test-d1-calls')),
      requestId: response.headers.get('x-request-id'),
    };
  }

  /** Runs statements in one transaction; answers the rows of each. */
  async function batch(sql) {
    const response = await fetch(`${url}/.tests/sql`, { method: 'POST', body: JSON.stringify(sql) });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()).map(({ results }) => results);
  }

  return {
    url,
    send,
    put: (target, options) => send('PUT', target, options),
    /** Runs SQL straight against the database; answers its rows. */
    sql: async (query, ...parameters) => (await batch([{ sql: query, parameters }]))[0],
    /** Every table's rows as text: equal before and after a request that must change nothing. */
    dump: async () => JSON.stringify(await batch(TABLES.map((t) => ({ sql: `SELECT * FROM ${t} ORDER BY 1, 2`, parameters: [] })))),
    /** What the worker wrote to its log, raw: `{level, message}`. */
    lines,
    /** The request's own log line, parsed. The log comes by another way than the response, perhaps after it. */
    logOf: (response) => (logged[response.requestId] ??= Promise.withResolvers()).promise,
    stop: () => miniflare.dispose(),
  };
}
