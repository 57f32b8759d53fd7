// The SQL that imports accounts. Only `identities` maps a back end's ID to an account. Perfil assigns each account its
// own ID. The same ID in two back ends belongs to two people.
import {
  CHUNK,
  duplicate,
  EARLIER,
  FOLLOWS,
  finishChunk,
  follow,
  incoming,
  iso,
  NOW,
  noteProblems,
  pending,
  same,
  stage,
  valueAfter,
} from './ledger.mjs';

/** Selects the account that has an ID in a back end. */
const accountOf = (source, id) =>
  `(SELECT n.account_id FROM identities n WHERE n.back_end = '${source}' AND n.id = ${id})`;

const REMOVED = (source) =>
  `CASE WHEN i.base IS NOT NULL AND ${accountOf(source, 'i.id')} IS NULL
    THEN 'it was removed in Perfil and is not imported again' END`;

/** Names the account that has the new value of a unique column, by its IDs in the back ends. */
const conflict = (column, value, advice) =>
  `'${column}: ' || (
    SELECT coalesce((SELECT group_concat(n.back_end || ' ' || n.id, ', ') FROM identities n WHERE n.account_id = o.id),
      'an account of no back end') || ' has it; ${advice}'
    FROM users o WHERE o.${column} COLLATE NOCASE = ${value} AND o.id IS NOT r.id
  )`;
const CHANGE = 'change it for one of the two, and import again';
const LINK = `if both are one person, import with --link-by-email; if not, ${CHANGE}`;

/** Selects the role that a record of seam refers to. falcon's roles are only shown, and django has none. */
const roleOf = (source, json) =>
  source === 'seam'
    ? `(SELECT t.id FROM imports m JOIN roles t ON t.id = m.target
    WHERE m.source = 'seam' AND m.kind = 'roles' AND m.id = ${json} ->> 'role')`
    : 'NULL';

/** An account that is inactive in one back end is inactive in Perfil until it is active in all of them. */
const isActiveEverywhere = (source) => `min(${incoming('is_active')}, coalesce((
    SELECT min(o.base ->> 'is_active') FROM identities n JOIN imports o
      ON o.source = n.back_end AND o.kind = 'users' AND o.id = n.id
    WHERE n.account_id = r.id AND n.back_end <> '${source}'
  ), 1))`;

/** Assigns IDs to new accounts, higher than those of all accounts that exist or ever existed. */
const assign = (source) => `UPDATE imports AS i ${CHUNK} SET target = fresh.id FROM (
  SELECT c.id AS record, row_number() OVER (ORDER BY c.id)
    + max(coalesce((SELECT max(id) FROM users), 0), coalesce((SELECT max(id) FROM retired_accounts), 0)) AS id
  FROM imports c ${CHUNK} WHERE ${pending(source, 'users', 'c')} AND c.problem IS NULL AND c.target IS NULL
) AS fresh WHERE ${pending(source, 'users')} AND i.id = fresh.record`;

const insert = (source) => {
  const fields = [...new Set(['username', ...FOLLOWS[source]])];
  return `INSERT INTO users
  (id, ${fields.join(', ')}, role_id, created_at, updated_at, last_login, password_hash, legacy_password_hashes)
SELECT i.target, ${fields.map((field) => incoming(field)).join(', ')}, ${roleOf(source, 'i.incoming')},
  coalesce(${incoming('created_at')}, ${NOW}), coalesce(${incoming('updated_at')}, ${incoming('created_at')}, ${NOW}),
  ${incoming('last_login')}, ${incoming('password_hash')}, i.incoming -> 'legacy'
FROM imports i ${CHUNK} WHERE ${pending(source, 'users')} AND i.problem IS NULL
  AND NOT EXISTS (SELECT 1 FROM users r WHERE r.id = i.target)`;
};

