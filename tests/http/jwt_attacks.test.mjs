// Attacks on tokens, by name: RFC 8725, everything that the RFCs require to be rejected, and attacks that broke other
// libraries. Every route refuses every vector with the response to any other bad token, byte for byte, so that an
// attacker does not learn how far it got. No database or bucket call is made, and no part of the token is in the log.
// The last table contains unusual tokens that are still good (A2–A6), because a verifier that refuses everything is
// safe but useless.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { forge, HS256, luis, now } from '../support/forged.mjs';
import { pipesTo } from '../support/pipes.mjs';
import { assertResponse } from '../support/responses.mjs';
import { SECRET } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';
import { ALGORITHMS } from './jwt_attacks/algorithms.mjs';
import { CLAIMS } from './jwt_attacks/claims.mjs';
import { HEADERS } from './jwt_attacks/headers.mjs';
import {
  claims,
  dashed,
  ec,
  jwkOf,
  known,
  latin1,
  named,
  ORDER,
  OTHER,
  OWN,
  pairOf,
  signedBy,
  withClaims,
  withHeader,
} from './jwt_attacks/make.mjs';
import { PUBLIC_KEYS } from './jwt_attacks/public_keys.mjs';
import { SIGNATURES } from './jwt_attacks/signatures.mjs';
import { TEXTS } from './jwt_attacks/texts.mjs';

let worker, pipes, tables;
/**
 * Each route's response and log line for a plainly bad token, a header without a token, and a header of too many words.
 */
const usual = { bad: [], missing: [], manyWords: [] };
const sent = new Set();

const changing = new Set(['date', 'x-request-id']);
/** The parts of a response that are the same every time. */
const shape = ({ status, entries, text, requestId }) => ({
  status,
  text,
  headers: entries.filter(([name]) => !changing.has(name)),
  idIsNew: /^[0-9a-f]{32}$/.test(requestId),
});
const lineShape = ({ request_id, duration_ms, ...line }) => ({
  ...line,
  types: [typeof request_id, typeof duration_ms],
});

before(async () => {
  worker = await startWorker({
    vars: { JWT_JWKS: JSON.stringify({ keys: Object.entries(known).map(([kid, pair]) => ({ ...jwkOf(pair), kid })) }) },
  });
  pipes = pipesTo(worker.url);
  for (const route of ROUTES) {
    for (const [kind, headers, body, challenge] of [
      ['bad', { authorization: 'Bearer x.y.z' }, route.refusals.badToken(), INVALID_TOKEN],
      ['missing', {}, route.refusals.noToken(), 'Bearer'],
      ['manyWords', { authorization: 'Bearer x y' }, route.refusals.badHeader(), INVALID_TOKEN],
    ]) {
      const reply = await pipes.put(route.path(), { json: route.good, headers });
      const line = await assertResponse(worker, reply, 401, body, { d1: 0, r2: [0, 0], challenge });
      usual[kind].push({ reply: shape(reply), line: lineShape(line) });
    }
  }
  tables = await worker.dump();
});
after(() => {
  pipes?.close();
  return worker?.stop();
});

const everywhere = (options) =>
  Promise.all(ROUTES.map(({ path, good }) => pipes.put(path(), { json: good, ...options })));
const withAuthorization = (authorization, vars) => everywhere({ vars, headers: { authorization } });

/** Checks that every route responds to a request, and logs it, exactly as it does for any other of its kind. */
async function assertRefusedAsUsual(options, expected = 'bad') {
  const fields = options.lines?.map((line) => line.replace(/^authorization: ?/i, ''));
  const authorization = options.headers?.authorization ?? fields.join(', ');
  sent.add(authorization);
  const hasManyWords = authorization.replace(/^[ \t]+|[ \t]+$/g, '').split(/[ \t]+/).length > 2;
  const kind = expected === 'bad' && hasManyWords ? 'manyWords' : expected;
  const replies = await everywhere(options);
  same(
    replies.map(shape),
    usual[kind].map(({ reply }) => reply),
  );
  const lines = await Promise.all(replies.map((reply) => worker.logOf(reply)));
  same(
    lines.map(lineShape),
    usual[kind].map(({ line }) => line),
  );
}
/** Compares two values; much faster than deepEqual if they are equal. */
const same = (actual, expected) =>
  JSON.stringify(actual) === JSON.stringify(expected) || assert.deepEqual(actual, expected);
