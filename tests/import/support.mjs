// Shared by the importer's tests: a database with the real migrations, and sources to import into it.
//
// Fixtures: falcon.sql, seam.sql and seam-compact.sql were written by mariadb-dump (10.11; the last with --hex-blob
// --complete-insert --skip-extended-insert --compact). django.json was written by `manage.py dumpdata` of Django 5.2,
// and django.sqlite3 is the same project's database, without its other tables. The rest is written by hand.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { convert } from '../../scripts/import/convert.mjs';
import { report } from '../../scripts/import/sql.mjs';
import { migrations, root, TABLES } from '../support/project.mjs';

export const fixture = (name) => path.join(root, 'tests/fixtures/import', name);
export const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-import-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

let files = 0;
/** Writes a source for one test, and returns its path. */
export function source(text) {
  const file = path.join(folder, `source-${files++}`);
  fs.writeFileSync(file, text);
  return file;
}

/** Converts a source, and returns the SQL of each file, the counts, and a line for each skipped value. */
export async function read(from, file, options = {}) {
  const out = path.join(folder, `out-${files++}`);
  const skipped = [];
  const onSkipped = ({ where, table, id, faults }) => {
    for (const { field, why } of faults) skipped.push(`${where}, ${table} ${id}, ${field}: ${why}`);
  };
  const { files: written, counts, findings } = await convert(from, file, out, { onSkipped, ...options });
  return { sql: written.map((name) => fs.readFileSync(name, 'utf8')), counts, findings, skipped };
}

const ADVICE = /; (if both are one person|change it|correct|import its back end first).*$/;

/** A freshly migrated database. */
export class Database {
  constructor() {
    this.sqlite = new DatabaseSync(':memory:');
    this.sqlite.exec('PRAGMA foreign_keys = ON');
    for (const statement of migrations()) this.sqlite.exec(statement);
  }

  run(sql) {
    this.sqlite.exec(sql);
  }
  /** @returns {any[]} */
  rows(sql) {
    return this.sqlite
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  }
  /** The accounts with an identity in a back end: the table's columns, the id there, and falcon's role id. */
  accounts(backEnd) {
    return this.rows(
      `SELECT users.*, n.id AS number, n.role_id AS shown_role FROM identities n JOIN users ON users.id = n.account_id
      WHERE n.back_end = '${backEnd}' ORDER BY n.id`,
    );
  }
  account(backEnd, number) {
    return this.accounts(backEnd).find((account) => account.number === number);
  }
  /** The roles: id, name, description, and the permissions of each. */
  roles() {
    return this.rows(
      `SELECT id, name, description, (SELECT group_concat(nameUri, ', ') FROM (SELECT nameUri FROM permissionXRole
        JOIN permissions p ON p.id = permissionId WHERE roleId = roles.id ORDER BY nameUri)) AS may FROM roles`,
    ).map(Object.values);
  }
  /** Everything except the ledger: equal before and after an import that changes nothing. */
  dump() {
    return JSON.stringify([...TABLES, 'identities'].map((table) => this.rows(`SELECT * FROM ${table}`)));
  }

  /**
   * Imports a source, each file in one transaction, like D1. Returns the list that the user gets. `report` contains the
   * records that were not imported and those that differ, without the advice and without the rows skipped earlier.
   */
  async importFile(from, file, options = {}) {
    const { sql, ...rest } = await read(from, file, options);
    for (const each of sql) this.run(`BEGIN; ${each} COMMIT`);
    return {
      ...rest,
      report: this.rows(
        `SELECT * FROM imports WHERE source = '${from}' AND coalesce(problem, differs) IS NOT NULL
        AND coalesce(problem, '') NOT LIKE '% was skipped: %'`,
      ).map(({ kind, id, base, problem, differs }) => {
        const here = base === null ? differs : `differs in ${differs}`;
        return `${kind} ${id}: ${problem?.replace(ADVICE, '') ?? here}`;
      }),
      list: this.rows(report(from)).map(({ part, record, what }) => `${part}: ${record}: ${what}`),
    };
  }
}

