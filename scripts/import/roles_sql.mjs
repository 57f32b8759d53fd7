// The SQL that imports seam's roles and permissions, and the links between them.
//
// seam's clients send role IDs, so every role of seam keeps its ID. If a role that did not come from seam has the same
// ID or name, it gets another ID or name, and keeps its accounts and its permissions. A role's permissions never change
// because of its name.
import { CHUNK, incoming, literal, pending, stage } from './ledger.mjs';

const PENDING = `${pending('seam', 'roles')} AND i.problem IS NULL`;
/** Condition: a role in Perfil came from seam, in this run or an earlier one. */
const isFromSeam = (role) =>
  `EXISTS (SELECT 1 FROM imports s WHERE s.source = 'seam' AND s.kind = 'roles' AND s.target = ${role}.id)`;
/** Selects the role in Perfil that a record was imported to. */
const TARGET = `(SELECT r.id FROM imports m JOIN roles r ON r.id = m.target
  WHERE m.source = 'seam' AND m.kind = 'roles' AND m.id = value ->> 'id')`;

const REMOVED = `UPDATE imports AS i ${CHUNK} SET problem = 'it was removed in Perfil and is not imported again'
WHERE ${PENDING} AND i.base IS NOT NULL AND i.target IS NULL`;

/** After the ledger was emptied, a role with the same ID and name is seam's if seam has all of its accounts. */
const ADOPT = `UPDATE imports AS i ${CHUNK} SET target = i.id
WHERE ${PENDING} AND i.target IS NULL
  AND EXISTS (SELECT 1 FROM roles r WHERE r.id = i.id AND NOT ${isFromSeam('r')}
    AND (r.name = ${incoming('name')} OR ${incoming('unnamed')})
    AND EXISTS (SELECT 1 FROM users u WHERE u.role_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM users u WHERE u.role_id = r.id
      AND NOT EXISTS (SELECT 1 FROM identities n WHERE n.account_id = u.id AND n.back_end = 'seam')))`;

/** Selects the roles that get another ID, as rows of the ledger: `target` is the new ID, `base` the name. */
const MOVES = "m.source = 'seam' AND m.kind = 'moves' AND m.base IS NOT NULL";
const moved = (text) => `'role ' || r.id || ', ' || r.name || ': ' || ${text}`;

/**
 * Gives other IDs to the roles that have the ID of one of seam's. Accounts refer to a role, so its ID cannot be changed
 * in place: the role is copied, and the copy gets its accounts and permissions. `highest` is the highest ID in the
 * chunk.
 */
const moveRoles = (highest) => {
  const id = `row_number() OVER (ORDER BY r.id) + max(${highest}, (SELECT max(id) FROM roles))`;
  return [
    `INSERT INTO imports (source, kind, id, target, base, differs)
SELECT 'seam', 'moves', r.id, ${id}, r.name,
  ${moved(`'seam has another role with this ID; this one now has the ID ' || (${id})`)}
FROM roles r JOIN imports i ${CHUNK} ON i.id = r.id WHERE ${PENDING} AND i.target IS NOT r.id
ON CONFLICT (source, kind, id) DO UPDATE SET
  target = excluded.target, base = excluded.base, differs = excluded.differs`,
    `UPDATE roles AS r SET name = 'moving ' || r.id FROM imports m WHERE ${MOVES} AND r.id = m.id`,
    `INSERT INTO roles (id, name, description)
SELECT m.target, m.base, r.description FROM imports m JOIN roles r ON r.id = m.id WHERE ${MOVES}`,
    `UPDATE users AS u SET role_id = m.target FROM imports m WHERE ${MOVES} AND u.role_id = m.id`,
    `UPDATE permissionXRole AS x SET roleId = m.target FROM imports m WHERE ${MOVES} AND x.roleId = m.id`,
    `UPDATE imports AS s SET target = m.target FROM imports m WHERE ${MOVES} AND s.kind = 'roles' AND s.target = m.id`,
    `DELETE FROM roles WHERE id IN (SELECT m.id FROM imports m WHERE ${MOVES})`,
    // A row without a base is only for the report. The next run removes it.
    `UPDATE imports AS m SET base = NULL WHERE ${MOVES}`,
  ];
};

/** Condition: a role gets seam's name, because it is new or was not renamed in Perfil. */
const GETS_NAME = `(i.target IS NULL OR (${incoming('unnamed')} IS NULL AND EXISTS (
    SELECT 1 FROM roles r WHERE r.id = i.target AND r.name = i.base ->> 'as' COLLATE BINARY)))`;
/** The name of a role. If two of seam's roles have the same name, the ID is appended to the second one's. */
const NAME = `${incoming('name')} || CASE WHEN EXISTS (
    SELECT 1 FROM imports o ${CHUNK} WHERE ${pending('seam', 'roles', 'o')} AND o.id < i.id
      AND o.incoming ->> 'name' = ${incoming('name')} COLLATE NOCASE
  ) OR EXISTS (
    SELECT 1 FROM roles r WHERE r.name = ${incoming('name')} AND r.id IS NOT i.target AND ${isFromSeam('r')}
      AND NOT EXISTS (SELECT 1 FROM imports o ${CHUNK} WHERE ${pending('seam', 'roles', 'o')} AND o.target = r.id)
  ) THEN ' (' || i.id || ')' ELSE '' END`;
const NEW_NAMES = `SELECT ${incoming('as')} COLLATE NOCASE FROM imports i ${CHUNK}
  WHERE ${PENDING} AND ${incoming('takes')}`;

