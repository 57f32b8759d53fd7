// FRESH_TOKEN_SECONDS: a change of password, e-mail address or telephone number requires a recent authentication (RFC
// 9470).
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { formOf, png } from '../support/avatars.mjs';
import { ROUTES } from '../support/dialects.mjs';
import { startOrigin } from '../support/origin.mjs';
import { assertRefused, assertResponse, raw } from '../support/responses.mjs';
import { now, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

const SECONDS = 300;
const vars = { FRESH_TOKEN_SECONDS: String(SECONDS) };
const challengeOf = (seconds) =>
  'Bearer error="insufficient_user_authentication", ' +
  `error_description="A more recent authentication is required", max_age="${seconds}"`;
const STALE = { d1: 0, r2: [0, 0], challenge: challengeOf(SECONDS) };

const [FOTO, ME, SEAM, FALCON, DJANGO] = ROUTES;
/** Changes that require a recent authentication and that account 6 may make. */
const SENSITIVE = [
  [ME, { telefono: '+34600111222' }],
  [ME, { telefono: null }],
  [SEAM, { email: 'luis.p@example.com' }],
  [SEAM, { password: 'another password' }],
  [SEAM, { full_name: 'Luis Pérez', email: 'luis.p@example.com' }],
  [FALCON, { email: 'luis.p@example.com' }],
  [DJANGO, { email: 'luis.p@example.com' }],
  [DJANGO, { number_phone: '600111222' }],
  [DJANGO, { number_phone: '' }],
  [DJANGO, { number_phone: null }],
];
/** Changes that do not, with every other field. */
const OTHERS = [
  [FOTO, { foto_url: 'https://example.com/luis.jpg' }],
  [ME, { nombres: 'Luis', apellidos: 'Pérez', dni: '87654321', foto_url: 'https://example.com/luis.jpg' }],
  [SEAM, { full_name: 'Luis Pérez', roleId: 1 }],
  [FALCON, { name: 'Luis Pérez', username: 'luis_p', image_path: 'profile-pictures/luis.jpg' }],
  [DJANGO, { username: 'luis_p', first_name: 'Luis', last_name: 'Pérez' }],
  [DJANGO, {}],
];
const named = (route, json) => `${JSON.stringify(json)} to ${route.name}`;

/** Claims of tokens whose authentication is too old, or whose time of authentication is missing or invalid. */
const STALE_CLAIMS = {
  'an old auth_time': () => ({ extra: { auth_time: now() - SECONDS - 5 } }),
  'an old iat': () => ({ iat: now() - SECONDS - 5 }),
  'neither auth_time nor iat': () => ({ iat: null }),
  'an auth_time that is null': () => ({ extra: { auth_time: null } }),
  'an auth_time that is a string': () => ({ extra: { auth_time: String(now()) } }),
  'an auth_time in milliseconds': () => ({ extra: { auth_time: Date.now() } }),
  'an auth_time with a fraction': () => ({ extra: { auth_time: now() - 0.5 } }),
};

describe('with FRESH_TOKEN_SECONDS', () => {
  for (const [route, json] of SENSITIVE) {
    for (const [name, claims] of Object.entries(STALE_CLAIMS)) {
      test(`${named(route, json)} is refused with ${name} [A9 A8 R7]`, async () => {
        const options = { token: await token(6, claims()), json, vars };
        const { line } = await assertRefused(worker, route.path(), options, 401, route.refusals.badToken(), STALE);
        assert.equal(line.code, 'stale_token');
      });
    }
    test(`${named(route, json)} is accepted with a recent auth_time or iat [A9]`, async () => {
      for (const claims of [
        { iat: now() - SECONDS + 30 },
        { iat: now() - 3600, extra: { auth_time: now() - SECONDS + 30 } },
      ]) {
        await worker.sql('UPDATE users SET tokens_valid_after = NULL');
        const response = await worker.put(route.path(), { token: await token(6, claims), json, vars });
        assert.equal(response.status, 200, response.text);
      }
    });
  }
  for (const [route, json] of OTHERS) {
    test(`${named(route, json)} needs no recent token [A9]`, async () => {
      const { status, text } = await worker.put(route.path(), { token: await token(6, { iat: null }), json, vars });
      assert.equal(status, 200, text);
    });
  }

  test('the fields of a form count like those of JSON, and no picture is stored [A9 R7]', async () => {
    const bearer = await token(6, { iat: now() - 3600 });
    const form = formOf({ avatar: png(), number_phone: '600111222' });
    await assertRefused(worker, DJANGO.path(), { token: bearer, form, vars }, 401, DJANGO.refusals.badToken(), STALE);
    const texts = { ...raw('email=luis.p%40example.com', 'application/x-www-form-urlencoded'), vars };
    await assertRefused(worker, FALCON.path(), { token: bearer, ...texts }, 401, FALCON.refusals.badToken(), STALE);
    const { status } = await worker.put(DJANGO.path(), { token: bearer, form: formOf({ avatar: png() }), vars });
    assert.equal(status, 200);
  });

  test("the token's age is checked after the request, before the database is queried [A9 R1]", async () => {
    const bearer = await token(7, { iat: now() - 3600 });
    const put = async (target, json) => {
      const response = await worker.put(target, { token: bearer, json, vars });
      return [response.status, response.d1Calls, (await worker.logOf(response)).code];
    };
    const email = 'jane.s@example.com';
    assert.deepEqual(await put('/users', { email, name: '' }), [400, 0, 'invalid']);
    assert.deepEqual(await put('/api/v1/users/x', { email }), [400, 0, 'invalid']);
    assert.deepEqual(await put('/api/profile/x/update/', { email }), [404, 0, 'not_found']);
    // Account 7 holds no permission, no account has the id 4711, and Alice has the address.
    for (const target of ['/api/v1/users/6', '/api/v1/users/4711', '/users'])
      assert.deepEqual(await put(target, { email: 'alice@example.com' }), [401, 0, 'stale_token'], target);
  });
});

describe('FRESH_TOKEN_SECONDS', () => {
  const [, json] = SENSITIVE[5];
  const old = async (seconds) => ({ token: await token(6, { iat: now() - seconds }), json });

  for (const setting of [undefined, '', ' ']) {
    test(`set to ${JSON.stringify(setting)}, lets any valid token make any change [A9]`, async () => {
      for (const claims of Object.values(STALE_CLAIMS)) {
        const options = { token: await token(6, claims()), json, vars: { FRESH_TOKEN_SECONDS: setting } };
        assert.equal((await worker.put(FALCON.path(), options)).status, 200);
      }
    });
  }
  test('is a number of seconds from 1 to 31536000, as a string or as a number [A9]', async () => {
    const put = async (seconds, age) => {
      const options = { ...(await old(age)), vars: /** @type {any} */ ({ FRESH_TOKEN_SECONDS: seconds }) };
      return worker.put(FALCON.path(), options);
    };
    for (const seconds of ['7200', 7200, '31536000']) assert.equal((await put(seconds, 3600)).status, 200);
    for (const seconds of ['1', 1, '3500']) {
      const response = await put(seconds, 3600);
      const expected = { ...STALE, challenge: challengeOf(seconds) };
      await assertResponse(worker, response, 401, FALCON.refusals.badToken(), expected);
    }
  });
  for (const setting of ['0', '-1', '1.5', 'many', '5m', '31536001', 0, true, false, {}]) {
    const title = `set to ${JSON.stringify(setting)}, fails such changes and no others, and logs the cause [A9 R9]`;
    test(title, async () => {
      const wrong = /** @type {any} */ ({ FRESH_TOKEN_SECONDS: setting });
      const options = { ...(await old(0)), vars: wrong };
      const { line } = await assertRefused(worker, FALCON.path(), options, 500, FALCON.failure, { d1: 0 });
      assert.equal(line.cause, 'FRESH_TOKEN_SECONDS is not a number of seconds from 1 to 31536000');
      const other = { as: 6, json: FALCON.good, vars: wrong };
      assert.equal((await worker.put(FALCON.path(), other)).status, 200);
    });
  }
});

describe('with FRESH_TOKEN_SECONDS and an origin, a stale token', () => {
  let origin;
  let behind;
  before(async () => {
    origin = await startOrigin();
    behind = await startWorker({ vars: { ORIGIN: origin.url, ...vars } });
  });
  after(async () => {
    await behind?.stop();
    await origin?.stop();
  });
  beforeEach(() => {
    origin.received.length = 0;
  });
  const body = JSON.stringify({ email: 'luis.p@example.com' });

  for (const [route, layout] of [
    [SEAM, 'seam'],
    [FALCON, 'falcon'],
    [DJANGO, 'django'],
  ]) {
    test(`of an account that is not in the database is passed on at ${route.name} [A9 X2]`, async () => {
      const bearer = await token(4711, { layout, iat: now() - 3600 });
      const response = await behind.put(route.path(4711), { token: bearer, ...raw(body) });
      assert.deepEqual([response.status, response.text, response.d1Calls], [200, '{"origin":true}', 1]);
      assert.deepEqual(
        origin.received.map((received) => received.body.toString()),
        [body],
      );
    });
    test(`of an account in the database is refused at ${route.name}, after the look-up [A9 X2]`, async () => {
      const bearer = await token(6, { layout, iat: now() - 3600 });
      const expected = { ...STALE, d1: 1 };
      await assertRefused(
        behind,
        route.path(),
        { token: bearer, ...raw(body) },
        401,
        route.refusals.badToken(),
        expected,
      );
      assert.deepEqual(origin.received, []);
    });
  }
});
