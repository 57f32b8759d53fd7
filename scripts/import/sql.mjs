// The SQL that brings records into the database: D1 runs a file of it as a whole or not at all, and each statement here
// brings many records, each as a whole.
import { users } from './land_accounts.mjs';
import { personas } from './land_personas.mjs';
import { link, permission, roles, SURPLUS } from './land_roles.mjs';

/**
 * The statements for records of one kind.
 * @param {{linkByEmail?: boolean}} [options]
 */
export function bring(source, kind, records, options) {
  if (kind === 'users') return users(source, records, options);
  if (kind === 'personas') return personas(records);
  if (kind === 'roles') return roles(records);
  return records.flatMap(kind === 'permissions' ? permission : link);
}

/** What comes before everything else: what the last run has reported is over. */
export const begin = (source) => [
  `DELETE FROM imports WHERE source = '${source}' AND base IS NULL`,
  `UPDATE imports SET incoming = NULL, problem = NULL, differs = NULL
WHERE source = '${source}' AND coalesce(incoming, problem, differs) IS NOT NULL`,
];

/** What comes after everything else. */
export const end = (source) => (source === 'seam' ? [SURPLUS] : []);

/** What did not land, and what differs here from the source: one line, for it is an argument on the command line. */
export const report = (source) =>
  `SELECT kind, id, problem, differs FROM imports WHERE source = '${source}' ` +
  'AND coalesce(problem, differs) IS NOT NULL';
