// The local secret, and tokens signed with it.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { root, Trouble } from './lib.mjs';

const file = path.join(root, '.dev.vars');
const secret = () =>
  fs.existsSync(file) ? /^JWT_SECRET\s*=\s*["']?([^"'\r\n]+)/m.exec(fs.readFileSync(file, 'utf8'))?.[1] : undefined;

/** Writes a random secret for local development if there is none; answers whether it did. */
export function ensureSecret() {
  if (secret()) return false;
  const before = fs.existsSync(file)
    ? `${fs.readFileSync(file, 'utf8').trimEnd()}\n`
    : '# Secrets for local development alone; git ignores this file.\n';
  fs.writeFileSync(file, `${before}JWT_SECRET="${randomBytes(32).toString('base64url')}"\n`, { mode: 0o600 });
  return true;
}

/** What each of the existing login services puts into an access token. */
const LAYOUTS = {
  plain: (id) => ({ sub: String(id) }),
  seam: (id) => ({ idUser: id, email: `account${id}@example.com`, roleId: 1, roleName: 'admin' }),
  falcon: (id) => ({ sub: id, type: 'access', profile: { id } }),
  django: (id) => ({ user_id: id, token_type: 'access', jti: randomBytes(16).toString('hex') }),
};
export const layouts = Object.keys(LAYOUTS);

/** A token for an account, good for `ttl` seconds. */
export async function mint(id, layout, ttl) {
  const key = secret();
  if (!key) throw new Trouble('there is no JWT_SECRET in .dev.vars yet: run `npm run dev` once, it makes one');
  const { SignJWT } = await import('jose');
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ ...LAYOUTS[layout](id), iat: now, exp: now + ttl })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(key));
}
