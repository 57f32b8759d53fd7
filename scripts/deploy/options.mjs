// Parses the options of `npm run deploy`: its own, those that every call of wrangler needs, and the rest, which is
// passed on to `wrangler deploy`.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { assertNotTakenByNpm, root, Trouble } from '../lib.mjs';

const LOCATIONS = ['weur', 'eeur', 'apac', 'oc', 'wnam', 'enam'];
const JURISDICTIONS = ['eu', 'us', 'fedramp'];

export const USAGE = `usage: npm run deploy -- [--env <name>] [--dry-run] [any other option of wrangler deploy]
  --location <code>      where the database and the bucket are created: ${LOCATIONS.join(', ')}
  --jurisdiction <code>  the jurisdiction that the database and the bucket stay in: ${JURISDICTIONS.join(', ')}`;

const OPTIONS = /** @type {const} */ ({
  location: { type: 'string' },
  jurisdiction: { type: 'string' },
  env: { type: 'string', short: 'e' },
  config: { type: 'string', short: 'c' },
  name: { type: 'string' },
  'secrets-file': { type: 'string' },
  'dry-run': { type: 'boolean' },
});
/** Options that are not in `rest`: `wrangler deploy` does not have the first two, and the others are in `common`. */
const NOT_IN_REST = ['location', 'jurisdiction', 'env', 'config'];

/** Returns an option as arguments of wrangler. Throws if its value is not one of the choices. */
function choice(name, value, choices) {
  if (value !== undefined && !choices.includes(value)) throw new Trouble(USAGE);
  return value && [`--${name}`, value];
}

/**
 * Parses the command line.
 * @param {string[]} args
 */
export function readOptions(args) {
  assertNotTakenByNpm('deploy', ['env', 'config', 'dry-run', 'jurisdiction']);
  // Without `--` before its options, npm passes on `npm run deploy --env staging` as `staging`.
  if (args.length > 0 && !args[0].startsWith('-')) throw new Trouble(USAGE);
  const { values, tokens } = parseArgs({ args, options: OPTIONS, strict: false, tokens: true });
  const { location, jurisdiction, env, config, name, 'secrets-file': secretsFile } = values;
  if ([location, jurisdiction, env, config, name, secretsFile].includes(true) || (location && jurisdiction))
    throw new Trouble(USAGE);
  // `wrangler deploy` would notice this only after the database and the bucket have been created.
  if (secretsFile && !fs.existsSync(path.resolve(root, String(secretsFile))))
    throw new Trouble(`--secrets-file: the file ${secretsFile} does not exist`);
  const omitted = tokens.flatMap((token) =>
    token.kind === 'option' && NOT_IN_REST.includes(token.name)
      ? [token.index, ...(token.inlineValue ? [] : [token.index + 1])]
      : [],
  );
  return {
    place: choice('location', location, LOCATIONS) ?? choice('jurisdiction', jurisdiction, JURISDICTIONS),
    env: /** @type {string | undefined} */ (env),
    config: /** @type {string | undefined} */ (config),
    /** Arguments that make every command use the same environment. `--env=` means the top level of wrangler.toml. */
    common: [
      ...(env || !process.env.CLOUDFLARE_ENV ? [`--env=${env ?? ''}`] : []),
      ...(config ? ['--config', config] : []),
    ],
    name: name ? ['--name', String(name)] : [],
    secretsFile: /** @type {string | undefined} */ (secretsFile),
    isDryRun: values['dry-run'] === true,
    rest: args.filter((_, index) => !omitted.includes(index)),
  };
}
