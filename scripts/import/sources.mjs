// What each back end's own data says, record by record: `{kind, table, id, where, record, faults}`. A record goes on to
// the database when it has no faults, whole; `kind` is the table here, `table` and `where` tell the reader of a report
// where the record stands in the source. The schemas are the back ends' own; see the README's "Moving over".
import fs from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { Trouble } from '../lib.mjs';
import { BCRYPT, Row } from './check.mjs';
import { rowsOfDump } from './mysql.mjs';

/** What falcon shows to who has no picture of his own: null here. */
const FALCON_DEFAULT_IMAGE = 'profile-pictures/default.jpg';
/** A role's description is for people; longer than this, its statement would be too long for D1. */
const MAX_DESCRIPTION = 2000;
const MAX_HASH = 1000;

/** A hash goes where the login service looks for it: bcrypt to all, any other one verbatim to its own. */
function hashOf(source, password, beside = {}) {
  if (!password) return {};
  if (BCRYPT.test(password)) return { password_hash: password };
  return { legacy: { [source]: Object.keys(beside).length > 0 ? { password, ...beside } : password } };
}

/** A hash as it stands: not trimmed, not looked at. */
function verbatim(row, field) {
  const value = row.raw(field);
  return (value?.length ?? 0) <= MAX_HASH ? value : row.fault(field, `has more than ${MAX_HASH} characters`);
}

const seam = {
  tables: {
    roles: {
      kind: 'roles',
      columns: ['idRole', 'roleName', 'description'],
      id: 'idRole',
      read: (row) => ({
        name: row.text('roleName', { min: 1, max: 200 }),
        description: row.text('description', { max: MAX_DESCRIPTION, optional: true }),
      }),
    },
    permissions: {
      kind: 'permissions',
      columns: ['idPermission', 'nameUri'],
      id: 'idPermission',
      read: (row) => ({ name: row.text('nameUri', { min: 1, max: 500 }) }),
    },
    permissionxrole: {
      kind: 'permissionXRole',
      columns: ['permissionId', 'roleId'],
      read: (row) => ({ permission: row.id('permissionId'), role: row.id('roleId') }),
    },
    users: {
      kind: 'users',
      columns: ['idUser', 'full_name', 'email', 'password', 'roleId', 'isActive'],
      id: 'idUser',
      role: 'roleId',
      read: (row, id) => ({
        // seam knows no user names; whoever brings a real one replaces this.
        username: `seam_${id}`,
        email: row.email('email'),
        full_name: row.text('full_name', { max: 255 }),
        is_active: row.flag('isActive'),
        role: row.id('roleId', { optional: true }),
        ...hashOf('seam', verbatim(row, 'password')),
      }),
    },
  },
};

const falcon = {
  tables: {
    role: {
      kind: 'roles',
      columns: ['id'],
      optional: ['name', 'description'],
      id: 'id',
      // Of its own, though one of that name may be here: falcon's admin has no right to what an admin may do to others
      // here.
      read: (row, id) => ({
        name: 'name' in row.values ? `falcon ${row.text('name', { min: 1, max: 200 })}` : unnamed('falcon', id),
        description:
          'description' in row.values ? row.text('description', { max: MAX_DESCRIPTION, optional: true }) : null,
      }),
    },
    users: {
      kind: 'users',
      columns: [
        'id',
        'name',
        'email',
        'username',
        'password',
        'salt',
        'created_at',
        'updated_at',
        'image_path',
        'role_id',
      ],
      id: 'id',
      role: 'role_id',
      read(row) {
        const image = row.text('image_path', { max: 255, optional: true });
        return {
          username: row.text('username', { min: 1, max: 150 }),
          email: row.email('email'),
          full_name: row.text('name', { max: 255 }),
          image: image === FALCON_DEFAULT_IMAGE ? null : image,
          created_at: row.time('created_at'),
          updated_at: row.time('updated_at'),
          role: row.id('role_id', { optional: true }),
          ...hashOf('falcon', verbatim(row, 'password'), { salt: verbatim(row, 'salt') }),
        };
      },
    },
  },
};