/** The output of dumpdata for accounts with the given fields, and Django's defaults for the others. */
export const dumpdata = (...accounts) =>
  source(
    JSON.stringify(
      accounts.map(({ id, ...fields }) => ({
        model: 'users.users',
        pk: id,
        fields: {
          password: `pbkdf2_sha256$1$salt$${id}`,
          last_login: null,
          is_superuser: false,
          username: `user${id}`,
          is_staff: false,
          is_active: true,
          date_joined: '2024-02-01T08:15:30.123Z',
          email: `user${id}@django.example`,
          first_name: '',
          last_name: '',
          number_phone: null,
          avatar: '',
          groups: [],
          user_permissions: [],
          ...fields,
        },
      })),
    ),
  );

const quote = (value) =>
  value === null
    ? 'NULL'
    : `'${String(value).replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\0', '\\0')}'`;

const FALCON_COLUMNS = ['name', 'email', 'username', 'password', 'salt', 'created_at', 'updated_at', 'image_path'];

/** A dump of falcon's accounts with the given fields, in a single INSERT as MySQL 8 writes it. */
export function falconDump(...accounts) {
  const rows = accounts.map(({ id, ...fields }) => {
    const values = {
      name: `User ${id}`,
      email: `user${id}@falcon.example`,
      username: `user${id}`,
      password: 'aa',
      salt: 'ss',
      created_at: '2025-01-01 00:00:00',
      updated_at: '2025-01-01 00:00:00',
      image_path: null,
      role_id: 1,
      ...fields,
    };
    return `(${[id, ...FALCON_COLUMNS.map((name) => quote(values[name])), values.role_id ?? 'NULL'].join(',')})`;
  });
  const columns = ['id', ...FALCON_COLUMNS, 'role_id'].map((name) => `\`${name}\``).join(',');
  return source(
    "/*!50503 SET NAMES utf8mb4 */;\n/*!40103 SET TIME_ZONE='+00:00' */;\n" +
      `INSERT INTO \`users\` (${columns}) VALUES ${rows.join(',')};\n`,
  );
}

function insert(table, columns, rows) {
  if (rows.length === 0) return '';
  const values = (row) => row.map((value) => (typeof value === 'number' ? value : quote(value))).join();
  return `INSERT INTO ${table} (${columns.join()}) VALUES ${rows.map((row) => `(${values(row)})`).join()};\n`;
}

/**
 * A dump of seam: roles are `[id, name, description]`, rights are `[permission name, role id]`, and accounts have the
 * given fields.
 * @param {{roles?: any[][], permissions?: string[], rights?: [string, number][], users?: any[]}} tables
 */
export function seamDump({ roles = [], permissions = [], rights = [], users = [] }) {
  const accounts = users.map(({ id, ...fields }) => {
    const values = {
      full_name: `User ${id}`,
      email: `user${id}@seam.example`,
      password: '',
      roleId: null,
      isActive: 1,
      ...fields,
    };
    return [id, values.full_name, values.email, values.password, values.roleId, values.isActive];
  });
  return source(
    insert(
      'roles',
      ['idRole', 'roleName', 'description'],
      roles.map(([id, name, description = null]) => [id, name, description]),
    ) +
      insert(
        'permissions',
        ['idPermission', 'nameUri'],
        permissions.map((name, at) => [at + 1, name]),
      ) +
      insert(
        'permissionXRole',
        ['permissionId', 'roleId'],
        rights.map(([name, role]) => [permissions.indexOf(name) + 1, role]),
      ) +
      insert('users', ['idUser', 'full_name', 'email', 'password', 'roleId', 'isActive'], accounts),
  );
}

export const csv = (...lines) =>
  source(`id,user_email,nombres,apellidos,telefono,dni,foto_url,created_at\n${lines.join('\n')}\n`);
