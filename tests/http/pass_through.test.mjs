// Perfil in front of a real HTTP server on loopback (support/origin.mjs): what is passed on and returned, and that no
// request bypasses Perfil's own checks. origin_faults.test.mjs covers origins that fail, and newcomers.test.mjs covers
// updates that are passed on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { exchange, startOrigin } from '../support/origin.mjs';
import { assertResponse } from '../support/responses.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

const NOT_FOUND = { type: 'about:blank', title: 'Not Found', status: 404 };

let origin;
let worker;
before(async () => {
  origin = await startOrigin();
  worker = await startWorker({ vars: { ORIGIN: origin.url, CORS_ALLOWED_ORIGINS: 'https://app.example.com' } });
});
after(async () => {
  await worker.stop();
  await origin.stop();
});

/** Runs an action, checks that the origin gets exactly one request, and returns the response and that request. */
async function assertForwarded(action) {
  const before = origin.received.length;
  const response = await action();
  assert.equal(origin.received.length, before + 1, 'the origin gets it once');
  return { response, received: origin.received[before] };
}

async function assertNotForwarded(action) {
  const before = origin.received.length;
  const response = await action();
  assert.equal(origin.received.length, before, 'the origin does not get it');
  return response;
}

/** Runs an action while the origin responds with `reply`. */
async function withReply(reply, action) {
  const usual = origin.reply;
  origin.reply = reply;
  try {
    return await action();
  } finally {
    origin.reply = usual;
  }
}

const logOf = (id) => worker.logOf({ requestId: id });

describe('requests that are not updates go to the origin unchanged [X1]', () => {
  const PATHS = ['/api/v1/users/7', '/users', '/api/profile/42/update/', '/api/personas/5/foto', '/api/v1/login', '/x'];
  for (const path of PATHS) {
    for (const method of ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS']) {
      test(`${method} ${path} [X1]`, async () => {
        const target = `${path}?a=1&b=%20%2F&a=2`;
        const body = ['POST', 'PATCH', 'DELETE'].includes(method) ? '{"a":  1}' : undefined;
        const headers = {
          'x-one': 'a, b',
          authorization: 'Bearer nonsense',
          'x-request-id': `${method}:${path.length}`,
        };
        const { response, received } = await assertForwarded(() => worker.send(method, target, { body, headers }));
        assert.equal(response.status, 200);
        assert.equal(response.text, method === 'HEAD' ? '' : '{"origin":true}');
        assert.deepEqual([received.method, received.url, received.body.toString()], [method, target, body ?? '']);
        assert.deepEqual([received.headers['x-one'], received.headers.authorization], ['a, b', 'Bearer nonsense']);
        const { status, origin: isForwarded, origin_status: originStatus } = await logOf(headers['x-request-id']);
        assert.deepEqual({ status, isForwarded, originStatus }, { status: 200, isForwarded: true, originStatus: 200 });
      });
    }
  }

  test('a PUT whose path is not one of Perfil’s goes there, too [X1]', async () => {
    const { received } = await assertForwarded(() => worker.put('/api/v1/roles/7', { json: { name: 'x' } }));
    assert.deepEqual(
      [received.method, received.url, received.body.toString()],
      ['PUT', '/api/v1/roles/7', '{"name":"x"}'],
    );
  });

  test('a GET with a body, and a chunked body, arrive whole [X1]', async () => {
    const chunked = 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
    for (const text of [
      'GET /search HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde',
      `POST /search HTTP/1.1\r\nHost: h\r\n${chunked}`,
    ]) {
      const { response, received } = await assertForwarded(() => exchange(worker, text));
      assert.match(response, /^HTTP\/1\.1 200 OK\r\n/);
      assert.equal(received.body.toString(), 'abcde');
    }
  });

  test('a picture that is not in the bucket is requested there; one in the bucket is not [X1]', async () => {
    const { response } = await assertForwarded(() => worker.send('GET', '/media/avatars/7/old.jpg'));
    assert.equal(response.text, '{"origin":true}');
    await assertForwarded(() => worker.send('GET', '/media/other/file.txt'));
    await assertForwarded(() => worker.send('POST', '/media/avatars/7/old.jpg', { body: 'x' }));
    await worker.bucket.put('avatars/7/new.png', new Uint8Array([1, 2, 3]));
    const ours = await assertNotForwarded(() => worker.send('GET', '/media/avatars/7/new.png'));
    assert.deepEqual([ours.status, [...ours.bytes]], [200, [1, 2, 3]]);
    const health = await assertNotForwarded(() => worker.send('GET', '/health'));
    assert.deepEqual([health.status, health.text], [200, '{"status":"ok"}']);
  });
});

