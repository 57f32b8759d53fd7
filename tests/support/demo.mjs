// Perfil in the tests of another project: its schema and the demo accounts in one call, and tokens for these accounts.
// docs/testing.md shows how to use it.
import { demoAccounts, migrations } from './project.mjs';

export { SECRET, token } from './tokens.mjs';

/** Every statement that makes an empty database one with the schema and the demo accounts. */
export const statements = () => [...migrations(), ...demoAccounts()];

/** Makes an empty D1 database one with the schema and the demo accounts. */
export const seed = (database) => database.batch(statements().map((sql) => database.prepare(sql)));
