// The SQL that brings records into the database: D1 runs a file of it as a whole or not at all, and each statement here
// brings many records, each as a whole.
import { users } from './land_accounts.mjs';
import { personas } from './land_personas.mjs';
import { link, permission, roles, SURPLUS } from './land_roles.mjs';
import { literal } from './ledger.mjs';

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

/** Notes what was left out, as pairs of an id and the reason: the report of what is in the database has it, too. */
export const leaveOut = (source, kind, records) => [
  `INSERT INTO imports (source, kind, id, problem)
SELECT '${source}', '${kind}', value ->> 0, value ->> 1 FROM json_each(${literal(records)}) WHERE true
ON CONFLICT (source, kind, id) DO UPDATE SET problem = coalesce(problem || '; ', '') || excluded.problem`,
];

/** What became of the records: in one line, for it is an argument on the command line. */
export const report = (source) => `SELECT part, record, what FROM import_report WHERE source = '${source}'`;