const RENAME = [
  `UPDATE imports AS i ${CHUNK} SET incoming = json_set(i.incoming, '$.takes', 1, '$.as', ${NAME})
WHERE ${PENDING} AND ${GETS_NAME}`,
  `INSERT INTO imports (source, kind, id, differs)
SELECT 'seam', 'moves', r.id,
  ${moved("'seam has another role with this name; this one is now named ' || r.name || ' (' || r.id || ')'")}
FROM roles r WHERE NOT ${isFromSeam('r')} AND r.name IN (${NEW_NAMES})`,
  `UPDATE roles AS r SET name = r.name || ' (' || r.id || ')'
WHERE NOT ${isFromSeam('r')} AND r.name IN (${NEW_NAMES})`,
  // Two roles may have exchanged their names.
  `UPDATE roles AS r SET name = 'moving ' || r.id FROM imports i ${CHUNK}
WHERE ${PENDING} AND ${incoming('takes')} AND r.id = i.target`,
];

const WRITE = [
  `UPDATE roles AS r SET
  name = CASE WHEN ${incoming('takes')} THEN ${incoming('as')} ELSE r.name END,
  description = CASE
    WHEN i.base IS NOT NULL AND r.description IS i.base ->> 'description' AND ${incoming('unnamed')} IS NULL
      THEN ${incoming('description')} ELSE r.description END
FROM imports i ${CHUNK} WHERE ${PENDING} AND r.id = i.target`,
  `INSERT INTO roles (id, name, description)
SELECT i.id, ${incoming('as')}, ${incoming('description')}
FROM imports i ${CHUNK} WHERE ${PENDING} AND i.target IS NULL`,
  `UPDATE imports AS i ${CHUNK} SET target = coalesce(i.target, i.id) WHERE ${PENDING}`,
  `UPDATE imports AS i ${CHUNK} SET
  base = CASE WHEN i.problem IS NOT NULL THEN i.base
    WHEN i.base IS NOT NULL AND ${incoming('unnamed')} THEN i.base
    ELSE json_remove(json_set(i.incoming, '$.as', coalesce(${incoming('as')}, i.base ->> 'as')), '$.takes') END,
  differs = (
    SELECT nullif(rtrim(
      CASE WHEN r.id = i.id THEN '' ELSE 'ID (' || r.id || ' in Perfil) ' END
      || CASE WHEN r.name = ${incoming('name')} COLLATE BINARY THEN '' ELSE 'name (' || r.name || ' in Perfil) ' END
      || CASE WHEN r.description IS ${incoming('description')} THEN ''
        ELSE 'description (' || coalesce(r.description, 'none') || ' in Perfil) ' END), '')
    FROM roles r WHERE r.id = i.target AND i.problem IS NULL AND ${incoming('unnamed')} IS NULL
  ),
  incoming = NULL
WHERE ${pending('seam', 'roles')}`,
];

/** Returns the statements for a chunk of roles. */
export const roles = (records, texts) => [
  stage('seam', 'roles', texts, TARGET),
  REMOVED,
  ADOPT,
  ...moveRoles(Math.max(...records.map(({ id }) => id))),
  ...RENAME,
  ...WRITE,
];

/** Imports a permission, which is identified by its name. One that was removed in Perfil is not imported again. */
export function permission({ id, name }) {
  const value = `(${literal({ name })} ->> 'name')`;
  return [
    `INSERT INTO permissions (nameUri) SELECT ${value}
WHERE NOT EXISTS (SELECT 1 FROM imports WHERE source = 'seam' AND kind = 'permissions' AND id = ${id})
  AND NOT EXISTS (SELECT 1 FROM permissions WHERE nameUri = ${value})`,
    `INSERT INTO imports (source, kind, id, target, base)
SELECT 'seam', 'permissions', ${id}, p.id, '{}' FROM permissions p WHERE p.nameUri = ${value}
ON CONFLICT (source, kind, id) DO NOTHING`,
  ];
}

/** Imports a link once, so that a permission that was revoked in Perfil stays revoked. */
export function link({ permission, role }) {
  const id = `'${permission}/${role}'`;
  return [
    `INSERT OR IGNORE INTO permissionXRole (permissionId, roleId)
SELECT p.id, r.id FROM imports mp JOIN permissions p ON p.id = mp.target, imports mr JOIN roles r ON r.id = mr.target
WHERE mp.source = 'seam' AND mp.kind = 'permissions' AND mp.id = ${permission}
  AND mr.source = 'seam' AND mr.kind = 'roles' AND mr.id = ${role}
  AND NOT EXISTS (SELECT 1 FROM imports WHERE source = 'seam' AND kind = 'permissionXRole' AND id = ${id})`,
    `INSERT INTO imports (source, kind, id, base) VALUES ('seam', 'permissionXRole', ${id}, '{}')
ON CONFLICT (source, kind, id) DO NOTHING`,
  ];
}

/** Reports the permissions that an operator granted to roles in Perfil and that these roles do not have in seam. */
export const SURPLUS = `UPDATE imports AS i SET
  differs = ltrim(coalesce(i.differs, '') || ' permissions (' || surplus.names || ' only in Perfil)')
FROM (
  SELECT x.roleId, group_concat(p.nameUri, ', ') AS names
  FROM permissionXRole x JOIN permissions p ON p.id = x.permissionId
  WHERE NOT EXISTS (
    SELECT 1 FROM imports mp JOIN imports mr JOIN imports l ON l.id = mp.id || '/' || mr.id
    WHERE mp.source = 'seam' AND mp.kind = 'permissions' AND mp.target = x.permissionId
      AND mr.source = 'seam' AND mr.kind = 'roles' AND mr.target = x.roleId
      AND l.source = 'seam' AND l.kind = 'permissionXRole'
  ) GROUP BY x.roleId
) AS surplus
WHERE i.source = 'seam' AND i.kind = 'roles' AND i.target = surplus.roleId AND i.problem IS NULL`;
