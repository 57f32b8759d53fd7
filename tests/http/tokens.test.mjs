// Who is let in: every route of every dialect × every kind of token.
// ROUTES must hold every authenticated route of the worker; a new route gets a row here.
import { test, before, after, describe } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { SignJWT, generateKeyPair } from 'jose';
import { startWorker } from './support/worker.mjs';
import { LAYOUTS, SECRET, token } from './support/tokens.mjs';
import { answered, refused } from './support/answers.mjs';

const spanish = { missing: { message: 'Token requerido' }, bad: { message: 'Token inválido o expirado' }, forbidden: { message: 'No tienes permisos para acceder a este recurso' } };
const seam = (message) => ({ success: false, message, data: null });
const falcon = { message: 'Invalid token', error: 'Unauthorized', statusCode: 401 };

/** One valid request of each route for account 6 (an admin who has a persona), and the dialect's words for refusing it. */
const ROUTES = [
  { route: 'PUT /api/personas/:id/foto', path: '/api/personas/5/foto', json: { foto_url: 'https://example.com/a.jpg' }, ...spanish, failed: { message: 'Error al actualizar foto' } },
  { route: 'PUT /api/personas/me', path: '/api/personas/me', json: { telefono: '600123456' }, ...spanish, failed: { message: 'Error al actualizar perfil' } },
  { route: 'PUT /api/v1/users/:id', path: '/api/v1/users/7', json: { full_name: 'Jane New' }, missing: seam(spanish.missing.message), bad: seam(spanish.bad.message), forbidden: seam(spanish.forbidden.message), failed: seam('Error interno del servidor') },
  { route: 'PUT /users', path: '/users', json: { name: 'Luis New' }, missing: falcon, bad: falcon, failed: { message: 'Internal server error', error: 'Internal Server Error', statusCode: 500 } },
  { route: 'PUT /api/profile/:id/update/', path: '/api/profile/6/update/', json: { first_name: 'Luis' }, missing: { detail: 'Authentication credentials were not provided.' }, bad: { detail: 'Given token not valid for any token type', code: 'token_not_valid' }, forbidden: { error: 'Not authorized' }, failed: { error: 'Internal server error' } },
];
const GATED = ROUTES.filter(({ route }) => route.startsWith('PUT /api/personas') || route.startsWith('PUT /api/v1'));

const MISSING = 'Bearer';
const BAD = 'Bearer error="invalid_token"';
const now = () => Math.floor(Date.now() / 1000);

let worker;
before(async () => { worker = await startWorker(); });
after(() => worker?.stop());

/** Sends each route's request with the `Authorization` header, and answers the replies in the order of ROUTES. */
const everywhere = async (on, authorization, routes = ROUTES) => {
  const replies = [];
  for (const { path, json } of routes) replies.push(await on.put(path, { json, headers: { authorization } }));
  return replies;
};
/** Every route must let the bearer in, with one D1 call. */
async function letsIn(on, bearer, routes = ROUTES) {
  for (const reply of await everywhere(on, `Bearer ${bearer}`, routes)) {
    assert.deepEqual({ status: reply.status, challenge: reply.headers.get('www-authenticate'), d1: reply.d1Calls }, { status: 200, challenge: null, d1: 1 });
    assert.equal((await on.logOf(reply)).account, 6);
  }
}
/** Every route must refuse the header with its own 401, change nothing, and keep the credential out of the log. */
async function turnsAway(on, authorization, { words = 'bad', challenge = BAD, d1 = 0 } = {}) {
  for (const { route, path, json, [words]: body } of ROUTES) {
    const { line } = await refused(on, path, { json, headers: authorization === undefined ? {} : { authorization } }, 401, body, { d1, challenge });
    assert.equal(line.route, route);
  }
  const credential = authorization?.split(/[ ,]+/)[1];
  assert.equal(credential?.length > 20 && JSON.stringify(on.lines).includes(credential), false);
}

