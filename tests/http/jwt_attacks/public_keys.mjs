// Attacks on tokens that public keys verify. Each vector returns a token.
import { createHash, sign as signWith } from 'node:crypto';
import { forge, HS256, luis, now, part } from '../../support/forged.mjs';
import {
  derOf,
  ec,
  ed,
  half,
  jwkOf,
  known,
  named,
  ORDER,
  OWN,
  pairOf,
  pemOf,
  raw64,
  rsa,
  SIGNS,
  signedBy,
  toBytes,
  toInteger,
} from './make.mjs';

export const PUBLIC_KEYS = {
  'public keys: an algorithm that the key is not for (RFC 8725 3.1)': {
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([kid, actualAlg]) =>
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
          .filter((alg) => alg !== actualAlg)
          .map((alg) => [
            `alg ${JSON.stringify(alg)}, but ${actualAlg} by the key ${kid}`,
            () => signedBy(known[kid], actualAlg, { alg, kid }),
          ]),
      ),
    ),
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([kid, actualAlg]) =>
        Object.keys(OWN)
          .filter((other) => other !== kid)
          .flatMap((other) => [
            [
              `the kid of ${other}, ${actualAlg} by the key ${kid}`,
              () => signedBy(known[kid], actualAlg, { kid: other }),
            ],
            [
              `the kid and alg of ${other}, ${actualAlg} by the key ${kid}`,
              () => signedBy(known[kid], actualAlg, { kid: other, alg: OWN[other] }),
            ],
          ]),
      ),
    ),
    ...named(['RS384', 'RS512', 'RS1', 'PS256'], (actualAlg) => [
      `${actualAlg} by the key rsa`,
      () => signedBy(known.rsa, actualAlg, { kid: 'rsa' }),
    ]),
    ...named(['RS384', 'RS512', 'RS1', 'PS256'], (actualAlg) => [
      `alg RS256, but ${actualAlg} by the key rsa`,
      () => signedBy(known.rsa, actualAlg, { kid: 'rsa', alg: 'RS256' }),
    ]),
    'alg ES256, but ES384 by the key ec': () => signedBy(known.ec, 'ES384', { kid: 'ec', alg: 'ES256' }),
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
            `alg ${OWN[kid]}, but HS256 keyed with the public key ${kid} ${spelt}`,
            () => forge({ alg: OWN[kid], typ: 'JWT', kid }, luis(), { secret }),
          ],
        ]),
      ),
    ),
    ...named(Object.entries(OWN), ([kid, alg]) => [
      `${alg} with the kid ${kid}, but HS256 with the right secret`,
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

  'public keys: selection by kid': {
    ...Object.fromEntries(
      Object.entries({ rsa, ec, ed }).flatMap(([kid, pair]) => [
        [`${OWN[kid]} by another key, with the kid ${kid}`, () => signedBy(pair, OWN[kid], { kid })],
        [`${OWN[kid]} by another key, without a kid`, () => signedBy(pair, OWN[kid])],
        [
          `${OWN[kid]} by another key in its jwk, with the kid ${kid}`,
          () => signedBy(pair, OWN[kid], { kid, jwk: { ...jwkOf(pair), kid } }),
        ],
        [
          `${OWN[kid]} by another key at its jku, with the kid ${kid}`,
          () => signedBy(pair, OWN[kid], { kid, jku: 'https://attacker.example/keys' }),
        ],
        [
          `${OWN[kid]} by another key in its x5c, with the kid ${kid}`,
          () => signedBy(pair, OWN[kid], { kid, x5c: [derOf(pair).toString('base64')] }),
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
          () => signedBy(known[kid], OWN[kid], { kid: spelt }),
        ]),
        ...[0, true, [kid], { kid }].map((spelt) => [
          `${OWN[kid]} by the key ${kid}, the kid as ${JSON.stringify(spelt)}`,
          () => signedBy(known[kid], OWN[kid], { kid: spelt }),
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
    'RS256 by one of two keys, without a kid': () => signedBy(known.rsa, 'RS256'),
    'RS256 by the other of two keys, without a kid': () => signedBy(known.rsa2, 'RS256'),
    'RS256 by one of two keys, with the kid of the other': () => signedBy(known.rsa, 'RS256', { kid: 'rsa2' }),
  },

  'public keys: signatures (RFC 7518 3.4, RFC 8032 5.1.7, CVE-2022-21449, CVE-2022-24884, CVE-2020-36843)': {
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([kid, actualAlg]) =>
        Object.entries({
          'without its last byte': (bytes) => bytes.subarray(0, -1),
          'without its first byte': (bytes) => bytes.subarray(1),
          'with a zero byte after it': (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]),
          'with a zero byte before it': (bytes) => Buffer.concat([Buffer.alloc(1), bytes]),
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
          'over the header alone': (_, text) => SIGNS[actualAlg](text.subarray(0, text.indexOf('.')), known[kid]),
          'over an empty text': () => SIGNS[actualAlg](Buffer.alloc(0), known[kid]),
          'over the text and a line break': (_, text) =>
            SIGNS[actualAlg](Buffer.concat([text, Buffer.from('\n')]), known[kid]),
          'over a hash of the text': (_, text) =>
            SIGNS[actualAlg](createHash('sha256').update(text).digest(), known[kid]),
        }).map(([name, change]) => [`${actualAlg}: ${name}`, () => signedBy(known[kid], actualAlg, { kid }, change)]),
      ),
    ),
    'RS256: the padded hash itself': () =>
      signedBy(known.rsa, 'RS256', { kid: 'rsa' }, (_, text) =>
        Buffer.concat([
          Buffer.from([0, 1]),
          Buffer.alloc(202, 255),
          Buffer.from('003031300d060960864801650304020105000420', 'hex'),
          createHash('sha256').update(text).digest(),
        ]),
      ),
    'RS256: the modulus added': () =>
      signedBy(known.rsa, 'RS256', { kid: 'rsa' }, (bytes) =>
        ((sum) => toBytes(sum, sum >> 2048n ? 257 : 256))(toInteger(bytes) + toInteger(raw64(jwkOf(known.rsa).n))),
      ),
    'RS256: the modulus': () => signedBy(known.rsa, 'RS256', { kid: 'rsa' }, () => raw64(jwkOf(known.rsa).n)),
    'ES256: as DER': () =>
      signedBy(known.ec, 'ES256', { kid: 'ec' }, (_, text) => signWith('sha256', text, known.ec.privateKey)),
    'ES256: as DER, cut to 64 bytes': () =>
      signedBy(known.ec, 'ES256', { kid: 'ec' }, (_, text) =>
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
      ([name, of]) => [`ES256: ${name}`, () => signedBy(known.ec, 'ES256', { kid: 'ec' }, pairOf(of))],
    ),
    'EdDSA: S with the order added': () =>
      signedBy(known.ed, 'EdDSA', { kid: 'ed' }, (bytes) =>
        Buffer.concat([
          half(bytes, 0),
          toBytes(toInteger(Buffer.from(half(bytes, 1)).reverse()) + ORDER.ed, 32).reverse(),
        ]),
      ),
    'EdDSA: S with eight times the order added': () =>
      signedBy(known.ed, 'EdDSA', { kid: 'ed' }, (bytes) =>
        Buffer.concat([
          half(bytes, 0),
          toBytes(toInteger(Buffer.from(half(bytes, 1)).reverse()) + 8n * ORDER.ed, 32).reverse(),
        ]),
      ),
    'EdDSA: R the neutral point, S zero': () =>
      signedBy(known.ed, 'EdDSA', { kid: 'ed' }, () => Buffer.concat([Buffer.from([1]), Buffer.alloc(63)])),
    'EdDSA: R of order 8': () =>
      signedBy(known.ed, 'EdDSA', { kid: 'ed' }, (bytes) =>
        Buffer.concat([
          Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex'),
          half(bytes, 1),
        ]),
      ),
  },

  'public keys: all other checks apply, too': {
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([kid, actualAlg]) =>
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
          'claims that are not an object': [{}, () => '"6"'],
          'no claims': [{}, () => ''],
          'more than 8 KiB': [{}, () => ({ ...luis(), pad: 'A'.repeat(8192) })],
        }).map(([name, [header, payload]]) => [
          `${actualAlg}: ${name}`,
          () => signedBy(known[kid], actualAlg, { kid, ...header }, undefined, payload?.()),
        ]),
      ),
    ),
  },
};
