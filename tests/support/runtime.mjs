// The runtime of a test worker: Miniflare with the built worker, configured like wrangler.toml, and data that is only
// known to the process around it.
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { filesBelow, read, root } from './project.mjs';
import { SECRET } from './tokens.mjs';

const build = path.join(root, 'build');

/** The tests run with the same compatibility date and flags as deployments. */
const config = read('wrangler.toml');
const setting = (name) => new RegExp(`^${name} = (.*)$`, 'm').exec(config)?.[1];

/** The cron expression of the nightly event. */
export const CRON = /^crons = \["(.*?)"\]/m.exec(config)?.[1];

/** Only the generated glue knows the size of WebAssembly's memory and the number of handles of JavaScript objects. */
const USAGE = `
export const usage = () => ({ memory: wasm.memory.buffer.byteLength, handles: wasm.__wbindgen_externrefs.length });
`;

function moduleOf(file, counted) {
  if (file.endsWith('.wasm'))
    return { type: 'CompiledWasm', path: file, contents: new Uint8Array(fs.readFileSync(file)) };
  const addition = counted && path.basename(file) === 'perfil.js' ? USAGE : '';
  return { type: 'ESModule', path: file, contents: fs.readFileSync(file, 'utf8') + addition };
}

/**
 * The built worker's modules, with the entry first: its own, or with `counted` the one that counts calls
 * (counting.mjs). The reference page is in the same folder and is omitted. workerd resolves the imports unchanged.
 */
function modules(counted) {
  const built = filesBelow('build').filter((file) => /^(?!page).*\.(js|wasm)$/.test(file));
  const entry = counted ? 'counting.mjs' : 'index.js';
  const others = built.filter((file) => file !== entry).map((file) => moduleOf(path.join(build, file), counted));
  const contents = counted ? read('tests/support/counting.mjs') : read('build', entry);
  return [{ type: 'ESModule', path: path.join(build, entry), contents }, ...others];
}

/** Rate limits in requests per minute, by the name of the binding. */
const ratelimits = (limits) =>
  Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => [name, { namespace_id: name, simple: { limit, period: 60 } }]),
  );

/** Starts Miniflare with the options of `startWorker`; `log` is called with every line that the worker logs. */
export function startMiniflare(
  { vars, bindings, bucket, limits, version, persist, inspected, counted, extraWorkers, replicas },
  log,
) {
  // V8 hardly collects any garbage below 256 MiB, in each of the simulators too. With a smaller heap, a leak shows
  // sooner.
  if (inspected) process.env.MINIFLARE_WORKERD_V8_FLAGS = '--expose-gc --initial-heap-size=8 --max-heap-size=64';
  const variables = Object.entries({ JWT_SECRET: SECRET, ...vars }).filter(([, value]) => value !== undefined);
  const common = {
    compatibilityDate: JSON.parse(setting('compatibility_date')),
    compatibilityFlags: JSON.parse(setting('compatibility_flags') ?? '[]'),
    ...(bindings && { d1Databases: { DB: 'perfil' } }),
    ...(bucket && { r2Buckets: { AVATARS: 'perfil-avatars' } }),
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  };
  const perfil = {
    ...common,
    name: 'perfil',
    modulesRoot: build,
    modules: modules(counted),
    bindings: Object.fromEntries(variables),
    ratelimits: ratelimits(limits),
    ...(version && { versionMetadata: 'VERSION' }),
  };
  const same = replicas.map((name) => ({ ...perfil, name }));
  const others = Object.entries(extraWorkers).map(([name, script]) => ({ ...common, name, modules: true, script }));
  return new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      inspectorPort: inspected ? 0 : undefined,
      resourcePersistencePath: persist,
      handleStructuredLogs: log,
      workers: /** @type {any[]} */ ([perfil, ...same, ...others]),
    }),
  );
}

/**
 * The workerd processes that this process has started. Node has no public way to list them. These handles never belong
 * to another process.
 */
export const runtimes = () =>
  /** @type {any} */ (process)._getActiveHandles().filter(({ spawnfile }) => /workerd(\.exe)?$/.test(spawnfile));

/** Connects to the runtime's inspector, which knows the size of the worker's heap. */
export async function inspectorOf({ host }) {
  const [{ webSocketDebuggerUrl }] = /** @type {any} */ (await (await fetch(`http://${host}/json`)).json());
  const socket = new WebSocket(webSocketDebuggerUrl);
  await once(socket, 'open');
  const pending = new Map();
  let last = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(data);
    pending.get(id)?.resolve(result);
  });
  socket.addEventListener('close', () => {
    for (const { reject } of pending.values()) reject(new Error('the inspector closed the connection'));
  });
  const call = (method) => {
    const id = ++last;
    const reply = Promise.withResolvers();
    pending.set(id, reply);
    socket.send(JSON.stringify({ id, method }));
    return reply.promise.finally(() => pending.delete(id));
  };
  return {
    heap: async () => {
      const { usedSize, embedderHeapUsedSize, backingStorageSize } = await call('Runtime.getHeapUsage');
      return usedSize + embedderHeapUsedSize + backingStorageSize;
    },
  };
}
