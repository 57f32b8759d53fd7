// The SQL that all kinds of records share. Records are staged in the table `imports`, which is called the ledger,
// checked against the database, and then written. A field follows the source as long as its value in Perfil is the one
// that the source had in the last import (or the initial value of a new account). A field that was changed in Perfil is
// kept. `imports.base` contains the source's values of the last import.

/** The initial value of each field. `r` is the row in Perfil. */
const EMPTY = {
  // The generated user name of an account of seam counts as not set.
  username: "(SELECT 'seam ' || s.id FROM identities s WHERE s.account_id = r.id AND s.back_end = 'seam')",
  email: 'NULL',
  full_name: "''",
  first_name: "''",
  last_name: "''",
  number_phone: 'NULL',
  image: 'NULL',
  is_active: '1',
  is_staff: '0',
  is_superuser: '0',
  nombres: 'NULL',
  apellidos: 'NULL',
  telefono: 'NULL',
  dni: 'NULL',
  foto_url: 'NULL',
};
/** The fields that follow each source. */
export const FOLLOWS = {
  seam: ['email', 'full_name', 'is_active'],
  falcon: ['username', 'email', 'full_name', 'image'],
  django: [
    'username',
    'email',
    'first_name',
    'last_name',
    'number_phone',
    'image',
    'is_active',
    'is_staff',
    'is_superuser',
  ],
  personas: ['nombres', 'apellidos', 'telefono', 'dni', 'foto_url'],
};
export const NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
export const iso = (time) => `strftime('%Y-%m-%dT%H:%M:%fZ', ${time})`;

/**
 * Returns JSON that can be put between single quotes in SQL. It contains neither a single quote nor the word
 * TRANSACTION, which makes wrangler look for the statement of that name.
 */
export const json = (value) =>
  JSON.stringify(value).replaceAll("'", '\\u0027').replaceAll('TRANSACTION', 'TRANS\\u0041CTION');
export const literal = (value) => `'${json(value)}'`;
/** Joins records, each as a text from `json`, to one literal. */
const list = (texts) => `'[${texts.join(',')}]'`;

/** The current value of a field in the source. */
export const incoming = (field) => `i.incoming ->> '${field}'`;
/** Condition: a field in Perfil has the source's value of the last import. */
const isUnchanged = (field) =>
  `r.${field} COLLATE BINARY IS CASE WHEN i.base IS NULL THEN ${EMPTY[field]} ELSE i.base ->> '${field}' END`;
export const follow = (field, value = incoming(field)) =>
  `CASE WHEN ${isUnchanged(field)} THEN ${value} ELSE r.${field} END`;

/** Records which records were skipped, as pairs of ID and reason, so that the report lists them, too. */
export const noteSkipped = (source, kind, texts) => [
  `INSERT INTO imports (source, kind, id, problem)
SELECT '${source}', '${kind}', value ->> 0, value ->> 1 FROM json_each(${list(texts)}) WHERE true
ON CONFLICT (source, kind, id) DO UPDATE SET problem = coalesce(problem || '; ', '') || excluded.problem`,
];

/** Restricts a query to the records of the chunk. Without the index, SQLite reads all that were ever imported. */
export const CHUNK = 'INDEXED BY imports_incoming';
export const pending = (source, kind, alias = 'i') =>
  `${alias}.source = '${source}' AND ${alias}.kind = '${kind}' AND ${alias}.incoming IS NOT NULL`;

/** Stages every record of a chunk, as `json` texts. `target` is an expression for the ID in Perfil. */
export const stage = (source, kind, texts, target) => `INSERT INTO imports (source, kind, id, incoming, target)
SELECT '${source}', '${kind}', value ->> 'id', value, ${target} FROM json_each(${list(texts)}) WHERE true
ON CONFLICT (source, kind, id) DO UPDATE SET
  incoming = excluded.incoming, target = excluded.target, problem = NULL, differs = NULL`;

/**
 * Stores the first reason why a record cannot be imported, for each record of a chunk. `reasons` are texts or NULL. `r`
 * is the row in Perfil, if it exists.
 */
export const noteProblems = (source, kind, reasons) => `UPDATE imports AS i ${CHUNK} SET problem = (SELECT coalesce(
  ${reasons.join(',\n  ')}
) FROM (SELECT 1) LEFT JOIN ${kind} r ON r.id = i.target)
WHERE ${pending(source, kind)}`;

/** Names an earlier record of the same chunk that has the same value. */
export const duplicate = (source, kind, field, collation, name = field) =>
  `'${name}: record ' || (
    SELECT min(o.id) FROM imports o ${CHUNK} WHERE ${pending(source, kind, 'o')} AND o.id < i.id
      AND o.incoming ->> '${field}' = ${incoming(field)} COLLATE ${collation}
  ) || ' of this source has it, too; change it for one of the two, and import again'`;

/** The value that a field will have after the import. */
export const valueAfter = (field, source) =>
  FOLLOWS[source].includes(field)
    ? `CASE WHEN r.id IS NULL THEN ${incoming(field)} ELSE ${follow(field)} END`
    : `CASE WHEN r.id IS NULL THEN ${incoming(field)} ELSE r.${field} END`;
/** The earlier of two times: the source's and Perfil's. */
export const EARLIER =
  `CASE WHEN ${incoming('created_at')} < ${iso('r.created_at')} ` +
  `THEN ${incoming('created_at')} ELSE r.created_at END`;

/** Pairs a field with the condition that it has the source's current value, for `finishChunk`. */
export const same = (field) => [field, `r.${field} COLLATE BINARY IS ${incoming(field)}`];

/** Ends a chunk: stores what was imported and how it differs from the source, and empties `incoming`. */
export function finishChunk(source, kind, differences) {
  const names = differences.map(([name, is]) => `CASE WHEN ${is} THEN '' ELSE '${name} ' END`).join(' || ');
  return `UPDATE imports AS i ${CHUNK} SET
  base = CASE WHEN i.problem IS NULL THEN json_remove(i.incoming, '$.password_hash', '$.legacy') ELSE i.base END,
  differs = CASE WHEN i.problem IS NULL THEN (
    SELECT nullif(rtrim(${names} || coalesce(${incoming('note')}, '')), '') FROM ${kind} r WHERE r.id = i.target
  ) END,
  incoming = NULL
WHERE ${pending(source, kind)}`;
}