const assertTokenRefused = async (bearer, { vars } = {}) =>
  assertRefusedAsUsual({ vars, headers: { authorization: `Bearer ${bearer}` } });

/** Checks that every route accepts the header as account 6, with one database call. */
async function assertAccepted(authorization, vars) {
  for (const reply of await withAuthorization(authorization, vars)) {
    const line = await worker.logOf(reply);
    assert.deepEqual(
      [reply.status, reply.headers.get('www-authenticate'), reply.d1Calls, line.account],
      [200, null, 1, 6],
    );
  }
}

const ATTACKS = { ...PUBLIC_KEYS, ...ALGORITHMS, ...SIGNATURES, ...HEADERS, ...TEXTS, ...CLAIMS };

let vectors = 0;
for (const [family, table] of Object.entries(ATTACKS)) {
  describe(family, () => {
    for (const [name, mint] of Object.entries(table)) {
      vectors++;
      test(`${name} [A2 A3 A4 A5 A6 A8]`, async () => assertTokenRefused(await mint()));
    }
  });
}

describe('the header (RFC 6750 2.1)', () => {
  const good = () => forge(HS256, luis());
  const missing = {
    ...named(
      [
        'Basic',
        'Token',
        'JWT',
        'DPoP',
        'MAC',
        'Digest',
        'Negotiate',
        'OAuth',
        'Hawk',
        'Bearer:',
        'Bearer,',
        'Bearer=',
        'Bearer;',
        'XBearer',
        'Bearerx',
        'Bear',
        '"Bearer"',
        latin1('Ｂearer'),
        latin1('Веarer'),
        latin1('BEARE\u0280'),
      ],
      (scheme) => [`the scheme ${JSON.stringify(scheme)}`, () => `${scheme} ${good()}`],
    ),
    'a tab in place of the space': () => `Bearer\t${good()}`,
    'a no-break space in place of the space': () => `Bearer\u00a0${good()}`,
    'another scheme before Bearer': () => `Basic x, Bearer ${good()}`,
    'another scheme before Bearer, without a comma': () => `Token Bearer ${good()}`,
    'the token before the scheme': () => `${good()} Bearer`,
  };
  for (const [name, of] of Object.entries(missing))
    test(`${name} counts as no token [A1 A8]`, () =>
      assertRefusedAsUsual({ headers: { authorization: of() } }, 'missing'));
  const bad = {
    'Bearer twice': () => `Bearer Bearer ${good()}`,
    'Bearer twice in lower case': () => `bearer bearer ${good()}`,
    'two tokens': () => `Bearer ${good()}, Bearer ${good()}`,
    'a word after the token': () => `Bearer ${good()} x`,
    'only dots': () => 'Bearer ..',
    'two tokens after one scheme': () => `Bearer ${good()} ${good()}`,
    'two tokens and a comma after one scheme': () => `Bearer ${good()},${good()}`,
    'another scheme after the token': () => `Bearer ${good()}, Basic x`,
    'a parameter': () => `Bearer token="${good()}"`,
    'a parameter after the token': () => `Bearer ${good()}; realm="x"`,
    'a token after an empty one': () => `Bearer , Bearer ${good()}`,
    'a token in quotes': () => `Bearer "${good()}"`,
    'a tab before the token': () => `Bearer \t${good()}`,
    'a tab within the token': () => `Bearer ${good().replace('.', '\t.')}`,
  };
  for (const [name, of] of Object.entries(bad))
    test(`${name} is a bad token [A3 A8]`, () => assertRefusedAsUsual({ headers: { authorization: of() } }));
});

