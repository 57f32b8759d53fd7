// The entry module of every test worker: the built worker, with real bindings that are counted and fail on demand. The
// counts are in response headers, so that tests can compare the worker's own `d1_calls` with them. Some paths are for
// tests only: they access the database and the bucket directly, many times faster than from outside the runtime.
import worker from './index.js';
import * as perfil from './perfil.js';

const STATEMENT_CALLS = new Set(['run', 'first', 'all', 'raw']);
const BUCKET_CALLS = { get: 'reads', head: 'reads', list: 'reads', put: 'writes', delete: 'writes' };
const INNER = Symbol('inner');

/** Values that no database or bucket ever returns. */
const NONSENSE = {
  nothing: undefined,
  null: null,
  number: 7,
  text: 'ok',
  none: [],
  few: [{ results: [] }],
  empty: [{ results: [] }, { results: [] }],
  rows: [{ results: [{ row: '{' }] }, { results: [{ row: '{"active":1}' }] }],
  columns: [{ results: [{}] }, { results: [{}] }],
  object: {},
  /** The worker's crate unwraps the result of this getter, which throws: a real panic. */
  panic: {
    get httpEtag() {
      throw new Error('nonsense of the test');
    },
  },
};

// A request can make timers run faster (`pace` among its faults).
let pace = 1;
const { setTimeout: later } = globalThis;
globalThis.setTimeout = (callback, milliseconds, ...rest) => later(callback, milliseconds / pace, ...rest);

// A request can set the clock ahead (`ahead`, in seconds).
let ahead = 0;
const { now } = Date;
Date.now = () => now() + ahead * 1000;

/** State shared by all requests, because one isolate serves them: held calls, and the number of background tasks. */
const held = new Map();
let background = 0;

/** Waits for a condition, but not forever: a failed test may have left a call held, and the next test must not hang. */
async function until(what, condition) {
  for (let tries = 0; !condition(); tries++) {
    if (tries === 5000) throw new Error(`${what}: timed out`);
    await scheduler.wait(2);
  }
}

/**
 * Runs a call of a binding, with the fault that `faults` has for it. `faults` maps the name of a call to one fault, or
 * to a list of faults by the call's number. `refuse` throws without making the call, `lose` makes it and throws,
 * `hold:x` waits for the test to release x and then makes it, `stall:x` makes it and then waits for the release, and
 * `nonsense:x` returns an invalid value. `pace`, `ahead` and `hours` are not calls: timers run faster by the factor
 * `pace`, the clock is `ahead` seconds ahead, and lists show every object as `hours` hours older.
 */
function faulty(faults) {
  const numbers = {};
  return async (name, call) => {
    const number = (numbers[name] = (numbers[name] ?? -1) + 1);
    const fault = Array.isArray(faults[name]) ? faults[name][number] : faults[name];
    const [kind, hold] = fault?.split(':') ?? [];
    const released = async () => {
      held.set(hold, held.get(hold) ?? 'held');
      await until(fault, () => held.get(hold) === 'released');
    };
    if (kind === 'nonsense') return NONSENSE[hold];
    if (kind === 'refuse') throw new Error(`${name} was refused by the test`);
    if (kind === 'hold') await released();
    const result = await call();
    if (kind === 'stall') await released();
    if (kind === 'lose') throw new Error(`the response to ${name} was lost by the test`);
    return result;
  };
}

/** A D1 statement whose executions are counted, and that a batch can still unwrap. */
function countedStatement(statement, call) {
  return new Proxy(statement, {
    get(target, key) {
      if (key === INNER) return target;
      const value = target[key];
      if (typeof value !== 'function') return value;
      if (key === 'bind') return (...args) => countedStatement(target.bind(...args), call);
      return (...args) =>
        STATEMENT_CALLS.has(key) ? call(() => value.apply(target, args)) : value.apply(target, args);
    },
  });
}

/**
 * For the faults, every way to execute statements counts as a `batch`, so that all database calls are numbered
 * together. `onWritten` is called with the number of rows that a batch has written, as billed by D1.
 */
function countedDatabase(database, call, onWritten) {
  const batch = async (target, statements) => {
    const results = await target.batch(statements.map((s) => s[INNER] ?? s));
    onWritten(results.reduce((sum, { meta }) => sum + meta.rows_written, 0));
    return results;
  };
  return new Proxy(database, {
    get(target, key) {
      if (key === 'prepare') return (sql) => countedStatement(target.prepare(sql), call);
      if (key === 'batch') return (statements) => call(() => batch(target, statements));
      if (key === 'exec') return (sql) => call(() => target.exec(sql));
      const value = target[key];
      // workers-rs recognises a binding by the name of its constructor, which must stay the same.
      return typeof value === 'function' && key !== 'constructor' ? value.bind(target) : value;
    },
  });
}

/** An object in a list, shown as uploaded `hours` earlier than it was. */
const aged = (object, hours) =>
  new Proxy(object, {
    get: (target, key) => (key === 'uploaded' ? new Date(target.uploaded - hours * 3_600_000) : target[key]),
  });

function countedBucket(bucket, call, hours = 0) {
  return new Proxy(bucket, {
    get(target, key) {
      if (key === 'list') {
        return (...args) =>
          call(key, async () => {
            const page = await target.list(...args);
            return { ...page, objects: page.objects.map((object) => aged(object, hours)) };
          });
      }
      if (Object.hasOwn(BUCKET_CALLS, key)) return (...args) => call(key, () => target[key](...args));
      const value = target[key];
      return typeof value === 'function' && key !== 'constructor' ? value.bind(target) : value;
    },
  });
}

