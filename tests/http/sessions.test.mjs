// A change of password ends earlier sessions. The check is part of the one database call of every request.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { formOf, png } from '../support/avatars.mjs';
import { INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { assertAccepted, assertRefused } from '../support/responses.mjs';
import { LAYOUTS, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

const now = () => Math.floor(Date.now() / 1000);
const SEAM = '/api/v1/users/';
const changedAt = async (id) => (await worker.sql('SELECT tokens_valid_after AS at FROM users WHERE id = ?', id))[0].at;
/** Changes a password, by default as account 6, which may change any account's. */
const changePassword = (id, options = { as: 6 }) =>
  worker.put(`${SEAM}${id}`, { ...options, json: { password: 'another password' } });
const isOver = { d1: 1, challenge: INVALID_TOKEN };

describe('a change of password', () => {
  const at = 1_700_000_000;
  before(() => worker.sql('UPDATE users SET tokens_valid_after = ? WHERE id = 6', at));
  after(() => worker.sql('UPDATE users SET tokens_valid_after = NULL WHERE id = 6'));

  for (const route of ROUTES) {
    test(`ends older tokens for ${route.name}, including those without iat [A7 R1 R7]`, async () => {
      for (const iat of [at - 1, 1, null]) {
        const bearer = await token(6, { iat });
        await assertRefused(
          worker,
          route.path(),
          { token: bearer, json: route.good },
          401,
          route.refusals.badToken(),
          isOver,
        );
        // Checks that need no database come first, as for everything that the database decides.
        const malformed = await worker.put(route.path(), {
          token: bearer,
          body: '{',
          headers: { 'content-type': 'application/json' },
        });
        assert.deepEqual([malformed.status, malformed.d1Calls], [400, 0]);
      }
    });
    test(`keeps tokens of the same second and later ones valid for ${route.name} [A4 A7]`, async () => {
      for (const iat of [at, at + 1, now()]) {
        const response = await worker.put(route.path(), { token: await token(6, { iat }), json: route.good });
        assert.deepEqual([response.status, response.d1Calls], [200, 1], response.text);
      }
    });
    if (!route.upload) continue;
    test(`prevents an older token from storing anything through ${route.name} [R7 A7]`, async () => {
      const options = { token: await token(6, { iat: at - 1 }), form: formOf({ [route.upload]: png() }) };
      await assertRefused(worker, route.path(), options, 401, route.refusals.badToken(), { ...isOver, r2: [1, 0] });
    });
  }
  test('does not affect other accounts, including those that never changed theirs [A7]', async () => {
    for (const iat of [1, null]) {
      const response = await worker.put('/users', {
        token: await token(42, { iat }),
        json: { name: 'Alice Wonderland' },
      });
      assert.equal(response.status, 200, response.text);
    }
  });
});

describe('changing a password through Perfil', () => {
  test('ends the earlier sessions of that account, and of no other [S5 A7]', async () => {
    const before = now();
    assert.equal((await changePassword(7)).status, 200);
    const at = await changedAt(7);
    assert.ok(Number.isInteger(at) && at >= before && at <= now() + 1, String(at));
    assert.deepEqual(
      (await worker.sql('SELECT id FROM users WHERE tokens_valid_after IS NOT NULL')).map(({ id }) => id),
      [7],
    );
    const old = await worker.put('/users', { token: await token(7, { iat: at - 1 }), json: { name: 'Jane Smith' } });
    assert.deepEqual([old.status, old.headers.get('www-authenticate')], [401, INVALID_TOKEN]);
  });
  for (const layout of Object.keys(LAYOUTS)) {
    test(`does not affect tokens in the ${layout} layout that are issued afterwards [A5]`, async () => {
      const { status, text } = await worker.put('/users', {
        token: await token(7, { layout, iat: await changedAt(7) }),
        json: { name: 'Jane Smith' },
      });
      assert.equal(status, 200, text);
    });
  }
  test("of the caller's own account still returns a response, and then ends the caller's token [S5 A7]", async () => {
    const bearer = await token(1, { iat: now() - 30 });
    const { status, json } = await changePassword(1, { token: bearer });
    assert.deepEqual([status, json.data.idUser], [200, 1]);
    await assertRefused(
      worker,
      `${SEAM}1`,
      { token: bearer, json: {} },
      401,
      { success: false, message: 'Token inválido o expirado', data: null },
      isOver,
    );
  });
  test('changes and ends nothing if it is refused [R7 S6]', async () => {
    const before = await worker.dump();
    assert.equal((await changePassword(42, { as: 42 })).status, 403);
    assert.equal(
      (await worker.put(`${SEAM}42`, { as: 6, json: { password: 'another password', email: 'bob@example.com' } }))
        .status,
      409,
    );
    assert.equal(await worker.dump(), before);
  });
  test('is the only change that ends sessions [R4]', async () => {
    const response = await worker.put(`${SEAM}42`, { as: 6, json: { full_name: 'Alice Wonderland', roleId: 2 } });
    assert.equal(response.status, 200);
    assert.equal(await changedAt(42), null);
    await assertAccepted(
      worker,
      '/api/profile/42/update/',
      { token: await token(42, { iat: null }), json: {} },
      (await worker.put('/api/profile/42/update/', { as: 42, json: {} })).json,
    );
  });
});
