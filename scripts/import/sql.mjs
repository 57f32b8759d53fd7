// The SQL that imports records. D1 executes a file completely or not at all. Each statement imports many records, each
// of them completely.
import { users } from './accounts_sql.mjs';
import { personas } from './personas_sql.mjs';
import { link, permission, roles, SURPLUS } from './roles_sql.mjs';

/**
 * Returns the statements for records of one kind, which are passed as objects and as `json` texts.
 * @param {{linkByEmail?: boolean}} [options]
 */
export function importStatements(source, kind, { records, texts }, options) {
  if (kind === 'users') return users(source, texts, options);
  if (kind === 'personas') return personas(texts);
  if (kind === 'roles') return roles(records, texts);
  return records.flatMap(kind === 'permissions' ? permission : link);
}

/** Returns the first statements, which clear the report of the last run. */
export const firstStatements = (source) => [
  `DELETE FROM imports WHERE source = '${source}' AND base IS NULL`,
  `UPDATE imports SET incoming = NULL, problem = NULL, differs = NULL
WHERE source = '${source}' AND coalesce(incoming, problem, differs) IS NOT NULL`,
];

/** Returns the last statements. */
export const lastStatements = (source) => (source === 'seam' ? [SURPLUS] : []);

/** Returns the query of the report, in one line because it is a command-line argument. */
export const report = (source) => `SELECT part, record, what FROM import_report WHERE source = '${source}'`;
