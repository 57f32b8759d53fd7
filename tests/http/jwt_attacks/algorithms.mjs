// Attacks through the algorithm named in the header. Each vector returns a token.
import { createHash, createSign, sign as signWith } from 'node:crypto';
import { UnsecuredJWT } from 'jose';
import { forge, HS256, luis, mac, part } from '../../support/forged.mjs';
import { SECRET } from '../../support/tokens.mjs';
import { byLibrary, derOf, ec, ed, jwkOf, k256, known, named, pemOf, raw64, rsa, ssh } from './make.mjs';

export const ALGORITHMS = {
  'algorithm confusion (RFC 8725 3.1, CVE-2015-9235, CVE-2016-10555, CVE-2016-5431)': {
    ...named(['RS256', 'RS384', 'RS512', 'PS256', 'PS512'], (alg) => [
      `${alg} by the attacker's key`,
      () => byLibrary(alg, rsa),
    ]),
    "ES256 by the attacker's key": () => byLibrary('ES256', ec),
    "EdDSA by the attacker's key": () => byLibrary('EdDSA', ed),
    "Ed25519 by the attacker's key": () => byLibrary('Ed25519', ed),
    "ES256K by the attacker's key": () => {
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
      (alg) => [`alg ${alg}, but HS256 with the right secret`, () => forge({ alg, typ: 'JWT' }, luis())],
    ),
    'alg HS256, but an RSA signature': () =>
      ((text) => `${text}.${signWith('sha256', Buffer.from(text), rsa.privateKey).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    'alg HS256, but an Ed25519 signature': () =>
      ((text) => `${text}.${signWith(null, Buffer.from(text), ed.privateKey).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    'HS384 with the right secret': () => forge({ alg: 'HS384', typ: 'JWT' }, luis(), { hash: 'sha384' }),
    'HS512 with the right secret': () => forge({ alg: 'HS512', typ: 'JWT' }, luis(), { hash: 'sha512' }),
    'alg HS256, but SHA-512 truncated to 256 bits': () =>
      ((text) => `${text}.${mac(text, SECRET, 'sha512').subarray(0, 32).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    'alg HS256, but SHA-512/256': () => forge(HS256, luis(), { hash: 'sha512-256' }),
    'alg HS256, but SHA3-256': () => forge(HS256, luis(), { hash: 'sha3-256' }),
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
    'no alg': () => forge({ typ: 'JWT' }, luis()),
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
    'the member in upper case': () => forge({ ALG: 'HS256', typ: 'JWT' }, luis()),
    'the member with white space': () => forge({ 'alg ': 'HS256', typ: 'JWT' }, luis()),
    'the member in another object': () => forge({ header: { alg: 'HS256' }, typ: 'JWT' }, luis()),
    'the member in a prototype': () => forge('{"__proto__":{"alg":"HS256"},"typ":"JWT"}', luis()),
    'the member in the payload': () => forge({ typ: 'JWT' }, { ...luis(), alg: 'HS256' }),
  },

  'none (RFC 8725 3.1, CVE-2015-2951, CVE-2022-23540)': {
    'as created by a library': () => new UnsecuredJWT(luis()).encode(),
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
    'none in place of the signature': () => forge(HS256, luis(), { signature: 'none' }),
  },
};
