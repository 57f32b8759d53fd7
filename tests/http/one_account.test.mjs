// Rate limits, pictures, sessions and the log follow the account, whichever back end's token a request carries.
// Accounts that have the same id in different back ends (support/colliding.mjs) share none of them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { identify } from '../support/accounts.mjs';
import { AGAIN, formOf, keyOf, NEW, objects, png, settled, sweepAll } from '../support/avatars.mjs';
import { ACCOUNTS, BACK_ENDS, collide, rowsOf } from '../support/colliding.mjs';
import { INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { assertRefused, assertResponse } from '../support/responses.mjs';
import { LAYOUTS, now, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

/** Maximum duration of a test of limits, in milliseconds. */
const MAX_DURATION = 10_000;

/** Starts a worker with the accounts of support/colliding.mjs. */
async function colliding(t, options) {
  const worker = await startWorker(options);
  t.after(() => worker.stop());
  await collide(worker);
  // Miniflare resets its counters at every full minute. A test of limits must not run across one.
  const left = 60_000 - (Date.now() % 60_000);
  if (options?.limits && left < MAX_DURATION) await setTimeout(left);
  return worker;
}
/** A token of an account in a back end's layout, or a bare `sub` with its own ID. */
const tokenOf = (account, layout, options = {}) =>
  token(layout === 'plain' ? account : ACCOUNTS[account][layout], { layout, ...options });
const ALL = Object.keys(LAYOUTS);
const [FOTO, ME, SEAM, FALCON, DJANGO] = ROUTES;

describe('rate limits', () => {
  const rename = async (worker, account, layout) =>
    (await worker.put('/users', { token: await tokenOf(account, layout), json: { name: 'x' } })).status;

  for (const first of ALL) {
    const title = `exhausted with a token in the ${first} layout apply to every token of the account, and to no other`;
    test(`${title} [R1 I2]`, async (t) => {
      const worker = await colliding(t, { limits: { RATE_UPDATES: 2 } });
      assert.deepEqual([await rename(worker, 1004, first), await rename(worker, 1004, first)], [200, 200]);
      for (const layout of ALL) {
        const response = await worker.put('/users', { token: await tokenOf(1004, layout), json: { name: 'x' } });
        const line = await assertResponse(worker, response, 429, FALCON.refusals.tooMany(), { d1: 0, r2: [0, 0] });
        assert.equal(line.account, 1004);
      }
      // The same ids in other back ends are not limited.
      assert.equal(await rename(worker, 7, 'plain'), 401);
      for (const [layout, number] of [
        ['falcon', 7],
        ['django', 7],
        ['seam', 8],
        ['seam', 1004],
        ['falcon', 1004],
      ]) {
        const bearer = await token(number, { layout });
        assert.equal((await worker.put('/users', { token: bearer, json: { name: 'x' } })).status, 401, layout);
      }
      assert.equal(await rename(worker, 1005, 'seam'), 200);
    });
  }
  test('are separate for the four accounts with the id 6 [R1 I2]', async (t) => {
    const worker = await colliding(t, { limits: { RATE_UPDATES: 1 } });
    const six = async (layout) => {
      const bearer = await token(6, { layout });
      return (await worker.put('/api/v1/users/6', { token: bearer, json: {} })).status;
    };
    const once = { plain: 200, seam: 200, falcon: 403, django: 403 };
    for (const [layout, status] of Object.entries(once)) assert.equal(await six(layout), status, layout);
    for (const layout of ALL) assert.equal(await six(layout), 429, layout);
  });
  test('are not exhausted by tokens whose ID is another account’s own ID [R1 I2]', async (t) => {
    const worker = await colliding(t, { limits: { RATE_UPDATES: 1, RATE_COSTLY: 1 } });
    // 1005 has the id 1001 in seam, 1002 in falcon and 1003 in django.
    const statuses = [];
    for (const layout of BACK_ENDS) statuses.push(await rename(worker, 1005, layout));
    assert.deepEqual(statuses, [200, 429, 429]);
    assert.equal(await rename(worker, 1001, 'plain'), 401);
    assert.equal(await rename(worker, 1002, 'plain'), 200);
    assert.equal(await rename(worker, 1003, 'plain'), 401);
  });
  test('for costly requests count passwords and pictures with all tokens together [R1 S6 D1]', async (t) => {
    const worker = await colliding(t, { limits: { RATE_COSTLY: 1 } });
    const password = { json: { password: 'a new password' } };
    const path = SEAM.path(7);
    const changes = async (layout) =>
      (await worker.put(path, { token: await tokenOf(1005, layout), ...password })).status;
    assert.deepEqual([await changes('seam'), await changes('falcon'), await changes('plain')], [200, 429, 429]);
    for (const layout of BACK_ENDS) {
      const options = { token: await tokenOf(1005, layout), form: formOf({ avatar: png() }) };
      const target = DJANGO.path(1003);
      await assertRefused(worker, target, options, 429, DJANGO.refusals.tooMany(), { d1: 0, r2: [0, 0] });
    }
  });
  test('that are exhausted apply to an id new to the instance, before it hashes a password [R1 S6]', async (t) => {
    const worker = await colliding(t, { limits: { RATE_COSTLY: 1 } });
    // The broken form counts as costly and is refused before the database is queried for the account's identities.
    const form = { body: 'no form', headers: { 'content-type': 'multipart/form-data' } };
    assert.equal((await worker.put(FOTO.path(), { as: 1005, ...form })).status, 400);
    for (const layout of ['falcon', 'django']) {
      const options = { token: await tokenOf(1005, layout), json: { password: 'a new password' } };
      const expected = { d1: layout === 'falcon' ? 1 : 0 };
      await assertRefused(worker, SEAM.path(7), options, 429, SEAM.refusals.tooMany(), expected);
    }
  });
  test('cannot be evaded with ended tokens, which make the instance forget an id [R1 A7]', async (t) => {
    const worker = await colliding(t, { limits: { RATE_UPDATES: 4 } });
    await worker.sql('UPDATE users SET tokens_valid_after = ? WHERE id = 1004', now());
    const statuses = { 200: 0, 401: 0, 429: 0 };
    for (let n = 0; n < 12; n++)
      for (const options of [{ iat: now() - 100 }, {}]) {
        const bearer = await tokenOf(1004, 'falcon', options);
        statuses[(await worker.put('/users', { token: bearer, json: { name: 'x' } })).status]++;
      }
    // Requests before the account is known are counted by id first, so twice the limit may pass.
    assert.ok(statuses[200] + statuses[401] <= 8, JSON.stringify(statuses));
    assert.ok(statuses[429] >= 16);
  });
});

describe('pictures', () => {
  /** Uploads a picture with a token of 1005. */
  const stores = async (worker, layout, route, picture) => {
    const options = { token: await tokenOf(1005, layout), form: formOf({ [route.upload]: picture }) };
    return worker.put(route === DJANGO ? route.path(1003) : route.path(1001), options);
  };
  test('sent with different tokens of one account are one object under its prefix [M3 M5 I2]', async (t) => {
    const worker = await colliding(t);
    const picture = png();
    for (const route of [DJANGO, FOTO])
      for (const layout of ALL) {
        const response = await stores(worker, layout, route, picture);
        const isFirst = route === DJANGO && layout === ALL[0];
        await assertResponse(worker, response, 200, response.json, isFirst ? NEW : AGAIN);
        assert.match(response.text, new RegExp(keyOf(1005, picture)));
      }
    assert.deepEqual(await settled(worker), [keyOf(1005, picture)]);
  });
  for (const layout of BACK_ENDS) {
    test(`in the ${layout} layout from an account new to the instance cost no extra calls [M3 R7]`, async (t) => {
      const worker = await colliding(t);
      const picture = png();
      const response = await stores(worker, layout, FOTO, picture);
      await assertResponse(worker, response, 200, response.json, NEW);
      assert.deepEqual(await settled(worker), [keyOf(1005, picture)]);
      const again = await stores(worker, layout, FOTO, picture);
      await assertResponse(worker, again, 200, again.json, AGAIN);
    });
  }
  test('of accounts with the same id are separate objects, removed separately [M3 M5]', async (t) => {
    const worker = await colliding(t);
    await worker.sql('UPDATE users SET role_id = 1 WHERE id IN (1001, 1002, 1003)');
    const picture = png();
    const sixes = { seam: 1001, falcon: 1002, django: 1003, plain: 6 };
    const send = async (layout, sent) => {
      const path = FOTO.path(ACCOUNTS[sixes[layout]].persona);
      return worker.put(path, { token: await token(6, { layout }), ...sent });
    };
    for (const layout of Object.keys(sixes)) {
      const response = await send(layout, { form: formOf({ foto: picture }) });
      await assertResponse(worker, response, 200, response.json, NEW);
    }
    const all = Object.values(sixes).map((id) => keyOf(id, picture));
    assert.deepEqual(await settled(worker), all.toSorted());
    for (const layout of Object.keys(sixes)) {
      assert.equal((await send(layout, { json: { foto_url: 'https://example.com/none' } })).status, 200);
      all.splice(all.indexOf(keyOf(sixes[layout], picture)), 1);
      assert.deepEqual(await settled(worker), all.toSorted(), layout);
    }
  });
  test('cannot be removed or kept by an account whose id is their prefix [M5 I2]', async (t) => {
    const worker = await colliding(t);
    // 1005 has the ID 1001 in seam, but avatars/1001/ belongs to the account whose own ID is 1001.
    await worker.sql("INSERT INTO identities (back_end, id, account_id) VALUES ('falcon', 1005, 1001)");
    const picture = png();
    const path = FOTO.path(ACCOUNTS[1001].persona);
    const options = { token: await token(6, { layout: 'seam' }), form: formOf({ foto: picture }) };
    assert.equal((await worker.put(path, options)).status, 200);
    const key = keyOf(1001, picture);
    for (const layout of ALL) {
      const bearer = await tokenOf(1005, layout);
      for (const image_path of [key, `/x/media/${key}`.slice(1), `https://a.example/media/${key}?x`, null]) {
        const { status, text } = await worker.put('/users', { token: bearer, json: { image_path } });
        assert.equal(status, 200, text);
      }
      assert.deepEqual(await settled(worker), [key]);
    }
    // The owner replaces it while the record of 1005 points at it.
    await worker.put('/users', { token: await tokenOf(1005, 'seam'), json: { image_path: key } });
    await worker.put(path, { token: await tokenOf(1001, 'seam'), json: { foto_url: 'https://example.com/none' } });
    assert.deepEqual(await settled(worker), []);
  });
  test('go to the new account’s prefix after an id has moved to another account [M3 M5]', async (t) => {
    const worker = await colliding(t);
    const [old, fresh] = [png(), png()];
    const send = async (picture) =>
      worker.put(DJANGO.path(6), { token: await token(6, { layout: 'django' }), form: formOf({ avatar: picture }) });
    assert.equal((await send(old)).status, 200);
    await worker.sql("DELETE FROM identities WHERE back_end = 'django' AND id = 6");
    await identify(worker, 1002, { django: 6 });
    const response = await send(fresh);
    // One more read of the bucket, under the other prefix.
    await assertResponse(worker, response, 200, response.json, { d1: 2, r2: [2, 1] });
    assert.equal((await worker.logOf(response)).account, 1002);
    assert.equal(response.json.avatar, `/media/${keyOf(1002, fresh)}`);
    assert.deepEqual(await settled(worker), [keyOf(1002, fresh), keyOf(1003, old)]);
    assert.equal((await sweepAll(worker)).removed, 0);
  });
  test('are not stored for callers that the database refuses [R7 A7]', async (t) => {
    const worker = await colliding(t);
    for (const [layout, number] of [
      ['seam', 9],
      ['falcon', 7],
      ['django', 1004],
      ['plain', 9],
    ]) {
      const options = { token: await token(number, { layout }), form: formOf({ avatar: png() }) };
      await assertRefused(worker, DJANGO.path(9), options, 401, DJANGO.refusals.gone(), {
        d1: 1,
        challenge: INVALID_TOKEN,
      });
    }
    // Now 1003 has the id 9 in seam and falcon. In django, it still belongs to 1004.
    await identify(worker, 1003, { seam: 9, falcon: 9 });
    for (const [layout, number] of [
      ['seam', 9],
      ['falcon', 9],
      ['django', 6],
      ['plain', 1003],
    ]) {
      const options = { token: await token(number, { layout }), form: formOf({ avatar: png() }) };
      await assertRefused(worker, DJANGO.path(9), options, 403, { error: 'Not authorized' }, { d1: 1 });
    }
    assert.deepEqual(await objects(worker), []);
  });
});

describe('a change of password', () => {
  const use = async (worker, layout, number, iat) => {
    const bearer = await token(number, { layout, iat });
    return (await worker.put(SEAM.path(4711), { token: bearer, json: {} })).status;
  };
  test('ends the account’s older tokens of every back end, and no others [A7 S5 I2]', async (t) => {
    const worker = await colliding(t);
    const old = now() - 30;
    const before = await rowsOf(worker);
    const bearer = await tokenOf(1001, 'seam');
    const response = await worker.put(SEAM.path(7), { token: bearer, json: { password: 'another password' } });
    await assertResponse(worker, response, 200, response.json, { d1: 2 });
    const after = await rowsOf(worker);
    assert.deepEqual(
      [...after.keys()].filter((key) => after.get(key) !== before.get(key)),
      ['users 1004'],
    );
    for (const layout of ALL) {
      const number = layout === 'plain' ? 1004 : ACCOUNTS[1004][layout];
      for (const [iat, status] of [
        [old, 401],
        [null, 401],
        [undefined, 403],
      ])
        assert.equal(await use(worker, layout, number, iat), status, `${layout} ${iat}`);
    }
    // 403 and 404 show that the token was accepted.
    const others = [
      ['plain', 7, 403],
      ['plain', 6, 404],
      ['seam', 6, 404],
      ['falcon', 6, 403],
      ['django', 6, 403],
    ];
    for (const [layout, number, status] of [...others, ['seam', 1001, 404], ['falcon', 1002, 404]])
      assert.equal(await use(worker, layout, number, old), status, `${layout} ${number}`);
  });
  test("of one's own account ends the token that made it, and those of the other back ends [A7 S5]", async (t) => {
    const worker = await colliding(t);
    const options = {
      token: await tokenOf(1005, 'django', { iat: now() - 30 }),
      json: { password: 'another password' },
    };
    const response = await worker.put(SEAM.path(1001), options);
    assert.deepEqual([response.status, response.json.data.idUser, response.d1Calls], [200, 1001, 2]);
    const line = await worker.logOf(response);
    assert.deepEqual([line.account, line.back_end, line.subject], [1005, 'django', 1003]);
    for (const layout of ALL) {
      const number = layout === 'plain' ? 1005 : ACCOUNTS[1005][layout];
      assert.equal(await use(worker, layout, number, now() - 30), 401, layout);
      assert.equal(await use(worker, layout, number, undefined), 404, layout);
    }
  });
});

describe('the log', () => {
  test('contains the back end and the id, and the account once the instance knows it [O2]', async (t) => {
    const worker = await colliding(t);
    const send = async (layout) => {
      const response = await worker.put(ME.path(), { token: await tokenOf(1004, layout), body: '{' });
      const { account, back_end, subject, d1_calls } = await worker.logOf(response);
      return [response.status, account, back_end, subject, d1_calls];
    };
    const expected = (account) => BACK_ENDS.map((name) => [415, account, name, ACCOUNTS[1004][name], 0]);
    assert.deepEqual(await Promise.all(BACK_ENDS.map(send)), expected(undefined));
    await worker.put('/users', { token: await tokenOf(1004, 'falcon'), json: { name: 'x' } });
    assert.deepEqual(await Promise.all(BACK_ENDS.map(send)), expected(1004));
    assert.deepEqual(await send('plain'), [415, 1004, undefined, undefined, 0]);
  });
});
