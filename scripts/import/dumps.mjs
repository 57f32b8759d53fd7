// The tables of seam and falcon, and the relations between their records in a MySQL dump.
import { Trouble } from '../lib.mjs';
import { placeOf, rowsOfDump } from './mysql.mjs';
import { checkColumns, hashOf, recordOf, verbatim } from './records.mjs';
import * as rules from './rules.mjs';

/** falcon's path for an account without a picture, which Perfil stores as null. */
const FALCON_DEFAULT_IMAGE = 'profile-pictures/default.jpg';
/** Maximum length of a role's description. A longer one could exceed D1's limit for a statement. */
const MAX_DESCRIPTION = 2000;

export const seam = {
  tables: {
    roles: {
      kind: 'roles',
      columns: ['idRole', 'roleName', 'description'],
      id: 'idRole',
      read: (row) => ({
        name: row.name('roleName', 1, 200),
        description: row.values.description === null ? null : row.name('description', 0, MAX_DESCRIPTION) || null,
      }),
    },
    permissions: {
      kind: 'permissions',
      columns: ['idPermission', 'nameUri'],
      id: 'idPermission',
      read: (row) => ({ name: row.text('nameUri', (text) => rules.line(text, 1, 500)) }),
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
        // seam has no user names, but every account in Perfil has one. No back end allows a space in a user name, so
        // this one cannot be taken.
        username: `seam ${id}`,
        email: row.text('email', (text) => rules.email(text, 254)),
        full_name: row.name('full_name', 2, 100),
        is_active: row.flag('isActive', { absent: 1 }),
        role: row.id('roleId', { optional: true }),
        ...hashOf('seam', verbatim(row, 'password')),
      }),
    },
  },
};

export const falcon = {
  tables: {
    users: {
      kind: 'users',
      columns: ['id', 'name', 'email', 'username', 'password', 'salt', 'created_at', 'updated_at', 'image_path'],
      optional: ['role_id', 'role'],
      id: 'id',
      read(row) {
        const image = row.optional('image_path', rules.imagePath);
        const role = ['role_id', 'role'].find((column) => column in row.values);
        return {
          username: row.text('username', rules.falconUsername),
          email: row.text('email', (text) => rules.email(text, 254)),
          full_name: row.name('name', 1, 255),
          image: image === FALCON_DEFAULT_IMAGE ? null : image,
          created_at: row.time('created_at'),
          updated_at: row.time('updated_at'),
          // Only the role's ID, which falcon shows. It grants nothing in Perfil.
          role: role ? row.id(role, { optional: true }) : null,
          ...hashOf('falcon', verbatim(row, 'password'), { salt: verbatim(row, 'salt') }),
        };
      },
    },
  },
};

/** The order of import: roles, permissions, then the links between them. */
const ORDER = ['roles', 'permissions', 'permissionXRole'];

/** Marks a link as faulty unless both of its ends are in `good`. */
function checkLink({ kind, record, faults }, good) {
  if (kind !== 'permissionXRole' || faults.length > 0) return;
  const ends = [
    ['permissionId', `permissions ${record.permission}`],
    ['roleId', `roles ${record.role}`],
  ];
  for (const [field, end] of ends)
    if (!good.has(end)) faults.push({ field, why: 'refers to a row that is not in the dump or was skipped' });
}

/** Returns the permissions of each role, as `{id, name, permissions}`. */
function grantsOf(items) {
  const good = items.filter(({ faults }) => faults.length === 0);
  const named = (kind) => new Map(good.filter((item) => item.kind === kind).map(({ id, record }) => [id, record.name]));
  const permissions = named('permissions');
  const links = good.filter(({ kind }) => kind === 'permissionXRole').map(({ record }) => record);
  return [...named('roles')].map(([id, name]) => {
    const held = links.filter(({ role }) => role === id).map(({ permission }) => permissions.get(permission));
    return { id, name, permissions: held };
  });
}

/** Sorts the records other than accounts, so that each comes after the records that it refers to. */
function inOrder(items) {
  const good = new Set(items.filter(({ faults }) => faults.length === 0).map(({ kind, id }) => `${kind} ${id}`));
  items.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  for (const item of items) checkLink(item, good);
  return items;
}

/**
 * Yields the accounts. `roles` maps the ID of each role that was read to whether it is valid. An account whose role is
 * invalid is skipped. If a dump has only the accounts, unnamed roles are created for the role IDs in them. `field` is
 * the column with the role's ID, if the back end's roles have permissions.
 */
