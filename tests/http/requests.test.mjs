// Rules for requests to any route: body, path and method, headers, and the order of checks.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { INVALID_TOKEN, problem, REFUSALS, ROUTES, seam } from '../support/dialects.mjs';
import { assertRefused, assertResponse, raw } from '../support/responses.mjs';
import { startPut } from '../support/sockets.mjs';
import { startWorker } from '../support/worker.mjs';

const LIMIT = 64 * 1024;

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

/** Blanks the one value of a body that differs between responses. */
const stable = (text) => text.replace(/"updated_at":"[^"]*"/, '"updated_at":""');

/** Checks that the response to a request is the same as to the route's plain good body. */
async function assertSameAsGood(route, target, options) {
  const expected = await worker.put(route.path(), { as: 6, json: route.good });
  const response = await worker.put(target, { as: 6, ...options });
  assert.deepEqual([expected.status, response.status, stable(response.text)], [200, 200, stable(expected.text)]);
  await assertResponse(worker, response, 200, response.json, { d1: 1 });
}

/** A valid body of exactly `size` bytes. */
function padded(json, size) {
  const text = Buffer.from(JSON.stringify(json));
  return Buffer.concat([text.subarray(0, -1), Buffer.alloc(size - text.length, ' '), text.subarray(-1)]);
}
const stream = (bytes) =>
  new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 10_000) controller.enqueue(bytes.subarray(at, at + 10_000));
      controller.close();
    },
  });

/** Bodies that are not valid JSON or are ambiguous; `key` is a field that the route knows. */
const deep = (open, close, levels, inner = '') => open.repeat(levels) + inner + close.repeat(levels);
const MALFORMED = (key) => ({
  'white space': ' \n',
  'half an object': `{"${key}":`,
  'an object without its end': `{"${key}":"a"`,
  'a trailing comma': `{"${key}":"a",}`,
  'two objects': '{}{}',
  'text after the object': '{} x',
  'single quotes': `{'${key}':'a'}`,
  'a bare key': `{${key}:"a"}`,
  'a comment': '{/**/}',
  'a bare word': 'hello',
  'an invalid number': `{"${key}":NaN}`,
  'a leading zero': `{"${key}":01}`,
  'a line break inside a string': `{"${key}":"a\nb"}`,
  'a NUL byte inside a string': `{"${key}":"a\0b"}`,
  'a NUL byte at the end': '{}\0',
  'an unknown escape': `{"${key}":"\\x41"}`,
  'half a surrogate pair': `{"${key}":"\\ud83d"}`,
  'a form': `${key}=a`,
  'a duplicate key': `{"${key}":"a","${key}":"b"}`,
  'a duplicate key with equal values': `{"${key}":"a","${key}":"a"}`,
  'a duplicate key written with an escape':
    `{"${key}":"a",` + `"\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}":"b"}`,
  'a duplicate unknown key': '{"x":1,"x":2}',
  'a duplicate empty key': '{"":1,"":2}',
  'a duplicate key nested in an object': '{"x":{"a":1,"b":{},"a":2}}',
  'a duplicate key nested in a list': '{"x":[0,[{"a":1,"\\u0061":2}]]}',
  'a duplicate key nested in a known field': `{"${key}":{"a":1,"a":2}}`,
  'two byte order marks': '\ufeff\ufeff{}',
  'UTF-16': Buffer.from('{}', 'utf16le'),
  'a byte that is not UTF-8': Buffer.from(`{"${key}":"a\xff"}`, 'latin1'),
  'a byte that is not UTF-8 in an unknown field': Buffer.from('{"x":"a\xe9"}', 'latin1'),
  'an overlong UTF-8 sequence': Buffer.from(`{"${key}":"\xc0\xaf"}`, 'latin1'),
  'a surrogate in UTF-8': Buffer.from(`{"${key}":"\xed\xa0\xbd"}`, 'latin1'),
  'half a UTF-8 sequence': Buffer.from(`{"${key}":"\xf0\x9f\x98"}`, 'latin1'),
  'lists nested 32,000 deep': deep('[', ']', 32_000),
  'lists opened 65,000 times': deep('[', '', 65_000),
  'lists nested 1,000 deep in a known field': `{"${key}":${deep('[', ']', 1_000)}}`,
  'lists nested 32,000 deep in a known field': `{"${key}":${deep('[', ']', 32_000)}}`,
  'objects nested 10,000 deep in an unknown field': `{"x":${deep('{"":', '}', 10_000, '0')}}`,
  'objects nested 10,000 deep': deep('{"":', '}', 10_000, '0'),
});
const NOT_OBJECTS = {
  '[]': 'list',
  '[{}]': 'list',
  '"text"': 'str',
  '""': 'str',
  1: 'int',
  '-0': 'int',
  '123456789012345678901234567890': 'int',
  1.5: 'float',
  '1e2': 'float',
  true: 'bool',
  false: 'bool',
  null: 'null',
  ' null\n': 'null',
};

