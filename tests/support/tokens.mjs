// Mints the tokens that the tests send, with a library that shares no code with the worker (jose).
import { SignJWT } from 'jose';

/** The secret that every test worker runs with unless a test says otherwise. */
export const SECRET = 'a-test-secret-of-more-than-32-bytes!';

const now = () => Math.floor(Date.now() / 1000);

/** The claims that each of the existing login services puts into an access token (contract A5). */
export const LAYOUTS = {
  plain: (id) => ({ sub: String(id) }),
  seam: (id) => ({ idUser: id, email: 'someone@example.com', roleId: 1, roleName: 'admin' }),
  falcon: (id) => ({ sub: id, type: 'access', profile: { id, email: 'someone@example.com' } }),
  django: (id) => ({ user_id: id, token_type: 'access', jti: 'b1946ac92492d2347c6235b4d2611184' }),
};

/**
 * A token signed with HS256, issued half a minute from now: what clocks may differ by (A4), and so younger than any
 * change of password in the tests.
 * `claims` replaces the layout's claims altogether; `exp: null` leaves the expiry out; `header` adds to the header.
 */
export function token(
  id,
  { layout = 'plain', claims, secret = SECRET, iat = now() + 30, exp = now() + 3600, header = {}, extra = {} } = {},
) {
  const body = {
    ...(claims ?? LAYOUTS[layout](id)),
    ...(iat === null ? {} : { iat }),
    ...(exp === null ? {} : { exp }),
    ...extra,
  };
  return new SignJWT(body)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...header })
    .sign(new TextEncoder().encode(secret));
}
