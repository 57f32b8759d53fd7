// seam and falcon: their tables, and how the records of a MySQL dump of them belong together.
import { Trouble } from '../lib.mjs';
import { rowsOfDump } from './mysql.mjs';
import { checkColumns, hashOf, recordOf, verbatim } from './records.mjs';

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
        // seam has no user names, and every account here has one. No back end allows a space in its own, so that this
        // one is never somebody else's.
        username: `seam ${id}`,
        email: row.email('email'),
        full_name: row.text('full_name', { max: 255 }),
        is_active: row.flag('isActive'),
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
      read(row) {
        const image = row.text('image_path', { max: 255, optional: true });
        return {
          username: row.text('username', { min: 1, max: 150 }),
          email: row.email('email'),
          full_name: row.text('name', { max: 255 }),
          image: image === FALCON_DEFAULT_IMAGE ? null : image,
          created_at: row.time('created_at'),
          updated_at: row.time('updated_at'),
          // Its number alone: falcon shows it, and here it grants nothing.
          role: row.id('role_id', { optional: true }),
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
    if (!good.has(end)) faults.push({ field, why: 'names a row that is not in the dump, or was left out' });
}

/** Everything but the accounts, in an order in which each record comes after those that it names. */
async function inOrder(rows) {
  const items = [];
  for await (const item of rows) items.push(item);
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
async function* accounts(source, rows, roles, field) {
  const named = roles.size > 0;
  for await (const item of rows) {
    const role = field && item.record?.role;
    if (role && !named && !roles.has(role)) {
      roles.set(role, true);
      // The number is what counts: a later dump brings the name, and this name replaces none.
      const record = { id: role, name: `${source} role ${role}`, description: null, unnamed: 1 };
      yield { kind: 'roles', table: 'users', id: role, where: item.where, record, faults: [] };
    }
    if (role && !roles.get(role))
      item.faults.push({ field, why: `names role ${role}, which is not in the dump, or was left out` });
    yield item;
  }
}

/** The records of a dump. It is read twice, because its tables may come in any order. */
export async function* dump(source, { tables }, file, told) {
  // The rows of other tables are counted once, though the file is read twice.
  const options = { told, others: told.others };
  const checked = new Set();
  async function* rows(wanted) {
    for await (const { table, line, columns, row } of rowsOfDump(file, wanted, options)) {
      if (!checked.has(table)) checkColumns(file, table, tables[table], columns, told);
      checked.add(table);
      yield recordOf(tables[table], { table, where: `line ${line}`, values: row }, told);
    }
  }
  const others = await inOrder(rows(new Set(Object.keys(tables).filter((table) => table !== 'users'))));
  options.others = undefined;
  told.others.delete('users');
  const roles = new Map(
    others.filter(({ kind }) => kind === 'roles').map(({ id, faults }) => [id, faults.length === 0]),
  );
  yield* others;
  yield* accounts(source, rows(new Set(['users'])), roles, tables.users.role);
  if (!checked.has('users')) throw new Trouble(`there is no row of a table users in ${file}: is it what --from says?`);
}
