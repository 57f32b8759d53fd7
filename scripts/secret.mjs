// The local secrets, and tokens signed with them.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LAYOUTS, now, token } from '../tests/support/tokens.mjs';
import { root, Trouble } from './lib.mjs';

const file = path.join(root, '.dev.vars');
const secret = (name) =>
  fs.existsSync(file)
    ? new RegExp(`^${name}\\s*=\\s*["']?([^"'\\r\\n]+)`, 'm').exec(fs.readFileSync(file, 'utf8'))?.[1]
    : undefined;

/** Writes a random secret for local development if there is none; returns whether it did. */
export function ensureSecret() {
  if (secret('JWT_SECRET')) return false;
  const before = fs.existsSync(file)
    ? `${fs.readFileSync(file, 'utf8').trimEnd()}\n`
    : '# Secrets for local development alone; git ignores this file.\n';
  fs.writeFileSync(file, `${before}JWT_SECRET="${randomBytes(32).toString('base64url')}"\n`, { mode: 0o600 });
  return true;
}

export const layouts = Object.keys(LAYOUTS);

/**
 * A token good for `ttl` seconds: for an account's own id, or in a back end's layout for its number there, signed with
 * that back end's secret if it has one.
 */
export async function mint(id, layout, ttl) {
  const key = (layout !== 'plain' && secret(`JWT_SECRET_${layout.toUpperCase()}`)) || secret('JWT_SECRET');
  if (!key) throw new Trouble('there is no JWT_SECRET in .dev.vars yet: run `npm run dev` once, it makes one');
  return token(id, { layout, secret: key, iat: now(), exp: now() + ttl });
}