const update = (source) => {
  const later = (field) =>
    `CASE WHEN ${incoming(field)} > coalesce(${iso(`r.${field}`)}, '') THEN ${incoming(field)} ELSE r.${field} END`;
  const role =
    source === 'seam'
      ? `role_id = CASE WHEN r.role_id IS ${roleOf(source, 'i.base')} THEN ${roleOf(source, 'i.incoming')}
    ELSE r.role_id END,`
      : '';
  const value = (field) => (field === 'is_active' ? isActiveEverywhere(source) : incoming(field));
  return `UPDATE users AS r SET
  ${FOLLOWS[source].map((field) => `${field} = ${follow(field, value(field))}`).join(',\n  ')},
  ${role}
  created_at = ${EARLIER},
  updated_at = ${later('updated_at')}, last_login = ${later('last_login')},
  password_hash = CASE WHEN r.tokens_valid_after IS NULL
    THEN coalesce(${incoming('password_hash')}, r.password_hash) ELSE r.password_hash END,
  legacy_password_hashes = CASE WHEN r.tokens_valid_after IS NULL AND i.incoming -> 'legacy' IS NOT NULL
    THEN json_patch(coalesce(r.legacy_password_hashes, '{}'), i.incoming -> 'legacy') ELSE r.legacy_password_hashes END
FROM imports i ${CHUNK} WHERE ${pending(source, 'users')} AND i.problem IS NULL AND r.id = i.target`;
};

/** Stores the ID of each account in the back end, and falcon's ID of its role. */
const identify = (source) => `INSERT INTO identities (back_end, id, account_id, role_id)
SELECT '${source}', i.id, i.target, ${source === 'falcon' ? incoming('role') : 'NULL'}
FROM imports i ${CHUNK} WHERE ${pending(source, 'users')} AND i.problem IS NULL
ON CONFLICT (back_end, id) DO UPDATE SET role_id = excluded.role_id`;

/**
 * With --link-by-email, links a record that was never imported to the account with its e-mail address, unless that
 * account already has another ID in the back end. Another back end must have the same address: an address that was
 * changed in Perfil was not confirmed by any of them.
 */
const link = (source) => `UPDATE imports AS i ${CHUNK} SET target = (
  SELECT u.id FROM users u WHERE u.email = ${incoming('email')}
    AND NOT EXISTS (SELECT 1 FROM identities n WHERE n.account_id = u.id AND n.back_end = '${source}')
    AND EXISTS (SELECT 1 FROM identities n JOIN imports o ON o.source = n.back_end AND o.kind = 'users' AND o.id = n.id
      WHERE n.account_id = u.id AND o.base ->> 'email' = u.email COLLATE NOCASE)
) WHERE ${pending(source, 'users')} AND i.target IS NULL AND i.base IS NULL`;

/** Returns the statements for a chunk of accounts. */
export function users(source, texts, { linkByEmail = false } = {}) {
  const reasons = [
    REMOVED(source),
    `CASE WHEN i.base IS NULL AND r.email <> ${incoming('email')}
    THEN '${source} ' || i.id || ' has another e-mail address in Perfil; correct its row in the table identities' END`,
    conflict('email', valueAfter('email', source), linkByEmail ? CHANGE : LINK),
    conflict('username', valueAfter('username', source), CHANGE),
    duplicate(source, 'users', 'email', 'NOCASE'),
    duplicate(source, 'users', 'username', 'NOCASE'),
  ];
  const differences = FOLLOWS[source].map(same);
  if (source === 'seam') {
    reasons.push(`CASE
    WHEN i.base IS NULL AND ${incoming('role')} IS NOT NULL AND ${roleOf(source, 'i.incoming')} IS NULL
    THEN 'role ' || (${incoming('role')})
      || ' was removed in Perfil; give the account another role at the source, and import again' END`);
    differences.push(['role_id', `r.role_id IS ${roleOf(source, 'i.incoming')}`]);
  }
  return [
    stage(source, 'users', texts, accountOf(source, "(value ->> 'id')")),
    ...(linkByEmail ? [link(source)] : []),
    noteProblems(source, 'users', reasons),
    update(source),
    assign(source),
    insert(source),
    identify(source),
    finishChunk(source, 'users', differences),
  ];
}
