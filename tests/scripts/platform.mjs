// A local stand-in for those parts of Cloudflare's API that a deployment calls. Its databases are SQLite databases. It
// records the calls: `calls` lists all of them, and `changes()` those that are not a GET.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { DatabaseSync } from 'node:sqlite';

const ACCOUNT = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const ROOT = `/accounts/${ACCOUNT}`;

class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const notFound = (code, what) => {
  throw new ApiError(404, code, `${what} not found`);
};

/** Runs a query and returns D1's result. wrangler only reads the rows of the last statement. */
function query(database, sql) {
  const isRead = /^\s*SELECT\b[^;]*;?\s*$/i.test(sql);
  if (!isRead) database.exec(sql);
  return [{ results: isRead ? database.prepare(sql).all() : [], success: true, meta: { duration: 1 } }];
}

/** Creates an empty account: its resources, and functions that find one of them. */
function account() {
  const databases = [];
  const buckets = [];
  const workers = {};
  const worker = (name) => workers[name] ?? notFound(10007, `the worker ${name}`);
  const database = (id) =>
    databases.find((each) => each.uuid === id || each.name === id) ?? notFound(7404, `the database ${id}`);
  return { databases, buckets, workers, worker, database };
}

/** Stores the bindings and the secrets of an uploaded worker as a new version. */
async function upload({ workers }, name, { form }) {
  const { bindings } = JSON.parse(await form.get('metadata'));
  const secrets = bindings.filter(({ type }) => type === 'secret_text');
  workers[name] ??= { secrets: {}, versions: [], subdomain: { enabled: false, previews_enabled: false } };
  for (const { name: secret, text } of secrets) workers[name].secrets[secret] = text;
  workers[name].bindings = bindings.filter(({ type }) => type !== 'secret_text' && type !== 'inherit');
  workers[name].versions.push(randomUUID());
  const id = workers[name].versions.at(-1);
  return { id, deployment_id: id, startup_time_ms: 9, resources: { script: { etag: 'x' } } };
}

const bindingOf = (state) => (binding) =>
  binding.type === 'd1' ? { ...binding, id: state.database(binding.id ?? binding.database_id).uuid } : binding;

/**
 * The routes, by method and pattern; each returns the result of a call.
 * @type {Record<string, (call: any) => any>}
 */
const ROUTES = {
  'GET /d1/database': ({ state, search }) =>
    search.get('page') === '1' ? state.databases.map(({ uuid, name }) => ({ uuid, name })) : [],
  'POST /d1/database': ({ state, body }) => {
    if (state.databases.some(({ name }) => name === body.name)) throw new ApiError(400, 7502, 'it exists');
    const created = { uuid: randomUUID(), ...body, sqlite: new DatabaseSync(':memory:') };
    state.databases.push(created);
    return { uuid: created.uuid, name: created.name };
  },
  'GET /d1/database/:name': ({ state, name }) => {
    const { uuid, name: ownName } = state.database(name);
    return { uuid, name: ownName };
  },
  'POST /d1/database/:name/query': ({ state, name, body }) => query(state.database(name).sqlite, body.sql),
  'POST /r2/buckets': ({ state, body, headers }) => {
    const jurisdiction = headers['cf-r2-jurisdiction'];
    if (state.buckets.some(({ name }) => name === body.name))
      throw new ApiError(409, 10004, 'it exists, and you own it');
    state.buckets.push({ ...body, jurisdiction });
    return { name: body.name };
  },
  'GET /r2/buckets/:name': ({ state, name, headers }) =>
    state.buckets.find((each) => each.name === name && each.jurisdiction === headers['cf-r2-jurisdiction']) ??
    notFound(10006, 'the bucket'),
  'GET /workers/services/:name': ({ state, name }) =>
    state.worker(name) && {
      default_environment: {
        environment: 'production',
        script: { last_deployed_from: 'wrangler', tag: name, tags: [] },
      },
    },
  'GET /workers/scripts/:name/settings': ({ state, name }) => ({
    bindings: state.worker(name).bindings.map(bindingOf(state)),
  }),
  'PATCH /workers/scripts/:name/script-settings': () => ({}),
  'GET /workers/workers/:name': ({ state, name }) => ({ subdomain: state.worker(name).subdomain }),
  'GET /workers/scripts/:name/secrets': ({ state, name }) =>
    Object.keys(state.worker(name).secrets).map((each) => ({ name: each, type: 'secret_text' })),
  'POST /workers/scripts/:name/assets-upload-session': () => ({ jwt: 'assets', buckets: [] }),
  'PUT /workers/scripts/:name': ({ state, name, form }) => upload(state, name, { form }),
  'POST /workers/scripts/:name/versions': ({ state, name, form }) => upload(state, name, { form }),
  'GET /workers/scripts/:name/deployments': ({ state, name }) => ({
    deployments: [
      { id: 'd', source: 'wrangler', versions: [{ version_id: state.worker(name).versions.at(-1), percentage: 100 }] },
    ],
  }),
  'POST /workers/scripts/:name/deployments': () => ({ id: 'd' }),
  'GET /workers/subdomain': () => ({ subdomain: 'example' }),
  'POST /workers/scripts/:name/subdomain': ({ state, name, body }) => {
    state.worker(name).subdomain = body;
    return body;
  },
  'PUT /workers/scripts/:name/schedules': () => ({ schedules: [] }),
};

const PATTERNS = Object.entries(ROUTES).map(([route, handle]) => {
  const [method, pattern] = route.split(' ');
  const path = pattern.replace(':name', '(?<name>[^/]+)');
  return { method, path: new RegExp(`^${ROOT}${path}$`), handle };
});

/** Reads the body of a request as JSON or as a form. */
async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const type = request.headers['content-type'] ?? '';
  const bytes = Buffer.concat(chunks);
  if (type.startsWith('multipart/'))
    return { form: await new Response(bytes, { headers: { 'content-type': type } }).formData() };
  return { body: bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined };
}

/**
 * Starts the stand-in.
 * @param {any} t the test, at the end of which the stand-in is stopped
 * @param {{hang?: string}} [options] a call that never gets a response
 */
export async function startPlatform(t, { hang } = {}) {
  const state = account();
  const calls = [];
  async function reply(request) {
    const { pathname, searchParams: search } = new URL(request.url, 'http://localhost');
    const found = PATTERNS.find(({ method, path }) => method === request.method && path.test(pathname));
    const call = `${request.method} ${pathname.replace(ROOT, '')}`;
    calls.push(call);
    if (call === hang) await new Promise(() => {});
    const { form, body } = await readBody(request);
    if (!found) throw new ApiError(404, 7003, `the stand-in has no ${call}`);
    const { name } = found.path.exec(pathname).groups ?? {};
    return found.handle({
      state,
      name: name && decodeURIComponent(name),
      body,
      form,
      search,
      headers: request.headers,
    });
  }
  const server = http.createServer(async (request, response) => {
    const [status, body] = await reply(request).then(
      (result) => [200, { success: true, errors: [], messages: [], result }],
      ({ status = 500, code = 10000, message }) => [
        status,
        { success: false, errors: [{ code, message }], messages: [], result: null },
      ],
    );
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await once(server.listen(0, 'localhost'), 'listening');
  t.after(() => server.close());
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    ...state,
    calls,
    changes: () => calls.filter((call) => !call.startsWith('GET ')),
    env: {
      CLOUDFLARE_API_BASE_URL: `http://localhost:${port}`,
      CLOUDFLARE_API_TOKEN: 'token-of-the-stand-in',
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
    },
  };
}