describe('the request that the origin gets [X1]', () => {
  test('has the host and scheme that the client used, and the request id, whatever the client claims', async () => {
    const spoofed = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher', 'x-request-id': 'a b' };
    const { received } = await assertForwarded(() => worker.send('GET', '/x', { headers: spoofed }));
    assert.equal(received.headers['x-forwarded-host'], new URL(worker.url).host);
    assert.equal(received.headers['x-forwarded-proto'], 'http');
    assert.match(received.headers['x-request-id'], /^[0-9a-f]{32}$/);
    assert.equal(received.headers.host, new URL(origin.url).host);
    const { received: named } = await assertForwarded(() =>
      worker.send('GET', '/x', { headers: { 'x-request-id': 'mine-1' } }),
    );
    assert.equal(named.headers['x-request-id'], 'mine-1');
  });

  test('has no hop-by-hop headers, including those named in Connection', async () => {
    const lines = [
      'Connection: keep-alive, X-Named, x-request-id, x-forwarded-for',
      'X-Named: 1',
      'Keep-Alive: 5',
      'TE: trailers',
    ];
    const more = [
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: Basic eA==',
      'Trailer: x',
      'X-Forwarded-For: 192.0.2.1',
      'Expect: 100-continue',
    ];
    const head = ['GET /x HTTP/1.1', 'Host: h', ...lines, ...more, 'X-Kept: 1'].join('\r\n');
    const { response, received } = await assertForwarded(() => exchange(worker, `${head}\r\n\r\n`));
    assert.match(response, /^HTTP\/1\.1 200 OK\r\n/);
    const names = Object.keys(received.headers);
    const gone = ['x-named', 'keep-alive', 'te', 'proxy-connection', 'proxy-authorization', 'trailer', 'expect'];
    assert.deepEqual(
      names.filter((name) => gone.includes(name)),
      [],
    );
    assert.equal(received.headers['x-kept'], '1');
    assert.equal(received.headers['x-forwarded-for'], '192.0.2.1', 'a client cannot hide its address');
    assert.match(received.headers['x-request-id'], /^[0-9a-f]{32}$/);
  });

  test('has no secret and no setting of Perfil', async () => {
    const { received } = await assertForwarded(() => worker.send('POST', '/x', { body: 'y' }));
    const all = JSON.stringify(received.rawHeaders);
    for (const secret of ['a-test-secret', 'JWT', 'app.example.com']) assert.ok(!all.includes(secret), secret);
  });
});

describe('responses of the origin are returned unchanged [X1]', () => {
  const REPLIES = {
    'several cookies': [
      200,
      [
        ['set-cookie', 'a=1; Path=/'],
        ['set-cookie', 'b=2'],
      ],
      'x',
    ],
    'a redirect, which is not followed': [302, [['location', 'https://elsewhere.example/']], ''],
    'a 304': [304, [['etag', '"1"']], ''],
    'a 204': [204, [['x-any', '1']], ''],
    'a refusal': [401, [['www-authenticate', 'Basic realm="x"']], '{"message":"no"}'],
    'a failure': [500, [['content-type', 'text/html']], '<h1>Oops</h1>'],
    'a gzipped body': [
      200,
      [
        ['content-encoding', 'gzip'],
        ['content-type', 'text/plain'],
      ],
      gzipSync('hello hello'),
    ],
  };
  for (const [name, [status, headers, body]] of Object.entries(REPLIES)) {
    test(`${name} [X1]`, async () => {
      const reply = (_, response) => {
        response.writeHead(status, headers.flat());
        response.end(body);
      };
      const id = `back-${status}-${headers.length}-${body.length}`;
      const response = await withReply(reply, () => worker.send('GET', '/x', { headers: { 'x-request-id': id } }));
      assert.equal(response.status, status);
      const values = response.headers.getSetCookie();
      if (name === 'several cookies') assert.deepEqual(values, ['a=1; Path=/', 'b=2']);
      for (const [header, value] of headers.filter(([header]) => header !== 'set-cookie'))
        assert.equal(response.headers.get(header), value);
      // fetch decompresses a body that is marked as gzipped.
      assert.equal(response.text, Buffer.isBuffer(body) ? 'hello hello' : body);
      for (const ours of ['x-content-type-options', 'cache-control', 'x-request-id'])
        assert.equal(response.headers.get(ours), null, ours);
      const line = worker.lines.find(({ message }) => message.includes(`"${id}"`));
      assert.equal(line.level, 'log', 'it is not a failure of Perfil');
      assert.equal((await logOf(id)).origin_status, status);
    });
  }

  test('a HEAD has the length that the origin specifies, and no body [X1]', async () => {
    const reply = (_, response) => {
      response.writeHead(200, { 'content-length': '1234' });
      response.end();
    };
    const text = await withReply(reply, () => exchange(worker, 'HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n'));
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(text, /\r\ncontent-length: 1234\r\n/i);
    assert.ok(text.endsWith('\r\n\r\n'));
  });
});

