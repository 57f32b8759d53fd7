// Tokens that are accepted on every route; matrix.test.mjs and jwt_attacks.test.mjs test those that are refused. Also
// the immediate effect of revoked rights, and the settings that determine which tokens are good.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { forge, HS256, luis, now } from '../support/forged.mjs';
import { assertRefused, assertResponse } from '../support/responses.mjs';
import { LAYOUTS, SECRET, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

/** The routes that need a permission. */
const NEEDS_PERMISSION = ROUTES.filter(({ refusals }) => refusals.forbidden);

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

/** Sends each route's request with the `Authorization` header, and returns the responses in the order of ROUTES. */
const everywhere = async (on, authorization, routes = ROUTES) => {
  const replies = [];
  for (const { path, good } of routes) replies.push(await on.put(path(), { json: good, headers: { authorization } }));
  return replies;
};
/** Checks that every route accepts the bearer token, with one D1 call. */
async function assertAccepted(on, bearer, routes = ROUTES) {
  for (const reply of await everywhere(on, `Bearer ${bearer}`, routes)) {
    assert.deepEqual(
      { status: reply.status, challenge: reply.headers.get('www-authenticate'), d1: reply.d1Calls },
      { status: 200, challenge: null, d1: 1 },
    );
    assert.equal((await on.logOf(reply)).account, 6);
  }
}
/**
 * Checks that every route refuses the bearer token with its own 401, changes nothing, and does not log the credential.
 */
async function assertRejected(on, bearer, { d1 = 0, refusal = 'badToken' } = {}) {
  for (const { name, path, good, refusals } of ROUTES) {
    const { line } = await assertRefused(on, path(), { token: bearer, json: good }, 401, refusals[refusal](), {
      d1,
      challenge: INVALID_TOKEN,
    });
    assert.equal(line.route, name);
  }
  assert.equal(JSON.stringify(on.lines).includes(bearer), false);
}

describe('accepted tokens', () => {
  for (const layout of Object.keys(LAYOUTS)) {
    test(`the ${layout} layout of claims works on every route [A5]`, async () =>
      assertAccepted(worker, await token(6, { layout })));
  }
  const good = {
    'sub as a number': { sub: 6 },
    'user_id as text': { user_id: '6' },
    'idUser as text': { idUser: '6' },
    'sub alongside an equal claim of a back end': { sub: '6', idUser: 6 },
    'both types, access': { sub: '6', type: 'access', token_type: 'access' },
    'role and permission claims, which are ignored': {
      sub: '6',
      role: 'nobody',
      roleId: 2,
      roleName: 'editor',
      permissions: [],
      is_active: false,
    },
    'unknown claims': { sub: '6', profile: '43', id: 43, email: null },
  };
  for (const [name, claims] of Object.entries(good)) {
    test(`${name} [A5 A6 A7]`, async () => assertAccepted(worker, await token(6, { claims })));
  }
  for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
    test(`the scheme written ${scheme} [A1]`, async () => {
      const replies = await everywhere(worker, `${scheme} ${await token(6)}`);
      assert.deepEqual(
        replies.map((r) => r.status),
        ROUTES.map(() => 200),
      );
    });
  }
  test('a token forged without a fault, which shows that the others fail because of their faults [A2]', () =>
    assertAccepted(worker, forge(HS256, luis())));
  test('typ jwt in lower case, and no typ at all [A3]', async () => {
    await assertAccepted(worker, forge({ alg: 'HS256', typ: 'jwt' }, luis()));
    await assertAccepted(worker, forge({ alg: 'HS256' }, luis()));
  });
  test('a key id is not a reason to refuse [A3]', () => assertAccepted(worker, forge({ ...HS256, kid: '1' }, luis())));

  const inLeeway = {
    'expired 45 s ago': { exp: now() - 45 },
    'issued in 45 s': { iat: now() + 45 },
    'valid in 45 s': { extra: { nbf: now() + 45 } },
    'without iat': { iat: null },
    'with nbf in the past': { extra: { nbf: now() - 3600 } },
  };
  for (const [name, options] of Object.entries(inLeeway)) {
    test(`a token ${name} is within the rules [A4]`, async () => assertAccepted(worker, await token(6, options)));
  }
});

