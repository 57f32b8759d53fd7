// The local secrets, and tokens signed with them.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
// As a namespace, because Node 18 has no parseEnv: it would fail at the import instead of saying that it is too old.
import util from 'node:util';
import { LAYOUTS, now, token } from '../tests/support/tokens.mjs';
import { root, Trouble } from './lib.mjs';

const file = path.join(root, '.dev.vars');
const MIN_BYTES = 32;
/** What .dev.vars holds. */
export const secretsText = () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
const secrets = () => util.parseEnv(secretsText());

/** Throws if the worker would refuse the local secrets. An empty one counts as not set. */
export function checkSecrets() {
  const set = Object.entries(secrets()).filter(([name, value]) => name.startsWith('JWT_SECRET') && value !== '');
  for (const [name, value] of set) {
    const bytes = Buffer.byteLength(value);
    if (bytes < MIN_BYTES)
      throw new Trouble(
        `${name} in .dev.vars has ${bytes} bytes, and a secret needs at least ${MIN_BYTES}: ` +
          'set a longer one, or remove the line; `npm run dev` writes a random JWT_SECRET if there is none',
      );
    const [other] = set.find(([another, same]) => another !== name && same === value) ?? [];
    if (other)
      throw new Trouble(`${name} and ${other} in .dev.vars are the same secret, and each has to be another one`);
  }
}

/** Writes a random secret for local development if there is none; returns whether it did. */
export function ensureSecret() {
  if (secrets().JWT_SECRET) return false;
  const line = `JWT_SECRET="${randomBytes(MIN_BYTES).toString('base64url')}"`;
  const before = secretsText();
  const emptySecret = /^[ \t]*(export[ \t]+)?JWT_SECRET[ \t]*=.*$/gm;
  const after = emptySecret.test(before)
    ? before.replace(emptySecret, line)
    : `${before.trimEnd() || '# Secrets for local development alone; git ignores this file.'}\n${line}\n`;
  fs.writeFileSync(file, after, { mode: 0o600 });
  return true;
}

export const layouts = Object.keys(LAYOUTS);

/**
 * A token good for `ttl` seconds: for an account's own id, or in a back end's layout for its number there, signed with
 * that back end's secret if it has one.
 */
export async function mint(id, layout, ttl) {
  const { [`JWT_SECRET_${layout.toUpperCase()}`]: own, JWT_SECRET: shared } = secrets();
  const key = (layout !== 'plain' && own) || shared;
  if (!key) throw new Trouble('there is no JWT_SECRET in .dev.vars yet: run `npm run dev` once, it makes one');
  return token(id, { layout, secret: key, iat: now(), exp: now() + ttl });
}
