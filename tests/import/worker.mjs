// Shared by tests that import into the database of a running worker.
import { unstable_splitSqlQuery as split } from 'wrangler';
import { report } from '../../scripts/import/sql.mjs';
import { read } from './support.mjs';

/** Restores the freshly migrated state, without the demo accounts. */
export async function empty(worker) {
  for (const table of ['personas', 'users', 'permissionXRole', 'roles', 'retired_accounts'])
    await worker.sql(`DELETE FROM ${table}`);
}

/** Imports a source, and returns the report. */
export async function importInto(worker, from, file, options = {}) {
  const { sql } = await read(from, file, options);
  for (const statement of sql.flatMap(split)) await worker.sql(statement);
  return worker.sql(report(from));
}