describe('rights in the database', () => {
  test('an inactive account is refused immediately, and accepted again once it is active [A7]', async () => {
    const bearer = await token(6);
    await assertAccepted(worker, bearer);
    await worker.sql('UPDATE users SET is_active = 0 WHERE id = 6');
    await assertRejected(worker, bearer, { d1: 1, refusal: 'inactive' });
    await worker.sql('UPDATE users SET is_active = 1 WHERE id = 6');
    await assertAccepted(worker, bearer);
  });
  test('another role takes effect immediately [A7]', async () => {
    const bearer = await token(6, { layout: 'seam' });
    await worker.sql('UPDATE users SET role_id = 2 WHERE id = 6');
    for (const { path, good, refusals } of NEEDS_PERMISSION)
      await assertRefused(worker, path(), { token: bearer, json: good }, 403, refusals.forbidden(), { d1: 1 });
    await worker.sql('UPDATE users SET role_id = 1 WHERE id = 6');
    await assertAccepted(worker, bearer);
  });
  test('revoking a permission takes effect immediately, for that route alone [A7]', async () => {
    const bearer = await token(6);
    for (const gone of NEEDS_PERMISSION) {
      const [link] = await worker.sql(
        'SELECT permissionId, roleId FROM permissionXRole JOIN permissions ON permissions.id = permissionId ' +
          'WHERE nameUri = ? AND roleId = 1',
        gone.name,
      );
      await worker.sql(
        'DELETE FROM permissionXRole WHERE permissionId = ? AND roleId = ?',
        link.permissionId,
        link.roleId,
      );
      const put = { token: bearer, json: gone.good };
      await assertRefused(worker, gone.path(), put, 403, gone.refusals.forbidden(), { d1: 1 });
      await assertAccepted(
        worker,
        bearer,
        ROUTES.filter((r) => r !== gone),
      );
      await worker.sql(
        'INSERT INTO permissionXRole (permissionId, roleId) VALUES (?, ?)',
        link.permissionId,
        link.roleId,
      );
    }
    await assertAccepted(worker, bearer);
  });
});

