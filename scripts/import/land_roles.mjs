// The SQL that brings roles, permissions and the links between them into the database.
import { literal } from './ledger.mjs';

/**
 * A role or permission is the same where its name is the same. It keeps its id where that is free. One that was removed
 * here is not brought back.
 */
export function named(kind, column, source, { id, ...record }) {
  const known = `EXISTS (SELECT 1 FROM imports WHERE source = '${source}' AND kind = '${kind}' AND id = ${id})`;
  const columns = [[column, 'name'], ...(kind === 'roles' ? [['description', 'description']] : [])];
  const values = columns.map(([, field]) => `j ->> '${field}'`);
  return [
    `INSERT INTO ${kind} (id, ${columns.map(([name]) => name).join(', ')})
SELECT CASE WHEN EXISTS (SELECT 1 FROM ${kind} WHERE id = ${id}) THEN NULL ELSE ${id} END, ${values.join(', ')}
FROM (SELECT ${literal(record)} AS j)
WHERE NOT ${known} AND NOT EXISTS (SELECT 1 FROM ${kind} WHERE ${column} = j ->> 'name')`,
    `INSERT INTO imports (source, kind, id, target, base)
SELECT '${source}', '${kind}', ${id}, r.id, '{}' FROM ${kind} r WHERE r.${column} = ${literal(record)} ->> 'name'
ON CONFLICT (source, kind, id) DO NOTHING`,
    `UPDATE imports SET differs = CASE WHEN target <> ${id} THEN 'id (' || target || ' here)' END
WHERE source = '${source}' AND kind = '${kind}' AND id = ${id}`,
  ];
}

/** A link is brought once: what was revoked here stays so. */
export function link(source, { permission, role }) {
  const id = `'${permission}/${role}'`;
  return [
    `INSERT OR IGNORE INTO permissionXRole (permissionId, roleId)
SELECT p.id, r.id FROM imports mp JOIN permissions p ON p.id = mp.target, imports mr JOIN roles r ON r.id = mr.target
WHERE mp.source = '${source}' AND mp.kind = 'permissions' AND mp.id = ${permission}
  AND mr.source = '${source}' AND mr.kind = 'roles' AND mr.id = ${role}
  AND NOT EXISTS (SELECT 1 FROM imports WHERE source = '${source}' AND kind = 'permissionXRole' AND id = ${id})`,
    `INSERT INTO imports (source, kind, id, base) VALUES ('${source}', 'permissionXRole', ${id}, '{}')
ON CONFLICT (source, kind, id) DO NOTHING`,
  ];
}
