// A misbehaving platform: slow, failing once, returning nonsense, or taking the instance down. The worker fails closed.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { assertConsistent, clearPictures, formOf, png } from '../support/avatars.mjs';
import { falcon, problem, ROUTES } from '../support/dialects.mjs';
import { assertResponse } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(() => clearPictures(worker));

/** Factor by which timers are sped up, for deadlines of ten and thirty seconds. */
const PACE = 100;
const unavailable = (route) =>
  route.dialect === 'falcon' ? falcon(503, 'Service Unavailable', 'Internal server error') : route.failure;

/** Checks for a failure in the dialect's own format, with the cause in the log alone, that changes nothing. */
async function assertFails(route, options, cause, { status = 500, d1 } = {}) {
  const before = await worker.dump();
  const response = await worker.put(route.path(), { as: 6, ...options });
  const line = await assertResponse(worker, response, status, status === 503 ? unavailable(route) : route.failure, {
    d1: d1 ?? response.d1Calls,
  });
  assert.match(line.cause, cause);
  assert.equal(response.headers.get('retry-after'), status === 503 ? '5' : null);
  assert.equal(await worker.dump(), before);
}

let held = 0;
/** Returns a fault that holds a call, and a function that releases it. */
function holding() {
  const name = `slow-${++held}`;
  return { fault: `hold:${name}`, release: () => worker.release(name) };
}

describe('a database that does not respond', () => {
  for (const route of ROUTES) {
    test(`is a 503 of ${route.name} after ten seconds, with Retry-After [R9 ${route.ids}]`, async () => {
      const { fault, release } = holding();
      const response = await worker.put(route.path(), {
        as: 6,
        json: route.good,
        faults: { batch: fault, pace: PACE },
      });
      const line = await assertResponse(worker, response, 503, unavailable(route), { d1: 1 });
      assert.deepEqual([line.cause, response.headers.get('retry-after')], ['database: no response within 10 s', '5']);
      await release();
    });
  }
  test('makes /health unavailable [O1]', async () => {
    const { fault, release } = holding();
    const response = await worker.send('GET', '/health', { faults: { batch: fault, pace: PACE } });
    assert.deepEqual(
      [response.status, response.text, response.headers.get('retry-after')],
      [503, '{"status":"unavailable"}', '5'],
    );
    await release();
  });
});

describe('a bucket that does not respond', () => {
  for (const route of ROUTES.filter(({ upload }) => upload)) {
    for (const call of ['head', 'put']) {
      const title =
        `to ${call} is a 503 of ${route.name} after thirty seconds, and leaves a consistent state ` +
        `[R9 M5 ${route.ids}]`;
      test(title, async () => {
        const { fault, release } = holding();
        const response = await worker.put(route.path(), {
          as: 6,
          form: formOf({ [route.upload]: png() }),
          faults: { [call]: fault, pace: PACE },
        });
        const line = await assertResponse(worker, response, 503, unavailable(route), { d1: response.d1Calls });
        assert.deepEqual([line.cause, response.headers.get('retry-after')], ['bucket: no response within 30 s', '5']);
        await release();
        await assertConsistent(worker);
      });
    }
  }
  test('is a 503 for a picture [M4 R9]', async () => {
    const { fault, release } = holding();
    const response = await worker.send('GET', '/media/avatars/slow.png', { faults: { get: fault, pace: PACE } });
    assert.deepEqual(
      [response.status, response.json, response.headers.get('retry-after')],
      [503, problem(503, 'Service Unavailable'), '5'],
    );
    await release();
  });
});

describe('a database that fails once', () => {
  const seam = ROUTES.find(({ dialect }) => dialect === 'seam');
  const profile = ROUTES.find(({ dialect }) => dialect === 'django');

  const title =
    'is queried again if the query changes nothing: an update without a field, ' +
    'the check before a hash and before a picture, /health [R9]';
  test(title, async () => {
    for (const kind of ['refuse', 'lose']) {
      const faults = { batch: [kind] };
      assert.deepEqual(
        await worker.put(profile.path(), { as: 6, json: {}, faults }).then(({ status, d1Calls }) => [status, d1Calls]),
        [200, 2],
      );
      assert.deepEqual(
        await worker
          .put(seam.path(7), { as: 6, json: { password: 'a new password' }, faults })
          .then(({ status, d1Calls }) => [status, d1Calls]),
        [200, 3],
      );
      assert.deepEqual(
        await worker
          .put(profile.path(), { as: 6, form: formOf({ avatar: png() }), faults })
          .then(({ status, d1Calls }) => [status, d1Calls]),
        [200, 3],
      );
      assert.equal((await worker.send('GET', '/health', { faults })).status, 200);
    }
    await assertConsistent(worker);
  });
  for (const route of ROUTES) {
    test(`is not sent a change again, because it may have applied it [R9 R6 ${route.ids}]`, () =>
      assertFails(route, { json: route.good, faults: { batch: ['refuse'] } }, /batch was refused by the test/, {
        d1: 1,
      }));
  }
});

