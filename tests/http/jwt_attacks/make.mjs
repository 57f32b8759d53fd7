// Keys of the worker and of an attacker, and building blocks of the vectors.
import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, sign as signWith } from 'node:crypto';
import { SignJWT } from 'jose';
import { forge, HS256, luis, now, part, signed } from '../../support/forged.mjs';

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const k256 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
export const ed = generateKeyPairSync('ed25519');
/** The keys that the worker knows besides its secret, by `kid`; those above are an attacker's. */
export const known = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  rsa2: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ed: generateKeyPairSync('ed25519'),
};
export const jwkOf = (pair) => pair.publicKey.export({ format: 'jwk' });

export const pemOf = (pair, type = 'spki') => pair.publicKey.export({ format: 'pem', type });
export const derOf = (pair) => pair.publicKey.export({ format: 'der', type: 'spki' });
/** A public key in OpenSSH's one-line format. */
export function ssh(type, ...fields) {
  const counted = (field) => Buffer.concat([Buffer.from([0, 0, field.length >> 8, field.length & 255]), field]);
  return `${type} ${Buffer.concat([Buffer.from(type), ...fields].map(counted)).toString('base64')}`;
}
export const raw64 = (text) => Buffer.from(text, 'base64url');
export const byLibrary = (alg, { privateKey }, header = {}) =>
  new SignJWT(luis()).setProtectedHeader({ alg, typ: 'JWT', ...header }).sign(privateKey);
export const named = (list, of) => Object.fromEntries(list.map((value) => of(value)));
/** A payload of raw values, which should be JSON but need not be valid; undefined omits the claim. */
export const claims = (over = {}) =>
  `{${Object.entries({ sub: '"6"', iat: now() - 5, exp: now() + 3600, ...over })
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `"${name}":${text}`)
    .join(',')}}`;
export const withClaims = (over) => forge(HS256, claims(over));
export const withHeader = (over, options) => forge({ ...HS256, ...over }, luis(), options);
export const OTHER = 'another-secret-of-more-than-32-bytes';
export const latin1 = (text) => Buffer.from(text).toString('latin1');

/** Another base64url text, which decodes to the same bytes if the decoder ignores the unused trailing bits. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
export const leftover = (text, by = 1) => {
  assert.notEqual(text.length % 4, 0, 'there are no unused bits');
  const last = ALPHABET.indexOf(text.at(-1));
  return text.slice(0, -1) + ALPHABET[last ^ by];
};
/** JSON of a value whose base64 has unused trailing bits. */
export const odd = (value) =>
  ((text) => (Buffer.byteLength(text) % 3 ? text : `${text} `))(
    typeof value === 'string' ? value : JSON.stringify(value),
  );
/** A token whose signature contains both characters in which the two alphabets of base64 differ. */
export const dashed = () => {
  for (let jti = 0; ; jti++) {
    const made = forge(HS256, { ...luis(), jti });
    if (/-/.test(made.split('.')[2]) && /_/.test(made.split('.')[2])) return made;
  }
};
export const resigned = (of, options) => ((text) => signed(text, options))(of(part(odd(HS256)), part(odd(luis()))));
export const padded = (text) => text + '='.repeat(4 - (text.length % 4));

/** Signs a text with a private key, by algorithm. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
export const SIGNS = {
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
 * A token with this header, signed by the owner of the key with the algorithm `actualAlg`, whatever the header says.
 * `change` modifies the signature.
 */
export function signedBy(pair, actualAlg, header = {}, change = (signature) => signature, payload = luis()) {
  const text = `${part({ alg: actualAlg, typ: 'JWT', ...header })}.${part(payload)}`;
  const signature = SIGNS[actualAlg](Buffer.from(text), pair);
  return `${text}.${Buffer.from(change(signature, Buffer.from(text))).toString('base64url')}`;
}
export const OWN = { rsa: 'RS256', ec: 'ES256', ed: 'EdDSA' };
export const ORDER = {
  ec: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ed: 2n ** 252n + 27742317777372353535851937790883648493n,
};
export const toInteger = (bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
export const toBytes = (integer, length) => Buffer.from(integer.toString(16).padStart(length * 2, '0'), 'hex');
export const half = (signature, at) => signature.subarray(at * 32, at * 32 + 32);
/** Changes the two numbers of an ECDSA signature. */
export const pairOf = (of) => (signature) =>
  Buffer.concat(
    of(toInteger(half(signature, 0)), toInteger(half(signature, 1))).map((integer) => toBytes(integer, 32)),
  );
