// Perfil in the tests of another project: its schema and the demo accounts in one call, and tokens for these accounts.
// docs/testing.md shows how to use it.
import { demoAccounts, migrations } from './project.mjs';

export { SECRET, token } from './tokens.mjs';

/** The statements that create the schema and the demo accounts in an empty database. */
export const statements = () => [...migrations(), ...demoAccounts()];

/** Creates the schema and the demo accounts in an empty D1 database. */
export const seed = (database) => database.batch(statements().map((sql) => database.prepare(sql)));