describe('header lines that no client library sends', () => {
  const good = () => forge(HS256, luis());
  const auth = (value) => `Authorization: ${value}`;
  const lines = {
    'a good token after a bad one': ['bad', () => [auth('Bearer x.y.z'), auth(`Bearer ${good()}`)]],
    'a bad token after a good one': ['bad', () => [auth(`Bearer ${good()}`), auth('Bearer x.y.z')]],
    'a good token twice': ['bad', () => [auth(`Bearer ${good()}`), auth(`Bearer ${good()}`)]],
    'a good token in two spellings of the header': [
      'bad',
      () => [`authorization: Bearer ${good()}`, `AUTHORIZATION: Bearer ${good()}`],
    ],
    'a good token after another scheme': ['missing', () => [auth('Basic x'), auth(`Bearer ${good()}`)]],
    'another scheme after a good token': ['bad', () => [auth(`Bearer ${good()}`), auth('Basic x')]],
    'a token in two halves': [
      'bad',
      () => ((text) => [auth(`Bearer ${text.slice(0, 50)}`), auth(text.slice(50))])(good()),
    ],
    'three headers, one empty': ['bad', () => [auth(`Bearer ${good()}`), auth(''), auth('Bearer')]],
    ...Object.fromEntries(
      [1, 2, 7, 8, 0x0b, 0x0c, 0x0e, 0x1b, 0x1f, 0x7f, 0x85, 0xa0, 0xad].flatMap((code) => {
        const hex = `0x${code.toString(16).padStart(2, '0')}`;
        const character = String.fromCharCode(code);
        return [
          [`${hex} after the token`, ['bad', () => [auth(`Bearer ${good()}${character}`)]]],
          [`${hex} before the token`, ['bad', () => [auth(`Bearer ${character}${good()}`)]]],
          [`${hex} within the token`, ['bad', () => [auth(`Bearer ${good().replace('.', `${character}.`)}`)]]],
          [`${hex} before the scheme`, ['missing', () => [auth(`${character}Bearer ${good()}`)]]],
          [`${hex} in place of the space`, ['missing', () => [auth(`Bearer${character}${good()}`)]]],
        ];
      }),
    ),
    ...Object.fromEntries(
      [
        ['U+0085', '\u0085'],
        ['U+00A0', '\u00a0'],
        ['U+2003', '\u2003'],
        ['U+2028', '\u2028'],
        ['U+3000', '\u3000'],
        ['U+FEFF', '\ufeff'],
        ['U+200B', '\u200b'],
      ].flatMap(([name, character]) => [
        [`${name} in UTF-8 after the token`, ['bad', () => [auth(`Bearer ${good()}${latin1(character)}`)]]],
        [`${name} in UTF-8 before the token`, ['bad', () => [auth(`Bearer ${latin1(character)}${good()}`)]]],
        [`${name} in UTF-8 before the scheme`, ['missing', () => [auth(`${latin1(character)}Bearer ${good()}`)]]],
      ]),
    ),
    'bytes that are not UTF-8': ['bad', () => [auth('Bearer \xff\xfe.\xc0\xaf.\xed\xa0\x80')]],
  };
  for (const [name, [kind, of]] of Object.entries(lines)) {
    test(`${name} is refused as usual [A1 A3 A8]`, () => assertRefusedAsUsual({ lines: of() }, kind));
  }

  const unframed = {
    'NUL after the token': (text) => [auth(`Bearer ${text}\0`)],
    'NUL before the token': (text) => [auth(`Bearer \0${text}`)],
    'NUL within the token': (text) => [auth(`Bearer ${text.replace('.', '\0.')}`)],
    'a bare carriage return': (text) => [auth(`Bearer ${text}\rx`)],
    'a bare line feed and an injected header': (text) => [
      auth(`Bearer x\nAuthorization: Bearer ${text}`),
      auth('Bearer y'),
    ],
  };
  for (const [name, of] of Object.entries(unframed)) {
    test(`${name} never gets in, whether the platform refuses it or the worker [A3 R7]`, async () => {
      const earlier = await worker.dump();
      for (const { status } of await everywhere({ lines: of(good()) }))
        assert.ok([400, 401].includes(status), String(status));
      assert.equal(await worker.dump(), earlier);
    });
  }
});

