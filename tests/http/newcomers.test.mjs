// Newcomers: accounts that signed up at the back end since the last import, so that Perfil does not know them. Their
// updates, and an administrator's updates of them, go to the origin; Perfil handles all others.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { identify } from '../support/accounts.mjs';
import { formOf, png } from '../support/avatars.mjs';
import { INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { startOrigin } from '../support/origin.mjs';
import { assertResponse } from '../support/responses.mjs';
import { startPut } from '../support/sockets.mjs';
import { now, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

/** The id of an account that is not in the database. */
const NEW = 4711;
const layoutOf = ({ dialect }) => (dialect === 'personas' ? 'plain' : dialect);
const needsPermission = (route) => ['personas', 'seam'].includes(route.dialect);
const bytes = (text) => new TextEncoder().encode(text);

let origin;
let worker;
before(async () => {
  origin = await startOrigin();
  origin.reply = (_, response) => {
    response.writeHead(207, { 'content-type': 'text/plain' });
    response.end('from the origin');
  };
  worker = await startWorker({ vars: { ORIGIN: origin.url } });
});
after(async () => {
  await worker.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.received.length = 0;
});
/** Sends an update, and checks that it reaches the origin once, byte for byte, and changes nothing in the database. */
async function assertForwarded(target, body, type, { d1 = 1, ...options }) {
  const before = await worker.dump();
  const headers = type === null ? {} : { 'content-type': type };
  const response = await worker.put(target, { body, headers: { ...headers, 'x-request-id': 'new-1' }, ...options });
  assert.deepEqual([response.status, response.text], [207, 'from the origin']);
  assert.equal(origin.received.length, 1, 'once');
  const [received] = origin.received.splice(0);
  assert.deepEqual(
    [received.method, received.url, received.headers['content-type']],
    ['PUT', target, type ?? undefined],
  );
  assert.deepEqual(new Uint8Array(received.body), new Uint8Array(body));
  assert.equal(response.d1Calls, d1);
  assert.equal(await worker.dump(), before, 'nothing is changed in the database');
  return received;
}

async function assertNotForwarded(action) {
  const response = await action();
  assert.deepEqual(origin.received.splice(0), [], 'the origin gets nothing');
  return response;
}

/** Checks a whole refusal by Perfil, and its code in the log. */
async function assertRefusal(response, status, body, code, expected) {
  const line = await assertResponse(worker, response, status, body, expected);
  assert.deepEqual([line.code, line.origin], [code, undefined]);
}

for (const route of ROUTES) {
  const layout = layoutOf(route);
  const target = route.path(route.dialect === 'django' ? NEW : 6);
  const newcomer = () => token(NEW, { layout });

  describe(`${route.name}: a good token whose account is not in the database`, () => {
    test('a good body goes to the origin unchanged, after one D1 call [X2]', async () => {
      const body = bytes(`  ${JSON.stringify(route.good, null, 3)}\n`);
      const bearer = await newcomer();
      const received = await assertForwarded(target, body, 'application/json; charset=UTF-8', { token: bearer });
      assert.equal(received.headers.authorization, `Bearer ${bearer}`);
      const {
        back_end: backEnd,
        subject,
        account,
        origin: isForwarded,
        origin_status: status,
      } = JSON.parse(worker.lines.findLast(({ message }) => message.includes('"new-1"')).message);
      const expected = layout === 'plain' ? [undefined, undefined] : [layout, NEW];
      assert.deepEqual([backEnd, subject, isForwarded, status], [...expected, true, 207]);
      assert.equal(account, layout === 'plain' ? NEW : undefined);
    });

    const FAULTY = {
      'no body': [new Uint8Array(), null],
      'malformed JSON': [bytes('{"a": '), 'application/json'],
      'JSON that is not an object': [bytes('[1, 2]'), 'application/json'],
      'a field of the wrong type': [bytes('{"email": 7, "full_name": 7, "foto_url": 7, "dni": 7}'), 'application/json'],
      'an unsupported type': [bytes('a=1'), 'text/plain'],
      'a body without a type': [bytes('{}'), null],
      'more than 64 KiB': [new Uint8Array(70_000).fill(32), 'application/json'],
      'a gzipped body': [gzipSync('{"a": 1}'), 'application/json'],
      'a form of texts': [bytes('name=Luis+P&first_name=L%C3%B3'), 'application/x-www-form-urlencoded'],
      'a form that cannot be parsed': [bytes('--x\r\nnonsense'), 'multipart/form-data; boundary=x'],
    };
    for (const [name, [body, type]] of Object.entries(FAULTY)) {
      test(`${name} is left to the origin [X2]`, async () => {
        const encoding = name.startsWith('a gzipped') ? { 'content-encoding': 'gzip' } : undefined;
        const headers = { 'content-type': type, ...encoding, 'x-request-id': 'new-2' };
        if (type === null) delete headers['content-type'];
        await assertForwarded(target, body, type, { token: await newcomer(), headers });
      });
    }

    test('an upload goes there unread [X2]', async () => {
      const encoded = new Response(formOf({ [route.upload ?? 'avatar']: png({ size: 300_000 }) }));
      const body = new Uint8Array(await encoded.arrayBuffer());
      await assertForwarded(target, body, encoded.headers.get('content-type'), { token: await newcomer() });
    });

    test('a body without a length goes there unread [X2]', async () => {
      const stream = new Response(JSON.stringify(route.good)).body;
      const response = await worker.put(target, {
        body: stream,
        headers: { 'content-type': 'application/json' },
        token: await newcomer(),
      });
      assert.deepEqual([response.status, response.d1Calls], [207, 1]);
      const [received] = origin.received;
      assert.equal(received.headers['transfer-encoding'], 'chunked');
      assert.equal(received.body.toString(), JSON.stringify(route.good));
    });

    test('a body that breaks off is not passed on [X2]', async () => {
      const headers = {
        authorization: `Bearer ${await newcomer()}`,
        'content-type': 'application/json',
        'content-length': '99',
      };
      await assertNotForwarded(() => startPut(worker, target, headers, '{"a":', { hangUp: true }));
    });

    test('once the account is in the database, Perfil handles the update [X2]', async () => {
      await worker.sql("INSERT INTO users (id, username, email, role_id) VALUES (?, 'new', 'new@example.com', 1)", NEW);
      await worker.sql(
        "INSERT INTO personas (id, user_id, nombres, apellidos, dni) VALUES (?1, ?1, 'N', 'N', 'N-4711')",
        NEW,
      );
      await identify(worker, NEW);
      try {
        const response = await assertNotForwarded(async () =>
          worker.put(route.path(route.dialect === 'django' ? NEW : 6), { token: await newcomer(), json: route.good }),
        );
        assert.equal(response.status, 200);
      } finally {
        await worker.sql('DELETE FROM identities WHERE account_id = ?', NEW);
        await worker.sql('DELETE FROM personas WHERE user_id = ?', NEW);
        await worker.sql('DELETE FROM users WHERE id = ?', NEW);
        await worker.sql('DELETE FROM retired_accounts');
      }
    });
  });

  describe(`${route.name}: not passed on`, () => {
    const putHere = (options) => assertNotForwarded(() => worker.put(route.path(6), { json: route.good, ...options }));

    test('an update of an account in the database [X2]', async () => {
      const response = await putHere({ token: await token(6, { layout }) });
      assert.deepEqual([response.status, response.d1Calls], [200, 1]);
    });

    test('an update by an inactive account [X2]', async () => {
      const response = await putHere({ token: await token(43, { layout }) });
      await assertRefusal(response, 401, route.refusals.inactive(), 'account_inactive', {
        d1: 1,
        challenge: INVALID_TOKEN,
      });
    });

    test('a bad token [X2]', async () => {
      const stale = await token(NEW, { layout, exp: now() - 3600 });
      const refresh = await token(NEW, { layout, extra: { token_type: 'refresh' } });
      const forged = await token(NEW, { layout, secret: 'another-secret-of-more-than-32-bytes' });
      for (const bad of [stale, refresh, forged, 'x.y.z']) {
        const response = await putHere({ token: bad });
        await assertRefusal(response, 401, route.refusals.badToken(), 'bad_token', { d1: 0, challenge: INVALID_TOKEN });
      }
    });

    test("another back end's token [X2]", async () => {
      for (const other of ['plain', 'seam', 'falcon', 'django'].filter((each) => each !== layout)) {
        const response = await putHere({ token: await token(NEW, { layout: other }) });
        await assertRefusal(response, 401, route.refusals.gone(), 'account_gone', { d1: 1, challenge: INVALID_TOKEN });
        const faulty = await putHere({ token: await token(NEW, { layout: other }), json: [1] });
        assert.deepEqual([faulty.status, faulty.d1Calls], [400, 0], 'there is no look-up');
      }
    });

    test('an invalid body of an account in the database is refused after one look-up [X2]', async () => {
      const response = await putHere({ token: await token(6, { layout }), json: [1] });
      assert.deepEqual([response.status, response.d1Calls], [400, 1]);
      const without = await putHere({ token: await token(6, { layout }), json: [1], vars: { ORIGIN: '' } });
      assert.deepEqual([without.status, without.d1Calls, without.text], [400, 0, response.text]);
    });

    test('an update while the database fails [X2 R9]', async () => {
      for (const json of [route.good, [1]]) {
        const faults = { batch: 'refuse' };
        const response = await putHere({ token: await token(NEW, { layout }), json, faults });
        assert.deepEqual([response.status, response.json], [500, route.failure]);
      }
    });

    test('a caller who has exceeded the rate limit [X2]', async (t) => {
      const limited = await startWorker({ vars: { ORIGIN: origin.url }, limits: { RATE_UPDATES: 1 } });
      t.after(() => limited.stop());
      const ask = async () => limited.put(target, { token: await newcomer(), json: route.good });
      assert.equal((await ask()).status, 207);
      origin.received.length = 0;
      const second = await assertNotForwarded(ask);
      assert.deepEqual([second.status, second.json], [429, route.refusals.tooMany()]);
    });

    test('any caller, if the dialect has no origin [X2]', async () => {
      const table = { personas: 'seam', seam: 'falcon', falcon: 'django', django: 'seam' };
      const vars = { ORIGIN: JSON.stringify({ [table[route.dialect]]: origin.url }) };
      const response = await putHere({ token: await newcomer(), vars });
      await assertRefusal(response, 401, route.refusals.gone(), 'account_gone', { d1: 1, challenge: INVALID_TOKEN });
    });
  });
}

describe('an update of a record that is not in the database', () => {
  const caller = (route, id) => token(id, { layout: layoutOf(route) });

  for (const route of ROUTES.filter((each) => needsPermission(each) && /:id/.test(each.name))) {
    test(`${route.name}: goes to the origin, after the permission check [X2]`, async () => {
      const target = route.path(NEW);
      await assertForwarded(target, bytes(JSON.stringify(route.good)), 'application/json', {
        token: await caller(route, 6),
      });
      await assertForwarded(target, bytes('[1]'), 'application/json', { token: await caller(route, 6) });
      const response = await assertNotForwarded(async () =>
        worker.put(target, { token: await caller(route, 7), json: route.good }),
      );
      await assertRefusal(response, 403, route.refusals.forbidden(), 'forbidden', { d1: 1 });
    });
  }

  test('a password in it is not hashed by Perfil [X2 S6]', async () => {
    const body = bytes('{"password": "a-new-password"}');
    await assertForwarded(`/api/v1/users/${NEW}`, body, 'application/json', {
      token: await token(6, { layout: 'seam' }),
    });
  });

  test('an upload for an unknown persona goes there unread, and is not stored [X2 P5]', async () => {
    const encoded = new Response(formOf({ foto: png() }));
    const body = new Uint8Array(await encoded.arrayBuffer());
    await assertForwarded(`/api/personas/${NEW}/foto`, body, encoded.headers.get('content-type'), {
      token: await token(6),
    });
    assert.deepEqual(await worker.bucket.list(), []);
  });

  test('an update of the caller’s own persona is passed on if the database has none [X2 P7]', async () => {
    const options = { token: await token(1) };
    await assertForwarded('/api/personas/me', bytes('{"nombres": "Jane"}'), 'application/json', options);
  });

  test('an id that no record can have is refused by Perfil [X2 P3 S2]', async () => {
    const foto = await assertNotForwarded(async () =>
      worker.put('/api/personas/abc/foto', { token: await token(6), json: { foto_url: 'https://x.example/a.png' } }),
    );
    assert.deepEqual([foto.status, foto.json, foto.d1Calls], [404, { message: 'Persona no encontrada' }, 0]);
    const seam = await assertNotForwarded(async () =>
      worker.put('/api/v1/users/abc', { token: await token(6, { layout: 'seam' }), json: {} }),
    );
    assert.deepEqual([seam.status, seam.json.message], [400, "El campo 'id' debe ser numérico"]);
  });

  test("django: an unknown id in the path does not make a request a newcomer's [X2 D3]", async () => {
    const options = { token: await token(42, { layout: 'django' }), json: { first_name: 'A' } };
    const response = await assertNotForwarded(() => worker.put(`/api/profile/${NEW}/update/`, options));
    assert.deepEqual([response.status, response.json], [404, { detail: 'Not found.' }]);
  });

  test("with another back end's token it is refused by Perfil [X2]", async () => {
    const options = { token: await token(6, { layout: 'falcon' }), json: { full_name: 'Jane' } };
    const response = await assertNotForwarded(() => worker.put(`/api/v1/users/${NEW}`, options));
    assert.equal(response.status, 404);
  });
});

describe('TAKE_OVER moves one endpoint at a time [X6]', () => {
  for (const route of ROUTES) {
    test(`Perfil handles only ${route.name}, and then all except it [X6]`, async () => {
      const only = { TAKE_OVER: route.name };
      const allBut = {
        TAKE_OVER: ROUTES.filter((each) => each !== route)
          .map(({ name }) => name)
          .join(', '),
      };
      const send = (each, vars) => worker.put(each.path(6), { as: 6, json: each.good, vars });
      for (const each of ROUTES) {
        const [ours, theirs] = each === route ? [only, allBut] : [allBut, only];
        assert.equal(
          (await assertNotForwarded(() => send(each, ours))).status,
          200,
          `${each.name} is handled by Perfil`,
        );
        const response = await send(each, theirs);
        assert.deepEqual([response.status, response.d1Calls], [207, 0], `${each.name} goes to the origin`);
        assert.equal(origin.received.splice(0).length, 1);
      }
    });
  }

  test('with none, every update goes there, whatever its token and however its path is written [X6]', async () => {
    const vars = { TAKE_OVER: 'none' };
    for (const path of [...ROUTES.map((each) => each.path(6)), '/%75sers', '//users']) {
      const response = await worker.put(path, { json: { a: 1 }, vars });
      assert.deepEqual([response.status, response.d1Calls], [207, 0], path);
      assert.equal(origin.received.splice(0).length, 1);
    }
    const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'PUT' };
    const preflight = await worker.send('OPTIONS', '/users', { headers, vars: { ...vars, CORS_ALLOWED_ORIGINS: '*' } });
    assert.equal(preflight.status, 207, 'and so does its preflight');
  });
});
