// The local secret, and tokens signed with it.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LAYOUTS, now, token } from '../tests/support/tokens.mjs';
import { root, Trouble } from './lib.mjs';

const file = path.join(root, '.dev.vars');
const secret = () =>
  fs.existsSync(file) ? /^JWT_SECRET\s*=\s*["']?([^"'\r\n]+)/m.exec(fs.readFileSync(file, 'utf8'))?.[1] : undefined;

/** Writes a random secret for local development if there is none; returns whether it did. */
export function ensureSecret() {
  if (secret()) return false;
  const before = fs.existsSync(file)
    ? `${fs.readFileSync(file, 'utf8').trimEnd()}\n`
    : '# Secrets for local development alone; git ignores this file.\n';
  fs.writeFileSync(file, `${before}JWT_SECRET="${randomBytes(32).toString('base64url')}"\n`, { mode: 0o600 });
  return true;
}

export const layouts = Object.keys(LAYOUTS);

/** A token for an account, good for `ttl` seconds. */
export async function mint(id, layout, ttl) {
  const key = secret();
  if (!key) throw new Trouble('there is no JWT_SECRET in .dev.vars yet: run `npm run dev` once, it makes one');
  return token(id, { layout, secret: key, iat: now(), exp: now() + ttl });
}