/** The bindings, counted in `counts` and failing as specified by `faults`; `variables` override the worker's own. */
function counted(env, { variables = {}, faults = {} }, counts) {
  const act = faulty(faults);
  const onDatabase = (call) => {
    counts.d1++;
    return act('batch', call);
  };
  const onBucket = (name, call) => {
    counts[BUCKET_CALLS[name]]++;
    return act(name, call);
  };
  const onWrite = (rows) => {
    counts.rows += rows;
  };
  return {
    ...env,
    // A test may change a variable under a warm instance, as the platform does when a secret is rotated.
    ...variables,
    ...(env.DB && { DB: countedDatabase(env.DB, onDatabase, onWrite) }),
    ...(env.AVATARS && { AVATARS: countedBucket(env.AVATARS, onBucket, faults.hours) }),
  };
}

/** Bindings that a test keeps for several requests, by name. By default, each request gets new ones. */
const deployments = new Map();

function deployed(name, env, orders) {
  if (name === null || !deployments.has(name)) {
    const counts = {};
    deployments.set(name, { counts, bindings: counted(env, orders, counts) });
  }
  const deployment = deployments.get(name);
  Object.assign(deployment.counts, { d1: 0, rows: 0, reads: 0, writes: 0 });
  return deployment;
}

/**
 * The context, with its background work counted, so that tests can wait for the work that a request does after its
 * response. `onBackgroundWork` is called when such work starts: later calls do not delay the response.
 */
const watched = (ctx, onBackgroundWork = () => {}) =>
  new Proxy(ctx, {
    get(target, key) {
      if (key === 'waitUntil') {
        return (promise) => {
          onBackgroundWork();
          background++;
          target.waitUntil(Promise.resolve(promise).finally(() => background--));
        };
      }
      const value = target[key];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

async function listed(bucket) {
  const objects = [];
  for (let cursor, truncated = true; truncated; ) {
    const page = await bucket.list({ cursor, include: ['httpMetadata'] });
    objects.push(...page.objects);
    ({ cursor, truncated } = page);
  }
  return objects
    .map(({ key, size, httpEtag, uploaded, httpMetadata }) => ({
      key,
      size,
      etag: httpEtag,
      uploaded,
      contentType: httpMetadata?.contentType ?? null,
      cacheControl: httpMetadata?.cacheControl ?? null,
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

const executed = async (env, request) =>
  env.DB.batch((await request.json()).map(({ sql, parameters }) => env.DB.prepare(sql).bind(...parameters)));

const TEST_PATHS = {
  /** If a statement fails, the response contains the database's message. */
  '/.tests/sql': (request, env) =>
    executed(env, request).then(
      (results) => Response.json(results),
      ({ message }) => new Response(message, { status: 500 }),
    ),
  '/.tests/usage': async () => {
    globalThis.gc?.();
    return Response.json(perfil.usage());
  },
  /** The counts of a named deployment since its last request began, including those after the response. */
  '/.tests/cost': async (request) => Response.json(deployments.get(await request.text())?.counts),
  '/.tests/idle': async () => {
    await until('work after a response', () => background === 0);
    return new Response();
  },
  /** All the data that a refused request must not change, once no background work is running. */
  '/.tests/dump': async (request, env) => {
    await TEST_PATHS['/.tests/idle']();
    return Response.json([await executed(env, request), env.AVATARS ? await listed(env.AVATARS) : []]);
  },
  '/.tests/held': async (request) => {
    const name = await request.text();
    if (request.method === 'DELETE') held.set(name, 'released');
    await until(`held ${name}`, () => held.has(name));
    return new Response();
  },
  '/.tests/r2': async (request, env, query) => {
    const key = query.get('key');
    switch (request.method) {
      case 'PUT':
        await env.AVATARS.put(key, await request.arrayBuffer(), { httpMetadata: JSON.parse(query.get('metadata')) });
        return new Response();
      case 'POST':
        for (const keys = await request.json(); keys.length > 0; )
          await Promise.all(keys.splice(0, 100).map((each) => env.AVATARS.put(each, each)));
        return new Response();
      case 'DELETE':
        await env.AVATARS.delete(key === null ? (await listed(env.AVATARS)).map((object) => object.key) : key);
        return new Response();
      default: {
        if (key === null) return Response.json(await listed(env.AVATARS));
        const object = await env.AVATARS.get(key);
        return object === null ? new Response(null, { status: 404 }) : new Response(object.body);
      }
    }
  },
};

export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    if (Object.hasOwn(TEST_PATHS, pathname)) return TEST_PATHS[pathname](request, env, searchParams);
    const ordered = (name) => JSON.parse(request.headers.get(name) ?? '{}');
    ({ pace = 1, ahead = 0 } = ordered('x-test-faults'));
    const orders = { variables: ordered('x-test-variables'), faults: ordered('x-test-faults') };
    const { counts, bindings } = deployed(request.headers.get('x-test-deployment'), env, orders);
    let seen = counts;
    const response = await worker.fetch(
      request,
      bindings,
      watched(ctx, () => {
        seen = { ...counts };
      }),
    );
    const headers = new Headers(response.headers);
    headers.set('x-test-d1-calls', String(seen.d1));
    headers.set('x-test-d1-rows-written', String(seen.rows));
    headers.set('x-test-r2-reads', String(seen.reads));
    headers.set('x-test-r2-writes', String(seen.writes));
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
  },
  /** A test passes its options in the cron expression, the only data that an event carries. */
  async scheduled(event, env, ctx) {
    const { cron, ...orders } = JSON.parse(event.cron);
    ({ pace = 1, ahead = 0 } = orders.faults ?? {});
    const originalEvent = new Proxy(event, { get: (target, key) => (key === 'cron' ? cron : target[key]) });
    await worker.scheduled(originalEvent, counted(env, orders, { d1: 0, rows: 0, reads: 0, writes: 0 }), watched(ctx));
  },
};