/** A token put together by hand, for what no library would sign: any header, any payload, as values or as raw text. */
function forge(header, payload, { secret = SECRET, hash = 'sha256', signature } = {}) {
  const part = (value) => Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part(payload)}`;
  return `${signed}.${signature ?? createHmac(hash, secret).update(signed).digest('base64url')}`;
}
const HS256 = { alg: 'HS256', typ: 'JWT' };
const luis = () => ({ sub: '6', iat: now() - 5, exp: now() + 3600 });
const asymmetric = async (alg) => new SignJWT({ sub: '6' }).setProtectedHeader({ alg, typ: 'JWT' }).setIssuedAt().setExpirationTime('1h').sign((await generateKeyPair(alg)).privateKey);

describe('who is let in', () => {
  for (const layout of Object.keys(LAYOUTS)) {
    test(`the ${layout} layout of claims works on every route [A5]`, async () => letsIn(worker, await token(6, { layout })));
  }
  const good = {
    'sub as a number': { sub: 6 },
    'user_id as text': { user_id: '6' },
    'idUser as text': { idUser: '6' },
    'several claims that agree': { sub: '6', user_id: 6, idUser: '6' },
    'both types, access': { sub: '6', type: 'access', token_type: 'access' },
    'role and permission claims of no worth': { sub: '6', role: 'nobody', roleId: 2, roleName: 'editor', permissions: [], is_active: false },
    'claims that are not known': { sub: '6', profile: { id: 43 }, id: 43, email: null },
  };
  for (const [name, claims] of Object.entries(good)) {
    test(`${name} [A5 A6 A7]`, async () => letsIn(worker, await token(6, { claims })));
  }
  for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
    test(`the scheme spelt ${scheme} [A1]`, async () => {
      const replies = await everywhere(worker, `${scheme} ${await token(6)}`);
      assert.deepEqual(replies.map((r) => r.status), [200, 200, 200, 200, 200]);
    });
  }
  test('a token put together by hand, which shows that the forged ones fail for what is wrong with them [A2]', () => letsIn(worker, forge(HS256, luis())));
  test('the type jwt in small letters, and none at all [A3]', async () => {
    await letsIn(worker, forge({ alg: 'HS256', typ: 'jwt' }, luis()));
    await letsIn(worker, forge({ alg: 'HS256' }, luis()));
  });
  test('a key id is no reason to refuse [A3]', () => letsIn(worker, forge({ ...HS256, kid: '1' }, luis())));

  const inLeeway = { 'expired 45 s ago': { exp: now() - 45 }, 'issued in 45 s': { iat: now() + 45 }, 'valid in 45 s': { extra: { nbf: now() + 45 } }, 'without iat': { iat: null }, 'with nbf in the past': { extra: { nbf: now() - 3600 } } };
  for (const [name, options] of Object.entries(inLeeway)) {
    test(`a token ${name} is within the rules [A4]`, async () => letsIn(worker, await token(6, options)));
  }
});

describe('no token', () => {
  const none = {
    'no header': () => undefined,
    'an empty header': () => '',
    'the scheme alone': () => 'Bearer',
    'the scheme and white space': () => 'Bearer   ',
    'another scheme': () => 'Basic bHVpczpkZW1vLXBhc3N3b3Jk',
    'another scheme with a good token': async () => `Token ${await token(6)}`,
    'a good token without a scheme': async () => token(6),
    'a good token grown together with its scheme': async () => `Bearer${await token(6)}`,
  };
  for (const [name, header] of Object.entries(none)) {
    test(`${name} counts as no token on every route [A1 A8 R7]`, async () => turnsAway(worker, await header(), { words: 'missing', challenge: MISSING }));
  }
});

describe('bad tokens', () => {
  const part = (text) => Buffer.from(text).toString('base64url');
  const unsigned = (alg) => forge({ alg, typ: 'JWT' }, luis(), { signature: '' });
  const bad = {
    'A3': {
      garbage: () => 'garbage',
      'three parts of garbage': () => 'a.b.c',
      'dots alone': () => '..',
      'two tokens in one header': async () => `${await token(6)}, Bearer ${await token(6)}`,
      'a word after the token': async () => `${await token(6)} x`,
      'no signature part': async () => (await token(6)).split('.').slice(0, 2).join('.'),
      'an empty signature': async () => (await token(6)).replace(/[^.]*$/, ''),
      'half a signature': async () => (await token(6)).slice(0, -20),
      'a fourth part': async () => `${await token(6)}.e30`,
      'a fifth part, as in an encrypted token': async () => `${await token(6)}.e30.e30`,
      'a payload of another token': async () => (([head, , sign], [, body]) => `${head}.${body}.${sign}`)((await token(5)).split('.'), (await token(6)).split('.')),
      'a header that is no JSON': () => forge('{"alg":"HS256"', luis()),
      'a payload that is no JSON': () => forge(HS256, 'sub=6'),
      'a payload that is a list': () => forge(HS256, [luis()]),
      'a payload that is null': () => forge(HS256, 'null'),
      'a payload that is no UTF-8': () => forge(HS256, Buffer.from([0xff, 0xfe])),
      'a header of 10 000 brackets': () => `${part('['.repeat(10000))}.${part('{}')}.x`,
      'a signature by another key': () => token(6, { secret: 'another-secret-of-more-than-32-bytes' }),
      'a signature by an empty key': () => forge(HS256, luis(), { secret: '' }),
      'an algorithm left out': () => forge({ typ: 'JWT' }, luis()),
      'an algorithm of null': () => forge({ alg: null, typ: 'JWT' }, luis()),
      'hs256 in small letters': () => forge({ alg: 'hs256', typ: 'JWT' }, luis()),
      'HS384 with the right secret': () => token(6, { header: { alg: 'HS384' } }),
      'HS512 with the right secret': () => token(6, { header: { alg: 'HS512' } }),
      'RS256 with a key of its own': () => asymmetric('RS256'),
      'ES256 with a key of its own': () => asymmetric('ES256'),
      'EdDSA with a key of its own': () => asymmetric('EdDSA'),
      'RS256 in name, HS256 in truth': () => forge({ alg: 'RS256', typ: 'JWT' }, luis()),
      'a key that the token brings along': () => forge({ ...HS256, jwk: { kty: 'oct', k: part('x'.repeat(32)) } }, luis(), { secret: 'x'.repeat(32) }),
      ...Object.fromEntries(['none', 'None', 'NONE', 'nOnE', ''].flatMap((alg) => [
        [`alg ${JSON.stringify(alg)} without a signature`, () => unsigned(alg)],
        [`alg ${JSON.stringify(alg)} with a good signature`, () => forge({ alg, typ: 'JWT' }, luis())],
      ])),
      ...Object.fromEntries(['JOSE', 'JWE', 'refresh+jwt', 'dpop+jwt', '', 7].map((typ) => [`typ ${JSON.stringify(typ)}`, () => forge({ alg: 'HS256', typ }, luis())])),
      'a crit header that nobody knows': () => forge({ ...HS256, crit: ['x'], x: 1 }, luis()),
      'a crit header for b64': () => forge({ ...HS256, crit: ['b64'], b64: true }, luis()),
      'an empty crit header': () => forge({ ...HS256, crit: [] }, luis()),
    },
    'A4': {
      'expired 75 s ago': () => token(6, { exp: now() - 75 }),
      'expired in 1970': () => token(6, { exp: 1 }),
      'expiring before time began': () => token(6, { exp: -1 }),
      'without exp': () => token(6, { exp: null }),
      'exp as null': () => forge(HS256, { ...luis(), exp: null }),
      'exp as text': () => forge(HS256, { ...luis(), exp: String(now() + 3600) }),
      'valid in 75 s': () => token(6, { extra: { nbf: now() + 75 } }),
      'issued in 75 s': () => token(6, { iat: now() + 75 }),
    },
    'A5': {
      'without a subject': () => token(6, { claims: {} }),
      'whose profile alone tells the subject': () => token(6, { claims: { type: 'access', profile: { id: 6 } } }),
      'whose id claim alone tells the subject': () => token(6, { claims: { id: 6 } }),
      ...Object.fromEntries(['sub', 'user_id', 'idUser'].flatMap((claim) => [0, -1, 1.5, 'abc', '', null, true, '0', '-6', '+6', '6.0', ' 6', '6 ', '0x6', '6e0', '٦', [6], { id: 6 }].map((value) => [`with ${claim} ${JSON.stringify(value)}`, () => token(6, { claims: { [claim]: value } })]))),
      'with sub and user_id that disagree': () => token(6, { claims: { sub: '6', user_id: 5 } }),
      'with sub and idUser that disagree': () => token(6, { claims: { sub: 6, idUser: 5 } }),
      'with user_id and idUser that disagree': () => token(6, { claims: { user_id: 6, idUser: '5' } }),
      'with one good subject and one that is none': () => token(6, { claims: { sub: '6', user_id: 'abc' } }),
    },
    'A6': {
      ...Object.fromEntries(['refresh', 'Access', '', 'id', true].flatMap((value) => ['type', 'token_type'].map((claim) => [`with ${claim} ${JSON.stringify(value)}`, () => token(6, { extra: { [claim]: value } })]))),
      'with type access and token_type refresh': () => token(6, { extra: { type: 'access', token_type: 'refresh' } }),
      'of the falcon layout, refresh': () => token(6, { claims: { ...LAYOUTS.falcon(6), type: 'refresh' } }),
      'of the django layout, refresh': () => token(6, { claims: { ...LAYOUTS.django(6), token_type: 'refresh' } }),
    },
  };
  for (const [id, cases] of Object.entries(bad)) {
    for (const [name, mint] of Object.entries(cases)) {
      test(`a token refused on every route: ${name} [${id} A8 R7]`, async () => turnsAway(worker, `Bearer ${await mint()}`));
    }
  }
});

describe('what the database says about the caller', () => {
  for (const [name, id] of [['a subject that does not exist', 9999], ['a subject that is switched off', 43]]) {
    for (const layout of Object.keys(LAYOUTS)) {
      test(`${name}, in the ${layout} layout, is refused on every route after one look [A7 A8 R7]`, async () => turnsAway(worker, `Bearer ${await token(id, { layout })}`, { d1: 1 }));
    }
  }

  test('a role without the permission is refused, whatever its token claims [A7 R7]', async () => {
    const claims = { idUser: 7, roleId: 1, roleName: 'admin', role: 'admin', is_superuser: true, permissions: ROUTES.map((r) => r.route) };
    for (const { path, json, forbidden } of GATED) await refused(worker, path, { token: await token(7, { claims }), json }, 403, forbidden, { d1: 1 });
  });
  test("somebody else's profile is refused, whatever the token claims [A7 R7]", async () => {
    const { path, json, forbidden } = ROUTES[4];
    await refused(worker, path, { token: await token(7, { claims: { user_id: 7, is_superuser: true, is_staff: true } }), json }, 403, forbidden, { d1: 1 });
  });
  test('an account that is switched off is out at once, and in again when it is switched on [A7]', async () => {
    const bearer = await token(6);
    await letsIn(worker, bearer);
    await worker.sql('UPDATE users SET is_active = 0 WHERE id = 6');
    await turnsAway(worker, `Bearer ${bearer}`, { d1: 1 });
    await worker.sql('UPDATE users SET is_active = 1 WHERE id = 6');
    await letsIn(worker, bearer);
  });
  test('another role counts at once [A7]', async () => {
    const bearer = await token(6, { layout: 'seam' });
    await worker.sql('UPDATE users SET role_id = 2 WHERE id = 6');
    for (const { path, json, forbidden } of GATED) await refused(worker, path, { token: bearer, json }, 403, forbidden, { d1: 1 });
    await worker.sql('UPDATE users SET role_id = 1 WHERE id = 6');
    await letsIn(worker, bearer);
  });
  test('a permission that is taken away is gone at once, for that route alone [A7]', async () => {
    const bearer = await token(6);
    for (const gone of GATED) {
      const [link] = await worker.sql('SELECT permissionId, roleId FROM permissionXRole JOIN permissions ON permissions.id = permissionId WHERE nameUri = ? AND roleId = 1', gone.route);
      await worker.sql('DELETE FROM permissionXRole WHERE permissionId = ? AND roleId = ?', link.permissionId, link.roleId);
      await refused(worker, gone.path, { token: bearer, json: gone.json }, 403, gone.forbidden, { d1: 1 });
      await letsIn(worker, bearer, ROUTES.filter((r) => r !== gone));
      await worker.sql('INSERT INTO permissionXRole (permissionId, roleId) VALUES (?, ?)', link.permissionId, link.roleId);
    }
    await letsIn(worker, bearer);
  });
});

describe('configuration', () => {
  /** A worker with other variables, stopped when the test is over. */
  async function workerWith(t, vars) {
    const started = await startWorker({ vars });
    t.after(() => started.stop());
    return started;
  }
  const OLD = 'the-secret-before-this-one, 32 bytes+';

  const weak = {
    'JWT_SECRET missing': ['JWT_SECRET', { JWT_SECRET: undefined }, SECRET],
    'JWT_SECRET missing where an old one is left': ['JWT_SECRET', { JWT_SECRET: undefined, JWT_SECRET_PREVIOUS: OLD }, OLD],
    'JWT_SECRET empty': ['JWT_SECRET', { JWT_SECRET: '' }, SECRET],
    'JWT_SECRET of 31 bytes': ['JWT_SECRET', { JWT_SECRET: 'x'.repeat(31) }, 'x'.repeat(31)],
    'JWT_SECRET_PREVIOUS of 31 bytes': ['JWT_SECRET_PREVIOUS', { JWT_SECRET_PREVIOUS: 'x'.repeat(31) }, SECRET],
  };
  for (const [name, [variable, vars, secret]] of Object.entries(weak)) {
    test(`${name}: every route answers 500 in its own words, and the log names the variable [A2 R9 O2]`, async (t) => {
      const misconfigured = await workerWith(t, vars);
      const rows = await misconfigured.dump();
      for (const headers of [{}, { authorization: `Bearer ${await token(6, { secret })}` }]) {
        for (const { path, json, failed, route } of ROUTES) {
          const line = await answered(misconfigured, await misconfigured.put(path, { json, headers }), 500, failed, { d1: 0 });
          assert.deepEqual([line.route, line.cause.match(/JWT_[A-Z_]+/)?.[0]], [route, variable]);
        }
      }
      assert.equal(await misconfigured.dump(), rows);
      assert.equal((await misconfigured.send('GET', '/health')).text, '{"status":"ok"}');
    });
  }

  test('a secret of exactly 32 bytes is enough, and bytes are what counts [A2]', async (t) => {
    const secret = 'ñ'.repeat(16);
    await letsIn(await workerWith(t, { JWT_SECRET: secret }), await token(6, { secret }));
  });
  test('while a secret is rotated the old one verifies, under the same rules [A2 A4 A6]', async (t) => {
    const rotating = await workerWith(t, { JWT_SECRET_PREVIOUS: OLD });
    await letsIn(rotating, await token(6));
    await letsIn(rotating, await token(6, { secret: OLD }));
    for (const bearer of [
      await token(6, { secret: 'a-third-secret-of-more-than-32-bytes!' }),
      await token(6, { secret: OLD, exp: now() - 75 }),
      await token(6, { secret: OLD, extra: { type: 'refresh' } }),
      await token(6, { secret: OLD, header: { alg: 'HS512' } }),
    ]) await turnsAway(rotating, `Bearer ${bearer}`);
  });
  test('a secret that changes under a warm instance takes effect at once [A2 R7]', async (t) => {
    const warm = await workerWith(t, {});
    const json = { name: 'Luis New' };
    const NEW = 'a-new-secret-of-more-than-32-bytes-too';
    const withVariables = (variables) => ({ 'x-test-variables': JSON.stringify(variables) });
    const [old, fresh] = [await token(6), await token(6, { secret: NEW })];
    const statusOf = async (bearer, variables) => (await warm.put('/users', { token: bearer, json, headers: withVariables(variables) })).status;
    assert.deepEqual([await statusOf(old, {}), await statusOf(fresh, {})], [200, 401]);
    assert.deepEqual([await statusOf(old, { JWT_SECRET: NEW }), await statusOf(fresh, { JWT_SECRET: NEW })], [401, 200]);
    assert.deepEqual([await statusOf(old, { JWT_SECRET: 'short' }), await statusOf(old, {})], [500, 200]);
  });
  test('variables that are empty count as not set [A2 A4]', async (t) => {
    const plain = await workerWith(t, { JWT_SECRET_PREVIOUS: '', JWT_ISSUER: '', JWT_AUDIENCE: '' });
    await letsIn(plain, await token(6));
    await turnsAway(plain, `Bearer ${forge(HS256, luis(), { secret: '' })}`);
  });
  test('without the variables any iss and aud are fine [A4]', async () => letsIn(worker, await token(6, { extra: { iss: 'anybody', aud: ['anything'] } })));
  test('issuer and audience are enforced where they are set [A4 A8]', async (t) => {
    const strict = await workerWith(t, { JWT_ISSUER: 'https://login.example.com', JWT_AUDIENCE: 'perfil' });
    const right = { iss: 'https://login.example.com', aud: 'perfil' };
    for (const extra of [right, { ...right, aud: ['perfil'] }, { ...right, aud: ['other', 'perfil'] }]) await letsIn(strict, await token(6, { extra }));
    for (const extra of [
      {}, { iss: right.iss }, { aud: right.aud },
      { ...right, iss: 'https://login.example.com/' }, { ...right, iss: 'HTTPS://LOGIN.EXAMPLE.COM' }, { ...right, iss: '' }, { ...right, iss: [right.iss] },
      { ...right, aud: 'other' }, { ...right, aud: 'perfil2' }, { ...right, aud: [] }, { ...right, aud: ['other'] }, { ...right, aud: '' },
    ]) await turnsAway(strict, `Bearer ${forge(HS256, { ...luis(), ...extra })}`);
  });
});
