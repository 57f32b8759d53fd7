// The database, the bucket and the secret that a deployment needs. Only `createResources` changes the account.
import { attempt, output, quietly, Trouble } from '../lib.mjs';
import { ask, canAsk } from './ask.mjs';

const MIN_BYTES = 32;
const KEYS = ['JWT_SECRET', 'JWT_SECRET_SEAM', 'JWT_SECRET_FALCON', 'JWT_SECRET_DJANGO'];
/** R2's error code for "the bucket you tried to create already exists, and you own it". */
const BUCKET_EXISTS = '[code: 10004]';

const PLACES = `Where should the database be created? This cannot be changed later.
  weur  Western Europe          wnam  Western North America    apac  Asia-Pacific
  eeur  Eastern Europe          enam  Eastern North America    oc    Oceania
Choose the location nearest to the clients that send updates. (To keep the data in a jurisdiction, such as the European
Union, press Ctrl-C and use \`--jurisdiction eu\`.)`;

/** Returns whether the account has the database. If wrangler.toml has its ID, it is assumed to exist. */
export async function databaseExists({ name, id }, common) {
  if (id) return true;
  const databases = JSON.parse(await output('wrangler', ['d1', 'list', '--json', ...common]));
  return databases.some((database) => database.name === name);
}

/** Returns the place where the database is created, as options of `wrangler d1 create`. */
export async function choosePlace(place, { database, bucket }) {
  const [option, value] = place ?? (bucket.jurisdiction ? ['--jurisdiction', bucket.jurisdiction] : []);
  // A bucket is identified by its name and its jurisdiction, so wrangler.toml must specify the jurisdiction.
  if (option && (option === '--jurisdiction' ? value : undefined) !== bucket.jurisdiction)
    throw new Trouble(
      option === '--jurisdiction'
        ? `add \`jurisdiction = "${value}"\` below \`bucket_name = "${bucket.name}"\` in wrangler.toml, then run ` +
            'this again: the database and the bucket must be in the same jurisdiction'
        : `in wrangler.toml, the bucket is in the jurisdiction ${bucket.jurisdiction}: omit --location, and the ` +
            'database is created there, too',
    );
  if (option) return [option, value];
  if (!canAsk)
    throw new Trouble(
      `the database ${database.name} does not exist yet, and its location cannot be changed later: specify it with ` +
        '`npm run deploy -- --location …` or `--jurisdiction …`',
    );
  const answer = await ask(PLACES);
  if (!['weur', 'eeur', 'wnam', 'enam', 'apac', 'oc'].includes(answer))
    throw new Trouble(`'${answer}' is not in the list`);
  return ['--location', answer];
}

/**
 * Creates the bucket if it is missing, and the database if it is new. Returns a line about each for the summary. The
 * bucket is created first: if a deployment has created the database, the bucket exists as well. If the database was
 * created in another way, the bucket may still be missing.
 */
export async function createResources({ database, bucket }, place, isNew, common) {
  const { error, all } = await attempt('wrangler', ['r2', 'bucket', 'create', bucket.name, ...place, ...common]);
  const bucketExisted = error !== undefined && all.includes(BUCKET_EXISTS);
  if (error && !bucketExisted) {
    process.stderr.write(all);
    throw error;
  }
  if (isNew) await quietly('wrangler', ['d1', 'create', database.name, ...place, ...common]);
  const outcome = (existed) =>
    existed ? `already existed; ${place[0]} had no effect` : `created (${place.join(' ')})`;
  return [`bucket ${bucket.name}: ${outcome(bucketExisted)}`, `database ${database.name}: ${outcome(!isNew)}`];
}

/** Returns whether the worker has a key to verify tokens with. */
export async function hasKey({ hasKeySet }, options) {
  if (hasKeySet || options.secretsFile) return true;
  const { error, printed, all } = await attempt('wrangler', ['secret', 'list', ...options.name, ...options.common]);
  if (!error) return JSON.parse(printed).some(({ name }) => KEYS.includes(name));
  // Before the first deployment, the worker does not exist.
  if (/Worker "[^"]+".* not found/.test(all)) return false;
  process.stderr.write(all);
  throw error;
}

/** Returns the missing secret, from the environment variable JWT_SECRET or from the terminal. */
export async function readSecret() {
  const secret =
    process.env.JWT_SECRET ??
    (canAsk
      ? await ask('JWT_SECRET, the secret that your login services sign tokens with (not shown):', { hidden: true })
      : '');
  if (!secret)
    throw new Trouble(
      'the worker has no JWT_SECRET, the secret that your login services sign tokens with: set the environment ' +
        'variable JWT_SECRET, use --secrets-file, or set JWT_JWKS_URL in wrangler.toml',
    );
  const bytes = Buffer.byteLength(secret);
  if (bytes < MIN_BYTES) throw new Trouble(`JWT_SECRET has ${bytes} bytes, but a secret needs at least ${MIN_BYTES}`);
  return secret;
}
