// Tokens signed with RS256, ES256 and EdDSA and verified with the keys of JWT_JWKS or those at JWT_JWKS_URL, also while
// that URL is slow, is down, returns errors or changes its keys. jwt_attacks.test.mjs contains attacks on such tokens.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { falcon, INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { newKey, setOf, startIssuer, tokenBy } from '../support/key_sets.mjs';
import { assertRefused, assertResponse } from '../support/responses.mjs';
import { LAYOUTS, SECRET, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

const now = () => Math.floor(Date.now() / 1000);
const keys = {};
let worker;
before(async () => {
  [keys.rsa, keys.large, keys.ec, keys.ed, keys.other, keys.next] = await Promise.all([
    newKey('RS256', 'rsa'),
    newKey('RS256', 'large', { modulusLength: 4096 }),
    newKey('ES256', 'ec'),
    newKey('EdDSA', 'ed'),
    newKey('EdDSA', 'other'),
    newKey('ES256', 'next'),
  ]);
  worker = await startWorker({
    vars: { JWT_SECRET: undefined, JWT_JWKS: setOf(keys.rsa, keys.large, keys.ec, keys.ed) },
  });
});
after(() => worker?.stop());
const KINDS = { 'RS256 with 2048 bits': 'rsa', 'RS256 with 4096 bits': 'large', ES256: 'ec', EdDSA: 'ed' };

/** Checks that every route accepts the bearer token, with one D1 call. */
async function assertAccepted(bearer, options) {
  for (const route of ROUTES) {
    const response = await worker.put(route.path(), { token: bearer, json: route.good, ...options });
    const line = await worker.logOf(response);
    assert.deepEqual(
      [response.status, response.headers.get('www-authenticate'), response.d1Calls, line.account],
      [200, null, 1, 6],
      response.text,
    );
  }
}
/** Checks that every route refuses the bearer token with its own 401 and changes nothing. */
async function assertRejected(bearer, options, { d1 = 0, refusal = 'badToken' } = {}) {
  for (const route of ROUTES)
    await assertRefused(
      worker,
      route.path(),
      { token: bearer, json: route.good, ...options },
      401,
      route.refusals[refusal](),
      {
        d1,
        challenge: INVALID_TOKEN,
      },
    );
}

describe('a token signed by the owner of a key', () => {
  for (const [name, kind] of Object.entries(KINDS)) {
    test(`by ${name} is good on every route, in every layout [A2 A3 A5]`, async () => {
      for (const layout of Object.keys(LAYOUTS)) await assertAccepted(await tokenBy(keys[kind], 6, { layout }));
    });
    test(`by ${name} is checked for its claims like any other [A4 A5 A6]`, async () => {
      await assertAccepted(await tokenBy(keys[kind], 6, { exp: now() - 45 }));
      for (const options of [
        { exp: now() - 75 },
        { exp: null },
        { iat: now() + 75 },
        { extra: { nbf: now() + 75 } },
        { extra: { type: 'refresh' } },
        { claims: { sub: '6', user_id: 7 } },
        { claims: {} },
        { claims: { sub: 'x' } },
        { header: { typ: 'at+jwt' } },
        { extra: { exp: '9999999999' } },
        { extra: { exp: now() + 60.5 } },
      ])
        await assertRejected(await tokenBy(keys[kind], 6, options));
    });
    test(`by ${name} is checked for issuer and audience [A4]`, async () => {
      const vars = { JWT_ISSUER: 'https://login.example.com', JWT_AUDIENCE: 'perfil' };
      const right = { iss: 'https://login.example.com', aud: ['perfil'] };
      await assertAccepted(await tokenBy(keys[kind], 6, { extra: right }), { vars });
      for (const extra of [{}, { ...right, iss: 'https://login.example.org' }, { ...right, aud: 'other' }])
        await assertRejected(await tokenBy(keys[kind], 6, { extra }), { vars });
    });
    test(`by ${name} ends with a change of password, and with its account [A7]`, async () => {
      const bearer = await tokenBy(keys[kind], 6, { iat: now() - 10 });
      await assertAccepted(bearer);
      await worker.sql('UPDATE users SET tokens_valid_after = ? WHERE id = 6', now() - 5);
      await assertRejected(bearer, {}, { d1: 1 });
      await worker.sql('UPDATE users SET tokens_valid_after = NULL, is_active = 0 WHERE id = 6');
      await assertRejected(bearer, {}, { d1: 1, refusal: 'inactive' });
      await worker.sql('UPDATE users SET is_active = 1 WHERE id = 6');
      await assertAccepted(bearer);
    });
    test(`by ${name} is bad if any of its characters is changed [A3]`, async () => {
      const bearer = await tokenBy(keys[kind], 6);
      const [header, payload, signature] = bearer.split('.');
      const places = [0, 10, header.length + 1, header.length + 1 + payload.length / 2, header.length + payload.length];
      for (let part = 0; part < 24; part++)
        places.push(header.length + payload.length + 2 + (signature.length - 1) * (part / 24));
      for (const place of places.map(Math.floor)) {
        const changed = bearer.slice(0, place) + (bearer[place] === 'A' ? 'B' : 'A') + bearer.slice(place + 1);
        const response = await worker.put('/users', { token: changed, json: { name: 'Nobody' } });
        assert.deepEqual([response.status, response.d1Calls], [401, 0], `at ${place}`);
      }
    });
    test(`by ${name} is bad if its key is not configured [A3]`, async () => {
      const others = Object.values(keys).filter((key) => key !== keys[kind]);
      await assertRejected(await tokenBy(keys[kind], 6), { vars: { JWT_JWKS: setOf(...others) } });
      await assertRejected(await tokenBy(keys[kind], 6, { header: { kid: undefined } }), {
        vars: { JWT_JWKS: setOf(...others) },
      });
      await assertRejected(await tokenBy(keys[kind], 6), { vars: { JWT_SECRET: SECRET, JWT_JWKS: '' } });
    });
    test(`by ${name} needs a kid only if there is more than one key for its algorithm [A3]`, async () => {
      const bearer = await tokenBy(keys[kind], 6, { header: { kid: undefined } });
      await assertAccepted(bearer, { vars: { JWT_JWKS: setOf(keys[kind]) } });
      await assertAccepted(bearer, { vars: { JWT_JWKS: setOf({ ...keys[kind].jwk, kid: undefined }) } });
      const sameAlg = await newKey(keys[kind].alg, 'other');
      await assertRejected(bearer, { vars: { JWT_JWKS: setOf(keys[kind], sameAlg) } });
      const namesake = { ...sameAlg.jwk, kid: keys[kind].kid };
      await assertAccepted(await tokenBy(keys[kind], 6), { vars: { JWT_JWKS: setOf(namesake, keys[kind]) } });
    });
  }
  test('with a secret as well, both kinds of tokens are good [A2]', async () => {
    const vars = { JWT_SECRET: SECRET };
    await assertAccepted(await token(6), { vars });
    for (const kind of Object.values(KINDS)) await assertAccepted(await tokenBy(keys[kind], 6), { vars });
  });
  test('in HS256 is bad without a secret [A2 A3]', async () => assertRejected(await token(6)));
  test('by a key that the platform refuses is bad, and the other keys stay good [A3 R9]', async () => {
    const { y } = keys.ec.jwk;
    const offTheCurve = { ...keys.ec.jwk, y: (y[0] === 'A' ? 'B' : 'A') + y.slice(1) };
    const vars = { JWT_JWKS: setOf(offTheCurve, keys.ed) };
    await assertRejected(await tokenBy(keys.ec, 6), { vars });
    await assertAccepted(await tokenBy(keys.ed, 6), { vars });
  });
  test('counts against the limit of failed attempts if it is bad [A3]', async (t) => {
    const limited = await startWorker({ vars: { JWT_JWKS: setOf(keys.ed) }, limits: { RATE_FAILED_AUTH: 3 } });
    t.after(() => limited.stop());
    const statuses = [];
    for (let n = 0; n < 5; n++)
      statuses.push(
        (
          await limited.put('/users', {
            token: await tokenBy(keys.other, 6, { header: { kid: `kid-${n}` } }),
            json: { name: 'Nobody' },
          })
        ).status,
      );
    assert.deepEqual(statuses, [401, 401, 401, 429, 429]);
  });
});

describe('settings', () => {
  test('JWT_JWKS may be a table in wrangler.toml, which the worker gets as an object [A2]', async () =>
    assertAccepted(await tokenBy(keys.ed, 6), { vars: { JWT_JWKS: JSON.parse(setOf(keys.ec, keys.ed)) } }));
  const misconfigured = {
    'JWT_JWKS that is not JSON': ['JWT_JWKS is not a JSON Web Key Set', { JWT_JWKS: 'x' }],
    'JWT_JWKS that is another object': ['JWT_JWKS is not a JSON Web Key Set', { JWT_JWKS: { kty: 'OKP' } }],
    'JWT_JWKS without a usable key': ['JWT_JWKS contains no usable key', { JWT_JWKS: '{"keys":[]}' }],
    'JWT_JWKS with a shared key': [
      'JWT_JWKS contains a private or symmetric key',
      () => ({ JWT_JWKS: setOf(keys.ed, { kty: 'oct', k: 'c2VjcmV0', kid: 'hs' }) }),
    ],
    'JWT_JWKS with a private key': [
      'JWT_JWKS contains a private or symmetric key',
      async () => ({ JWT_JWKS: setOf(keys.ec, { ...keys.ed.jwk, d: 'c2VjcmV0' }) }),
    ],
    'JWT_JWKS_URL that is not encrypted': [
      'JWT_JWKS_URL is not an https URL',
      { JWT_JWKS: '', JWT_JWKS_URL: 'http://login.example.com/keys' },
    ],
    both: ['JWT_JWKS_URL conflicts with JWT_JWKS', { JWT_JWKS_URL: 'https://login.example.com/keys' }],
    'a short secret alongside good keys': ['JWT_SECRET is shorter than 32 bytes', { JWT_SECRET: 'short' }],
    'neither keys nor a secret': ['JWT_SECRET is not set', { JWT_JWKS: '' }],
  };
  for (const [name, [cause, vars]] of Object.entries(misconfigured)) {
    test(`${name}: every route returns its own 500, and the log has the cause [A2 R9 O2]`, async () => {
      for (const route of ROUTES) {
        const response = await worker.put(route.path(), {
          token: await tokenBy(keys.ed, 6),
          json: route.good,
          vars: typeof vars === 'function' ? await vars() : vars,
        });
        const line = await assertResponse(worker, response, 500, route.failure, { d1: 0 });
        assert.ok(line.cause.startsWith(cause), line.cause);
      }
    });
  }
});

describe('a key set at a URL', () => {
  let deployments = 0;
  /**
   * Starts an issuer, and returns it with functions that send requests to one instance of the worker that has its URL.
   */
  async function issuerOf(t, serve) {
    const issuer = await startIssuer(serve);
    t.after(() => issuer.stop());
    const deployment = `deployment-${++deployments}`;
    const vars = { JWT_JWKS: '', JWT_JWKS_URL: issuer.url };
    const put = (bearer, { route = ROUTES[3], ...faults } = {}) =>
      worker.put(route.path(), { token: bearer, json: route.good, vars, faults, deployment });
    /** The status for a token signed by this key, and the number of requests that the issuer got for it. */
    const putWith = async (key, faults) => {
      const before = issuer.requests;
      const { status } = await put(await tokenBy(key, 6, { exp: now() + 100_000 }), faults);
      await worker.idle();
      return [status, issuer.requests - before];
    };
    return { issuer, put, putWith };
  }
  const failures = () => worker.lines.filter(({ message }) => message.startsWith('{"event":"key_set"'));
  /** Runs an action and returns the log lines about key sets. */
  async function logDuring(action) {
    const before = failures().length;
    await action();
    for (let tries = 0; tries < 20 && failures().length === before; tries++) await setTimeout(10);
    return failures()
      .slice(before)
      .map(({ level, message }) => [level, JSON.parse(message).cause]);
  }
  const all = () => setOf(keys.rsa, keys.large, keys.ec, keys.ed);

  test('is fetched once, for all algorithms, and kept [A2 A3]', async (t) => {
    const { issuer, putWith } = await issuerOf(t, all());
    assert.deepEqual(await putWith(keys.rsa), [200, 1]);
    for (const key of [keys.large, keys.ec, keys.ed, keys.rsa]) assert.deepEqual(await putWith(key), [200, 0]);
    assert.equal(issuer.headers.accept, 'application/jwk-set+json, application/json');
    assert.equal(issuer.headers.authorization, undefined);
  });
  const title = 'is fetched once for many simultaneous requests, and HS256 does not wait for it [A2]';
  test(title, async (t) => {
    let release;
    const { issuer, put } = await issuerOf(t, (request, response) => {
      release = () => response.end(all());
    });
    const bearers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => tokenBy([keys.rsa, keys.ec, keys.ed][n % 3], 6)),
    );
    const replies = bearers.map((bearer) => put(bearer));
    while (!release) await setTimeout(5);
    const hs256 = await put(await token(6));
    assert.equal(hs256.status, 401, 'there is no secret');
    await setTimeout(100);
    release();
    assert.deepEqual(new Set((await Promise.all(replies)).map(({ status }) => status)), new Set([200]));
    assert.equal(issuer.requests, 1);
  });
  test('is fetched once by the deployed build of the worker, and requests share its keys [A2]', async (t) => {
    const issuer = await startIssuer(all());
    t.after(() => issuer.stop());
    const plain = await startWorker({ counted: false, vars: { JWT_JWKS_URL: issuer.url } });
    t.after(() => plain.stop());
    const good = Object.values(KINDS).map((kind) => keys[kind]);
    for (let round = 0; round < 5; round++) {
      const replies = await Promise.all(
        Array.from({ length: 24 }, async (_, n) =>
          plain.put('/users', {
            token: n % 6 === 5 ? await token(6) : await tokenBy(good[n % good.length], 6),
            json: ROUTES[3].good,
          }),
        ),
      );
      assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
    }
    assert.equal(issuer.requests, 1);
  });
  test('is not fetched for tokens that no key could make good [A1 A3]', async (t) => {
    const { issuer, put } = await issuerOf(t, all());
    for (const bearer of [
      'x.y.z',
      await token(6),
      await tokenBy(keys.ed, 6, { header: { typ: 'at+jwt' } }),
      `${await tokenBy(keys.ed, 6)}x`.repeat(30),
    ])
      assert.equal((await put(bearer)).status, 401);
    assert.equal(issuer.requests, 0);
  });
  test('is fetched for unknown keys at most once a minute, whatever the tokens [A3]', async (t) => {
    const { issuer, putWith } = await issuerOf(t, setOf(keys.ed));
    assert.deepEqual(await putWith(keys.ed), [200, 1]);
    for (let n = 0; n < 30; n++)
      assert.deepEqual(await putWith({ ...keys.ec, kid: `made-up-${n}` }, { ahead: n }), [401, 0]);
    issuer.serve = setOf(keys.ed, keys.next);
    assert.deepEqual(await putWith(keys.next, { ahead: 58 }), [401, 0]);
    assert.deepEqual(await putWith(keys.next, { ahead: 61 }), [200, 1]);
    const attack = await Promise.all(
      Array.from({ length: 30 }, (_, n) => putWith({ ...keys.ec, kid: `made-up-${n}` }, { ahead: 125 })),
    );
    assert.deepEqual([new Set(attack.map(([status]) => status)), issuer.requests], [new Set([401]), 3]);
    assert.deepEqual(await putWith(keys.ed, { ahead: 130 }), [200, 0]);
  });
  test('is fetched again after ten minutes, and a key that is no longer in it is bad [A2 A3]', async (t) => {
    const { issuer, putWith } = await issuerOf(t, setOf(keys.ed, keys.ec));
    assert.deepEqual(await putWith(keys.ed), [200, 1]);
    issuer.serve = setOf(keys.ec);
    assert.deepEqual(await putWith(keys.ed, { ahead: 590 }), [200, 0]);
    assert.deepEqual(await putWith(keys.ed, { ahead: 602 }), [401, 1]);
    assert.deepEqual(await putWith(keys.ec, { ahead: 603 }), [200, 0]);
  });

  const large = () => JSON.stringify({ keys: [keys.next.jwk], padding: 'x'.repeat(70_000) });
  const broken = {
    'that is down': [/^key set: (Error: |TypeError: )?Network connection lost/, (request) => request.destroy()],
    'that returns 500': [
      /^key set: JWT_JWKS_URL returned 500$/,
      (request, response) => response.writeHead(500).end(setOf(keys.next)),
    ],
    'that returns 404': [
      /^key set: JWT_JWKS_URL returned 404$/,
      (request, response) => response.writeHead(404).end('{}'),
    ],
    'that redirects': [
      /^key set: JWT_JWKS_URL returned 302$/,
      (request, response) =>
        response.writeHead(request.url === '/keys' ? 302 : 200, { location: '/other' }).end(setOf(keys.next)),
    ],
    'that serves a page': [
      /^key set: JWT_JWKS_URL is not a JSON Web Key Set$/,
      '<html><body>We are back soon</body></html>',
    ],
    'that serves nothing': [/^key set: JWT_JWKS_URL is not a JSON Web Key Set$/, ''],
    'that serves other JSON': [/^key set: JWT_JWKS_URL is not a JSON Web Key Set$/, '{"error":"unavailable"}'],
    'that serves no key': [/^key set: JWT_JWKS_URL contains no usable key for/, '{"keys":[]}'],
    'that serves only private keys': [
      /^key set: JWT_JWKS_URL contains no usable key for/,
      setOf({ kty: 'oct', k: 'c2VjcmV0' }),
    ],
    'that serves a huge set': [
      /^key set: JWT_JWKS_URL returned more than 64 KiB$/,
      (request, response) => response.end(large()),
    ],
    'that serves a huge set in chunks': [
      /^key set: JWT_JWKS_URL returned more than 64 KiB$/,
      (request, response) => {
        response.write(large());
        response.end();
      },
    ],
    'that serves too many keys': [
      /^key set: JWT_JWKS_URL contains more than 64 keys$/,
      (request, response) => response.end(JSON.stringify({ keys: Array(65).fill({ kty: 'x' }) })),
    ],
    'that breaks off': [
      /^key set: (the response from JWT_JWKS_URL was cut off|.*Network connection lost)/,
      (request, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('{"keys":[');
        setTimeout(20).then(() => request.destroy());
      },
    ],
    'that never responds': [/^key set: no response within 5 s$/, () => {}],
    'that never ends': [
      /^key set: no response within 5 s$/,
      (request, response) => {
        response.write('{"keys":[');
      },
    ],
  };
  for (const [name, [cause, serve]] of Object.entries(broken)) {
    test(`${name}: the previous keys stay good, and the failure is logged once [A2 R9 O2 O4]`, async (t) => {
      const { issuer, putWith } = await issuerOf(t, setOf(keys.ed));
      assert.deepEqual(await putWith(keys.ed), [200, 1]);
      issuer.serve = serve;
      const lines = await logDuring(async () => {
        assert.deepEqual(await putWith(keys.ed, { ahead: 610, pace: 50 }), [200, 1]);
        for (let n = 0; n < 5; n++) assert.deepEqual(await putWith(keys.ed, { ahead: 611 + n }), [200, 0]);
        assert.deepEqual(await putWith(keys.next, { ahead: 620 }), [401, 0]);
      });
      assert.equal(lines.length, 1, JSON.stringify(lines));
      assert.deepEqual([lines[0][0], cause.test(lines[0][1])], ['error', true], lines[0][1]);
      issuer.serve = setOf(keys.next);
      // No request waits for a URL that was down: the one that starts the fetch still uses the old keys.
      assert.deepEqual(await putWith(keys.ed, { ahead: 680 }), [200, 1]);
      assert.deepEqual(await putWith(keys.ed, { ahead: 681 }), [401, 0]);
      assert.deepEqual(await putWith(keys.next, { ahead: 681 }), [200, 0]);
    });
    test(`${name} from the start: a 503 in each dialect's format, retried 5 s later [A2 R9 O4]`, async (t) => {
      const { issuer, put, putWith } = await issuerOf(t, serve);
      const bearer = await tokenBy(keys.ed, 6, { exp: now() + 100_000 });
      for (const route of ROUTES) {
        const response = await put(bearer, { route, pace: 50 });
        const line = await assertResponse(
          worker,
          response,
          503,
          route.dialect === 'falcon' ? falcon(503, 'Service Unavailable', 'Internal server error') : route.failure,
          { d1: 0 },
        );
        assert.equal(response.headers.get('retry-after'), '5');
        assert.match(line.cause, cause);
      }
      assert.equal(issuer.requests, 1);
      issuer.serve = setOf(keys.ed);
      assert.deepEqual(await putWith(keys.ed, { ahead: 6 }), [200, 1]);
    });
  }
  test('a server that has stopped counts as down [A2 R9]', async (t) => {
    const { issuer, putWith } = await issuerOf(t, setOf(keys.ed));
    issuer.stop();
    assert.deepEqual(await putWith(keys.ed), [503, 0]);
  });
  test('unknown kinds of keys are skipped, and a secret key is logged and not used [A3 O2]', async (t) => {
    const published = setOf(
      { kty: 'AKP', alg: 'ML-DSA-44', kid: 'pq', pub: 'AA' },
      { ...keys.ec.jwk, d: 'c2VjcmV0' },
      null,
      { kty: 'RSA' },
      keys.ed,
    );
    const { putWith } = await issuerOf(t, published);
    const lines = await logDuring(async () => {
      assert.deepEqual(await putWith(keys.ed), [200, 1]);
      assert.deepEqual(await putWith(keys.ec), [401, 0]);
    });
    assert.deepEqual(lines, [['error', 'key set: JWT_JWKS_URL contains a private or symmetric key, which is ignored']]);
    assert.equal(JSON.stringify(worker.lines).includes('c2VjcmV0'), false);
  });
  test('a client that hangs up does not cancel the fetch [A2]', async (t) => {
    let release;
    const { issuer, putWith } = await issuerOf(t, (request, response) => {
      release = () => response.end(all());
    });
    const abort = new AbortController();
    const bearer = await tokenBy(keys.ed, 6);
    const gone = fetch(`${worker.url}/users`, {
      method: 'PUT',
      signal: abort.signal,
      body: '{}',
      headers: {
        authorization: `Bearer ${bearer}`,
        'content-type': 'application/json',
        'x-test-deployment': `deployment-${deployments}`,
        'x-test-variables': JSON.stringify({ JWT_JWKS: '', JWT_JWKS_URL: issuer.url }),
      },
    }).catch(() => {});
    while (!release) await setTimeout(5);
    abort.abort();
    await gone;
    await setTimeout(50);
    release();
    await worker.idle();
    assert.deepEqual(await putWith(keys.ed), [200, 0]);
  });
});