for (const route of ROUTES) {
  const { name, refusals } = route;
  const [key] = Object.keys(route.good);
  const text = JSON.stringify(route.good);
  const refuses = (options, status, body, expected = {}) =>
    assertRefused(worker, route.path(), { as: 6, ...options }, status, body, { d1: 0, ...expected });

  describe(`the body of ${name}`, () => {
    for (const [what, body] of Object.entries(MALFORMED(key))) {
      test(`${what} is malformed for ${name} [R2 D6 R7]`, () => refuses(raw(body), 400, refusals.malformed()));
    }
    for (const [body, kind] of Object.entries(NOT_OBJECTS)) {
      test(`${JSON.stringify(body)} is not an object for ${name} [R2 D6 R7]`, () =>
        refuses(raw(body), 400, refusals.notObject(kind)));
    }

    test(`a byte order mark before the body is ignored by ${name} [R2]`, () =>
      assertSameAsGood(route, route.path(), raw(`\ufeff${text}`)));
    test(`lists nested 100 deep are valid JSON for ${name} [R2 R7]`, async () => {
      const response = await worker.put(route.path(), { as: 6, ...raw(`{"${key}":${deep('[', ']', 100)}}`) });
      assert.equal(response.status, 400);
      assert.notEqual(response.text, JSON.stringify(refusals.malformed()));
    });

    const none = {
      'no content type': {},
      'a JSON content type': raw(''),
      'an unsupported content type': raw('', 'text/plain'),
      'the content type of a form': raw('', 'multipart/form-data; boundary=x'),
    };
    for (const [what, options] of Object.entries(none)) {
      test(`no body with ${what} counts as an empty object for ${name} [R2]`, async () => {
        const expected = await worker.put(route.path(), { as: 6, json: {} });
        const response = await worker.put(route.path(), { as: 6, ...options });
        assert.deepEqual(
          [response.status, stable(response.text)],
          [route.empty[0], stable(JSON.stringify(route.empty[1] ?? expected.json))],
        );
        await assertResponse(worker, response, route.empty[0], response.json, { d1: expected.d1Calls });
      });
    }
    test(`an empty chunked body counts as an empty object for ${name} [R2]`, async () => {
      const expected = await worker.put(route.path(), { as: 6, json: {} });
      const response = await startPut(worker, route.path(), { 'transfer-encoding': 'chunked' }, undefined, {
        end: true,
      });
      assert.deepEqual([response.status, stable(response.text)], [route.empty[0], stable(expected.text)]);
    });

    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'application/json;charset="UTF-8"',
      'APPLICATION/JSON',
      'application/merge-patch+json',
      'application/vnd.api+json; charset=utf-8',
    ]) {
      test(`${type} is JSON for ${name} [R2]`, () => assertSameAsGood(route, route.path(), raw(text, type)));
    }
    const form = 'multipart/form-data; boundary=x';
    for (const type of [
      'text/plain',
      'text/html',
      ...(['falcon', 'django'].includes(route.dialect) ? [] : ['application/x-www-form-urlencoded']),
      ...(route.upload ? [] : [form]),
      'multipart/mixed; boundary=x',
      'application/octet-stream',
      'application/jsonp',
      'application/xml',
      'json',
      '',
      null,
    ]) {
      test(`the content type ${JSON.stringify(type)} is not supported by ${name} [R2 D6 R7]`, () =>
        refuses(raw(text, type), 415, refusals.unsupported(type ?? '')));
    }

    test(`a body of exactly 64 KiB is accepted by ${name}, with its length or without [R3]`, async () => {
      const bytes = padded(route.good, LIMIT);
      assert.equal(bytes.length, LIMIT);
      await assertSameAsGood(route, route.path(), raw(bytes));
      await assertSameAsGood(route, route.path(), raw(stream(bytes)));
    });
    test(`a body one byte longer is too large for ${name}, with its length or without [R3 R7]`, async () => {
      await refuses(raw(padded(route.good, LIMIT + 1)), 413, refusals.tooLarge());
      await refuses(raw(stream(padded(route.good, LIMIT + 1))), 413, refusals.tooLarge());
      await refuses(raw(deep('[', ']', 100_000)), 413, refusals.tooLarge());
    });
    if (route.upload) {
      test(`a form that is too large for JSON is read as a form by ${name} [R2 R3 R7]`, () =>
        refuses(raw(padded({}, LIMIT + 1), form), 400, refusals.badForm()));
    } else {
      test(`a form that is too large for JSON is an unsupported type for ${name} [R2 R3 R7]`, () =>
        refuses(raw(padded({}, LIMIT + 1), form), 415, refusals.unsupported(form)));
    }
    test(`a length that is too large is refused by ${name} before any of the body arrives [R3]`, {
      timeout: 30_000,
    }, async () => {
      // 5 GB and more exceed WebAssembly's 32-bit integers.
      for (const length of [LIMIT + 1, 5_000_000_000, Number.MAX_SAFE_INTEGER]) {
        const response = await startPut(worker, route.path(), {
          'content-type': 'application/json',
          'content-length': String(length),
        });
        await assertResponse(worker, response, 413, refusals.tooLarge(), { d1: 0 });
      }
    });
    test(`a client that hangs up in the middle of its body is not a failure of ${name} [R9 O2 R7]`, {
      timeout: 30_000,
    }, async () => {
      const before = await worker.dump();
      const requestId = `hung-up-${randomUUID()}`;
      await startPut(
        worker,
        route.path(),
        { 'content-type': 'application/json', 'content-length': '100', 'x-request-id': requestId },
        '{"name":"J',
        { hangUp: true },
      );
      const line = await worker.logOf({ requestId });
      assert.deepEqual([line.status, line.code, line.cause, line.d1_calls], [400, 'malformed', undefined, 0]);
      assert.equal(await worker.dump(), before);
    });
    test(`a body without a length is refused by ${name} at the first byte too many, before its end [R3]`, {
      timeout: 30_000,
    }, async () => {
      const response = await startPut(
        worker,
        route.path(),
        { 'content-type': 'application/json' },
        padded(route.good, LIMIT + 1),
      );
      await assertResponse(worker, response, 413, refusals.tooLarge(), { d1: 0 });
    });
  });

  describe(`the path and method of ${name}`, () => {
    const toggled = route.path().endsWith('/') ? route.path().slice(0, -1) : `${route.path()}/`;
    test(`${toggled} is ${name}, too, and a query does not matter [R8]`, async () => {
      await assertSameAsGood(route, toggled, { json: route.good });
      await assertSameAsGood(route, `${route.path()}?id=7&x=/`, { json: route.good });
    });
    if (route.dialect === 'django') {
      test(`the letter case of the path matters for ${name} [R8]`, async () => {
        const outside = await worker.put('/API/profile/6/update/', { as: 6, json: route.good });
        assert.deepEqual([outside.status, outside.json], [404, problem(404, 'Not Found')]);
        const inside = await worker.put('/api/profile/6/Update/', { as: 6, json: route.good });
        assert.deepEqual([inside.status, inside.json], [404, refusals.unknownPath()]);
      });
    } else {
      test(`the letter case of the path does not matter for ${name} [R8]`, async () => {
        const upper = route.path().toUpperCase();
        for (const target of [upper, `${upper}/`]) await assertSameAsGood(route, target, { json: route.good });
        const response = await worker.send('PATCH', upper, { as: 6 });
        await assertResponse(worker, response, 405, refusals.wrongMethod('PATCH'), { d1: 0 });
        const line = await worker.logOf(response);
        assert.equal(line.route, name);
        const nowhere = await worker.send('GET', `${upper}/nowhere`);
        await assertResponse(worker, nowhere, 404, refusals.unknownPath(), { d1: 0 });
      });
    }
    for (const method of ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS']) {
      test(`${method} is not allowed on ${name} [R8]`, async () => {
        for (const target of [route.path(), toggled]) {
          const response = await worker.send(method, target, { as: 6 });
          await assertResponse(worker, response, 405, refusals.wrongMethod(method), { d1: 0 });
          assert.equal(response.headers.get('allow'), 'PUT');
        }
      });
    }
    test(`HEAD is not allowed on ${name} and has no body [R8]`, async () => {
      const response = await worker.send('HEAD', route.path(), { as: 6 });
      assert.deepEqual([response.status, response.text, response.headers.get('allow')], [405, '', 'PUT']);
    });
  });

  describe(`the order of checks of ${name}`, () => {
    const malformed = raw('{');
    test(`without a good token ${name} reports nothing else [R1 A8]`, async () => {
      for (const [credential, challenge, body] of [
        [{}, 'Bearer', refusals.noToken()],
        [{ token: 'x.y.z' }, INVALID_TOKEN, refusals.badToken()],
      ]) {
        const cases = [
          ['PUT', route.path(), malformed],
          ['PUT', route.path(), raw('{}', 'text/plain')],
          ['PUT', route.path(), raw(padded({}, LIMIT + 1))],
          ['PUT', route.path('abc'), malformed],
          ['DELETE', route.path(), {}],
          ['OPTIONS', route.path(), {}],
          ['POST', route.path('abc'), malformed],
        ];
        for (const [method, target, options] of cases) {
          await assertResponse(worker, await worker.send(method, target, { ...credential, ...options }), 401, body, {
            d1: 0,
            challenge,
          });
        }
      }
    });
    test(`too large comes before unsupported, unsupported before malformed for ${name} [R1 R3 R7]`, async () => {
      await refuses(raw(padded({}, LIMIT + 1), 'text/plain'), 413, refusals.tooLarge());
      await refuses(raw('{', 'text/plain'), 415, refusals.unsupported('text/plain'));
      const response = await worker.send('POST', route.path(), { as: 6, ...raw(padded({}, LIMIT + 1), 'text/plain') });
      await assertResponse(worker, response, 405, refusals.wrongMethod('POST'), { d1: 0 });
    });
    test(`a bad body comes before an inactive account for ${name} [R1 R7]`, () =>
      assertRefused(worker, route.path(43), { as: 43, ...malformed }, 400, refusals.malformed(), { d1: 0 }));
    const title =
      `an inactive or deleted account has an invalid token for ${name}, whatever its request ` + '[R1 A7 A8 R7]';
    test(title, async () => {
      for (const as of [43, 4711]) {
        for (const id of [as, 6, 4712])
          await assertRefused(
            worker,
            route.path(id),
            { as, json: route.good },
            401,
            as === 43 ? refusals.inactive() : refusals.gone(),
            {
              d1: 1,
              challenge: INVALID_TOKEN,
            },
          );
      }
    });
  });
}

