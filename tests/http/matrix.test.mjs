// The matrix of bad callers: every route of the route table × every caller to refuse × every kind of body. Each is
// refused with the dialect's exact body and the exact number of database calls, and changes nothing (R7). A row of the
// route table that has no row in ROWS fails the last test.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { identify } from '../support/accounts.mjs';
import { formOf, png } from '../support/avatars.mjs';
import { INVALID_TOKEN, ROUTES, seam } from '../support/dialects.mjs';
import { forge, HS256, luis, now, part } from '../support/forged.mjs';
import { pipesTo } from '../support/pipes.mjs';
import { read } from '../support/project.mjs';
import { assertResponse, raw } from '../support/responses.mjs';
import { LAYOUTS, SECRET, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

const NO_RIGHT = 'No tienes permisos para acceder a este recurso';

/**
 * Properties of each route: the body of the refusal is in `forbidden` if a role must hold the route's permission, and
 * in `own` if the path must name the caller.
 */
const ROWS = {
  'PUT /api/personas/:id/foto': { forbidden: { message: NO_RIGHT } },
  'PUT /api/personas/me': { forbidden: { message: NO_RIGHT } },
  'PUT /api/v1/users/:id': { forbidden: seam(NO_RIGHT) },
  'PUT /users': {},
  'PUT /api/profile/:id/update/': { own: { error: 'Not authorized' } },
};
const MATRIX = ROUTES.filter(({ name }) => ROWS[name]).map((route) => ({ ...route, ...ROWS[route.name] }));

/**
 * Every kind of body: how it is sent, and the response to a caller with a good token (R1), or undefined if the database
 * decides.
 */
const picture = png();
const forms = {};
/** A form with a picture, encoded once per route. */
async function formFor({ upload }) {
  const encoded = new Response(formOf({ [upload]: picture }));
  return raw(new Uint8Array(await encoded.arrayBuffer()), encoded.headers.get('content-type'));
}
const BODIES = [
  { kind: 'JSON that would be accepted', of: ({ good }) => ({ json: good }) },
  { kind: 'a form with a picture', on: ({ upload }) => upload, of: (route) => forms[route.name], r2: [1, 0] },
  { kind: 'half an object', of: () => raw('{"a":'), refusal: ({ refusals }) => [400, refusals.malformed()] },
  {
    kind: 'half a form',
    on: ({ upload }) => upload,
    of: () => raw('--x\r\n', 'multipart/form-data; boundary=x'),
    refusal: ({ refusals }) => [400, refusals.badForm()],
  },
  {
    kind: 'text',
    of: () => raw('telefono=1', 'text/plain'),
    refusal: ({ refusals }) => [415, refusals.unsupported('text/plain')],
  },
  { kind: 'no body', of: () => ({}), refusal: ({ empty }) => (empty[0] === 200 ? undefined : empty) },
];

let worker, pipes;
const tried = new Set();

before(async () => {
  for (const route of MATRIX.filter(({ upload }) => upload)) forms[route.name] = await formFor(route);
  worker = await startWorker();
  pipes = pipesTo(worker.url);
  await worker.sql("INSERT INTO roles (id, name) VALUES (4, 'nada'), (5, 'casi')");
  // Names that are almost those of the permissions: another method, another route, a pattern, white space around it.
  // None of them grants anything.
  const almost = [
    'PUT',
    '*',
    '%',
    'PUT %',
    'PUT *',
    'PUT /api/v1/users',
    'PUT /api/v1/users/',
    'PUT /api/v1/users/:id ',
    ' PUT /api/v1/users/:id',
    'PUT /api/v1/users/:i_',
    'PUT /api/v1/users/6',
    'POST /api/v1/users/:id',
    'GET /api/v1/users/:id',
    'PUT /api/personas',
    'PUT /api/personas/:id',
    'PUT /api/personas/foto',
    'PUT /api/personas/:id/foto/',
    'PUT /api/personas/%/foto',
    'PATCH /api/personas/:id/foto',
    'PUT /api/personas/me/',
    'GET /api/personas/me',
    'PUT /users',
    'PUT /api/profile/:id/update/',
    'admin',
    '',
  ];
  for (const [at, name] of almost.entries()) {
    await worker.sql('INSERT INTO permissions (id, nameUri) VALUES (?, ?)', 100 + at, name);
    await worker.sql('INSERT INTO permissionXRole (permissionId, roleId) VALUES (?, 5)', 100 + at);
  }
  const people = [
    [50, 4, 0],
    [51, null, 0],
    [52, 5, 0],
    [53, null, 1],
    [54, 2, 1],
    [55, 1, 0],
  ];
  for (const [id, role, superuser] of people) {
    await worker.sql(
      'INSERT INTO users (id, username, email, role_id, is_staff, is_superuser) VALUES (?1, ?2, ?3, ?4, ?5, ?5)',
      id,
      `u${id}`,
      `u${id}@example.com`,
      role,
      superuser,
    );
    await identify(worker, id);
    await worker.sql(
      'INSERT INTO personas (id, user_id, nombres, apellidos, dni) VALUES (?1, ?1, ?2, ?2, ?3)',
      id,
      'Una',
      `dni-${id}`,
    );
  }
  // The token is good before the account is deleted.
  assert.equal((await worker.put('/users', { as: 55, json: { name: 'Adiós' } })).status, 200);
  await worker.sql('DELETE FROM personas WHERE id = 55');
  await worker.sql('DELETE FROM users WHERE id = 55');
});
after(() => {
  pipes?.close();
  return worker?.stop();
});

/** Sends a caller's request to all given cells at once, and checks each response and that nothing was changed. */
async function assertRejected({ headers, query = '', cells, leaks = headers.authorization }) {
  const earlier = await worker.dump();
  await Promise.all(
    cells.map(async ({ route, body, target, expected }) => {
      const options = body.of(route);
      const [status, refusalBody, { challenge = null, d1 = 0, r2 = [0, 0], account } = {}] = expected;
      const reply = await pipes.put(target + query, { ...options, headers: { ...options.headers, ...headers } });
      const where = `${route.name}, ${body.kind}`;
      const line = await assertResponse(worker, reply, status, refusalBody, { challenge, d1, r2 }).catch((error) => {
        throw new Error(`${where}: ${error.message}`, { cause: error });
      });
      assert.deepEqual(
        [line.route, line.method, line.account, line.cause],
        [route.name, 'PUT', account, undefined],
        where,
      );
      tried.add(`${route.name} × ${body.kind} × ${status}`);
    }),
  );
  assert.equal(await worker.dump(), earlier);
  const log = JSON.stringify(worker.lines);
  for (const piece of (leaks ?? '').split(/[ .,]+/))
    assert.equal(piece.length > 16 && log.includes(piece), false, 'the log contains the credential');
}
const bodiesOf = (route) => BODIES.filter(({ on }) => !on || on(route));
const everyCell = (expected) =>
  MATRIX.flatMap((route) =>
    bodiesOf(route).map((body) => ({ route, body, target: route.path(), expected: expected(route) })),
  );

/** Checks that requests without a token are refused at the edge, whatever the body. */
const noToken = (headers, more) =>
  assertRejected({
    headers,
    cells: everyCell(({ refusals }) => [401, refusals.noToken(), { challenge: 'Bearer' }]),
    ...more,
  });
const badToken = async (bearer, more, refusal = 'badToken') =>
  assertRejected({
    headers: { authorization: `Bearer ${bearer}` },
    cells: everyCell(({ refusals }) => [401, refusals[refusal](), { challenge: INVALID_TOKEN }]),
    ...more,
  });

/**
 * Checks that requests are refused by the database, after one call, unless the request alone decides first (R1). If no
 * account is known for a back end's id, the log has no account, and nothing is looked up in the bucket.
 */
async function refusedByDatabase(id, bearer, verdict, { routes = MATRIX, ids = [6, id], isKnown = true } = {}) {
  const account = isKnown ? id : undefined;
  const cells = routes.flatMap((route) =>
    [...new Set(ids.map(route.path))].flatMap((target) =>
      bodiesOf(route).map((body) => {
        const alone = body.refusal?.(route);
        const [status, refusalBody, more] = verdict(route);
        return {
          route,
          body,
          target,
          expected: alone
            ? [...alone, { account }]
            : [status, refusalBody, { d1: 1, r2: isKnown ? body.r2 : undefined, account, ...more }],
        };
      }),
    ),
  );
  await assertRejected({ headers: { authorization: `Bearer ${bearer}` }, cells });
}
const gone = ({ refusals }) => [401, refusals.gone(), { challenge: INVALID_TOKEN }];
const off = ({ refusals }) => [401, refusals.inactive(), { challenge: INVALID_TOKEN }];
const outdated = ({ refusals }) => [401, refusals.badToken(), { challenge: INVALID_TOKEN }];
const NEEDS_PERMISSION = MATRIX.filter(({ forbidden }) => forbidden);
const OWN = MATRIX.filter(({ own }) => own);

describe('callers without a token', () => {
  const credentials = Buffer.from('luis_p:demo-password').toString('base64');
  const headers = {
    'no header': () => ({}),
    'an empty header': () => ({ authorization: '' }),
    'the scheme alone': () => ({ authorization: 'Bearer' }),
    'the scheme and white space': () => ({ authorization: 'Bearer   ' }),
    'an empty token': () => ({ authorization: 'Bearer ' }),
    'a name and a password': () => ({ authorization: `Basic ${credentials}` }),
    'a good token as the password': async () => ({
      authorization: `Basic ${Buffer.from(`luis_p:${await token(6)}`).toString('base64')}`,
    }),
    'a good token without a scheme': async () => ({ authorization: await token(6) }),
    'a good token joined to its scheme': async () => ({ authorization: `Bearer${await token(6)}` }),
    'a good token in another scheme': async () => ({ authorization: `Token ${await token(6)}` }),
    'a good token after a tab in place of a space': async () => ({ authorization: `Bearer\t${await token(6)}` }),
    'a good token in a cookie': async () => ({
      cookie: `token=${await token(6)}; access_token=${await token(6)}; Authorization=Bearer ${await token(6)}`,
    }),
    'a good token in other headers': async () =>
      Object.fromEntries(
        await Promise.all(
          [
            'x-authorization',
            'proxy-authorization',
            'x-forwarded-authorization',
            'authentication',
            'x-access-token',
            'x-auth-token',
            'cf-access-jwt-assertion',
            'token',
          ].map(async (name) => [name, `Bearer ${await token(6)}`]),
        ),
      ),
    'headers that claim an account': () => ({
      'x-user-id': '6',
      'x-forwarded-user': 'luis_p',
      'x-remote-user': 'luis_p',
      'x-user': '6',
      'x-idUser': '6',
      'x-role': 'admin',
      'x-forwarded-for': '127.0.0.1',
      'x-original-url': '/health',
      'x-rewrite-url': '/health',
      'x-http-method-override': 'GET',
    }),
  };
  for (const [name, of] of Object.entries(headers)) {
    test(`${name}: every route × every body [A1 A8 R1 R7 R10]`, async () => noToken(await of()));
  }
  test('a good token in the query: every route × every body [A1 A8 R1 R7]', async () => {
    const bearer = await token(6);
    await noToken(
      {},
      {
        query: `?access_token=${bearer}&token=${bearer}&jwt=${bearer}&Authorization=Bearer%20${bearer}`,
        leaks: bearer,
      },
    );
  });
});

describe('callers with a bad token', () => {
  const unsigned = (alg) => forge({ alg, typ: 'JWT' }, luis(), { signature: '' });
  const asSubject = (text) => forge(HS256, `{"sub":${text},"iat":${now() - 5},"exp":${now() + 3600}}`);
  const tokens = {
    garbage: () => 'garbage',
    'garbage in three parts': () => 'a.b.c',
    'garbage of bytes beyond ASCII': () => 'ÿþ\u0080é',
    'a truncated token': async () => (await token(6)).slice(0, -20),
    'a token cut off in its claims': async () => (await token(6)).slice(0, 60),
    'a token without its signature': async () => (await token(6)).replace(/[^.]*$/, ''),
    'a token that expired 75 s ago': () => token(6, { exp: now() - 75 }),
    'a token that expired in 1970': () => token(6, { exp: 1 }),
    'a token that is valid in 75 s': () => token(6, { extra: { nbf: now() + 75 } }),
    'a token issued in 75 s': () => token(6, { iat: now() + 75 }),
    'a token by another key': () => token(6, { secret: 'another-secret-of-more-than-32-bytes' }),
    'a token by an empty key': () => forge(HS256, luis(), { secret: '' }),
    'a token in HS512': () => token(6, { header: { alg: 'HS512' } }),
    ...Object.fromEntries(
      ['none', 'NoNe'].flatMap((alg) => [
        [`alg ${JSON.stringify(alg)} without a signature`, () => unsigned(alg)],
        [`alg ${JSON.stringify(alg)} with HS256's signature`, () => forge({ alg, typ: 'JWT' }, luis())],
      ]),
    ),
    ...Object.fromEntries(
      Object.keys(LAYOUTS).map((layout) => [
        `a refresh token in the ${layout} layout`,
        () => token(6, { layout, extra: { type: 'refresh', token_type: 'refresh' } }),
      ]),
    ),
    'a token with only type refresh': () => token(6, { claims: { ...LAYOUTS.falcon(6), type: 'refresh' } }),
    'a token with only token_type refresh': () => token(6, { claims: { ...LAYOUTS.django(6), token_type: 'refresh' } }),
    'a token with a null type': () => token(6, { extra: { type: null } }),
    'a token without exp': () => token(6, { exp: null }),
    'a token without a subject': () => token(6, { claims: {} }),
    'a token whose subject is in other claims': () =>
      token(6, {
        claims: { id: 6, uid: 6, userId: 6, profile: { id: 6 }, email: 'luis.perez@example.com', username: 'luis_p' },
      }),
    'sub and user_id that disagree': () => token(6, { claims: { sub: '6', user_id: 5 } }),
    'sub and idUser that disagree': () => token(6, { claims: { sub: 6, idUser: 5 } }),
    'user_id and idUser that disagree': () => token(6, { claims: { user_id: 6, idUser: '5' } }),
    'equal ids of two back ends': () => token(6, { claims: { user_id: 6, idUser: 6 } }),
    'a good subject alongside an invalid one': () => token(6, { claims: { sub: '6', user_id: 'abc' } }),
    'a good subject alongside null': () => token(6, { claims: { sub: '6', user_id: null } }),
    ...Object.fromEntries(
      [
        '0',
        '-6',
        '6.5',
        '9007199254740992',
        '18446744073709551622',
        '"0"',
        '"99999999999999999999999999"',
        '"luis_p"',
        'null',
        '[6]',
      ].map((text) => [`the subject ${text}`, () => asSubject(text)]),
    ),
    'a token of 100 KiB': () => `${part(HS256)}.${'A'.repeat(100 * 1024)}.${part('x'.repeat(32))}`,
    'the secret': () => SECRET,
  };
  for (const [name, mint] of Object.entries(tokens)) {
    test(`${name}: every route × every body [A2 A3 A4 A5 A6 A8 R1 R7 R10]`, async () =>
      badToken(Buffer.from(await mint()).toString('latin1')));
  }
  test('two good tokens: every route × every body [D10 A1 R1 R7]', async () =>
    badToken(`${await token(6)}, Bearer ${await token(6)}`, {}, 'badHeader'));
});

describe('callers refused by the database', () => {
  const out = [
    ['a subject that never existed', 9999, 'plain'],
    ['a deleted subject', 55, 'seam'],
    ['the largest possible subject', Number.MAX_SAFE_INTEGER, 'falcon'],
    ['an inactive account', 43, 'django'],
    ['an inactive account', 43, 'plain'],
  ];
  for (const [name, id, layout] of out) {
    test(`${name}, in the ${layout} layout: every route × every body [A7 A8 D10 R1 R7]`, async () => {
      const bearer = await token(id, { layout });
      // Makes the worker forget what it knew about the id.
      await worker.put('/users', { token: bearer, json: { name: 'x' } });
      await refusedByDatabase(id, bearer, id === 43 ? off : gone, { isKnown: layout === 'plain' });
    });
  }

  test('an inactive admin and superuser: every route × every body [A7 A8 D10 R1 R7]', async (t) => {
    await worker.sql('UPDATE users SET is_active = 0, is_superuser = 1 WHERE id = 1');
    t.after(() => worker.sql('UPDATE users SET is_active = 1, is_superuser = 0 WHERE id = 1'));
    await refusedByDatabase(1, await token(1), off);
  });

  const older = {
    'a token older than the last change of the password': (changed) => ({ iat: changed - 1 }),
    'a token from long before the last change of the password': () => ({ iat: 0 }),
    'a token without iat after a change of the password': () => ({ iat: null }),
  };
  for (const [name, options] of Object.entries(older)) {
    test(`${name}: every route × every body [A7 A8 D10 R1 R7]`, async (t) => {
      const changed = now() - 100;
      await worker.sql('UPDATE users SET tokens_valid_after = ? WHERE id = 6', changed);
      t.after(() => worker.sql('UPDATE users SET tokens_valid_after = NULL WHERE id = 6'));
      await refusedByDatabase(6, await token(6, options(changed)), outdated);
    });
  }

  const unprivileged = {
    'a role that holds no permission': 7,
    'a role without any permission row': 50,
    'no role at all': 51,
    'a role that holds similarly named permissions': 52,
    'a superuser without a role': 53,
    'a superuser whose role holds no permission': 54,
  };
  for (const [name, id] of Object.entries(unprivileged)) {
    const forbidden = ({ forbidden }) => [403, forbidden];
    test(`${name}: every route that needs a permission × every body, its own ID and another [A7 R1 R7]`, async () =>
      refusedByDatabase(id, await token(id), forbidden, { routes: NEEDS_PERMISSION, ids: [6, id, 8] }));
    const title =
      `${name}, with a token that claims every right: ` + 'every route that needs a permission × every body [A7 R1 R7]';
    test(title, async () => {
      const claims = {
        sub: String(id),
        roleId: 1,
        roleName: 'admin',
        role: 'admin',
        roles: ['admin'],
        scope: NEEDS_PERMISSION.map((r) => r.name).join(' '),
        permissions: NEEDS_PERMISSION.map((r) => r.name),
        is_superuser: true,
        is_staff: true,
        is_active: true,
      };
      await refusedByDatabase(id, await token(id, { claims }), forbidden, { routes: NEEDS_PERMISSION });
    });
  }
  test('a role that holds only the permissions of other routes × every body [A7 R1 R7]', async () => {
    const [seamUsers] = NEEDS_PERMISSION.filter(({ dialect }) => dialect === 'seam');
    await refusedByDatabase(5, await token(5), () => [403, seamUsers.forbidden], {
      routes: [seamUsers],
      ids: [5, 6],
    });
  });

  const others = {
    'an editor': 7,
    'an admin': 1,
    'an account without a role': 51,
    'a superuser': 53,
    'an asistente': 5,
  };
  for (const [name, id] of Object.entries(others)) {
    const title =
      `${name} that names another ID, whatever its token claims: every route for the caller's record × every body ` +
      '[A7 R1 R7]';
    test(title, async () => {
      const claims = { sub: id, is_superuser: true, is_staff: true, profile: '6', id: 6 };
      await refusedByDatabase(id, await token(id, { claims }), ({ own }) => [403, own], { routes: OWN, ids: [6, 42] });
    });
  }
});

describe('the matrix itself', () => {
  test('it contains every route of the route table, and no other', () => {
    // A native test writes the route table of the code to this file.
    const { endpoints } = JSON.parse(read('tests/facts.json'));
    const patterns = Object.keys(endpoints).sort();
    assert.deepEqual(MATRIX.map(({ name }) => name).sort(), patterns);
    assert.deepEqual(Object.keys(ROWS).sort(), patterns);
    assert.deepEqual(
      patterns.filter((pattern) => endpoints[pattern].right === 'permission'),
      NEEDS_PERMISSION.map(({ name }) => name).sort(),
    );
    assert.deepEqual(
      patterns.filter((pattern) => endpoints[pattern].form?.file),
      MATRIX.filter(({ upload }) => upload)
        .map(({ name }) => name)
        .sort(),
    );
  });
  const title =
    'every cell was tried, and every route accepts a good caller, so that the refusals were due to the callers';
  test(title, async () => {
    const missing = MATRIX.flatMap((route) =>
      bodiesOf(route).map((body) => `${route.name} × ${body.kind} × 401`),
    ).filter((cell) => !tried.has(cell));
    assert.deepEqual(missing, []);
    for (const { name } of [...NEEDS_PERMISSION, ...OWN])
      assert.ok(tried.has(`${name} × ${BODIES[0].kind} × 403`), name);
    for (const route of MATRIX)
      assert.equal((await worker.put(route.path(), { as: 6, json: route.good })).status, 200, route.name);
    for (const route of MATRIX.filter(({ upload }) => upload))
      assert.equal((await worker.put(route.path(), { as: 6, ...forms[route.name] })).status, 200, route.name);
  });
});