const DJANGO = {
  kind: 'users',
  columns: [
    'password',
    'last_login',
    'is_superuser',
    'username',
    'is_staff',
    'is_active',
    'date_joined',
    'email',
    'first_name',
    'last_name',
    'number_phone',
    'avatar',
  ],
  id: 'id',
  read: (row) => ({
    username: row.text('username', { min: 1, max: 150 }),
    email: row.email('email'),
    first_name: row.text('first_name', { max: 200 }),
    last_name: row.text('last_name', { max: 200 }),
    number_phone: row.text('number_phone', { max: 10, optional: true }),
    image: row.text('avatar', { max: 255, optional: true }),
    is_active: row.flag('is_active'),
    is_staff: row.flag('is_staff'),
    is_superuser: row.flag('is_superuser'),
    created_at: row.time('date_joined'),
    last_login: row.time('last_login'),
    ...hashOf('django', verbatim(row, 'password')),
  }),
};

const PERSONA = {
  kind: 'personas',
  columns: ['id', 'user_email', 'nombres', 'apellidos', 'telefono', 'dni', 'foto_url', 'created_at'],
  id: 'id',
  read: (row) => ({
    user: row.text('user_email', { max: 254, optional: true }),
    nombres: row.text('nombres', { min: 1, max: 100 }),
    apellidos: row.text('apellidos', { min: 1, max: 100 }),
    telefono: row.text('telefono', { max: 40, optional: true }),
    dni: row.text('dni', { min: 5, max: 20 }),
    foto_url: row.text('foto_url', { max: 2048, optional: true }),
    created_at: row.time('created_at'),
  }),
};

/** A role that the source does not name holds nothing but what it is given here. */
const unnamed = (source, id) => `${source} role ${id}`;

/** Reads one row; `told` gathers what is true of the whole source. */
function recordOf({ kind, id: key, read }, { table, where, values }, told) {
  if (!values)
    return {
      kind,
      table,
      id: null,
      where,
      faults: [{ field: 'row', why: 'has not as many values as the table has columns' }],
    };
  const row = new Row(values);
  let id = key ? row.id(key) : undefined;
  const record = read(row, id);
  if (kind === 'permissionXRole') id = `${record.permission}/${record.role}`;
  told.naive ||= row.naive;
  return { kind, table, id, where, record: key ? { id, ...record } : record, faults: row.faults };
}

/** Every column that is needed has to be there; what is there beside them is told of, once. */
function checkColumns(file, table, { columns, optional = [], id }, there, told) {
  const missing = [...new Set([id, ...columns])].filter((column) => column && !there.includes(column));
  if (missing.length > 0)
    throw new Trouble(`${table} in ${file} has no ${missing.join(', ')}: is it what --from says?`);
  for (const column of there)
    if (![id, ...columns, ...optional].includes(column)) told.unmapped.add(`${table}.${column}`);
}

async function* dump(source, { tables }, file, told) {
  // The rows of other tables are counted once, though the file is read twice.
  const options = { told, others: told.others };
  const roles = new Map();
  const checked = new Set();
  async function* rows(wanted) {
    for await (const { table, line, columns, row } of rowsOfDump(file, wanted, options)) {
      if (!checked.has(table)) checkColumns(file, table, tables[table], columns, told);
      checked.add(table);
      yield recordOf(tables[table], { table, where: `line ${line}`, values: row }, told);
    }
  }
  // Twice through the file, for a dump may have its tables in any order: accounts need their roles, links need both
  // ends.
  const small = [];
  for await (const item of rows(new Set(Object.keys(tables).filter((table) => table !== 'users')))) small.push(item);
  options.others = undefined;
  const order = ['roles', 'permissions', 'permissionXRole'];
  const good = new Set(small.filter(({ faults }) => faults.length === 0).map(({ kind, id }) => `${kind} ${id}`));
  told.others.delete('users');
  for (const item of small.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))) {
    if (item.kind === 'permissionXRole' && item.faults.length === 0) {
      for (const [field, kind, id] of [
        ['permissionId', 'permissions', item.record.permission],
        ['roleId', 'roles', item.record.role],
      ]) {
        if (!good.has(`${kind} ${id}`))
          item.faults.push({ field, why: 'names a row that is not in the dump, or was left out' });
      }
    }
    if (item.kind === 'roles') roles.set(item.id, item.faults.length === 0);
    yield item;
  }
  const named = roles.size > 0;
  for await (const item of rows(new Set(['users']))) {
    const { role } = item.record ?? {};
    if (role && !named && !roles.has(role)) {
      // A dump of the accounts alone: who has the same role there has the same here.
      roles.set(role, true);
      yield {
        kind: 'roles',
        table: 'users',
        id: role,
        where: item.where,
        record: { id: role, name: unnamed(source, role), description: null },
        faults: [],
      };
    }
    if (role && !roles.get(role))
      item.faults.push({
        field: tables.users.role,
        why: `names role ${role}, which is not in the dump, or was left out`,
      });
    yield item;
  }
  if (!checked.has('users')) throw new Trouble(`there is no row of a table users in ${file}: is it what --from says?`);
}

