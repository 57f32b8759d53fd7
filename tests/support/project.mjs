// The project's folder, and its files as tests need them. Only uses Node itself, without installed packages.
import fs from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** The text of a file of the project. */
export const read = (...parts) => fs.readFileSync(path.join(root, ...parts), 'utf8');

/** Every file below a folder of the project, as a path relative to that folder. */
export const filesBelow = (folder) => fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });

/** The tables of the schema, without the importer's ledger. */
export const TABLES = [
  'roles',
  'permissions',
  'permissionXRole',
  'users',
  'personas',
  'identities',
  'changes',
  'receivers',
];

/** Splits a SQL file into statements; a `;` ends a statement if it ends a line. */
const statements = (sql) =>
  sql
    .replace(/^\s*--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter(Boolean);

/** The schema, statement by statement, as `wrangler d1 migrations apply` creates it. */
export const migrations = () =>
  fs
    .readdirSync(path.join(root, 'migrations'))
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .flatMap((file) => statements(read('migrations', file)));

/** The statements that insert the demo accounts. */
export const demoAccounts = () => statements(read('tests/fixtures/demo.sql'));