test('none of them changed anything [R7]', async () => assert.equal(await worker.dump(), tables));

describe('the edges of the leeway', () => {
  /**
   * Runs an attempt within one second of the clock, so that its tokens are minted and verified in the same second.
   * Tries again if the second changed in between.
   */
  async function inOneSecond(attempt, tries = 10) {
    const started = now();
    try {
      await attempt();
    } catch (error) {
      if (now() === started || tries === 0) throw error;
      await inOneSecond(attempt, tries - 1);
    }
  }
  const edges = [
    ['exp', -59, true],
    ['exp', -60, false],
    ['exp', -61, false],
    ['nbf', 60, true],
    ['nbf', 61, false],
    ['nbf', 62, false],
    ['iat', 60, true],
    ['iat', 61, false],
    ['iat', 62, false],
  ];
  for (const [claim, seconds, isGood] of edges) {
    test(`${claim} ${seconds < 0 ? `${-seconds} s ago` : `in ${seconds} s`} is ${isGood ? 'good' : 'bad'} [A4]`, () =>
      inOneSecond(async () => {
        const bearer = withClaims({ [claim]: now() + seconds });
        await (isGood ? assertAccepted(`Bearer ${bearer}`) : assertTokenRefused(bearer));
      }));
  }
  test('all three at their edges are good, and any of them beyond is bad [A4]', () =>
    inOneSecond(async () => {
      await assertAccepted(`Bearer ${withClaims({ exp: now() - 59, nbf: now() + 60, iat: now() + 60 })}`);
      await assertTokenRefused(withClaims({ exp: now() - 59, nbf: now() + 60, iat: now() + 62 }));
    }));
});

describe('issuer and audience (RFC 8725 2.7, 3.8, 3.9, CVE-2020-26160)', () => {
  const vars = { JWT_ISSUER: 'https://login.example.com', JWT_AUDIENCE: 'perfil' };
  const right = { iss: '"https://login.example.com"', aud: '"perfil"' };
  const wrong = {
    ...named(
      [
        'null',
        '1',
        'true',
        '{}',
        '[]',
        '["https://login.example.com"]',
        '"https://login.example.com/"',
        '"https://login.example.com "',
        '" https://login.example.com"',
        '"https://login.example.com\\u0000"',
        '"http://login.example.com"',
        '"login.example.com"',
        '"https://LOGIN.example.com"',
        '"https://login.example.com:443"',
        '"https://login.example.com.attacker.example"',
        '"https://login.example.com@attacker.example"',
        '"https://attacker.example/https://login.example.com"',
        '"https://login.example.com#x"',
        '"https://login.example.co"',
        '"https://lοgin.example.com"',
        '"https://login%2Eexample.com"',
        '"https://login.example.com,https://attacker.example"',
        '"*"',
        '".*"',
        '"undefined"',
        '"perfil"',
      ],
      (text) => [`iss ${text}`, { ...right, iss: text }],
    ),
    ...named(
      [
        'null',
        '1',
        'true',
        '{}',
        '{"perfil":true}',
        '[]',
        '[[]]',
        '[["perfil"]]',
        '[null]',
        '[""]',
        '["Perfil"]',
        '["perfil "]',
        '["perf","il"]',
        '"Perfil"',
        '"PERFIL"',
        '"perfil/"',
        '"perfil "',
        '" perfil"',
        '"perfil\\u0000"',
        '"perf"',
        '"erfil"',
        '"xperfil"',
        '"perfil,other"',
        '"other perfil"',
        '"perfil other"',
        '"реrfil"',
        '"per\\u200bfil"',
        '"https://perfil"',
        '"*"',
        '".*"',
        '"undefined"',
        '"https://login.example.com"',
      ],
      (text) => [`aud ${text}`, { ...right, aud: text }],
    ),
    'iss and aud exchanged': { iss: right.aud, aud: right.iss },
    'iss omitted': { aud: right.aud },
    'aud omitted': { iss: right.iss },
    'the audience in azp and client_id': {
      iss: right.iss,
      azp: '"perfil"',
      client_id: '"perfil"',
      audience: '"perfil"',
    },
    'a second iss': { ...right, 'is\\u0073': right.iss },
    'a second aud': { ...right, 'au\\u0064': '"other"' },
    'aud in capitals': { iss: right.iss, AUD: right.aud },
  };
  for (const [name, over] of Object.entries(wrong))
    test(`${name} is refused [A4 A8]`, () => assertTokenRefused(withClaims(over), { vars }));
  for (const [name, over] of Object.entries({
    'both as configured': right,
    'the audience among others': { ...right, aud: '["other","perfil","perfil2"]' },
    'the audience twice': { ...right, aud: '["perfil","perfil"]' },
    'both with escapes': { iss: '"https:\\/\\/login.example.com"', aud: '"\\u0070erfil"' },
  })) {
    test(`${name} is good [A4]`, () => assertAccepted(`Bearer ${withClaims(over)}`, vars));
  }
  for (const text of ['"https://attacker.example"', '["x"]', '1', 'null', '{}', '""']) {
    test(`if nothing is configured, iss and aud may be ${text} [A4]`, () =>
      assertAccepted(`Bearer ${withClaims({ iss: text, aud: text })}`));
  }
});

