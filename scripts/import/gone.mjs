// Finds and removes records that were deleted at the source: they were imported, but the source no longer has them.
//
// The SQL contains the gaps between the IDs that the source has, and looks for imported records in these gaps. The list
// of gaps is short, because databases assign consecutive IDs.
import { literal } from './ledger.mjs';

const GONE = 'it no longer exists at the source; --prune removes it from Perfil';
const GONE_PERSONA = 'it no longer exists at the source; remove it by hand';
const PRUNED = 'it no longer exists at the source and was removed';
/** If more than this number of accounts and more than half of all are missing, the dump is probably the wrong one. */
const MANY = 10;
/** Maximum number of gaps in a statement, which D1 limits to 100,000 bytes. */
const MAX_GAPS = 1000;

/** Returns the gaps between IDs, as pairs of the first and the last missing ID. */
export function gapsOf(ids) {
  const gaps = [];
  let next = 1;
  for (const id of Float64Array.from(ids).sort()) {
    if (id > next) gaps.push([next, id - 1]);
    next = id + 1;
  }
  gaps.push([next, Number.MAX_SAFE_INTEGER]);
  return gaps;
}

const marked = (source, kind, alias = 'i') =>
  `${alias}.source = '${source}' AND ${alias}.kind = '${kind}' AND ${alias}.problem = '${GONE}'`;

/** Marks the imported records whose IDs are in gaps, except those that were removed in Perfil. */
function markRecords(source, kind, ids) {
  const gaps = gapsOf(ids);
  const statements = [];
  for (let at = 0; at < gaps.length; at += MAX_GAPS)
    // CROSS JOIN makes SQLite look up each gap in the ledger, instead of each record of the ledger in the gaps.
    statements.push(`UPDATE imports AS i SET problem = '${kind === 'users' ? GONE : GONE_PERSONA}'
WHERE i.source = '${source}' AND i.kind = '${kind}' AND i.id IN (
  SELECT m.id FROM json_each(${literal(gaps.slice(at, at + MAX_GAPS))}) AS gap CROSS JOIN imports AS m
  WHERE m.source = '${source}' AND m.kind = '${kind}' AND m.id BETWEEN gap.value ->> 0 AND gap.value ->> 1
    AND m.base IS NOT NULL AND m.base <> '{}'
)`);
  return statements;
}

/** Selects Perfil's link for a row of the ledger, whose ID consists of the IDs of the permission and the role. */
const LINK = (alias) => `SELECT 1 FROM imports mp JOIN imports mr
    WHERE mp.source = 'seam' AND mp.kind = 'permissions' AND mp.target = x.permissionId
      AND mr.source = 'seam' AND mr.kind = 'roles' AND mr.target = x.roleId AND ${alias}.id = mp.id || '/' || mr.id`;

/** Marks the imported permissions of roles that were revoked at the source. */
const markLinks = (ids) => `UPDATE imports AS i SET problem = '${GONE}'
WHERE i.source = 'seam' AND i.kind = 'permissionXRole' AND i.base IS NOT NULL
  AND i.id NOT IN (SELECT value FROM json_each(${literal(ids)}))
  AND EXISTS (SELECT 1 FROM permissionXRole x WHERE EXISTS (${LINK('i')}))`;

/** Replaces the marks with a reason if the dump is probably the wrong one. */
const guard = (source, schema) => {
  const count = (condition) => `(SELECT count(*) FROM imports c WHERE c.source = '${source}' AND c.kind = 'users'
    AND ${condition})`;
  const gone = count(`c.problem = '${GONE}'`);
  const reasons = [
    `WHEN ${gone} > ${MANY} AND 2 * ${gone} > ${count("c.base <> '{}'")}
  THEN 'more than half of the accounts are missing; is this the right dump?'`,
  ];
  if (schema !== undefined)
    reasons.push(`WHEN EXISTS (SELECT 1 FROM imports s WHERE s.source = '${source}' AND s.kind = 'schema'
    AND s.base <> ${literal(schema)})
  THEN 'the dump is of a different schema than the last one; if it is the right one, import it without --prune first'`);
  return `UPDATE imports AS i SET problem = 'it no longer exists at the source and was not removed: ' || no.reason
FROM (SELECT CASE ${reasons.join('\n  ')} END AS reason) AS no
WHERE i.source = '${source}' AND i.problem = '${GONE}' AND no.reason IS NOT NULL`;
};

