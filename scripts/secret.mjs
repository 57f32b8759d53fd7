// Reads and writes the local secrets, and signs tokens with them.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
// Imported as a namespace: Node 18 has no parseEnv, and a named import would fail before lib.mjs refuses an old Node.
import util from 'node:util';
import { LAYOUTS, now, token } from '../tests/support/tokens.mjs';
import { root, Trouble } from './lib.mjs';

const file = path.join(root, '.dev.vars');
const MIN_BYTES = 32;
/** Returns the contents of .dev.vars. */
export const secretsText = () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
const secrets = () => util.parseEnv(secretsText());

/** Throws if the worker would reject the local secrets. An empty secret counts as not set. */
export function checkSecrets() {
  const set = Object.entries(secrets()).filter(([name, value]) => name.startsWith('JWT_SECRET') && value !== '');
  for (const [name, value] of set) {
    const bytes = Buffer.byteLength(value);
    if (bytes < MIN_BYTES)
      throw new Trouble(
        `${name} in .dev.vars has ${bytes} bytes, but a secret needs at least ${MIN_BYTES}: ` +
          'set a longer one, or remove the line; `npm run dev` writes a random JWT_SECRET if none is set',
      );
    const [other] = set.find(([another, same]) => another !== name && same === value) ?? [];
    if (other)
      throw new Trouble(`${name} and ${other} in .dev.vars have the same value, but every secret must be different`);
  }
}

/** Writes a random JWT_SECRET for local development if none is set. Returns whether it wrote one. */
export function ensureSecret() {
  if (secrets().JWT_SECRET) return false;
  const line = `JWT_SECRET="${randomBytes(MIN_BYTES).toString('base64url')}"`;
  const before = secretsText();
  const emptySecret = /^[ \t]*(export[ \t]+)?JWT_SECRET[ \t]*=.*$/gm;
  const after = emptySecret.test(before)
    ? before.replace(emptySecret, line)
    : `${before.trimEnd() || '# Secrets for local development only. Git ignores this file.'}\n${line}\n`;
  fs.writeFileSync(file, after, { mode: 0o600 });
  return true;
}

export const layouts = Object.keys(LAYOUTS);

/**
 * Returns a token that is valid for `ttl` seconds. `id` is the account's own ID in the layout `plain`; in any other, it
 * is the account's ID in the back end of that name. The token is signed with the back end's own secret if it has one.
 */
export async function mint(id, layout, ttl) {
  const { [`JWT_SECRET_${layout.toUpperCase()}`]: own, JWT_SECRET: shared } = secrets();
  const key = (layout !== 'plain' && own) || shared;
  if (!key) throw new Trouble('.dev.vars has no JWT_SECRET yet: run `npm run dev` once to create one');
  return token(id, { layout, secret: key, iat: now(), exp: now() + ttl });
}
