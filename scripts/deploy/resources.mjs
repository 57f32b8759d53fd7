// The database, the bucket and the secret that a deployment needs. Only `createResources` changes the account.
import { attempt, output, quietly, Trouble } from '../lib.mjs';
import { ask, canAsk } from './ask.mjs';

const LEAST_BYTES = 32;
const KEYS = ['JWT_SECRET', 'JWT_SECRET_SEAM', 'JWT_SECRET_FALCON', 'JWT_SECRET_DJANGO'];
/** R2: "the bucket you tried to create already exists, and you own it". */
const BUCKET_EXISTS = '[code: 10004]';

const PLACES = `Where should the database be created? This cannot be changed later.
  weur  Western Europe          wnam  Western North America    apac  Asia-Pacific
  eeur  Eastern Europe          enam  Eastern North America    oc    Oceania
Choose the one nearest to the clients that write. (For a jurisdiction, such as the European Union, press Ctrl-C and
use \`--jurisdiction eu\`.)`;

/** Whether the account has the database. One that wrangler.toml names by its id is not looked for. */
export async function databaseIsThere({ name, id }, common) {
  if (id) return true;
  const databases = JSON.parse(await output('wrangler', ['d1', 'list', '--json', ...common]));
  return databases.some((database) => database.name === name);
}

/** Where the database goes, as options of `wrangler d1 create`. */
export async function choosePlace(place, { database, bucket }) {
  const [option, value] = place ?? (bucket.jurisdiction ? ['--jurisdiction', bucket.jurisdiction] : []);
  // A bucket is found by its name and its jurisdiction, so the worker's configuration has to name it.
  if (option && (option === '--jurisdiction' ? value : undefined) !== bucket.jurisdiction)
    throw new Trouble(
      option === '--jurisdiction'
        ? `add \`jurisdiction = "${value}"\` below \`bucket_name = "${bucket.name}"\` in wrangler.toml, then run ` +
            'this again: the bucket of the avatars has to be in the same jurisdiction'
        : `wrangler.toml keeps the bucket in the jurisdiction ${bucket.jurisdiction}: leave --location out, and the ` +
            'database is created there too',
    );
  if (option) return [option, value];
  if (!canAsk)
    throw new Trouble(
      `there is no database ${database.name} yet, and where it is created cannot be changed later: choose a place ` +
        'with `npm run deploy -- --location …` or `--jurisdiction …`',
    );
  const answer = await ask(PLACES);
  if (!['weur', 'eeur', 'wnam', 'enam', 'apac', 'oc'].includes(answer))
    throw new Trouble(`'${answer}' is not in the list`);
  return ['--location', answer];
}

/**
 * Creates the bucket if it is missing, and a new database. The bucket comes first, so that a database shows that both
 * were created; a database that was there before `npm run deploy` shows nothing about the bucket.
 */
export async function createResources({ database, bucket }, place, isNew, common) {
  const { error, all } = await attempt('wrangler', ['r2', 'bucket', 'create', bucket.name, ...place, ...common]);
  const bucketWasThere = error !== undefined && all.includes(BUCKET_EXISTS);
  if (error && !bucketWasThere) {
    process.stderr.write(all);
    throw error;
  }
  if (isNew) await quietly('wrangler', ['d1', 'create', database.name, ...place, ...common]);
  const said = (wasThere) =>
    wasThere ? `it existed already, ${place[0]} has no effect` : `created (${place.join(' ')})`;
  return [`bucket ${bucket.name}: ${said(bucketWasThere)}`, `database ${database.name}: ${said(!isNew)}`];
}

/** Whether the worker has a key that verifies tokens. */
export async function keyIsThere({ hasKeySet }, options) {
  if (hasKeySet || options.secretsFile) return true;
  const { error, printed, all } = await attempt('wrangler', ['secret', 'list', ...options.name, ...options.common]);
  if (!error) return JSON.parse(printed).some(({ name }) => KEYS.includes(name));
  // There is no worker before the first deployment.
  if (/Worker "[^"]+".* not found/.test(all)) return false;
  process.stderr.write(all);
  throw error;
}

/** The secret that is missing: from the variable JWT_SECRET, or as it is typed. */
export async function readSecret() {
  const secret =
    process.env.JWT_SECRET ??
    (canAsk
      ? await ask('JWT_SECRET, which your login services sign tokens with (it is not shown):', { hidden: true })
      : '');
  if (!secret)
    throw new Trouble(
      'the worker has no JWT_SECRET, which your login services sign tokens with: set it in the variable JWT_SECRET, ' +
        'pass it with --secrets-file, or set JWT_JWKS_URL in wrangler.toml',
    );
  const bytes = Buffer.byteLength(secret);
  if (bytes < LEAST_BYTES)
    throw new Trouble(`JWT_SECRET has ${bytes} bytes, and a secret needs at least ${LEAST_BYTES}`);
  return secret;
}