/**
 * Removes the marked identities. An account without another identity becomes inactive, loses its persona, and gives up
 * its e-mail address and user name, so that the same person can register again.
 */
function pruneAccounts(source) {
  const gone = `imports i JOIN identities n ON n.back_end = i.source AND n.id = i.id`;
  const MARKED = marked(source, 'users');
  const isLast = `NOT EXISTS (
    SELECT 1 FROM identities o WHERE o.account_id = n.account_id AND o.back_end <> '${source}')`;
  const personas = `SELECT p.id FROM ${gone} JOIN personas p ON p.user_id = n.account_id WHERE ${MARKED} AND ${isLast}`;
  return [
    `UPDATE imports SET base = json_remove(base, '$.user')
WHERE source = 'personas' AND kind = 'personas' AND id IN (${personas}) AND base <> '{}'`,
    `UPDATE personas SET user_id = NULL WHERE id IN (${personas})`,
    `UPDATE users AS u SET
  is_active = CASE WHEN ${isLast} THEN 0 ELSE u.is_active END,
  email = CASE WHEN ${isLast} THEN 'gone ' || u.id ELSE u.email END,
  username = CASE WHEN ${isLast} THEN 'gone ' || u.id ELSE u.username END,
  role_id = CASE WHEN i.source = 'seam' AND u.role_id IS (
    SELECT m.target FROM imports m WHERE m.source = 'seam' AND m.kind = 'roles' AND m.id = i.base ->> 'role'
  ) THEN NULL ELSE u.role_id END,
  legacy_password_hashes = json_remove(u.legacy_password_hashes, '$.${source}')
FROM ${gone} WHERE ${MARKED} AND u.id = n.account_id`,
    `DELETE FROM identities WHERE back_end = '${source}' AND id IN (SELECT i.id FROM imports i WHERE ${MARKED})`,
    // The next run removes rows without a base. If the same ID appears again, it is imported as a new account.
    `UPDATE imports AS i SET base = NULL, problem = NULL, differs = '${PRUNED}' WHERE ${MARKED}`,
  ];
}

/** Revokes the marked permissions, except those that seam also grants under another ID. */
const PRUNE_LINKS = [
  `DELETE FROM permissionXRole AS x
WHERE EXISTS (SELECT 1 FROM imports i WHERE ${marked('seam', 'permissionXRole')} AND EXISTS (${LINK('i')}))
  AND NOT EXISTS (SELECT 1 FROM imports l WHERE l.source = 'seam' AND l.kind = 'permissionXRole' AND l.base IS NOT NULL
    AND l.problem IS NULL AND EXISTS (${LINK('l')}))`,
  `UPDATE imports AS i SET base = NULL, problem = NULL, differs = '${PRUNED}'
WHERE ${marked('seam', 'permissionXRole')}`,
];

/**
 * Returns the statements that find deleted records and, with `prune`, remove them. They must run before the records are
 * imported, because a deleted person may have registered again with the same e-mail address. `ids` has the IDs of each
 * kind in the source, including those of skipped records. `schema` is the name of the schema, if known.
 * @param {string} source
 * @param {{ids: Record<string, any[]>, schema?: string, prune?: boolean}} found
 */
export function markGone(source, { ids, schema, prune = false }) {
  const statements = [];
  for (const kind of ['users', 'personas']) if (ids[kind]) statements.push(...markRecords(source, kind, ids[kind]));
  if (ids.permissionXRole) statements.push(markLinks(ids.permissionXRole));
  if (prune) {
    statements.push(guard(source, schema), ...pruneAccounts(source));
    if (ids.permissionXRole) statements.push(...PRUNE_LINKS);
  }
  if (schema !== undefined) {
    const unlessPruned = prune ? ' NOTHING' : ' UPDATE SET base = excluded.base';
    statements.push(`INSERT INTO imports (source, kind, id, base) VALUES ('${source}', 'schema', 0, ${literal(schema)})
ON CONFLICT (source, kind, id) DO${unlessPruned}`);
  }
  return statements;
}