describe('the order of checks that only some routes have', () => {
  const [foto, me, users, , profile] = ROUTES;
  const good = (route) => ({ json: route.good });
  const cases = [
    [
      'an unprivileged caller is forbidden even if the target does not exist',
      [foto, users],
      4711,
      7,
      403,
      (route) => route.refusals.forbidden(),
    ],
    ['an unprivileged caller without a persona is forbidden', [me], 0, 42, 403, (route) => route.refusals.forbidden()],
    ['a permitted caller without a persona finds none', [me], 0, 1, 404, () => ({ message: 'Persona no encontrada' })],
    [
      'a permitted caller learns that a persona is unknown',
      [foto],
      4711,
      6,
      404,
      () => ({ message: 'Persona no encontrada' }),
    ],
    [
      'a permitted caller learns that an account is unknown',
      [users],
      4711,
      6,
      404,
      () => seam('Usuario con id 4711 no encontrado'),
    ],
    ['a caller of an unknown profile finds none', [profile], 4711, 42, 404, () => ({ detail: 'Not found.' })],
  ];
  for (const [what, routes, id, as, status, body] of cases) {
    test(`${what} [R1 R7]`, async () => {
      for (const route of routes)
        await assertRefused(worker, route.path(id), { as, ...good(route) }, status, body(route), { d1: 1 });
    });
  }
  test('a bad body comes before a missing permission [R1 R7]', async () => {
    for (const route of [foto, me, users])
      await assertRefused(worker, route.path(4711), { as: 7, ...raw('[') }, 400, route.refusals.malformed(), { d1: 0 });
  });
  test('an unknown account comes before a taken e-mail [R1 R7]', () =>
    assertRefused(
      worker,
      users.path(4711),
      { as: 6, json: { email: 'alice@example.com' } },
      404,
      seam('Usuario con id 4711 no encontrado'),
      { d1: 1 },
    ));
  const title = 'an invalid id in the path comes before the method and the body, and the token comes first [R1 R8]';
  test(title, async () => {
    for (const [route, body] of [
      [foto, { message: 'Persona no encontrada' }],
      [profile, { detail: 'Not found.' }],
    ]) {
      for (const [method, options] of [
        ['DELETE', {}],
        ['PUT', raw('{')],
        ['PUT', raw('x', 'text/plain')],
      ]) {
        await assertResponse(worker, await worker.send(method, route.path('abc'), { as: 6, ...options }), 404, body, {
          d1: 0,
        });
      }
    }
  });
});