describe('nonsense', () => {
  for (const nonsense of ['nothing', 'null', 'number', 'text', 'none', 'few', 'empty', 'rows', 'columns', 'object']) {
    for (const route of ROUTES) {
      test(`(${nonsense}) from the database is a failure of ${route.name} and nothing else [R9 ${route.ids}]`, () =>
        assertFails(
          route,
          { json: route.good, faults: { batch: `nonsense:${nonsense}` } },
          /^(database|unexpected row|the database|the instance is gone)/,
        ));
    }
  }
});

describe('a panic', () => {
  const picture = (faults = {}) => worker.send('HEAD', '/media/avatars/x.png', { faults });

  test('is an ordinary 500 for its own request, and the next request works [R9 R10]', async () => {
    const response = await picture({ head: 'nonsense:panic' });
    assert.deepEqual(
      [response.status, response.headers.get('content-type'), response.headers.get('cache-control')],
      [500, 'application/problem+json', 'no-store'],
    );
    const line = await worker.logOf(response);
    assert.deepEqual(
      [line.status, line.route, line.cause],
      [500, 'GET /media/avatars/*', 'the instance is gone: RuntimeError: unreachable'],
    );
    assert.ok(
      worker.lines.some(
        ({ level, message }) => level === 'error' && /panicked at .*nonsense of the test/s.test(message),
      ),
    );
    for (let n = 0; n < 3; n++) assert.equal((await picture()).status, 404);
    for (const route of ROUTES) assert.equal((await worker.put(route.path(), { as: 6, json: route.good })).status, 200);
  });
  for (const route of ROUTES) {
    const title =
      `of another request is immediately reported to requests in flight on ${route.name} ` + `[R9 R10 ${route.ids}]`;
    test(title, async () => {
      const { fault, release } = holding();
      const inFlight = worker.put(route.path(), {
        as: 6,
        json: route.good,
        faults: { batch: fault },
        headers: { 'x-request-id': `in-flight-${held}` },
      });
      await worker.held(fault.slice('hold:'.length));
      assert.equal((await picture({ head: 'nonsense:panic' })).status, 500);
      const response = await inFlight;
      const line = await worker.logOf(response);
      assert.deepEqual([response.status, response.json, response.requestId], [500, route.failure, `in-flight-${held}`]);
      assert.match(line.cause, /^the instance is gone/);
      await release();
      assert.equal((await worker.put(route.path(), { as: 6, json: route.good })).status, 200);
    });
  }
  test('of another request makes /health unavailable, but only for the moment [O1]', async () => {
    const { fault, release } = holding();
    const inFlight = worker.send('GET', '/health', { faults: { batch: fault } });
    await worker.held(fault.slice('hold:'.length));
    assert.equal((await picture({ head: 'nonsense:panic' })).status, 500);
    const { status, text, headers } = await inFlight;
    assert.deepEqual([status, text, headers.get('retry-after')], [503, '{"status":"unavailable"}', '5']);
    await release();
    assert.equal((await worker.send('GET', '/health')).status, 200);
  });
  test('after another, again and again, leaves a working worker [R9]', async () => {
    for (let n = 0; n < 20; n++) {
      const all = await Promise.all([
        picture(),
        picture({ head: 'nonsense:panic' }),
        worker.put('/users', { as: 42, json: { name: `Alice ${n}` } }),
        picture(),
      ]);
      for (const { status } of all) assert.ok([200, 404, 500].includes(status));
    }
    assert.equal((await picture()).status, 404);
    assert.equal((await worker.put('/users', { as: 42, json: { name: 'Alice Wonderland' } })).status, 200);
  });
});
