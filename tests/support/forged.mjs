// Tokens built by hand, including those that no library would sign.
import { createHmac } from 'node:crypto';
import { now, SECRET } from './tokens.mjs';

export { now };
export const HS256 = { alg: 'HS256', typ: 'JWT' };
/** The claims of a good token of account 6. */
export const luis = () => ({ sub: '6', iat: now() - 5, exp: now() + 3600 });

/** Encodes one part of a token: values as JSON, text and bytes unchanged. */
export const part = (value) =>
  Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString(
    'base64url',
  );

/** The HMAC of a text as for HS256, or with another `hash`. */
export const mac = (text, secret = SECRET, hash = 'sha256') => createHmac(hash, secret).update(text).digest();

/** @typedef {{secret?: any, hash?: string, signature?: string}} Signing */

/** Appends a signature, by the right key or another, to the first two parts, which may be any text. */
export const signed = (text, /** @type {Signing} */ { secret, hash, signature } = {}) =>
  `${text}.${signature ?? mac(text, secret, hash).toString('base64url')}`;

/** A token with any header and any payload, given as values, raw text or bytes. */
export const forge = (header, payload, options) => signed(`${part(header)}.${part(payload)}`, options);
