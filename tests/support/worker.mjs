// One helper for every HTTP test: the built worker in Miniflare, with a real D1 and R2, fresh for each call.
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { SECRET, token } from './tokens.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const read = (...parts) => fs.readFileSync(path.join(root, ...parts), 'utf8');

/** The statements of a SQL file; a `;` ends one when it ends a line. */
const statements = (sql) =>
  sql
    .replace(/^\s*--.*$/gm, '')
    .split(/;\s*$/m)
    .map((s) => s.trim())
    .filter(Boolean);

/** The schema as `wrangler d1 migrations apply` would leave it. */
const migrations = () =>
  fs
    .readdirSync(path.join(root, 'migrations'))
    .filter((f) => f.endsWith('.sql'))
    .sort()
    .flatMap((f) => statements(read('migrations', f)));

const build = path.join(root, 'build');

/**
 * What nobody but the glue can tell: how much of WebAssembly's memory the instance has taken, and how many handles of
 * JavaScript's.
 */
const TOLD =
  '\nexport const taken = () => ({ memory: wasm.memory.buffer.byteLength, handles: ' +
  'wasm.__wbindgen_externrefs.length });\n';

/**
 * The built worker's modules (the reference page lies beside them), as they are or behind the entry that counts;
 * workerd resolves their imports as they stand.
 */
function modules(counted) {
  const built = fs
    .readdirSync(build, { recursive: true })
    .filter((f) => /^(?!page).*\.(js|wasm)$/.test(f))
    .map((f) => path.join(build, f))
    .map((file) =>
      file.endsWith('.wasm')
        ? { type: 'CompiledWasm', path: file, contents: new Uint8Array(fs.readFileSync(file)) }
        : {
            type: 'ESModule',
            path: file,
            contents: fs.readFileSync(file, 'utf8') + (counted && path.basename(file) === 'perfil.js' ? TOLD : ''),
          },
    );
  // The first is the entry.
  if (!counted)
    return built.sort((a, b) => (path.basename(b.path) === 'index.js') - (path.basename(a.path) === 'index.js'));
  return [
    { type: 'ESModule', path: path.join(build, 'counting.mjs'), contents: read('tests/support/counting.mjs') },
    ...built,
  ];
}

const TABLES = ['roles', 'permissions', 'permissionXRole', 'users', 'personas'];

/** What the worker's own configuration binds, so that the tests run with the date and flags that users get. */
const config = read('wrangler.toml');
const setting = (name) => new RegExp(`^${name} = (.*)$`, 'm').exec(config)?.[1];

const CRON = /^crons = \["(.*?)"\]/m.exec(config)?.[1];

/**
 * The workerd processes that this process has started. Node has no public way to ask for them; these objects are never
 * another's process.
 */
const runtimes = () => process._getActiveHandles().filter(({ spawnfile }) => /workerd(\.exe)?$/.test(spawnfile));

/** Asks the runtime's inspector: what nobody inside can say. */
async function inspectorOf({ host }) {
  const [{ webSocketDebuggerUrl }] = await (await fetch(`http://${host}/json`)).json();
  const socket = new WebSocket(webSocketDebuggerUrl);
  await once(socket, 'open');
  const asked = {};
  let id = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(data);
    asked[id]?.resolve(result);
  });
  socket.addEventListener('close', () =>
    Object.values(asked).forEach(({ reject }) => reject(new Error('the inspector is gone'))),
  );
  const ask = (method) => {
    asked[++id] = Promise.withResolvers();
    socket.send(JSON.stringify({ id, method }));
    return asked[id].promise.finally(() => delete asked[id]);
  };
  return {
    heap: async () => {
      const { usedSize, embedderHeapUsedSize, backingStorageSize } = await ask('Runtime.getHeapUsage');
      return usedSize + embedderHeapUsedSize + backingStorageSize;
    },
  };
}

/**
 * Starts a worker. `vars` are its variables beside JWT_SECRET (undefined removes one);
 * `bindings: false` starts it without a database and a bucket, `bucket: false` without the bucket alone; `limits` are
 * the rate limits that it has, and how many requests they allow.
 * `persist` is a folder where database and bucket lie, which outlives the worker: the next one there goes on with them.
 * `heard` is called with every log line, and then none is kept. With `inspected` its heap is measured, its garbage
 * collected before that, and workerd is short of memory. `counted: false` serves what was built with nothing around it:
 * no counts, no faults, nothing that asks counting.mjs. `beside` are scripts of other workers in the same runtime, on
 * the same database and bucket, by name; `urls` says where they answer.
 */
