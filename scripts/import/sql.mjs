// The SQL that brings records into the database: D1 runs a file of it as a whole or not at all, and each statement here
// brings many records, each as a whole.
//
// Records are staged in `imports`, judged against what is here, then written. A field follows the source while it is
// what the source said last time (or what nobody has ever set); one that was changed here stays. `imports.base` is what
// the source said last time.

/** What a field is that nobody has set. */
const EMPTY = {
  username: "'seam_' || i.id",
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
/** The fields that follow the source, by what it knows. A name that was made up here is no reason to change one. */
const FOLLOWS = {
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
const NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
const iso = (time) => `strftime('%Y-%m-%dT%H:%M:%fZ', ${time})`;

/**
 * A JSON text as a literal of SQL: without a quote, and without the word that makes wrangler look for a transaction.
 */
export const literal = (value) =>
  `'${JSON.stringify(value).replaceAll("'", '\\u0027').replaceAll('TRANSACTION', 'TRANS\\u0041CTION')}'`;

const said = (field) => `i.incoming ->> '${field}'`;
/** Whether a field here is what the source said last time. */
const isUnchanged = (field) =>
  `r.${field} COLLATE BINARY IS CASE WHEN i.base IS NULL THEN ${EMPTY[field]} ELSE i.base ->> '${field}' END`;
const follow = (field) => `CASE WHEN ${isUnchanged(field)} THEN ${said(field)} ELSE r.${field} END`;
/** Of all records that were ever imported, those of the chunk at hand: SQLite would look through the others, too. */
const CHUNK = 'INDEXED BY imports_incoming';
const pending = (source, kind, alias = 'i') =>
  `${alias}.source = '${source}' AND ${alias}.kind = '${kind}' AND ${alias}.incoming IS NOT NULL`;

/** The one statement with data: every record of a chunk. */
const stage = (source, kind, records) => `INSERT INTO imports (source, kind, id, incoming)
SELECT '${source}', '${kind}', value ->> 'id', value FROM json_each(${literal(records)}) WHERE true
ON CONFLICT (source, kind, id) DO UPDATE SET incoming = excluded.incoming, problem = NULL, differs = NULL`;

/**
 * Why a record cannot land, for each of a chunk: the first reason that is one. `reasons` are texts or NULL; `r` is the
 * row here, if there is one.
 */
const judge = (source, kind, reasons) => `UPDATE imports AS i ${CHUNK} SET problem = (SELECT coalesce(
  ${reasons.join(',\n  ')}
) FROM (SELECT 1) LEFT JOIN ${kind} r ON r.id = i.id)
WHERE ${pending(source, kind)}`;

/**
 * Who else here has what a unique column is to become. The collation is named, or one within `value` would be taken.
 */
const taken = (kind, column, collation, value, field = column) =>
  `'${field}: ${kind === 'users' ? 'account' : 'persona'} ' || (
    SELECT o.id FROM ${kind} o WHERE o.${column} COLLATE ${collation} = ${value} AND o.id <> i.id
  ) || ' has it here'`;
/** Which record before it in the same chunk has it. */
const twice = (source, kind, field, collation, name = field) =>
  `'${name}: record ' || (
    SELECT min(o.id) FROM imports o ${CHUNK} WHERE ${pending(source, kind, 'o')} AND o.id < i.id
      AND o.incoming ->> '${field}' = ${said(field)} COLLATE ${collation}
  ) || ' of the same source has it'`;
const becomes = (field, source) =>
  FOLLOWS[source].includes(field)
    ? `CASE WHEN r.id IS NULL THEN ${said(field)} ELSE ${follow(field)} END`
    : `CASE WHEN r.id IS NULL THEN ${said(field)} ELSE r.${field} END`;
/** The older of the two times: what the source said and what is here. */
const EARLIER =
  `CASE WHEN ${said('created_at')} < ${iso('r.created_at')} ` + `THEN ${said('created_at')} ELSE r.created_at END`;
const REMOVED =
  "CASE WHEN i.base IS NOT NULL AND r.id IS NULL THEN 'id: it was removed here since, and is not brought back' END";

/** Forgets what was staged; remembers what landed, and in what it is another here. */
function settle(source, kind, differences) {
  const names = differences.map(([name, is]) => `CASE WHEN ${is} THEN '' ELSE '${name} ' END`).join(' || ');
  return `UPDATE imports AS i ${CHUNK} SET
  base = CASE WHEN i.problem IS NULL THEN json_remove(i.incoming, '$.password_hash', '$.legacy') ELSE i.base END,
  differs = CASE WHEN i.problem IS NULL THEN (
    SELECT nullif(rtrim(${names}), '') FROM ${kind} r WHERE r.id = i.id
  ) END,
  incoming = NULL
WHERE ${pending(source, kind)}`;
}

const same = (field) => [field, `r.${field} COLLATE BINARY IS ${said(field)}`];

function users(source, records) {
  const follows = FOLLOWS[source];
  const role = (json) =>
    `(SELECT t.id FROM imports m JOIN roles t ON t.id = m.target
    WHERE m.source = '${source}' AND m.kind = 'roles' AND m.id = ${json} ->> 'role')`;
  const hasRole = source !== 'django';
  const inserted = [...new Set(['username', ...follows])];
  const later = (field) =>
    `CASE WHEN ${said(field)} > coalesce(${iso(`r.${field}`)}, '') THEN ${said(field)} ELSE r.${field} END`;
  return [
    stage(source, 'users', records),
    judge(source, 'users', [
      REMOVED,
      `CASE WHEN i.base IS NULL AND r.email <> ${said('email')}
    THEN 'id: it is that of another person here, with another e-mail' END`,
      taken('users', 'email', 'NOCASE', becomes('email', source)),
      taken('users', 'username', 'NOCASE', becomes('username', source)),
      twice(source, 'users', 'email', 'NOCASE'),
      twice(source, 'users', 'username', 'NOCASE'),
      ...(hasRole
        ? [
            `CASE WHEN i.base IS NULL AND ${said('role')} IS NOT NULL AND ${role('i.incoming')} IS NULL
    THEN 'role: role ' || (${said('role')}) || ' was removed here' END`,
          ]
        : []),
    ]),
    `UPDATE users AS r SET
  ${follows.map((field) => `${field} = ${follow(field)}`).join(',\n  ')},
  ${hasRole ? `role_id = CASE WHEN r.role_id IS ${role('i.base')} THEN ${role('i.incoming')} ELSE r.role_id END,` : ''}
  created_at = ${EARLIER},
  updated_at = ${later('updated_at')}, last_login = ${later('last_login')},
  password_hash = CASE WHEN r.tokens_valid_after IS NULL
    THEN coalesce(${said('password_hash')}, r.password_hash) ELSE r.password_hash END,
  legacy_password_hashes = CASE WHEN r.tokens_valid_after IS NULL AND i.incoming -> 'legacy' IS NOT NULL
    THEN json_patch(coalesce(r.legacy_password_hashes, '{}'), i.incoming -> 'legacy') ELSE r.legacy_password_hashes END
FROM imports i ${CHUNK} WHERE ${pending(source, 'users')} AND i.problem IS NULL AND r.id = i.id`,
    `INSERT INTO users
  (id, ${inserted.join(', ')}, role_id, created_at, updated_at, last_login, password_hash, legacy_password_hashes)
SELECT i.id, ${inserted.map(said).join(', ')}, ${hasRole ? role('i.incoming') : 'NULL'},
  coalesce(${said('created_at')}, ${NOW}), coalesce(${said('updated_at')}, ${said('created_at')}, ${NOW}),
  ${said('last_login')}, ${said('password_hash')}, i.incoming -> 'legacy'
FROM imports i ${CHUNK} WHERE ${pending(source, 'users')} AND i.problem IS NULL
  AND NOT EXISTS (SELECT 1 FROM users r WHERE r.id = i.id)`,
    settle(source, 'users', [
      ...follows.map(same),
      ...(hasRole ? [['role_id', `r.role_id IS ${role('i.incoming')}`]] : []),
    ]),
  ];
}

function personas(source, records) {
  const owner = (json) => `(SELECT a.id FROM users a WHERE a.email = ${json} ->> 'user')`;
  const user = `CASE WHEN r.user_id IS ${owner('i.base')} THEN ${owner('i.incoming')} ELSE r.user_id END`;
  const follows = FOLLOWS.personas;
  return [
    stage(source, 'personas', records),
    judge(source, 'personas', [
      REMOVED,
      `CASE WHEN i.base IS NULL AND r.dni <> ${said('dni')}
    THEN 'id: it is that of another persona here, with another dni' END`,
      `CASE WHEN i.base ->> 'user' IS NOT ${said('user')} AND ${owner('i.incoming')} IS NULL
    THEN 'user_email: no account here has it' END`,
      taken('personas', 'dni', 'BINARY', becomes('dni', source)),
      taken(
        'personas',
        'user_id',
        'BINARY',
        `CASE WHEN r.id IS NULL THEN ${owner('i.incoming')} ELSE ${user} END`,
        'user_email',
      ),
      twice(source, 'personas', 'dni', 'BINARY'),
      twice(source, 'personas', 'user', 'NOCASE', 'user_email'),
    ]),
    `UPDATE personas AS r SET
  ${follows.map((field) => `${field} = ${follow(field)}`).join(',\n  ')},
  user_id = ${user},
  created_at = ${EARLIER}
FROM imports i ${CHUNK} WHERE ${pending(source, 'personas')} AND i.problem IS NULL AND r.id = i.id`,
    `INSERT INTO personas (id, user_id, ${follows.join(', ')}, created_at)
SELECT i.id, ${owner('i.incoming')}, ${follows.map(said).join(', ')}, coalesce(${said('created_at')}, ${NOW})
FROM imports i ${CHUNK} WHERE ${pending(source, 'personas')} AND i.problem IS NULL
  AND NOT EXISTS (SELECT 1 FROM personas r WHERE r.id = i.id)`,
    settle(source, 'personas', [...follows.map(same), ['user_email', `r.user_id IS ${owner('i.incoming')}`]]),
  ];
}

/**
 * A role or permission is the same where its name is the same. It keeps its id where that is free. One that was removed
 * here is not brought back.
 */
function named(kind, column, source, { id, ...record }) {
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
function link(source, { permission, role }) {
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

/** The statements for records of one kind. */
export function bring(source, kind, records) {
  if (kind === 'users') return users(source, records);
  if (kind === 'personas') return personas(source, records);
  if (kind === 'permissionXRole') return records.flatMap((record) => link(source, record));
  return records.flatMap((record) => named(kind, kind === 'roles' ? 'name' : 'nameUri', source, record));
}

/** What comes before everything else: what the last run has reported is over. */
export const begin = (source) => [
  `DELETE FROM imports WHERE source = '${source}' AND base IS NULL`,
  `UPDATE imports SET incoming = NULL, problem = NULL, differs = NULL
WHERE source = '${source}' AND coalesce(incoming, problem, differs) IS NOT NULL`,
];

/** What did not land, and what differs here from the source: one line, for it is an argument on the command line. */
export const report = (source) =>
  `SELECT kind, id, problem, differs FROM imports WHERE source = '${source}' ` +
  'AND coalesce(problem, differs) IS NOT NULL';
