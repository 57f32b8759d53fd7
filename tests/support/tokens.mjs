// Mints the tokens that tests send, with a library that shares no code with the worker (jose).
/** The secret of every test worker, unless a test sets another. */
export const SECRET = 'a-test-secret-of-more-than-32-bytes!';

export const now = () => Math.floor(Date.now() / 1000);

/** The claims that each of the existing login services puts into an access token (contract A5). */
export const LAYOUTS = {
  plain: (id) => ({ sub: String(id) }),
  seam: (id) => ({ idUser: id, email: 'someone@example.com', roleId: 1, roleName: 'admin' }),
  falcon: (id) => ({ sub: id, type: 'access', profile: { id, email: 'someone@example.com' } }),
  django: (id) => ({ user_id: id, token_type: 'access', jti: 'b1946ac92492d2347c6235b4d2611184' }),
};

/**
 * @typedef {object} TokenOptions
 * @property {string} [layout] the login service whose claims the token has
 * @property {object} [claims] replaces all claims of the layout
 * @property {string} [secret]
 * @property {number | null} [iat] null omits it. The default is half a minute from now, which A4 allows, so that the
 *   token is younger than any change of password in the tests
 * @property {number | null} [exp] null omits it
 * @property {object} [header] adds to the header
 * @property {object} [extra] adds to the claims
 */

/** The claims of a token. */
export function claimsOf(id, /** @type {TokenOptions} */ options) {
  const { layout = 'plain', claims, iat = now() + 30, exp = now() + 3600, extra = {} } = options;
  return {
    ...(claims ?? LAYOUTS[layout](id)),
    ...(iat === null ? {} : { iat }),
    ...(exp === null ? {} : { exp }),
    ...extra,
  };
}

/** A token signed with HS256. */
export async function token(id, /** @type {TokenOptions} */ { secret = SECRET, header = {}, ...options } = {}) {
  // Imported here because `npm run token` imports this file before the packages are installed.
  const { SignJWT } = await import('jose');
  return new SignJWT(claimsOf(id, options))
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...header })
    .sign(new TextEncoder().encode(secret));
}
