// The SQL that imports personas. They have only one source, so they keep its IDs.
import {
  CHUNK,
  duplicate,
  EARLIER,
  FOLLOWS,
  finishChunk,
  follow,
  incoming,
  literal,
  NOW,
  noteProblems,
  pending,
  same,
  stage,
  valueAfter,
} from './ledger.mjs';

const SOURCE = 'personas';

/** Names the persona that has the new value of a unique column. */
const conflict = (column, value, field = column) =>
  `'${field}: persona ' || (
    SELECT o.id FROM personas o WHERE o.${column} COLLATE BINARY = ${value} AND o.id <> i.id
  ) || ' has it; change it for one of the two, and import again'`;

/** Selects the account with the e-mail address in a record. */
const owner = (json) => `(SELECT a.id FROM users a WHERE a.email = ${json} ->> 'user')`;

/** Returns the statements for a chunk of personas. */
export function personas(texts) {
  const user = `CASE WHEN r.user_id IS ${owner('i.base')} THEN ${owner('i.incoming')} ELSE r.user_id END`;
  const follows = FOLLOWS[SOURCE];
  return [
    stage(SOURCE, 'personas', texts, "value ->> 'id'"),
    noteProblems(SOURCE, 'personas', [
      "CASE WHEN i.base IS NOT NULL AND r.id IS NULL THEN 'it was removed in Perfil and is not imported again' END",
      `CASE WHEN i.base IS NULL AND r.dni <> ${incoming('dni')}
    THEN 'persona ' || i.id || ' has another dni in Perfil; change it for one of the two, and import again' END`,
      `CASE WHEN i.base ->> 'user' IS NOT ${incoming('user')} AND ${owner('i.incoming')} IS NULL
    THEN 'user_email: no account has it; import its back end first' END`,
      conflict('dni', valueAfter('dni', SOURCE)),
      conflict('user_id', `CASE WHEN r.id IS NULL THEN ${owner('i.incoming')} ELSE ${user} END`, 'user_email'),
      duplicate(SOURCE, 'personas', 'dni', 'BINARY'),
      duplicate(SOURCE, 'personas', 'user', 'NOCASE', 'user_email'),
    ]),
    `UPDATE personas AS r SET
  ${follows.map((field) => `${field} = ${follow(field)}`).join(',\n  ')},
  user_id = ${user},
  created_at = ${EARLIER}
FROM imports i ${CHUNK} WHERE ${pending(SOURCE, 'personas')} AND i.problem IS NULL AND r.id = i.target`,
    `INSERT INTO personas (id, user_id, ${follows.join(', ')}, created_at)
SELECT i.id, ${owner('i.incoming')}, ${follows.map((field) => incoming(field)).join(', ')},
  coalesce(${incoming('created_at')}, ${NOW})
FROM imports i ${CHUNK} WHERE ${pending(SOURCE, 'personas')} AND i.problem IS NULL
  AND NOT EXISTS (SELECT 1 FROM personas r WHERE r.id = i.target)`,
    finishChunk(SOURCE, 'personas', [...follows.map(same), ['user_email', `r.user_id IS ${owner('i.incoming')}`]]),
  ];
}

export const PERMISSIONS = ['PUT /api/personas/:id/foto', 'PUT /api/personas/me'];

/** Returns the statements that give a role the permissions of personas' endpoints. */
export const grant = (role) => [
  `INSERT OR IGNORE INTO permissionXRole (permissionId, roleId)
SELECT p.id, r.id FROM permissions p, roles r
WHERE p.nameUri IN (${PERMISSIONS.map((name) => `'${name}'`)}) AND r.name = (${literal(role)} ->> '$')`,
  `INSERT INTO imports (source, kind, id, problem, differs)
SELECT '${SOURCE}', 'grants', j ->> '$', iif(r.id, NULL, 'no role has this name; import its back end first'),
  iif(r.id, 'the role may ${PERMISSIONS.join(' and ')}', NULL)
FROM (SELECT ${literal(role)} AS j) LEFT JOIN roles r ON r.name = j ->> '$'`,
];