async function* django(file, told) {
  const head = Buffer.alloc(16);
  const handle = fs.openSync(file, 'r');
  fs.readSync(handle, head, 0, 16, 0);
  fs.closeSync(handle);
  const isSqlite = head.toString('latin1') === 'SQLite format 3\0';
  const checked = { done: false };
  for await (const { where, values } of isSqlite ? djangoTable(file) : djangoJson(file, told)) {
    if (!checked.done) checkColumns(file, isSqlite ? 'users_users' : 'users.users', DJANGO, Object.keys(values), told);
    checked.done = true;
    yield recordOf(DJANGO, { table: 'users_users', where, values }, told);
  }
  if (!checked.done)
    throw new Trouble(
      `there is no account in ${file}: --from django takes its SQLite file, ` +
        `or what \`manage.py dumpdata\` prints, and in it the model users.users`,
    );
}

async function* djangoTable(file) {
  const { DatabaseSync } = await import('node:sqlite').catch(() => {
    throw new Trouble(
      'SQLite files need a newer Node: run this again by `npm run`, which finds the one that is installed now',
    );
  });
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    if (!database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'users_users'").get()) return;
    const statement = database.prepare('SELECT * FROM users_users ORDER BY id');
    statement.setReadBigInts(true);
    let count = 0;
    for (const values of statement.iterate()) yield { where: `row ${++count}`, values };
  } finally {
    database.close();
  }
}

async function* djangoJson(file, told) {
  const { streamArray } = await import('stream-json/streamers/stream-array.js');
  try {
    for await (const { key, value } of pipeline(
      fs.createReadStream(file),
      streamArray.withParserAsStream(),
      () => {},
    )) {
      if (String(value?.model).toLowerCase() === 'users.users')
        yield { where: `record ${key + 1}`, values: { ...value.fields, id: value.pk } };
      else told.others.set(String(value?.model), (told.others.get(String(value?.model)) ?? 0) + 1);
    }
  } catch (error) {
    throw error instanceof Trouble
      ? error
      : new Trouble(
          `${file} is no SQLite file, and not the JSON of \`manage.py dumpdata\` either, or not all of it; ` +
            'nothing was written',
        );
  }
}

async function* personas(file, told) {
  const { parse } = await import('csv-parse');
  const delimiter = await delimiterOf(file);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  async function* text() {
    for await (const chunk of fs.createReadStream(file)) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  }
  let header;
  try {
    const rows = pipeline(
      Readable.from(text()),
      parse({ bom: true, delimiter, relax_column_count: true, skip_empty_lines: true, info: true }),
      () => {},
    );
    for await (const { record, info } of rows) {
      if (!header) {
        header = record.map((name) => name.trim());
        checkColumns(file, 'the header', PERSONA, header, told);
        if (new Set(header).size < header.length) throw new Trouble(`the header of ${file} names a column twice`);
        continue;
      }
      const values =
        record.length === header.length ? Object.fromEntries(header.map((name, at) => [name, record[at]])) : undefined;
      yield recordOf(PERSONA, { table: 'personas', where: `line ${info.lines}`, values }, told);
    }
  } catch (error) {
    // Never a library's own words: they quote what they read.
    if (error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new Trouble(`${file} is not UTF-8: save it as "CSV UTF-8"`);
    throw error instanceof Trouble
      ? error
      : new Trouble(
          `${file} cannot be read as CSV${error.lines ? `, line ${error.lines}: ${error.code}` : ''}; ` +
            'nothing was written',
        );
  }
  if (!header) throw new Trouble(`${file} is empty: its first line has to be ${PERSONA.columns.join(',')}`);
}

/** What separates the columns: spreadsheets write what their country does. */
async function delimiterOf(file) {
  let head = '';
  for await (const chunk of fs.createReadStream(file, { encoding: 'latin1', end: 4095 })) head += chunk;
  const [line] = head.split(/[\r\n]/);
  return [',', ';', '\t'].reduce((best, each) => (line.split(each).length > line.split(best).length ? each : best));
}

export const SOURCES = {
  seam: (file, told) => dump('seam', seam, file, told),
  falcon: (file, told) => dump('falcon', falcon, file, told),
  django,
  personas,
};