async function* accounts(source, items, roles, field) {
  const named = roles.size > 0;
  for await (const item of items) {
    const role = field && item.record?.role;
    if (role && !named && !roles.has(role)) {
      roles.set(role, true);
      // A placeholder for the name, which a later dump supplies. It never replaces an existing name.
      const record = { id: role, name: `${source} role ${role}`, description: null, unnamed: 1 };
      yield { kind: 'roles', table: 'users', id: role, where: item.where, record, faults: [] };
    }
    if (role && !roles.get(role))
      item.faults.push({ field, why: `refers to role ${role}, which is not in the dump or was skipped` });
    yield item;
  }
}

/** Selects the schema to import: the one that was specified, or the only one with accounts of the back end. */
class Schemas {
  /** Schemas with a row in a table `users`. Those in `found` have a table with the back end's columns. */
  seen = new Set();
  found = new Set();

  constructor(file, wanted, { id, columns }) {
    this.file = file;
    this.wanted = wanted?.toLowerCase();
    this.needed = [id, ...columns];
  }

  /** Checks whether a row belongs to the selected schema. The answer may change until all schemas have been seen. */
  isSelected({ schema, table, columns }) {
    if (table === 'users' && !this.seen.has(schema)) {
      this.seen.add(schema);
      if (this.needed.every((column) => columns.includes(column))) this.found.add(schema);
      else this.other = columns;
    }
    // A dump without comments does not name its schema.
    if (this.wanted !== undefined) return schema === undefined || schema.toLowerCase() === this.wanted;
    if (this.found.size > 1)
      throw new Trouble(
        `${this.file} has a table users with this back end's columns in several schemas, ` +
          `${[...this.found].join(' and ')}: specify the one to import, for example --schema ${[...this.found][0]}`,
      );
    return this.found.has(schema) || (this.found.size === 0 && table !== 'users');
  }

  /** The name of the selected schema; undefined if the dump does not name it. */
  get name() {
    return [...this.found].find((schema) => this.isSelected({ schema, table: '', columns: [] }));
  }

  /** Throws an error with the reason why no account was found. */
  fail(users, findings) {
    if (this.wanted !== undefined && this.seen.size > 0)
      throw new Trouble(
        `${this.file} has no rows of a table users in the schema ${this.wanted}, but in ${[...this.seen].join(', ')}`,
      );
    if (this.other) checkColumns(this.file, 'users', users, this.other, findings);
    throw new Trouble(`${this.file} has no rows of a table users: is --from correct?`);
  }
}

/** Copies the properties of a dump to `findings`: its time zone, completeness, schema and other tables. */
function copyFindings(findings, about, schema, tables) {
  findings.utc = about.utc;
  findings.isComplete = about.completed;
  findings.schema = schema;
  findings.tables = Object.keys(tables).filter((table) => about.tables.has(placeOf({ schema, table })));
  for (const [place, rows] of about.others) {
    const at = place.lastIndexOf('.');
    if (place.slice(0, at) === (schema ?? '').toLowerCase()) findings.others.set(place.slice(at + 1), rows);
    else findings.schemas.add(place.slice(0, at));
  }
}

/**
 * Yields the records of a dump. A dump with roles is read twice, because its tables may come in any order.
 */
export async function* dump(source, { tables }, file, findings, /** @type {{schema?: string}} */ { schema } = {}) {
  const schemas = new Schemas(file, schema, tables.users);
  const about = {};
  const checked = new Set();
  const recordOfRow = ({ table, line, columns, row }) => {
    if (!checked.has(table)) checkColumns(file, table, tables[table], columns, findings);
    checked.add(table);
    return recordOf(tables[table], { table, where: `line ${line}`, values: row }, findings);
  };
  const hasRoles = Object.keys(tables).length > 1;
  let others = [];
  if (hasRoles) {
    const sampled = new Set(['users']);
    for await (const row of rowsOfDump(file, new Set(Object.keys(tables)), { about, sampled }))
      if (schemas.isSelected(row) && row.table !== 'users') others.push(row);
    others = inOrder(others.filter((row) => schemas.isSelected(row)).map(recordOfRow));
  }
  const roles = new Map(
    others.filter(({ kind }) => kind === 'roles').map(({ id, faults }) => [id, faults.length === 0]),
  );
  findings.grants = grantsOf(others);
  yield* others;
  async function* users() {
    // The rows of the other tables were already read, or are not needed.
    for await (const row of rowsOfDump(file, new Set(['users']), { about: hasRoles ? {} : about }))
      if (schemas.isSelected(row)) yield recordOfRow(row);
  }
  yield* accounts(source, users(), roles, tables.users.role);
  if (!checked.has('users')) schemas.fail(tables.users, findings);
  copyFindings(findings, about, schemas.name, tables);
}
