// The entry module of every test worker: the built worker, with its real bindings counted.
// The count reaches the test in a response header, so that the worker's own `d1_calls` can be checked against it.
// One path is the tests' own: SQL straight to the database, many times faster than from outside the runtime.
import worker from './index.js';

const STATEMENT_CALLS = new Set(['run', 'first', 'all', 'raw']);

/** A D1 statement whose executions are counted, and which a batch can still unwrap. */
function countedStatement(statement, count) {
  return new Proxy(statement, {
    get(target, key) {
      if (key === INNER) return target;
      const value = target[key];
      if (typeof value !== 'function') return value;
      if (key === 'bind') return (...args) => countedStatement(target.bind(...args), count);
      return (...args) => {
        if (STATEMENT_CALLS.has(key)) count();
        return value.apply(target, args);
      };
    },
  });
}
const INNER = Symbol('inner');
const SQL_PATH = '/.tests/sql';

function countedDatabase(database, count) {
  return new Proxy(database, {
    get(target, key) {
      if (key === 'prepare') return (sql) => countedStatement(target.prepare(sql), count);
      if (key === 'batch') return (statements) => (count(), target.batch(statements.map((s) => s[INNER] ?? s)));
      if (key === 'exec') return (sql) => (count(), target.exec(sql));
      const value = target[key];
      // The constructor's name is how workers-rs knows a binding: it must stay what it is.
      return typeof value === 'function' && key !== 'constructor' ? value.bind(target) : value;
    },
  });
}

export default {
  async fetch(request, env, ctx) {
    if (request.url.endsWith(SQL_PATH)) {
      const statements = await request.json();
      return Response.json(await env.DB.batch(statements.map(({ sql, parameters }) => env.DB.prepare(sql).bind(...parameters))));
    }
    let calls = 0;
    // A test may change a variable under a warm instance, as the platform does when a secret is rotated.
    env = { ...env, ...JSON.parse(request.headers.get('x-test-variables') ?? '{}') };
    const counted = env.DB ? { ...env, DB: countedDatabase(env.DB, () => calls++) } : env;
    const response = await worker.fetch(request, counted, ctx);
    const headers = new Headers(response.headers);
    headers.set('x-test-d1-calls', String(calls));
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
  },
};
