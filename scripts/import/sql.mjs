// The SQL that brings records into the database: D1 runs a file of it as a whole or not at all, and each statement here
// brings many records, each as a whole.
import { users } from './land_accounts.mjs';
import { personas } from './land_personas.mjs';
import { link, permission, roles, SURPLUS } from './land_roles.mjs';

/**
 * The statements for records of one kind, which are there as they are and as `json` texts.
 * @param {{linkByEmail?: boolean}} [options]
 */
export function bring(source, kind, { records, texts }, options) {
  if (kind === 'users') return users(source, texts, options);
  if (kind === 'personas') return personas(texts);
  if (kind === 'roles') return roles(records, texts);
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

/** What became of the records: in one line, for it is an argument on the command line. */
export const report = (source) => `SELECT part, record, what FROM import_report WHERE source = '${source}'`;