describe('unusual, and still good', () => {
  const good = {
    'forged without a fault, which shows that the others fail because of their faults': () => forge(HS256, luis()),
    ...named(Object.entries(OWN), ([kid, alg]) => [`${alg} by a known key`, () => signedBy(known[kid], alg, { kid })]),
    ...named(
      [
        ['ec', 'ES256'],
        ['ed', 'EdDSA'],
      ],
      ([kid, alg]) => [`${alg} by the only key for this algorithm, without a kid`, () => signedBy(known[kid], alg)],
    ),
    'RS256 by the other of two keys, with its kid': () => signedBy(known.rsa2, 'RS256', { kid: 'rsa2' }),
    'ES256 with the larger of the two values of S: both are valid (RFC 7518 3.4 requires neither)': () =>
      signedBy(
        known.ec,
        'ES256',
        { kid: 'ec' },
        pairOf((r, s) => [r, s > ORDER.ec / 2n ? s : ORDER.ec - s]),
      ),
    'ES256 with the smaller of the two values of S': () =>
      signedBy(
        known.ec,
        'ES256',
        { kid: 'ec' },
        pairOf((r, s) => [r, s > ORDER.ec / 2n ? ORDER.ec - s : s]),
      ),
    'ES256 by a known key, with a jwk that is ignored': () =>
      signedBy(known.ec, 'ES256', { kid: 'ec', jwk: jwkOf(ec) }),
    'HS256 with the kid of a public key': () => withHeader({ kid: 'rsa' }),
    'header members in another order': () => forge({ typ: 'JWT', alg: 'HS256' }, luis()),
    'white space and line breaks in the JSON, as in RFC 7515 A.1': () =>
      forge('{"typ":"JWT",\r\n "alg":"HS256"}', claims().replaceAll(',', ',\r\n ')),
    'white space around the objects': () => forge(` \t\r\n${JSON.stringify(HS256)}\n`, `\n${claims()}\n `),
    'names and values with escapes': () =>
      forge('{"\\u0061lg":"H\\u0053256","\\u0074yp":"J\\u0057T"}', `{"\\u0073ub":"\\u0036","exp":${now() + 3600}}`),
    'typ Jwt': () => forge({ alg: 'HS256', typ: 'Jwt' }, luis()),
    ...named(['', '../../../../dev/null', "x' UNION SELECT 'y'--", 'ñ😀'], (kid) => [
      `kid ${JSON.stringify(kid)}, which is not looked up`,
      () => withHeader({ kid }),
    ]),
    'jku and x5u that are not fetched': () =>
      withHeader({ jku: 'https://attacker.example/jwks.json', x5u: 'https://attacker.example/cert.pem' }),
    'a jwk that is ignored': () => withHeader({ jwk: jwkOf(ec) }),
    'unknown header members': () => withHeader({ x: 1, extra: { deep: [[[]]] }, ñ: '😀' }),
    'iat 0': () => withClaims({ iat: '0' }),
    'nbf 0': () => withClaims({ nbf: '0' }),
    'nbf, iat and exp with typical values': () => withClaims({ nbf: now() - 5 }),
    'exp beyond 2^31': () => withClaims({ exp: 2 ** 31 + 1 }),
    'exp beyond 2^32': () => withClaims({ exp: 2 ** 32 + 1 }),
    'exp in milliseconds, as written by careless issuers': () => withClaims({ exp: Date.now() }),
    'exp in the year 9999': () => withClaims({ exp: 253402300799 }),
    'claims named like properties of JavaScript objects': () =>
      forge(
        HS256,
        claims().replace(
          '{',
          '{"__proto__":{"sub":"1"},"constructor":{"prototype":{"sub":"1"}},"hasOwnProperty":1,"toString":null,',
        ),
      ),
    'claims of every type': () =>
      withClaims({ a: 'null', b: '[1,[2,{"c":[]}]]', d: '{"e":{}}', f: '1.5', g: '-1e-10', h: 'true', '': '""' }),
    'claims beyond ASCII': () => withClaims({ name: '"María Ñandú 😀 \\u0000"', ñ: '"\\ud83d\\ude00"' }),
    'claims 50 levels deep': () => withClaims({ x: '['.repeat(50) + ']'.repeat(50) }),
    'hundreds of claims': () =>
      forge(HS256, { ...luis(), ...Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`c${at}`, at])) }),
    'a signature with - and _': dashed,
    'the largest token allowed': () => {
      const rest = 8192 - forge(HS256, claims({ pad: '""' })).length;
      return forge(HS256, claims({ pad: `"${'A'.repeat(Math.floor((rest * 3) / 4))}"` }));
    },
  };
  for (const [name, mint] of Object.entries(good))
    test(`${name} [A2 A3 A4 A5 A6]`, async () => assertAccepted(`Bearer ${await mint()}`));
  test('a token that is too long is refused [A3]', async () => {
    const text = forge(HS256, claims({ pad: `"${'A'.repeat(6200)}"` }));
    assert.ok(text.length > 8192);
    await assertTokenRefused(text);
  });
  const headers = {
    'several spaces between scheme and token': (text) => `Bearer     ${text}`,
    'white space around the header': (text) => `  Bearer ${text} \t `,
  };
  for (const [name, of] of Object.entries(headers))
    test(`${name} [A1]`, () => assertAccepted(of(forge(HS256, luis()))));
});

