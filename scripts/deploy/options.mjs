// What `npm run deploy -- …` is told: options of its own, those that every call of wrangler needs, and the rest, which
// goes to `wrangler deploy`.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { assertNotTakenByNpm, root, Trouble } from '../lib.mjs';

const LOCATIONS = ['weur', 'eeur', 'apac', 'oc', 'wnam', 'enam'];
const JURISDICTIONS = ['eu', 'us', 'fedramp'];

export const USAGE = `usage: npm run deploy -- [--env <name>] [--dry-run] [any other option of wrangler deploy]
  --location ${LOCATIONS.join('|')}   where the database is created
  --jurisdiction ${JURISDICTIONS.join('|')}   the jurisdiction that the database stays in`;

const OPTIONS = /** @type {const} */ ({
  location: { type: 'string' },
  jurisdiction: { type: 'string' },
  env: { type: 'string', short: 'e' },
  config: { type: 'string', short: 'c' },
  name: { type: 'string' },
  'secrets-file': { type: 'string' },
  'dry-run': { type: 'boolean' },
});
/** What `wrangler deploy` does not take, or gets with every other command of wrangler. */
const OURS = ['location', 'jurisdiction', 'env', 'config'];

/** The value of an option that must be one of a list. */
function choice(name, value, choices) {
  if (value !== undefined && !choices.includes(value)) throw new Trouble(USAGE);
  return value && [`--${name}`, value];
}

/** @param {string[]} args */
export function readOptions(args) {
  assertNotTakenByNpm('deploy', ['env', 'config', 'dry-run', 'jurisdiction']);
  // `npm run deploy --env staging`, without the dashes in between, arrives as `staging`.
  if (args.length > 0 && !args[0].startsWith('-')) throw new Trouble(USAGE);
  const { values, tokens } = parseArgs({ args, options: OPTIONS, strict: false, tokens: true });
  const { location, jurisdiction, env, config, name, 'secrets-file': secretsFile } = values;
  if ([location, jurisdiction, env, config, name, secretsFile].includes(true) || (location && jurisdiction))
    throw new Trouble(USAGE);
  // `wrangler deploy` would notice it last, when the database and the bucket are created.
  if (secretsFile && !fs.existsSync(path.resolve(root, String(secretsFile))))
    throw new Trouble(`--secrets-file: there is no file ${secretsFile}`);
  const ours = tokens.flatMap((token) =>
    token.kind === 'option' && OURS.includes(token.name)
      ? [token.index, ...(token.inlineValue ? [] : [token.index + 1])]
      : [],
  );
  return {
    place: choice('location', location, LOCATIONS) ?? choice('jurisdiction', jurisdiction, JURISDICTIONS),
    env: /** @type {string | undefined} */ (env),
    config: /** @type {string | undefined} */ (config),
    /** The same database, bucket and worker for every command; `--env=` is the top level of wrangler.toml. */
    common: [
      ...(env || !process.env.CLOUDFLARE_ENV ? [`--env=${env ?? ''}`] : []),
      ...(config ? ['--config', config] : []),
    ],
    name: name ? ['--name', String(name)] : [],
    secretsFile: /** @type {string | undefined} */ (secretsFile),
    isDryRun: values['dry-run'] === true,
    rest: args.filter((_, index) => !ours.includes(index)),
  };
}