describe('CORS headers come from the service that responds [X3]', () => {
  const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'DELETE' };

  test('a preflight for another method goes to the origin [X3]', async () => {
    const reply = (_, response) => {
      response.writeHead(204, { 'access-control-allow-origin': '*', 'access-control-allow-methods': 'DELETE' });
      response.end();
    };
    const preflight = () => worker.send('OPTIONS', '/api/v1/users/7', { headers });
    const { response } = await withReply(reply, () => assertForwarded(preflight));
    assert.equal(response.headers.get('access-control-allow-methods'), 'DELETE');
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    assert.equal(response.headers.get('access-control-allow-credentials'), null);
  });

  test('Perfil handles a preflight for a picture from an allowed page [X3 R11]', async () => {
    const asking = { ...headers, 'access-control-request-method': 'GET' };
    const ours = await assertNotForwarded(() =>
      worker.send('OPTIONS', '/media/avatars/7/asked.png', { headers: asking }),
    );
    assert.deepEqual([ours.status, ours.headers.get('access-control-allow-methods')], [204, 'GET, HEAD']);
  });

  test('from other pages it goes to the origin, wherever the picture is [X1 X3]', async () => {
    const reply = (_, response) => {
      response.writeHead(204, { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization' });
      response.end();
    };
    await worker.bucket.put('avatars/7/asked.png', new Uint8Array([1]));
    for (const method of ['GET', 'HEAD']) {
      for (const picture of ['old.jpg', 'asked.png']) {
        const asking = { origin: 'https://other.example.com', 'access-control-request-method': method };
        const preflight = () => worker.send('OPTIONS', `/media/avatars/7/${picture}`, { headers: asking });
        const { response } = await withReply(reply, () => assertForwarded(preflight));
        assert.deepEqual(
          [response.status, response.headers.get('access-control-allow-headers')],
          [204, 'authorization'],
        );
      }
    }
  });

  test('Perfil handles a preflight for the update [X3 R11]', async () => {
    const ours = await assertNotForwarded(() =>
      worker.send('OPTIONS', '/api/v1/users/7', { headers: { ...headers, 'access-control-request-method': 'PUT' } }),
    );
    assert.deepEqual([ours.status, ours.headers.get('access-control-allow-methods')], [204, 'PUT']);
    assert.equal(ours.headers.get('access-control-allow-origin'), 'https://app.example.com');
  });

  test('a response of the origin gets no CORS headers of Perfil [X3]', async () => {
    const { response } = await assertForwarded(() =>
      worker.send('GET', '/users', { headers: { origin: headers.origin } }),
    );
    assert.equal(response.headers.get('access-control-allow-origin'), null);
    const ours = await assertNotForwarded(() =>
      worker.put('/users', { as: 1, json: {}, headers: { origin: headers.origin } }),
    );
    assert.equal(ours.headers.get('access-control-allow-origin'), 'https://app.example.com');
  });
});

describe('another spelling of a path does not bypass the checks [X1]', () => {
  const SPELLINGS = [
    '/%75sers',
    '//users',
    '/users//',
    '/./users',
    '/x/../users',
    '/x/%2e%2e/users',
    '/x/..%2fusers',
    '/users/%2e',
    '/%2fusers',
    '/u%09sers',
    '/users%20',
    '\\users',
    '/api\\v1/users/7',
    '/api/v1//users/7',
    '/api/v1/%75sers/7',
    '/API/v1/users/./7',
    '/api%2Fv1%2Fusers%2F7',
    '/api/profile/42/UPDATE/',
    '/API/profile/42/update/',
    '/api/profile/42/update//',
    '/api/profile/42%2Fupdate',
    '/api/personas/5/%66oto',
    '/api/personas//me',
  ];
  const good = token(6);
  for (const path of SPELLINGS) {
    test(`PUT ${path} never goes to the origin [X1]`, async () => {
      const head = `PUT ${path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${await good}\r\n`;
      const text = await assertNotForwarded(() => exchange(worker, `${head}Content-Length: 0\r\n\r\n`));
      assert.match(text, /^HTTP\/1\.1 (404|400|401) /);
    });
  }

  test('a path that only resembles one of Perfil’s goes to the origin [X1]', async () => {
    for (const path of [
      '/users/7',
      '/usersx',
      '/api/v1/users',
      '/api/v1/users/7/roles',
      '/api/profile/42/',
      '/apiv1/users/7',
    ])
      await assertForwarded(() => worker.put(path, { json: {} }));
  });
});

describe('Perfil is not an open proxy, and cannot be bypassed [X1]', () => {
  for (const target of [
    '//evil.example/x',
    'http://evil.example/x',
    '/@evil.example',
    '/\\evil.example',
    '/.evil.example',
  ]) {
    test(`GET ${target} goes to the origin or nowhere [X1]`, async () => {
      const text = await exchange(worker, `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
      assert.match(text, /^HTTP\/1\.1 (200|400) /);
      if (text.startsWith('HTTP/1.1 200')) assert.match(text, /\{"origin":true\}/);
    });
  }

  test('an ambiguous length of a body cannot hide a second request [X1]', async () => {
    const hidden = 'PUT /users HTTP/1.1\r\nHost: h\r\nX-Hidden: 1\r\nContent-Length: 0\r\n\r\n';
    for (const lengths of [
      `Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked`,
      `Transfer-Encoding: chunked\r\nContent-Length: ${hidden.length}`,
      'Content-Length: 0\r\nContent-Length: 5',
      'Transfer-Encoding: chunked, identity',
      'Transfer-Encoding : chunked',
      'Transfer-Encoding: xchunked',
    ]) {
      const before = origin.received.length;
      await exchange(worker, `POST /x HTTP/1.1\r\nHost: h\r\n${lengths}\r\n\r\n0\r\n\r\n${hidden}`);
      const after = origin.received.slice(before);
      assert.ok(
        after.every(({ method }) => method === 'POST'),
        `${lengths}: ${JSON.stringify(after.map(({ url }) => url))}`,
      );
    }
  });

  test('a request that comes back is refused, and the log has the cause [X1]', async () => {
    const loop = await assertNotForwarded(() => worker.send('GET', '/x', { headers: { 'x-perfil-forwarded': '1' } }));
    const body = { type: 'about:blank', title: 'Loop Detected: the origin leads back to this service', status: 508 };
    assert.deepEqual([loop.status, loop.headers.get('content-type')], [508, 'application/problem+json']);
    assert.deepEqual(loop.json, body);
    assert.equal((await worker.logOf(loop)).cause, 'ORIGIN leads back to this service');
    const itself = await startWorker();
    try {
      const vars = { ORIGIN: itself.url };
      for (const [method, target] of [
        ['GET', '/x'],
        ['POST', '/users'],
        ['GET', '/media/avatars/7/none.png'],
      ]) {
        const response = await itself.send(method, target, {
          vars,
          headers: { 'x-test-variables': JSON.stringify(vars) },
        });
        assert.deepEqual([response.status, response.json], [508, body], target);
      }
    } finally {
      await itself.stop();
    }
  });
});

describe('settings', () => {
  test('with a table, each dialect’s paths go to its own origin, and all others are 404 [X1]', async () => {
    const vars = { ORIGIN: JSON.stringify({ seam: origin.url }) };
    await assertForwarded(() => worker.send('GET', '/api/v1/users/7', { vars }));
    await assertForwarded(() => worker.send('POST', '/API/V1/login', { vars }));
    for (const path of ['/x', '/media/avatars/7/old.jpg']) {
      const response = await assertNotForwarded(() => worker.send('GET', path, { vars }));
      assert.deepEqual([response.status, response.json], [404, NOT_FOUND], path);
    }
    const users = await assertNotForwarded(() => worker.send('GET', '/users', { vars }));
    assert.equal(users.status, 401);
    const below = await assertNotForwarded(() => worker.send('GET', '/users/7', { vars }));
    assert.deepEqual([below.status, below.json], [404, { message: 'Not Found', error: 'Not Found', statusCode: 404 }]);
  });

  test('a table of wrangler.toml works as well [X1]', async () => {
    const tabled = await startWorker({ vars: /** @type {any} */ ({ ORIGIN: { falcon: origin.url } }) });
    try {
      await assertForwarded(() => tabled.send('GET', '/users/7'));
      assert.equal((await assertNotForwarded(() => tabled.send('GET', '/api/v1/x'))).status, 404);
    } finally {
      await tabled.stop();
    }
  });

  const URL_PROBLEM = 'ORIGIN must be an https URL (or http on localhost) without a user name, path or query';
  const TABLE_PROBLEM = 'ORIGIN is a table whose values are not all strings';
  const ENTRY_PROBLEM = 'TAKE_OVER has an entry that is neither an endpoint (such as PUT /users) nor the word none';
  const BAD = [
    [{ ORIGIN: 'http://backend.example.com' }, URL_PROBLEM],
    [{ ORIGIN: 'backend.example.com' }, URL_PROBLEM],
    [{ ORIGIN: 'https://a:b@backend.example.com' }, URL_PROBLEM],
    [{ ORIGIN: 'https://backend.example.com/api' }, URL_PROBLEM],
    [{ ORIGIN: 'https://backend.example.com?x' }, URL_PROBLEM],
    [{ ORIGIN: 'ftp://127.0.0.1' }, URL_PROBLEM],
    [{ ORIGIN: 'http://127.0.0.1.evil.example' }, URL_PROBLEM],
    [{ ORIGIN: '{"seam": "http://x.example"}' }, URL_PROBLEM],
    [{ ORIGIN: '{"seam": 7}' }, TABLE_PROBLEM],
    [{ ORIGIN: '{"seam": ' }, TABLE_PROBLEM],
    [{ ORIGIN: '{"sean": "https://x.example"}' }, 'ORIGIN has an entry that is not personas, seam, falcon or django'],
    [{ ORIGIN: 'https://x.example', TAKE_OVER: 'PUT /user' }, ENTRY_PROBLEM],
    [{ ORIGIN: 'https://x.example', TAKE_OVER: 'PUT /users,' }, ENTRY_PROBLEM],
    [{ ORIGIN: 'https://x.example', TAKE_OVER: 'none, PUT /users' }, ENTRY_PROBLEM],
  ];
  for (const [vars, cause] of /** @type {[Record<string, string>, string][]} */ (BAD)) {
    test(`${JSON.stringify(vars)} fails everything but health and pictures [X1 X6]`, async () => {
      const update = await assertNotForwarded(() => worker.put('/users', { as: 1, json: { name: 'X' }, vars }));
      await assertResponse(
        worker,
        update,
        500,
        { message: 'Internal server error', error: 'Internal Server Error', statusCode: 500 },
        { d1: 0 },
      );
      assert.equal((await worker.logOf(update)).cause, cause);
      const other = await assertNotForwarded(() => worker.send('GET', '/x', { vars }));
      assert.deepEqual([other.status, other.json.title], [500, 'Internal Server Error']);
      assert.equal((await assertNotForwarded(() => worker.send('GET', '/health', { vars }))).status, 200);
    });
  }

  test('an update that is left to a missing origin is a 500; other requests are as usual [X6]', async () => {
    const seam = JSON.stringify({ seam: origin.url });
    for (const vars of [
      { TAKE_OVER: 'none', ORIGIN: '' },
      { TAKE_OVER: 'none', ORIGIN: seam },
    ]) {
      const left = await assertNotForwarded(() => worker.put('/users', { as: 1, json: { name: 'X' }, vars }));
      const body = { message: 'Internal server error', error: 'Internal Server Error', statusCode: 500 };
      await assertResponse(worker, left, 500, body, { d1: 0 });
      const { cause } = await worker.logOf(left);
      assert.equal(cause, 'TAKE_OVER omits an endpoint for which ORIGIN has no URL');
      assert.equal((await assertNotForwarded(() => worker.send('GET', '/users', { vars }))).status, 401);
      assert.equal((await assertNotForwarded(() => worker.send('GET', '/x', { vars }))).status, 404);
    }
    const vars = { ORIGIN: seam, TAKE_OVER: 'PUT /users' };
    await assertForwarded(() => worker.put('/api/v1/users/7', { json: {}, vars }));
    assert.equal(
      (await assertNotForwarded(() => worker.put('/users', { as: 1, json: { name: 'X' }, vars }))).status,
      200,
    );
  });

  test('without an origin, other methods and paths are refused as usual, with or without the mark [X5]', async () => {
    const vars = { ORIGIN: '' };
    const headers = { 'x-perfil-forwarded': '1' };
    const method = await assertNotForwarded(() => worker.send('GET', '/users', { vars, headers, as: 1 }));
    assert.deepEqual([method.status, method.headers.get('allow')], [405, 'PUT']);
    const path = await assertNotForwarded(() => worker.send('GET', '/x', { vars, headers }));
    assert.deepEqual([path.status, path.json], [404, NOT_FOUND]);
    const gone = await assertNotForwarded(() => worker.put('/users', { as: 4711, json: { name: 'X' }, vars, headers }));
    assert.equal(gone.status, 401);
  });
});