describe('unknown paths', () => {
  /** Paths that a route table could mistake for an endpoint's. Paths below every endpoint are added. */
  const inside = {
    personas: [
      '/api/personas',
      '/api/personas/',
      '/api/personas/6',
      '/api/personas/6/fotos',
      '/api/personas/6/foto/x',
      '/api/personas/me/foto/x',
      '/api/personas/me//',
    ],
    seam: ['/api/v1', '/api/v1/users', '/api/v1/users/', '/api/v1/users/6/x', '/api/v1//users/6', '/api/v1/nothing'],
    falcon: ['/users/6', '/users//', '/users/me/x'],
    django: [
      '/api/profile',
      '/api/profile/6',
      '/api/profile/6/',
      '/api/profile/6/update/x',
      '/api/profile/6//update/',
      '/api/profile/update/',
    ],
  };
  for (const [dialect, refusals] of Object.entries(REFUSALS)) {
    const below = ROUTES.filter((route) => route.dialect === dialect).map(
      ({ path }) => `${path().replace(/\/$/, '')}/nowhere`,
    );
    for (const target of [...below, ...(inside[dialect] ?? [])]) {
      test(`${target} is unknown in the format of ${dialect}, with any method and without a token [R8]`, async () => {
        for (const method of ['PUT', 'GET']) {
          const line = await assertResponse(worker, await worker.send(method, target), 404, refusals.unknownPath(), {
            d1: 0,
          });
          assert.equal(line.route, null);
        }
      });
    }
  }
  for (const target of [
    '/',
    '/nothing',
    '/api',
    '/api/',
    '/api/v2/users/6',
    '/apis/personas/me',
    '/api/personasx',
    '/api/v10',
    '/usersx',
    '//users',
    '/api//personas/me',
    '/healthz',
    '/api/profiles/6/update/',
  ]) {
    test(`${target} is unknown as problem JSON, with any method, with or without a token [R8 R10]`, async () => {
      for (const [method, options] of [
        ['GET', {}],
        ['PUT', { as: 6, json: {} }],
      ]) {
        const response = await worker.send(method, target, options);
        const header = (name) => response.headers.get(name);
        assert.deepEqual(
          [
            response.status,
            response.text,
            header('content-type'),
            header('cache-control'),
            header('x-content-type-options'),
            response.d1Calls,
          ],
          [404, JSON.stringify(problem(404, 'Not Found')), 'application/problem+json', 'no-store', 'nosniff', 0],
        );
        assert.equal((await worker.logOf(response)).route, null);
      }
    });
  }
});

