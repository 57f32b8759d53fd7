// GET /health, and the log: one readable line per request, without secrets or personal data.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { falcon, problem, ROUTES } from '../support/dialects.mjs';
import { assertResponse, raw } from '../support/responses.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

let worker, bare;
before(async () => {
  worker = await startWorker();
  bare = await startWorker({ bindings: false });
});
after(() => Promise.all([worker?.stop(), bare?.stop()]));

describe('health', () => {
  test('the service is healthy if the database responds [O1 R10]', async () => {
    const line = await assertResponse(worker, await worker.send('GET', '/health'), 200, { status: 'ok' }, { d1: 1 });
    assert.equal(line.route, 'GET /health');
  });

  test('a trailing slash, a query and a bad token make no difference [O1 R8]', async () => {
    for (const [target, options] of [
      ['/health/', {}],
      ['/health?verbose=1', {}],
      ['/health', { token: 'x.y.z' }],
    ]) {
      await assertResponse(worker, await worker.send('GET', target, options), 200, { status: 'ok' }, { d1: 0 });
    }
  });

  test('the database is queried at most once a second, and all callers get the same result [O3 O1]', async () => {
    const ask = (count, faults) =>
      Promise.all(Array.from({ length: count }, () => worker.send('GET', '/health', { faults })));
    const of = (replies) => [
      new Set(replies.map(({ status }) => status)),
      replies.reduce((sum, { d1Calls }) => sum + d1Calls, 0),
    ];
    assert.deepEqual(of(await ask(50, { ahead: 10 })), [new Set([200]), 1]);
    // A read that fails is retried once.
    assert.equal(of(await ask(20, { ahead: 20, batch: 'refuse' }))[1], 2);
    assert.deepEqual(of(await ask(20, { ahead: 20 })), [new Set([503]), 0]);
    assert.deepEqual(of(await ask(20, { ahead: 30 }))[1], 1);
    assert.deepEqual(of(await ask(20, { ahead: 30 })), [new Set([200]), 0]);
  });

  test('simultaneous calls to a new instance share one database query [O3]', async (t) => {
    const fresh = await startWorker();
    t.after(() => fresh.stop());
    const replies = await Promise.all(Array.from({ length: 20 }, () => fresh.send('GET', '/health')));
    assert.deepEqual([...new Set(replies.map(({ text }) => text))], ['{"status":"ok"}']);
    assert.equal(
      replies.reduce((sum, { d1Calls }) => sum + d1Calls, 0),
      1,
    );
  });

  test('if the schema lacks a migration, the log has the cause and the remedy [O3 O2]', async (t) => {
    const old = await startWorker();
    t.after(() => old.stop());
    await old.sql('ALTER TABLE users RENAME COLUMN tokens_valid_after TO later');
    const body = { status: 'unavailable', reason: 'the database lacks a migration' };
    const line = await assertResponse(old, await old.send('GET', '/health'), 503, body, { d1: 1 });
    assert.match(line.cause, /^database: no such column: tokens_valid_after.* \(apply the migrations: wrangler /);
    const update = await old.put('/users', { as: 6, json: { name: 'Luis' } });
    assert.equal(update.status, 500);
    assert.match((await old.logOf(update)).cause, /apply the migrations/);
  });

  test('HEAD responds like GET, without the body [O1]', async () => {
    for (const [on, status] of [
      [worker, 200],
      [bare, 503],
    ]) {
      const response = await on.send('HEAD', '/health');
      const header = (name) => response.headers.get(name);
      assert.deepEqual(
        [
          response.status,
          response.text,
          header('content-type'),
          header('cache-control'),
          header('x-content-type-options'),
        ],
        [status, '', 'application/json', 'no-store', 'nosniff'],
      );
      assert.equal((await on.logOf(response)).status, status);
    }
  });

  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    test(`${method} is not allowed, as problem JSON [O1 R8 R10]`, async () => {
      const response = await worker.send(method, '/health');
      const header = (name) => response.headers.get(name);
      assert.deepEqual(
        [
          response.status,
          response.text,
          header('content-type'),
          header('allow'),
          header('cache-control'),
          header('x-content-type-options'),
          response.d1Calls,
        ],
        [
          405,
          JSON.stringify(problem(405, 'Method Not Allowed')),
          'application/problem+json',
          'GET, HEAD',
          'no-store',
          'nosniff',
          0,
        ],
      );
      assert.equal((await worker.logOf(response)).d1_calls, 0);
    });
  }

  test('without a database it is unavailable, and the log has the cause [O1 O2]', async () => {
    const line = await assertResponse(
      bare,
      await bare.send('GET', '/health'),
      503,
      { status: 'unavailable' },
      { d1: 0 },
    );
    assert.match(line.cause, /\bDB\b/);
  });
});