describe('configuration', () => {
  /** Starts a worker with other variables, which is stopped at the end of the test. */
  async function workerWith(t, vars) {
    const started = await startWorker({ vars });
    t.after(() => started.stop());
    return started;
  }
  const OLD = 'the-secret-before-this-one, 32 bytes+';

  const weak = {
    'JWT_SECRET missing': ['JWT_SECRET', { JWT_SECRET: undefined }, SECRET],
    'JWT_SECRET missing while an old one is still set': [
      'JWT_SECRET',
      { JWT_SECRET: undefined, JWT_SECRET_PREVIOUS: OLD },
      OLD,
    ],
    'JWT_SECRET empty': ['JWT_SECRET', { JWT_SECRET: '' }, SECRET],
    'JWT_SECRET of 31 bytes': ['JWT_SECRET', { JWT_SECRET: 'x'.repeat(31) }, 'x'.repeat(31)],
    'JWT_SECRET_PREVIOUS of 31 bytes': ['JWT_SECRET_PREVIOUS', { JWT_SECRET_PREVIOUS: 'x'.repeat(31) }, SECRET],
  };
  for (const [name, [variable, vars, secret]] of Object.entries(weak)) {
    test(`${name}: every route returns its own 500, and the log names the variable [A2 R9 O2]`, async (t) => {
      const misconfigured = await workerWith(t, vars);
      const rows = await misconfigured.dump();
      for (const headers of [{}, { authorization: `Bearer ${await token(6, { secret })}` }]) {
        for (const { name: route, path, good, failure } of ROUTES) {
          const reply = await misconfigured.put(path(), { json: good, headers });
          const line = await assertResponse(misconfigured, reply, 500, failure, { d1: 0 });
          assert.deepEqual([line.route, line.cause.match(/JWT_[A-Z_]+/)?.[0]], [route, variable]);
        }
      }
      assert.equal(await misconfigured.dump(), rows);
      assert.equal((await misconfigured.send('GET', '/health')).text, '{"status":"ok"}');
    });
  }

  test('a secret of exactly 32 bytes, not characters, is long enough [A2]', async (t) => {
    const secret = 'ñ'.repeat(16);
    await assertAccepted(await workerWith(t, { JWT_SECRET: secret }), await token(6, { secret }));
  });
  test('while a secret is rotated, the old one verifies under the same rules [A2 A4 A6]', async (t) => {
    const rotating = await workerWith(t, { JWT_SECRET_PREVIOUS: OLD });
    await assertAccepted(rotating, await token(6));
    await assertAccepted(rotating, await token(6, { secret: OLD }));
    for (const bearer of [
      await token(6, { secret: 'a-third-secret-of-more-than-32-bytes!' }),
      await token(6, { secret: OLD, exp: now() - 75 }),
      await token(6, { secret: OLD, extra: { type: 'refresh' } }),
      await token(6, { secret: OLD, header: { alg: 'HS512' } }),
    ])
      await assertRejected(rotating, bearer);
  });
  test('a changed secret takes effect immediately in a warm instance [A2 R7]', async (t) => {
    const warm = await workerWith(t, {});
    const json = { name: 'Luis New' };
    const NEW = 'a-new-secret-of-more-than-32-bytes-too';
    const withVariables = (variables) => ({ 'x-test-variables': JSON.stringify(variables) });
    const [old, fresh] = [await token(6), await token(6, { secret: NEW })];
    const statusOf = async (bearer, variables) =>
      (await warm.put('/users', { token: bearer, json, headers: withVariables(variables) })).status;
    assert.deepEqual([await statusOf(old, {}), await statusOf(fresh, {})], [200, 401]);
    assert.deepEqual(
      [await statusOf(old, { JWT_SECRET: NEW }), await statusOf(fresh, { JWT_SECRET: NEW })],
      [401, 200],
    );
    assert.deepEqual([await statusOf(old, { JWT_SECRET: 'short' }), await statusOf(old, {})], [500, 200]);
  });
  test('variables that are empty count as not set [A2 A4]', async (t) => {
    const plain = await workerWith(t, { JWT_SECRET_PREVIOUS: '', JWT_ISSUER: '', JWT_AUDIENCE: '' });
    await assertAccepted(plain, await token(6));
    await assertRejected(plain, forge(HS256, luis(), { secret: '' }));
  });
  test('without the variables, any iss and aud are accepted [A4]', async () =>
    assertAccepted(worker, await token(6, { extra: { iss: 'anybody', aud: ['anything'] } })));
  test('issuer and audience are enforced if they are set [A4 A8]', async (t) => {
    const strict = await workerWith(t, { JWT_ISSUER: 'https://login.example.com', JWT_AUDIENCE: 'perfil' });
    const right = { iss: 'https://login.example.com', aud: 'perfil' };
    for (const extra of [right, { ...right, aud: ['perfil'] }, { ...right, aud: ['other', 'perfil'] }])
      await assertAccepted(strict, await token(6, { extra }));
    for (const extra of [
      {},
      { iss: right.iss },
      { aud: right.aud },
      { ...right, iss: 'https://login.example.com/' },
      { ...right, iss: 'HTTPS://LOGIN.EXAMPLE.COM' },
      { ...right, iss: '' },
      { ...right, iss: [right.iss] },
      { ...right, aud: 'other' },
      { ...right, aud: 'perfil2' },
      { ...right, aud: [] },
      { ...right, aud: ['other'] },
      { ...right, aud: '' },
    ])
      await assertRejected(strict, forge(HS256, { ...luis(), ...extra }));
  });
});
