// Tokens put together by hand, for what no library would sign.
import { createHmac } from 'node:crypto';
import { now, SECRET } from './tokens.mjs';

export { now };
export const HS256 = { alg: 'HS256', typ: 'JWT' };
/** The claims of a good token of account 6. */
export const luis = () => ({ sub: '6', iat: now() - 5, exp: now() + 3600 });

/** One part of a token: a value as JSON, text and bytes as they stand. */
export const part = (value) =>
  Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString(
    'base64url',
  );

/** What HS256 makes of the text; `hash` makes another algorithm of it. */
export const mac = (text, secret = SECRET, hash = 'sha256') => createHmac(hash, secret).update(text).digest();

/** @typedef {{secret?: any, hash?: string, signature?: string}} Signing */

/** The first two parts as text, whatever they are, with a signature by the right key, or by another. */
export const signed = (text, /** @type {Signing} */ { secret, hash, signature } = {}) =>
  `${text}.${signature ?? mac(text, secret, hash).toString('base64url')}`;

/** A token of any header and any payload, as values, raw text or bytes. */
export const forge = (header, payload, options) => signed(`${part(header)}.${part(payload)}`, options);
