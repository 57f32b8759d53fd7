// node scripts/deploy/config.mjs <config file or empty> <environment or empty>
// Prints the settings in wrangler.toml that a deployment needs, as wrangler parses them. It runs in its own process,
// because wrangler needs the newer Node that package.json installs.
import { unstable_readConfig } from 'wrangler';
import { Trouble } from '../lib.mjs';

const [config, env] = process.argv.slice(2).map((text) => text || undefined);

function read() {
  try {
    return unstable_readConfig({ config, env }, { hideWarnings: true });
  } catch (error) {
    throw new Trouble(error.message.trim());
  }
}

const { name, vars, d1_databases: databases, r2_buckets: buckets } = read();
const find = (bindings, binding) => {
  const found = bindings.find((each) => each.binding === binding);
  if (found) return found;
  throw new Trouble(`wrangler.toml has no binding ${binding}${env ? ` for the environment ${env}` : ''}`);
};
const { database_name, database_id } = find(databases, 'DB');
const { bucket_name, jurisdiction } = find(buckets, 'AVATARS');
console.log(
  JSON.stringify({
    name,
    hasKeySet: Boolean(vars.JWT_JWKS || vars.JWT_JWKS_URL),
    database: { name: database_name, id: database_id },
    bucket: { name: bucket_name, jurisdiction },
  }),
);
