// seam and falcon: their tables, and how the records of a MySQL dump of them belong together.
import { Trouble } from '../lib.mjs';
import { placeOf, rowsOfDump } from './mysql.mjs';
import { checkColumns, hashOf, recordOf, verbatim } from './records.mjs';
import * as rules from './rules.mjs';

/** What falcon shows for an account without a picture: null here. */
const FALCON_DEFAULT_IMAGE = 'profile-pictures/default.jpg';
/** A role's description is for people; longer than this, its statement would be too long for D1. */
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
        // seam has no user names, and every account here has one. No back end allows a space in its own, so that this
        // one is never somebody else's.
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
          // Its number alone: falcon shows it, and here it grants nothing.
          role: role ? row.id(role, { optional: true }) : null,
          ...hashOf('falcon', verbatim(row, 'password'), { salt: verbatim(row, 'salt') }),
        };
      },
    },
  },
};

/** Roles come first, then permissions, then the links between them. */
const ORDER = ['roles', 'permissions', 'permissionXRole'];

/** Leaves out a link unless both of its ends are in `good`. */
function checkLink({ kind, record, faults }, good) {
  if (kind !== 'permissionXRole' || faults.length > 0) return;
  const ends = [
    ['permissionId', `permissions ${record.permission}`],
    ['roleId', `roles ${record.role}`],
  ];
  for (const [field, end] of ends)
    if (!good.has(end)) faults.push({ field, why: 'refers to a row that is not in the dump or was left out' });
}

/** What each role may do, as `{id, name, permissions}`. */
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

/** Everything but the accounts, in an order in which each record comes after those that it names. */
function inOrder(items) {
  const good = new Set(items.filter(({ faults }) => faults.length === 0).map(({ kind, id }) => `${kind} ${id}`));
  items.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  for (const item of items) checkLink(item, good);
  return items;
}

/**
 * The accounts. `roles` says of each role that was read before whether it is good; an account whose role is not is left
 * out. A dump of the accounts alone names no roles: accounts that have the same role there have the same here. `field`
 * is the column that names a role, if the back end's roles hold permissions.
 */
async function* accounts(source, items, roles, field) {
  const named = roles.size > 0;
  for await (const item of items) {
    const role = field && item.record?.role;
    if (role && !named && !roles.has(role)) {
      roles.set(role, true);
      // The number is what counts: a later dump brings the name, and this name replaces none.
      const record = { id: role, name: `${source} role ${role}`, description: null, unnamed: 1 };
      yield { kind: 'roles', table: 'users', id: role, where: item.where, record, faults: [] };
    }
    if (role && !roles.get(role))
      item.faults.push({ field, why: `refers to role ${role}, which is not in the dump or was left out` });
    yield item;
  }
}

/** Which schema of a dump is meant: the one that was named, or the only one whose accounts are the back end's. */
class Schemas {
  /** Those that have a row of a table `users`, and those whose table has the back end's columns. */
  seen = new Set();
  found = new Set();

  constructor(file, wanted, { id, columns }) {
    this.file = file;
    this.wanted = wanted?.toLowerCase();
    this.needed = [id, ...columns];
  }

  /** Whether a row is of the schema that is meant, as far as is known by now. */
  isMeant({ schema, table, columns }) {
    if (table === 'users' && !this.seen.has(schema)) {
      this.seen.add(schema);
      if (this.needed.every((column) => columns.includes(column))) this.found.add(schema);
      else this.other = columns;
    }
    // A dump without comments does not say which schema it is of.
    if (this.wanted !== undefined) return schema === undefined || schema.toLowerCase() === this.wanted;
    if (this.found.size > 1)
      throw new Trouble(
        `${this.file} has such accounts in several schemas, ${[...this.found].join(' and ')}: ` +
          `name the one to import, for example --schema ${[...this.found][0]}`,
      );
    return this.found.has(schema) || (this.found.size === 0 && table !== 'users');
  }

  /** The name of the one that is meant; undefined where the dump has none. */
  get name() {
    return [...this.found].find((schema) => this.isMeant({ schema, table: '', columns: [] }));
  }

  /** Says why no account was found. */
  fail(users, told) {
    if (this.wanted !== undefined && this.seen.size > 0)
      throw new Trouble(
        `there is no row of a table users in the schema ${this.wanted} of ${this.file}; it has ` +
          [...this.seen].join(', '),
      );
    if (this.other) checkColumns(this.file, 'users', users, this.other, told);
    throw new Trouble(`there is no row of a table users in ${this.file}: is --from correct?`);
  }
}

/** Tells what a dump says of itself: what is in it beside the accounts, and whether it is whole. */
function tell(told, about, schema, tables) {
  told.utc = about.utc;
  told.isWhole = about.completed;
  told.schema = schema;
  told.tables = Object.keys(tables).filter((table) => about.tables.has(placeOf({ schema, table })));
  for (const [place, rows] of about.others) {
    const at = place.lastIndexOf('.');
    if (place.slice(0, at) === (schema ?? '').toLowerCase()) told.others.set(place.slice(at + 1), rows);
    else told.schemas.add(place.slice(0, at));
  }
}

/**
 * The records of a dump. One with roles is read twice, because its tables may come in any order.
 */
export async function* dump(source, { tables }, file, told, /** @type {{schema?: string}} */ { schema } = {}) {
  const schemas = new Schemas(file, schema, tables.users);
  const about = {};
  const checked = new Set();
  const recordOfRow = ({ table, line, columns, row }) => {
    if (!checked.has(table)) checkColumns(file, table, tables[table], columns, told);
    checked.add(table);
    return recordOf(tables[table], { table, where: `line ${line}`, values: row }, told);
  };
  const hasRoles = Object.keys(tables).length > 1;
  let others = [];
  if (hasRoles) {
    const glanced = new Set(['users']);
    for await (const row of rowsOfDump(file, new Set(Object.keys(tables)), { about, glanced }))
      if (schemas.isMeant(row) && row.table !== 'users') others.push(row);
    others = inOrder(others.filter((row) => schemas.isMeant(row)).map(recordOfRow));
  }
  const roles = new Map(
    others.filter(({ kind }) => kind === 'roles').map(({ id, faults }) => [id, faults.length === 0]),
  );
  told.grants = grantsOf(others);
  yield* others;
  async function* users() {
    // The rows of the other tables were read, or are not wanted.
    for await (const row of rowsOfDump(file, new Set(['users']), { about: hasRoles ? {} : about }))
      if (schemas.isMeant(row)) yield recordOfRow(row);
  }
  yield* accounts(source, users(), roles, tables.users.role);
  if (!checked.has('users')) schemas.fail(tables.users, told);
  tell(told, about, schemas.name, tables);
}
