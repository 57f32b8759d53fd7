// The platform's rate limits: a caller who exceeds one is refused before the request costs anything.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { formOf, keys, png } from '../support/avatars.mjs';
import { ROUTES } from '../support/dialects.mjs';
import { assertResponse } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const NONE = { d1: 0, r2: [0, 0] };
const fresh = async (t, options) => {
  const worker = await startWorker(options);
  t.after(() => worker.stop());
  return worker;
};
/** Checks the whole response to a caller who has exceeded a limit, and that it cost no calls. */
async function throttled(worker, route, response) {
  const line = await assertResponse(worker, response, 429, route.refusals.tooMany(), NONE);
  assert.equal(response.headers.get('retry-after'), '60');
  assert.deepEqual([line.route, line.code], [route.name, 'too_many_requests']);
}
const statuses = async (count, send) => {
  const all = [];
  for (let n = 0; n < count; n++) all.push((await send()).status);
  return all;
};

describe('updates', () => {
  let worker;
  before(async () => {
    worker = await startWorker({ limits: { RATE_UPDATES: 2 } });
  });
  after(() => worker?.stop());

  for (const route of ROUTES) {
    test(`of one account are limited for ${route.name}, whatever they contain; others are not [R1 R7]`, async () => {
      assert.deepEqual(await statuses(2, () => worker.put(route.path(), { as: 6, json: route.good })), [200, 200]);
      const before = await worker.dump();
      await throttled(worker, route, await worker.put(route.path(), { as: 6, json: route.good }));
      await throttled(
        worker,
        route,
        await worker.put(route.path(), { as: 6, body: '{', headers: { 'content-type': 'text/plain' } }),
      );
      await throttled(worker, route, await worker.send('POST', route.path('x'), { as: 6, body: '{' }));
      if (route.upload)
        await throttled(
          worker,
          route,
          await worker.put(route.path(), { as: 6, form: formOf({ [route.upload]: png() }) }),
        );
      assert.equal(await worker.dump(), before);
      assert.equal((await worker.put(route.path(), { json: route.good })).status, 401);
      assert.notEqual((await worker.put(route.path(), { as: 1, json: route.good })).status, 429);
    });
  }
  test('do not include reads of health and pictures [O1 M4]', async () => {
    assert.deepEqual(await statuses(4, () => worker.send('GET', '/health')), [200, 200, 200, 200]);
    assert.deepEqual(await statuses(4, () => worker.send('GET', '/media/avatars/x.png')), [404, 404, 404, 404]);
  });
});

describe('a costly request', () => {
  test('is limited for one account: a new password, before any database call or hash [S6 R7]', async (t) => {
    const worker = await fresh(t, { limits: { RATE_COSTLY: 1 } });
    const route = ROUTES.find(({ dialect }) => dialect === 'seam');
    const password = { as: 6, json: { password: 'a new password' } };
    assert.equal((await worker.put(route.path(7), password)).status, 200);
    const before = await worker.dump();
    await throttled(worker, route, await worker.put(route.path(7), password));
    await throttled(worker, route, await worker.put(route.path(4711), password));
    assert.equal(await worker.dump(), before);
    assert.equal((await worker.put(route.path(7), { as: 6, json: { password: 'short' } })).status, 400);
    assert.equal((await worker.put(route.path(7), { as: 6, json: { full_name: 'Jane Smith' } })).status, 200);
    assert.equal((await worker.put(route.path(7), { as: 1, json: { password: 'a new password' } })).status, 200);
  });
  for (const route of ROUTES.filter(({ upload }) => upload)) {
    test(`is limited for one account: a picture by ${route.name}, before its form is parsed [R7 D1 P5]`, async (t) => {
      const worker = await fresh(t, { limits: { RATE_COSTLY: 1 } });
      const picture = () => ({ as: 6, form: formOf({ [route.upload]: png() }) });
      assert.equal((await worker.put(route.path(), picture())).status, 200);
      const before = await keys(worker);
      await throttled(worker, route, await worker.put(route.path(), picture()));
      await throttled(
        worker,
        route,
        await worker.put(route.path(), { as: 6, body: 'no form', headers: { 'content-type': 'multipart/form-data' } }),
      );
      assert.deepEqual(await keys(worker), before);
      assert.equal((await worker.put(route.path(), { as: 6, json: route.good })).status, 200);
    });
  }
});