describe('the request id', () => {
  const targets = [
    ['PUT', '/users', { as: 6, json: { name: 'Luis' } }],
    ['PUT', '/users', {}],
    ['GET', '/health', {}],
    ['GET', '/nothing', {}],
  ];
  for (const [what, id] of [
    ['letters, digits and punctuation', 'Ab9._:-'],
    ['one character', 'x'],
    ['128 characters', 'a'.repeat(128)],
  ]) {
    test(`an id of ${what} is kept in every response [R10]`, async () => {
      for (const [method, target, options] of targets) {
        const response = await worker.send(method, target, {
          ...options,
          headers: { ...options.headers, 'x-request-id': id },
        });
        assert.equal(response.requestId, id);
      }
    });
  }
  for (const [what, id] of [
    ['nothing', ''],
    ['129 characters', 'a'.repeat(129)],
    ['a space', 'a b'],
    ['a quote', 'a"b'],
    ['a slash', 'a/b'],
    ['an accent', 'é'],
    ['two ids', 'a, b'],
    ['a brace', '{a}'],
  ]) {
    test(`an id of ${what} is replaced in every response, by a different one each time [R10]`, async () => {
      const ids = [];
      for (const [method, target, options] of targets) {
        const response = await worker.send(method, target, { ...options, headers: { 'x-request-id': id } });
        assert.match(response.requestId, /^[0-9a-f]{32}$/);
        ids.push(response.requestId);
      }
      assert.equal(new Set(ids).size, targets.length);
    });
  }
});