describe('afterwards', () => {
  test('every vector was tried, each under its own name', () =>
    assert.ok(vectors > 800 && sent.size > vectors * 0.95, `${vectors} vectors, ${sent.size} sent`));
  test('the log has one line for each request, and no part of any token [O2]', async () => {
    const log = worker.lines.map(({ message }) => message);
    for (const message of log) {
      const line = JSON.parse(message);
      if (line.event === 'no_rate_limit') continue;
      assert.deepEqual(
        Object.keys(line).filter(
          (key) =>
            ![
              'request_id',
              'method',
              'route',
              'status',
              'duration_ms',
              'd1_calls',
              'd1_ms',
              'account',
              'code',
            ].includes(key),
        ),
        [],
      );
    }
    // No piece of eight or more characters of any header that was sent may be in the log.
    const all = [
      ...new Set(
        log.map((message) => message.replace(/"request_id":"[^"]*"/, '').replace(/"(duration|d1)_ms":\d+/g, '')),
      ),
    ].join('\n');
    const pieces = new Set(
      [...sent].flatMap((header) =>
        header
          .split(/[\s.,:;"=]+/)
          .map((piece) => piece.slice(0, 100))
          .filter((piece) => piece.length >= 8 && !/^Authorization$/i.test(piece)),
      ),
    );
    for (const piece of pieces) assert.equal(all.includes(piece), false, piece);
    for (const word of [SECRET, OTHER, 'HS256', 'luis', 'attacker', 'expired', 'signature', 'eyJ'])
      assert.equal(all.includes(word), false, word);
  });
});