describe('failed authentication', () => {
  let worker;
  before(async () => {
    worker = await startWorker({ limits: { RATE_FAILED_AUTH: 2 } });
  });
  after(() => worker?.stop());
  const from = (client, options) => ({ ...options, headers: { 'cf-connecting-ip': client } });

  test('is limited for one address, over all routes; good tokens are not [A1 A3 R1]', async () => {
    const mine = '192.0.2.7';
    const [first, ...others] = ROUTES;
    assert.deepEqual(await statuses(1, () => worker.put(first.path(), from(mine, { json: first.good }))), [401]);
    assert.deepEqual(
      await statuses(1, () => worker.put(first.path(), from(mine, { token: 'x.y.z', json: first.good }))),
      [401],
    );
    for (const route of [first, ...others]) {
      await throttled(worker, route, await worker.put(route.path(), from(mine, { json: route.good })));
      await throttled(worker, route, await worker.put(route.path(), from(mine, { token: 'x.y.z', json: route.good })));
      assert.equal((await worker.put(route.path(), from(mine, { as: 6, json: route.good }))).status, 200);
      if (route === first)
        assert.equal((await worker.put(route.path(), from('192.0.2.8', { json: route.good }))).status, 401);
    }
  });
  test('is limited for one IPv6 network (/64), and not for others [A1 R1]', async () => {
    const [route] = ROUTES;
    const ask = (client) => worker.put(route.path(), from(client, { json: route.good }));
    const network = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::7', '2001:DB8:1:2:0:0:0:9'];
    assert.deepEqual(
      await Promise.all(network.slice(0, 2).map(async (client) => (await ask(client)).status)),
      [401, 401],
    );
    await throttled(worker, route, await ask(network[2]));
    for (const other of ['2001:db8:1:3::1', '::ffff:192.0.2.77', '::ffff:192.0.2.78'])
      assert.equal((await ask(other)).status, 401, other);
  });
});

describe('a rate limit', () => {
  test('that is not bound limits nothing, and is logged once [O2]', async (t) => {
    const worker = await fresh(t);
    const [foto] = ROUTES;
    assert.deepEqual(await statuses(3, () => worker.put(foto.path(), { as: 6, json: foto.good })), [200, 200, 200]);
    assert.deepEqual(
      await statuses(3, () => worker.put(foto.path(), { as: 6, form: formOf({ foto: png() }) })),
      [200, 200, 200],
    );
    assert.deepEqual(await statuses(3, () => worker.put(foto.path(), { json: foto.good })), [401, 401, 401]);
    await worker.logOf(await worker.send('GET', '/health'));
    const warnings = worker.lines.filter(({ message }) => message.includes('no_rate_limit'));
    assert.deepEqual(
      warnings,
      ['RATE_UPDATES', 'RATE_COSTLY', 'RATE_FAILED_AUTH'].map((binding) => ({
        level: 'log',
        message: JSON.stringify({ event: 'no_rate_limit', binding }),
      })),
    );
  });
  test('that is bound to something else limits nothing, and is logged every time [O2]', async (t) => {
    const worker = await fresh(t, { vars: { RATE_UPDATES: 'a text' } });
    const [foto] = ROUTES;
    assert.deepEqual(await statuses(2, () => worker.put(foto.path(), { as: 6, json: foto.good })), [200, 200]);
    await worker.logOf(await worker.send('GET', '/health'));
    const warnings = worker.lines.filter(
      ({ level, message }) => level === 'error' && message.includes('"binding":"RATE_UPDATES"'),
    );
    assert.equal(warnings.length, 2);
  });
});