describe('other origins', () => {
  const APP = 'https://app.example.com';
  const OTHERS = [
    'https://evil.example',
    'http://app.example.com',
    'https://app.example.com.evil.example',
    'https://sub.app.example.com',
    'https://app.example.com:8443',
    'null',
  ];
  const ASKED = 'authorization,content-type,x-csrftoken,x-socket-id';
  const preflight = (origin, asked = ASKED) => ({
    headers: {
      origin,
      'access-control-request-method': 'PUT',
      ...(asked && { 'access-control-request-headers': asked }),
    },
  });
  const cors = (response) =>
    Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));
  const granted = (origin) => ({
    ...(origin !== '*' && { 'access-control-allow-credentials': 'true' }),
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'X-Request-Id, WWW-Authenticate, Allow, Retry-After',
  });
  const open = (origin, methods, asked = ASKED) => ({
    ...(origin !== '*' && { 'access-control-allow-credentials': 'true' }),
    ...(asked && { 'access-control-allow-headers': asked }),
    'access-control-allow-methods': methods,
    'access-control-allow-origin': origin,
    'access-control-max-age': '86400',
    vary: `${origin === '*' ? '' : 'Origin, '}Access-Control-Request-Headers`,
  });
  const VARY = { vary: 'Origin' };
  const responseCases = [
    ['PUT', '/users', { as: 6, json: { name: 'Luis' } }, 200],
    ['PUT', '/users', {}, 401],
    ['PUT', '/api/personas/6/foto', { as: 42, json: { foto_url: 'https://example.com/a' } }, 403],
    ['PUT', '/api/v1/users/6', { as: 6, ...raw('x', 'text/plain') }, 415],
    ['GET', '/api/profile/6/update/', { as: 6 }, 405],
    ['GET', '/health', {}, 200],
    ['GET', '/nothing', {}, 404],
  ];
  const sent = (options, origin) => ({ ...options, headers: { ...options.headers, origin } });
  let listed, any;
  before(async () => {
    listed = await startWorker({ vars: { CORS_ALLOWED_ORIGINS: `${APP}, https://admin.example.com` } });
    any = await startWorker({ vars: { CORS_ALLOWED_ORIGINS: '*' } });
  });
  after(() => Promise.all([listed?.stop(), any?.stop()]));

  async function checksPreflight(on, target, origin, expected, asked = ASKED) {
    const response = await on.send('OPTIONS', target, preflight(origin, asked));
    // Browsers only read the exposed headers of the actual response.
    const { 'access-control-expose-headers': exposed, ...headers } = cors(response);
    assert.deepEqual(
      [
        response.status,
        response.text,
        headers,
        response.headers.get('cache-control'),
        response.headers.get('x-content-type-options'),
        response.d1Calls,
      ],
      [204, '', expected, 'no-store', 'nosniff', 0],
    );
    const line = await on.logOf(response);
    assert.deepEqual([line.method, line.status], ['OPTIONS', 204]);
  }

  for (const route of ROUTES) {
    test(`a preflight of ${route.name} is handled for allowed origins, without a token [R11]`, async () => {
      for (const origin of [APP, 'https://admin.example.com'])
        await checksPreflight(listed, route.path(), origin, open(origin, 'PUT'));
      await checksPreflight(any, route.path(), APP, open('*', 'PUT'));
    });
    test(`a preflight of ${route.name} allows any headers that it asks for [R11]`, async () => {
      const many = Array.from({ length: 200 }, (_, at) => `x-header-${at}`).join(', ');
      for (const asked of ['X-Socket-ID', 'x-requested-with,x-csrftoken', many]) {
        await checksPreflight(listed, route.path(), APP, open(APP, 'PUT', asked), asked);
        await checksPreflight(any, route.path(), APP, open('*', 'PUT', asked), asked);
      }
      for (const none of ['', 'x-ünicode', 'x;y', 'a"b', '<b>'])
        await checksPreflight(listed, route.path(), APP, open(APP, 'PUT', null), none);
    });
    const title =
      `a preflight of ${route.name} from any other origin, or with no origins configured, ` +
      'is handled like any other request [R11 R8]';
    test(title, async () => {
      for (const origin of OTHERS) {
        const response = await listed.send('OPTIONS', route.path(), preflight(origin));
        await assertResponse(listed, response, 401, route.refusals.noToken(), { d1: 0, challenge: 'Bearer' });
        assert.deepEqual(cors(response), VARY);
        const { code, cors_origin } = await listed.logOf(response);
        assert.deepEqual({ code, cors_origin }, { code: 'origin_not_allowed', cors_origin: origin });
      }
      const response = await worker.send('OPTIONS', route.path(), preflight(APP));
      const { code, cors_origin } = await assertResponse(worker, response, 401, route.refusals.noToken(), {
        d1: 0,
        challenge: 'Bearer',
      });
      assert.deepEqual({ code, cors_origin }, { code: 'origin_not_allowed', cors_origin: APP });
      assert.deepEqual(cors(response), {});
    });
  }

  test('only the origin of a refused preflight is logged, sanitized and truncated [R11 O2]', async () => {
    const logged = async (origin) => {
      const response = await listed.send('OPTIONS', '/users?email=jane', preflight(origin, 'x-private'));
      const line = await listed.logOf(response);
      assert.equal(JSON.stringify(line).includes('private') || JSON.stringify(line).includes('jane'), false);
      return line.cors_origin;
    };
    assert.equal(await logged(`https://${'a'.repeat(300)}.example`), `https://${'a'.repeat(120)}`);
    assert.equal(await logged('https://a b"{}<é>.example'), 'https://a?b??????.example');
    assert.equal(await logged('chrome-extension://abc_1'), 'chrome-extension://abc_1');
  });
  test('a request that is not a preflight is logged without its origin [R11 O2]', async () => {
    for (const options of [{ headers: { origin: 'https://evil.example' } }, {}]) {
      const { code, cors_origin } = await listed.logOf(await listed.send('OPTIONS', '/users', options));
      assert.deepEqual({ code, cors_origin }, { code: 'no_token', cors_origin: undefined });
    }
  });

  test('every response names the allowed origin, including refusals [R11]', async () => {
    for (const [method, target, options, status] of responseCases) {
      const one = await listed.send(method, target, sent(options, APP));
      assert.deepEqual([one.status, cors(one)], [status, { ...granted(APP), ...VARY }]);
      const all = await any.send(method, target, sent(options, APP));
      assert.deepEqual([all.status, cors(all)], [status, granted('*')]);
    }
  });
  test('no response names another origin, or any if none is sent or configured [R11]', async () => {
    for (const [method, target, options, status] of responseCases) {
      for (const origin of OTHERS) {
        const response = await listed.send(method, target, sent(options, origin));
        assert.deepEqual([response.status, cors(response)], [status, VARY]);
      }
      const without = await listed.send(method, target, options);
      assert.deepEqual([without.status, cors(without)], [status, VARY]);
      const off = await worker.send(method, target, sent(options, APP));
      assert.deepEqual([off.status, cors(off)], [status, {}]);
    }
  });
  test('OPTIONS from an allowed origin that asks for no method is not a preflight [R11 R8]', async () => {
    const response = await listed.send('OPTIONS', '/users', { as: 6, headers: { origin: APP } });
    await assertResponse(listed, response, 405, REFUSALS.falcon.wrongMethod(), { d1: 0 });
    assert.deepEqual([response.headers.get('allow'), cors(response)], ['PUT', { ...granted(APP), ...VARY }]);
  });
});