describe('Server-Timing', () => {
  const put = (SERVER_TIMING) => worker.put('/users', { as: 6, json: { name: 'Luis' }, vars: { SERVER_TIMING } });

  test('has the figures of the log line, if a variable turns it on [O2]', async () => {
    const response = await put('on');
    const { d1_calls, d1_ms, duration_ms } = await worker.logOf(response);
    assert.equal(
      response.headers.get('server-timing'),
      `d1;dur=${d1_ms};desc="calls: ${d1_calls}", total;dur=${duration_ms}`,
    );
  });

  test('is absent otherwise [O2]', async () => {
    for (const value of [undefined, '', 'off', 'true', 'ON'])
      assert.equal((await put(value)).headers.get('server-timing'), null);
  });
});

describe('the log', () => {
  const LUIS = { as: 6 };
  /**
   * The fields of a line except the request id, the durations, the code and the cause, which are checked separately.
   */
  const said = ({ request_id, duration_ms, d1_ms, code, cause, ...rest }) => rest;

  for (const { name, path, good } of ROUTES) {
    test(`a change by ${name} is one line with exactly these fields [O2]`, async () => {
      const response = await worker.put(path(), { ...LUIS, json: good });
      const line = await worker.logOf(response);
      assert.deepEqual(said(line), { method: 'PUT', route: name, status: 200, d1_calls: 1, account: 6 });
      assert.deepEqual(Object.keys(line).sort(), [
        'account',
        'd1_calls',
        'd1_ms',
        'duration_ms',
        'method',
        'request_id',
        'route',
        'status',
      ]);
      assert.ok(Number.isInteger(line.duration_ms) && Number.isInteger(line.d1_ms));
      assert.ok(line.d1_ms >= 0 && line.duration_ms >= line.d1_ms, `${line.d1_ms} of ${line.duration_ms} ms`);
    });

    test(`a refusal by ${name} also has a code, and no cause [O2]`, async () => {
      const line = await worker.logOf(await worker.put(path(), { ...LUIS, ...raw('{') }));
      assert.deepEqual(said(line), { method: 'PUT', route: name, status: 400, d1_calls: 0, account: 6 });
      assert.deepEqual(Object.keys(line).sort(), [
        'account',
        'code',
        'd1_calls',
        'd1_ms',
        'duration_ms',
        'method',
        'request_id',
        'route',
        'status',
      ]);
      assert.match(line.code, /^[a-z][a-z0-9_]*$/);
    });

    test(`a failure of ${name} has its cause [O2 R9]`, async () => {
      const line = await bare.logOf(await bare.put(path(), { ...LUIS, json: good }));
      assert.deepEqual(said(line), { method: 'PUT', route: name, status: 500, d1_calls: 0, account: 6 });
      assert.match(line.cause, /\bDB\b/);
    });
  }

  test('a refusal has the same code in every dialect, and different refusals have different codes [O2]', async () => {
    const codes = new Map();
    for (const { path, good } of ROUTES) {
      const refusals = {
        unauthenticated: {},
        invalid: { token: 'x.y.z' },
        malformed: { ...LUIS, ...raw('{') },
        unsupported: { ...LUIS, ...raw('x', 'text/plain') },
        inactive: { as: 43, json: good },
      };
      for (const [what, options] of Object.entries(refusals)) {
        const { code } = await worker.logOf(await worker.put(path(43), options));
        codes.set(what, (codes.get(what) ?? new Set()).add(code));
      }
    }
    assert.deepEqual(
      [...codes.values()].map((set) => set.size),
      [1, 1, 1, 1, 1],
    );
    assert.equal(
      new Set(['unauthenticated', 'malformed', 'unsupported'].map((what) => [...codes.get(what)][0])).size,
      3,
    );
  });

  test('a line has the trace id of its request and the version of the worker [O2]', async (t) => {
    const deployed = await startWorker({ version: true });
    t.after(() => deployed.stop());
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    const traced = await deployed.logOf(await deployed.put('/users', { ...LUIS, json: { name: 'Luis' }, headers }));
    assert.equal(traced.trace_id, trace);
    assert.match(traced.version, /^[\w-]{1,64}$/);
    const other = await deployed.logOf(await deployed.send('GET', '/x', { headers: { traceparent: `00-${trace}-1` } }));
    assert.deepEqual([other.trace_id, other.version], [undefined, traced.version]);
  });

  test('a request without an account has none in its line, and an unknown path has no route [O2]', async () => {
    for (const [method, target, options, route] of [
      ['PUT', '/users', {}, 'PUT /users'],
      ['PUT', '/users', { token: 'x.y.z' }, 'PUT /users'],
      ['GET', '/health', {}, 'GET /health'],
      ['GET', '/users/jane@example.com', {}, null],
      ['GET', '/nothing', {}, null],
    ]) {
      const line = await worker.logOf(await worker.send(method, target, options));
      assert.deepEqual([line.method, line.route, 'account' in line], [method, route, false]);
    }
  });

  test('every request is one line of JSON, whatever its outcome, and nothing else is logged [O2]', async () => {
    // With every binding present, no line about a missing one is logged.
    const own = await startWorker({ limits: { RATE_UPDATES: 1000, RATE_COSTLY: 1000, RATE_FAILED_AUTH: 1000 } });
    try {
      const responses = [];
      for (const { path, good } of ROUTES) {
        for (const options of [
          { ...LUIS, json: good },
          { ...LUIS, json: {} },
          { ...LUIS, ...raw('{') },
          {},
          { token: 'x' },
          { as: 43, json: good },
          { as: 42, json: good },
        ])
          responses.push(await own.put(path(), options));
        responses.push(
          await own.send('GET', path()),
          await own.send('HEAD', path(), LUIS),
          await own.send('OPTIONS', path(), LUIS),
        );
      }
      for (const target of ['/', '/users/x', '/health', '/media/nothing'])
        responses.push(await own.send('GET', target));
      await own.sql('ALTER TABLE users RENAME TO users_away');
      for (const { path, good } of ROUTES) responses.push(await own.put(path(), { ...LUIS, json: good }));
      for (const response of responses) await own.logOf(response);
      const lines = own.lines.map(({ message }) => JSON.parse(message));
      assert.deepEqual(
        lines.map(({ request_id }) => request_id).sort(),
        responses.map(({ requestId }) => requestId).sort(),
      );
      assert.deepEqual(lines.map(({ status }) => status).sort(), responses.map(({ status }) => status).sort());
    } finally {
      await own.stop();
    }
  });

  test('no line contains a token, a password, an e-mail or a word of a body, path or header [O2]', async () => {
    const own = await startWorker();
    try {
      const bearer = await token(6, { layout: 'seam' });
      const WORD = 'Zanzibar';
      const mail = `${WORD}@secret.example`;
      const bodies = [
        {
          full_name: WORD,
          name: WORD,
          first_name: WORD,
          nombres: WORD,
          password: `${WORD}-pw`,
          email: mail,
          foto_url: `https://${WORD}.example/`,
        },
        { email: mail },
        { email: 'alice@example.com', full_name: WORD },
        { name: WORD },
        { first_name: WORD },
        { nombres: WORD },
        { password: `${WORD}-pw` },
        { password: WORD.repeat(20) },
        { [WORD]: WORD },
        { email: `${WORD}@` },
        { dni: `${WORD}/` },
      ];
      const options = [
        ...bodies.map((json) => ({ json })),
        raw(`{"password":"${WORD}`),
        raw(`{"${WORD}":1,"${WORD}":2}`),
        raw(WORD),
        raw(`"${WORD}"`),
        raw('x', `text/${WORD}`),
      ];
      const send = async (extra) => {
        for (const { path } of ROUTES) {
          for (const option of options)
            await own.logOf(
              await own.put(`${path()}?email=${mail}`, {
                token: bearer,
                ...option,
                headers: { ...option.headers, cookie: WORD, 'user-agent': WORD, 'x-request-id': `a ${WORD}`, ...extra },
              }),
            );
        }
      };
      await send({});
      await own.logOf(await own.send('GET', `/users/${mail}`, { token: bearer }));
      await own.logOf(await own.send('PUT', `/api/profile/${WORD}/update/`, { token: bearer }));
      await own.logOf(await own.put('/users', { token: `${bearer}${WORD}`, json: {} }));
      await own.logOf(await own.put('/users', { headers: { authorization: `Basic ${WORD}` } }));
      await own.sql(`CREATE TRIGGER broken BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'out of paper'); END`);
      await send({});
      const text = own.lines.map(({ message }) => message).join('\n');
      for (const secret of [
        WORD.toLowerCase(),
        bearer.toLowerCase(),
        bearer.split('.')[2].toLowerCase(),
        'bearer ',
        '@example.com',
        '$2b$',
      ])
        assert.ok(!text.toLowerCase().includes(secret), secret);
      assert.ok(text.includes('out of paper'));
    } finally {
      await own.stop();
    }
  });

  test('a failure does not reveal its cause to the caller [R9 O2]', async () => {
    const response = await bare.put('/users', { ...LUIS, json: { name: 'Luis' } });
    await assertResponse(bare, response, 500, falcon(500, 'Internal Server Error', 'Internal server error'), { d1: 0 });
  });
});