export async function startWorker({
  vars = {},
  bindings = true,
  bucket = bindings,
  limits = {},
  persist,
  heard,
  inspected = false,
  counted = true,
  beside = {},
} = {}) {
  const lines = [];
  // Without a prototype: any sane request id may be a key.
  const logged = Object.create(null);
  const sweeps = [];
  let dispatched = 0;
  // V8 collects nothing much below 256 MiB, for each of the simulators too: with less, what leaks is seen sooner.
  if (inspected) process.env.MINIFLARE_WORKERD_V8_FLAGS = '--expose-gc --initial-heap-size=8 --max-heap-size=64';
  const isNew = persist === undefined || fs.readdirSync(persist).length === 0;
  const others = runtimes();
  const log = ({ level, message }) => {
    if (heard) heard({ level, message });
    else lines.push({ level, message });
    if (!message.startsWith('{')) return;
    const line = JSON.parse(message);
    if (line.event === 'sweep') return sweeps.push({ level, ...line });
    if (!heard) (logged[line.request_id] ??= Promise.withResolvers()).resolve(line);
  };
  const variables = Object.fromEntries(
    Object.entries({ JWT_SECRET: SECRET, ...vars }).filter(([, v]) => v !== undefined),
  );
  const common = {
    compatibilityDate: JSON.parse(setting('compatibility_date')),
    compatibilityFlags: JSON.parse(setting('compatibility_flags') ?? '[]'),
    ...(bindings && { d1Databases: { DB: 'perfil' } }),
    ...(bucket && { r2Buckets: { AVATARS: 'perfil-avatars' } }),
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      inspectorPort: inspected ? 0 : undefined,
      resourcePersistencePath: persist,
      handleStructuredLogs: log,
      workers: [
        {
          ...common,
          name: 'perfil',
          modulesRoot: build,
          modules: modules(counted),
          bindings: variables,
          ratelimits: Object.fromEntries(
            Object.entries(limits).map(([name, limit]) => [
              name,
              { namespace_id: name, simple: { limit, period: 60 } },
            ]),
          ),
        },
        ...Object.entries(beside).map(([name, script]) => ({ ...common, name, modules: true, script })),
      ],
    }),
  );
  const urls = {};
  let url, database, inspector;
  try {
    for (const name of ['perfil', ...Object.keys(beside)])
      urls[name] = (await miniflare.unsafeGetDirectURL(name)).href.replace(/\/$/, '');
    url = urls.perfil;
    inspector = inspected ? await inspectorOf(await miniflare.getInspectorURL()) : undefined;
    database = bindings ? await miniflare.getD1Database('DB', 'perfil') : undefined;
    const sql = [...migrations(), ...statements(read('tests/fixtures/demo.sql'))];
    if (isNew) await database?.batch(sql.map((s) => database.prepare(s)));
  } catch (error) {
    // Left running, it would keep the test runner from ending.
    await miniflare.dispose();
    throw error;
  }

  /**
   * Sends a request; `as` is the account whose token goes with it, `json` a value to send, `form` a FormData, `body`
   * raw bytes; `vars` are variables and `faults` failing bindings (counting.mjs) for this request alone. Every request
   * is the first of its deployment to the worker, unless `deployment` names one.
   */
  async function send(
    method,
    target,
    { as, token: bearer, json, form, body, vars, faults, deployment, headers = {} } = {},
  ) {
    const credential = bearer ?? (as === undefined ? undefined : await token(as));
    // A form is encoded as a browser does it, but sent in one piece: the worker may answer, and hang up, before its
    // end.
    const encoded = form && new Response(form);
    if (form) body = await encoded.arrayBuffer();
    const response = await fetch(url + target, {
      method,
      redirect: 'manual',
      headers: {
        ...(form && { 'content-type': encoded.headers.get('content-type') }),
        ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...(vars && { 'x-test-variables': JSON.stringify(vars) }),
        ...(faults && { 'x-test-faults': JSON.stringify(faults) }),
        ...(deployment && { 'x-test-deployment': deployment }),
        ...headers,
      },
      body: json === undefined ? body : JSON.stringify(json),
      ...(body instanceof ReadableStream && { duplex: 'half' }),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      text,
      /** The parsed body; throws where it is no JSON. */
      get json() {
        return JSON.parse(text);
      },
      /** D1 calls as counted outside the worker. */
      d1Calls: Number(response.headers.get('x-test-d1-calls')),
      /** R2 calls until the answer: get, head and list; put and delete. */
      r2Reads: Number(response.headers.get('x-test-r2-reads')),
      r2Writes: Number(response.headers.get('x-test-r2-writes')),
      requestId: response.headers.get('x-request-id'),
    };
  }

  /** Asks one of the paths that counting.mjs keeps for the tests. */
  async function own(path, options) {
    const response = await fetch(`${url}/.tests/${path}`, options);
    if (!response.ok && response.status !== 404) throw new Error(await response.text());
    return response;
  }
  const post = async (path, value) => (await own(path, { method: 'POST', body: JSON.stringify(value) })).json();
  const object = (key, query = {}) => `r2?${new URLSearchParams({ key, ...query })}`;

  const [runtime] = runtimes().filter((each) => !others.includes(each));
  return {
    url,
    urls,
    /** The id of the workerd that serves it. */
    get pid() {
      return runtime.pid;
    },
    /** Kills that workerd, as the machine would: at once, with all that it was about to do. Then stops the rest. */
    kill: async () => {
      const gone = once(runtime, 'exit');
      runtime.kill('SIGKILL');
      await gone;
      await miniflare.dispose();
    },
    /**
     * What the worker has taken, its garbage not counted: bytes of its heap and of WebAssembly's memory, and handles of
     * JavaScript's objects.
     */
    taken: async () => ({ ...(await (await own('taken')).json()), heap: await inspector?.heap() }),
    send,
    put: (target, options) => send('PUT', target, options),
    /** Runs SQL straight against the database; answers its rows. */
    sql: async (query, ...parameters) => (await post('sql', [{ sql: query, parameters }]))[0].results,
    /**
     * Every table's rows and what the bucket holds, as text: equal before and after a request that must change nothing.
     */
    dump: async () => {
      const [tables, objects] = await post(
        'dump',
        TABLES.map((t) => ({ sql: `SELECT * FROM ${t} ORDER BY 1, 2`, parameters: [] })),
      );
      return JSON.stringify([tables.map(({ results }) => results), objects]);
    },
    /** The bucket itself. */
    bucket: {
      /** Every object, by key: `{key, size, etag, uploaded, contentType, cacheControl}`. */
      list: async () => (await own('r2')).json(),
      /** An object's bytes, or null. */
      get: async (key) => {
        const response = await own(object(key));
        return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
      },
      put: async (key, body, httpMetadata = {}) =>
        void (await own(object(key, { metadata: JSON.stringify(httpMetadata) }), { method: 'PUT', body })),
      /** An object for each of many keys, which is all that they hold. */
      fill: async (keys) => void (await own('r2', { method: 'POST', body: JSON.stringify(keys) })),
      delete: async (key) => void (await own(object(key), { method: 'DELETE' })),
      /** Removes everything. */
      clear: async () => void (await own('r2', { method: 'DELETE' })),
    },
    /** Resolves when nothing is running any more that requests left behind them (wait_until). */
    idle: async () => void (await own('idle')),
    /** Resolves when a request has come to its fault `hold:name` or `stall:name`. */
    held: async (name) => void (await own('held', { method: 'POST', body: name })),
    /** Lets such a request go on, and any that comes to it later. */
    release: async (name) => void (await own('held', { method: 'DELETE', body: name })),
    /**
     * Dispatches the scheduled event and resolves, when it is done, to the line that it logged; `vars` and `faults` are
     * for this run alone, as with `send`.
     */
    async sweep(vars = {}, faults = {}) {
      const mine = dispatched++;
      const event = { cron: JSON.stringify({ cron: CRON, variables: vars, faults }), scheduledTime: new Date() };
      const { outcome } = await (await miniflare.getWorker('perfil')).scheduled(event);
      if (outcome !== 'ok') throw new Error(`the scheduled event ended with ${outcome}`);
      // The log comes by another way than the outcome, perhaps after it.
      for (const deadline = Date.now() + 5000; sweeps.length <= mine; await setTimeout(2)) {
        if (Date.now() > deadline) throw new Error('the sweep logged nothing');
      }
      return sweeps[mine];
    },
    /** What the worker wrote to its log, raw: `{level, message}`. */
    lines,
    /** The request's own log line, parsed. The log comes by another way than the response, perhaps after it. */
    logOf: (response) => (logged[response.requestId] ??= Promise.withResolvers()).promise,
    stop: () => miniflare.dispose(),
  };
}
