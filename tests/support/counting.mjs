// The entry module of every test worker: the built worker, with its real bindings counted, and failing on demand.
// The counts reach the test in response headers, so that the worker's own `d1_calls` can be checked against them.
// Some paths are the tests' own: straight to the database and the bucket, many times faster than from outside the
// runtime.
import worker from './index.js';
import * as perfil from './perfil.js';

const STATEMENT_CALLS = new Set(['run', 'first', 'all', 'raw']);
const BUCKET_CALLS = { get: 'reads', head: 'reads', list: 'reads', put: 'writes', delete: 'writes' };
const INNER = Symbol('inner');

/** What no database or bucket ever answered. */
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
  /** The getter that throws is unwrapped by the crate that the worker is built with: a real panic. */
  panic: {
    get httpEtag() {
      throw new Error('nonsense of the test');
    },
  },
};

// Deadlines come sooner where a request says so (`pace` among its faults).
let pace = 1;
const { setTimeout: later } = globalThis;
globalThis.setTimeout = (callback, milliseconds, ...rest) => later(callback, milliseconds / pace, ...rest);

// The clock is ahead where a request says so (`ahead`, in seconds).
let ahead = 0;
const { now } = Date;
Date.now = () => now() + ahead * 1000;

/** What requests wait for or have left running, across requests: one isolate serves them all. */
const held = new Map();
let background = 0;

/** Waits, but not for ever: a test that has failed may have left somebody held, and the next must not hang. */
async function until(what, condition) {
  for (let tries = 0; !condition(); tries++) {
    if (tries === 5000) throw new Error(`${what}: waited in vain`);
    await scheduler.wait(2);
  }
}

/**
 * Does what a call of a binding does, or what `faults` says of it: an object of one word per call's name, or a list of
 * them by the call's number. `refuse` throws and does nothing, `lose` does it and throws, `hold:x` waits for the test
 * to release x and then does it, `stall:x` does it and then waits for the release, `nonsense:x` answers what is no
 * answer. `pace` and `ahead` are no calls: timers run that much faster, and the clock is that much ahead. `hours` is
 * none either: lists show every object as that much older.
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
    if (kind === 'lose') throw new Error(`the answer to ${name} was lost by the test`);
    return result;
  };
}

/** A D1 statement whose executions are counted, and which a batch can still unwrap. */
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
 * Every way to execute something is one more `batch` to the faults: the database's calls have one numbering. `wrote` is
 * called with the number of rows that a batch has written, as D1 bills them.
 */
function countedDatabase(database, call, wrote) {
  const batch = async (target, statements) => {
    const results = await target.batch(statements.map((s) => s[INNER] ?? s));
    wrote(results.reduce((sum, { meta }) => sum + meta.rows_written, 0));
    return results;
  };
  return new Proxy(database, {
    get(target, key) {
      if (key === 'prepare') return (sql) => countedStatement(target.prepare(sql), call);
      if (key === 'batch') return (statements) => call(() => batch(target, statements));
      if (key === 'exec') return (sql) => call(() => target.exec(sql));
      const value = target[key];
      // The constructor's name is how workers-rs knows a binding: it must stay what it is.
      return typeof value === 'function' && key !== 'constructor' ? value.bind(target) : value;
    },
  });
}

/** An object as a list shows it, uploaded `hours` earlier than it was. */
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

/** The bindings, counted in `counts` and failing as `faults` says; `variables` take the place of the worker's own. */
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

/** Bindings that a test keeps from one request to the next, by the name that it gives them: else each has new ones. */
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
 * The context, whose unfinished work is counted, so that what a request does after its answer can be waited for.
 * `answered` is called when there is such work: what is called from then on is not what the answer waits for.
 */
const watched = (ctx, answered = () => {}) =>
  new Proxy(ctx, {
    get(target, key) {
      if (key === 'waitUntil') {
        return (promise) => {
          answered();
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

const TESTS_OWN = {
  /** If a statement fails, the response contains the database's message. */
  '/.tests/sql': (request, env) =>
    executed(env, request).then(
      (results) => Response.json(results),
      ({ message }) => new Response(message, { status: 500 }),
    ),
  '/.tests/taken': async () => {
    globalThis.gc?.();
    return Response.json(perfil.taken());
  },
  /** What a named deployment has spent since its last request, also after the reply. */
  '/.tests/spent': async (request) => Response.json(deployments.get(await request.text())?.counts),
  '/.tests/idle': async () => {
    await until('work after an answer', () => background === 0);
    return new Response();
  },
  /** All that a refused request must leave as it was, once nothing is running any more. */
  '/.tests/dump': async (request, env) => {
    await TESTS_OWN['/.tests/idle']();
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
    if (Object.hasOwn(TESTS_OWN, pathname)) return TESTS_OWN[pathname](request, env, searchParams);
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
  /** A test's orders come in the cron expression, the only thing that an event carries. */
  async scheduled(event, env, ctx) {
    const { cron, ...orders } = JSON.parse(event.cron);
    ({ pace = 1, ahead = 0 } = orders.faults ?? {});
    const told = new Proxy(event, { get: (target, key) => (key === 'cron' ? cron : target[key]) });
    await worker.scheduled(told, counted(env, orders, { d1: 0, rows: 0, reads: 0, writes: 0 }), watched(ctx));
  },
};
