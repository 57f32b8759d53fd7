// The helper of every HTTP test: starts the built worker in Miniflare, with a real D1 and R2, fresh for each call.
import { once } from 'node:events';
import fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { sender, testPaths } from './client.mjs';
import { demoAccounts, migrations } from './project.mjs';
import { CRON, inspectorOf, runtimes, startMiniflare } from './runtime.mjs';

/**
 * @typedef {object} WorkerOptions
 * @property {Record<string, string | undefined>} [vars] its variables besides JWT_SECRET; undefined removes one
 * @property {boolean} [bindings] false: without a database and a bucket
 * @property {boolean} [bucket] false: without a bucket
 * @property {Record<string, number>} [limits] its rate limits, in requests per minute
 * @property {boolean} [version] true: it has a version id, like a deployed worker
 * @property {string} [persist] a folder for database and bucket that outlives the worker and that another can continue
 *   with
 * @property {(line: {level: string, message: string}) => void} [onLog] called with every log line, of which none is
 *   then kept
 * @property {boolean} [inspected] true: its heap can be measured, after a garbage collection, and is limited
 * @property {boolean} [counted] false: the built worker runs without counting.mjs, so that counts, faults and its paths
 *   are not available
 * @property {string[]} [replicas] names of further instances of the same worker, on the same database and bucket;
 *   `urls` has their addresses
 * @property {Record<string, string>} [extraWorkers] scripts of other workers in the same runtime, on the same database
 *   and bucket, by name; `urls` has their addresses
 */

/** Collects the lines of the worker's log. */
function journal(onLog) {
  const lines = [];
  const sweeps = [];
  // Without a prototype, because any valid request id may be a key.
  const logged = Object.create(null);
  const waiting = (id) => (logged[id] ??= Promise.withResolvers());
  return {
    lines,
    sweeps,
    lineOf: (id) => waiting(id).promise,
    write({ level, message }) {
      if (onLog) onLog({ level, message });
      else lines.push({ level, message });
      if (!message.startsWith('{')) return;
      const line = JSON.parse(message);
      if (line.event === 'sweep') sweeps.push({ level, ...line });
      else if (!onLog) waiting(line.request_id).resolve(line);
    },
  };
}

/** Creates the schema and the demo accounts. */
async function fill(database) {
  await database.batch([...migrations(), ...demoAccounts()].map((sql) => database.prepare(sql)));
}

/** Returns the addresses of all workers and the inspector, and fills the database if it is new. */
async function connect(miniflare, { bindings, extraWorkers, replicas, inspected, isNew }) {
  const urls = {};
  for (const name of ['perfil', ...replicas, ...Object.keys(extraWorkers)])
    urls[name] = (await miniflare.unsafeGetDirectURL(name)).href.replace(/\/$/, '');
  const inspector = inspected ? await inspectorOf(await miniflare.getInspectorURL()) : undefined;
  if (bindings && isNew) await fill(await miniflare.getD1Database('DB', 'perfil'));
  return { urls, inspector };
}

/** Dispatches a scheduled event; see `scheduled` below. */
const dispatcher =
  (miniflare) =>
  async (cron, vars = {}, faults = {}) => {
    const event = { cron: JSON.stringify({ cron, variables: vars, faults }), scheduledTime: new Date() };
    const { outcome } = await (await miniflare.getWorker('perfil')).scheduled(event);
    if (outcome !== 'ok') throw new Error(`the scheduled event ended with ${outcome}`);
  };

/** Dispatches the nightly event; see `sweep` below. */
function sweeper(dispatch, sweeps) {
  let dispatched = 0;
  return async (vars = {}, faults = {}) => {
    const mine = dispatched++;
    await dispatch(CRON, vars, faults);
    // The log takes another path than the outcome, and may arrive after it.
    for (const deadline = Date.now() + 5000; sweeps.length <= mine; await setTimeout(2)) {
      if (Date.now() > deadline) throw new Error('the sweep logged nothing');
    }
    return sweeps[mine];
  };
}

/**
 * Starts a worker.
 * @param {WorkerOptions} options
 */
export async function startWorker(options = {}) {
  const { onLog, persist, bindings = true, bucket = bindings, inspected = false, extraWorkers = {} } = options;
  const { vars = {}, limits = {}, version = false, counted = true, replicas = [] } = options;
  const isNew = persist === undefined || fs.readdirSync(persist).length === 0;
  const others = runtimes();
  const { lines, sweeps, lineOf, write } = journal(onLog);
  const settings = { vars, bindings, bucket, limits, version, persist, inspected, counted, extraWorkers, replicas };
  const miniflare = startMiniflare(settings, write);
  const { urls, inspector } = await connect(miniflare, { bindings, extraWorkers, replicas, inspected, isNew }).catch(
    async (error) => {
      // If it kept running, the test runner would not exit.
      await miniflare.dispose();
      throw error;
    },
  );
  const [runtime] = runtimes().filter((each) => !others.includes(each));
  const send = sender(urls.perfil);
  const paths = testPaths(urls.perfil);
  const dispatch = dispatcher(miniflare);
  return {
    ...paths,
    url: urls.perfil,
    urls,
    /** The id of the worker's workerd process. */
    get pid() {
      return runtime.pid;
    },
    /** Kills that process immediately, as in a crash, with all its unfinished work. Then stops the rest. */
    kill: async () => {
      const exited = once(runtime, 'exit');
      runtime.kill('SIGKILL');
      await exited;
      await miniflare.dispose();
    },
    /** The worker's memory and handles, and the bytes of its heap without garbage. */
    usage: async () => ({ ...(await paths.usage()), heap: await inspector?.heap() }),
    send,
    /** @param {import('./client.mjs').RequestOptions} [options] */
    put: (target, options) => send('PUT', target, options),
    /** Dispatches the scheduled event with this cron expression, and waits until it has finished. */
    scheduled: dispatch,
    /**
     * Dispatches the nightly event, waits until it has finished, and returns the line that the sweep logged. `vars` and
     * `faults` are for this run only, as with `send`.
     */
    sweep: sweeper(dispatch, sweeps),
    /** The raw lines of the worker's log: `{level, message}`. */
    lines,
    /** The request's own log line, parsed. The log takes another path than the response, and may arrive after it. */
    logOf: (response) => lineOf(response.requestId),
    stop: () => miniflare.dispose(),
  };
}
