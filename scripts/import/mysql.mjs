// The rows of a MySQL dump, read as mysqldump and mariadb-dump write it, a megabyte at a time. There is no library that
// does this well, so it is strict: a statement that it does not understand ends the import, and never costs a row
// silently.
import { bytesOf, unpacked } from './bytes.mjs';
import { decode, Rows } from './rows.mjs';
import { MORE } from './tokens.mjs';

/** A table of a schema, as one text; some servers know small letters alone. */
export const placeOf = ({ schema = '', table }) => `${schema}.${table}`.toLowerCase();

/** What opens an entry of CREATE TABLE that is no column. */
const NO_COLUMN = /^(PRIMARY|UNIQUE|KEY|INDEX|FULLTEXT|SPATIAL|CONSTRAINT|FOREIGN|CHECK|PERIOD)$/i;
const SPACES = /^[\s\0]*/;

class Dump extends Rows {
  /** The columns of each table, by `place`, as CREATE TABLE has them; undefined for one that it does not name. */
  columns = new Map();
  /** The schema that USE has named last. */
  used = undefined;

  /** The schema of the statements that follow: a dump of one schema names it at most in its first lines. */
  get schema() {
    return this.used ?? this.database;
  }

  /** The name of a table, behind the words that open its statement, and the schema that it is in. */
  tableName() {
    let schema = this.schema;
    let { type, value } = this.token();
    for (let next = this.at; type === 'name' && this.text[next] === '.'; next = this.at) {
      this.at++;
      schema = decode(value);
      ({ type, value } = this.token());
    }
    if (type === 'word' && value.includes('.')) [schema, value] = value.split('.').slice(-2);
    if (value === undefined || type === 'sign') throw this.trouble('is not understood: a table has to be named here');
    return { schema, table: decode(value) };
  }

  /** The column list behind INSERT INTO `table`; undefined where there is none. Leaves VALUES behind. */
  columnList() {
    let token = this.token();
    let columns;
    if (token.value === '(' && token.type === 'sign') {
      columns = [];
      do columns.push(decode(this.token().value));
      while ((token = this.token()).value === ',');
      if (token.value !== ')') throw this.trouble('is not understood: a list of columns has to end here');
      token = this.token();
    }
    if (!/^VALUES?$/i.test(token.value)) throw this.trouble('is an INSERT without VALUES, which is not understood');
    return columns;
  }

  /** The names that CREATE TABLE gives its columns; undefined where it has none (LIKE, SELECT). */
  createdColumns() {
    if (this.token().value !== '(') return undefined;
    const columns = [];
    for (let [depth, first] = [1, true]; depth > 0; ) {
      const { type, value } = this.token();
      if (type === 'end') this.more();
      if (first && type !== 'sign' && !(type === 'word' && NO_COLUMN.test(value))) columns.push(decode(value));
      first = type === 'sign' && value === ',' && depth === 1;
      if (type === 'sign' && value === '(') depth++;
      if (type === 'sign' && value === ')') depth--;
    }
    return columns;
  }

  /** A client's command: what follows are bodies of triggers and routines, up to the usual delimiter again. */
  skipRoutines() {
    if (this.lineEnd().trim() === ';') return;
    while (!/^\s*DELIMITER\s+;\s*$/i.test(this.lineEnd())) if (this.at === this.text.length) this.more();
  }

  /** Notes the columns of a table that is created. */
  created() {
    if (!/^TABLE$/i.test(this.token().value)) return;
    const start = this.at;
    if (/^IF$/i.test(this.token().value)) {
      // NOT EXISTS
      this.token();
      this.token();
    } else this.at = start;
    const name = placeOf(this.tableName());
    const columns = this.createdColumns();
    if (columns || !this.columns.has(name)) this.columns.set(name, columns);
  }

  /** What stands between INSERT and the first row. */
  inserted() {
    let start = this.at;
    while (/^(LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE|INTO)$/i.test(this.token().value)) start = this.at;
    this.at = start;
    const place = this.tableName();
    const name = placeOf(place);
    if (!this.columns.has(name)) this.columns.set(name, undefined);
    return { ...place, columns: this.columnList() ?? this.columns.get(name) };
  }

  /**
   * One statement's opening: an INSERT or REPLACE as `{table, columns}`, null at the end, undefined for what is to be
   * skipped.
   */
  statement() {
    const { type, value } = this.token();
    if (type === 'end') return null;
    if (type === 'sign' && value === ';') return undefined;
    const verb = type === 'word' ? value.toUpperCase() : '';
    if (verb === 'INSERT' || verb === 'REPLACE') return this.inserted();
    if (verb === 'DELIMITER') return this.skipRoutines();
    if (verb === 'USE') this.used = decode(this.token().value);
    const start = this.at;
    if (verb === 'CREATE') this.created();
    this.skip();
    if (verb === 'SET') this.setting(this.text.slice(start, this.at));
    return undefined;
  }

  skip() {
    for (;;) {
      const { type, value } = this.token();
      if (type === 'end' || (type === 'sign' && value === ';')) return;
    }
  }
}

/** Reads on from the start of what was not understood as a whole. */
async function readOn(dump, chunks) {
  dump.text = dump.text.slice(dump.from);
  dump.at = dump.from = 0;
  // As much again as there is: a large statement is not read again for every chunk.
  for (const enough = 2 * dump.text.length + 1; dump.text.length < enough && !dump.ended; ) {
    const { value, done } = await chunks.next();
    if (done) dump.ended = true;
    // In Latin 1 every byte is a character: other tables may hold what they like.
    else dump.text += value.toString('latin1');
  }
}

/** The INSERT that a statement opens, undefined for another statement, null at the end of the dump. */
function insertOf(dump, opened, wanted) {
  if (opened === null && !dump.completed)
    throw dump.trouble("is the last, and it is not mysqldump's: the dump was cut off");
  if (!opened) return opened;
  const insert = { ...opened, table: opened.table.toLowerCase() };
  if (wanted.has(insert.table) && !insert.columns)
    throw dump.trouble(
      `inserts into ${insert.table} without naming its columns, and no CREATE TABLE before it does: ` +
        'dump with --complete-insert',
    );
  return insert;
}

const rowOf = (columns, values) =>
  values.length === columns.length ? Object.fromEntries(columns.map((column, at) => [column, values[at]])) : undefined;

/**
 * What the dump as a whole says: whether its times are UTC, whether its last line is mysqldump's, which tables it
 * creates or fills (as `placeOf` names them), and how many rows it has of each table that is not wanted.
 * @typedef {{utc?: boolean, completed?: boolean, tables?: Set<string>, others?: Map<string, number>}} About
 */

/**
 * The rows of the tables that are `wanted` (a Set of names, in small letters), as
 * `{schema, table, line, columns, row}`: `row` has a value for each column, or is undefined where the values are not as
 * many. Of tables that are `glanced` at, there is one row without values for each INSERT. `about` is filled in when the
 * last row was read.
 */
export async function* rowsOfDump(file, wanted, options = {}) {
  /** @type {{about?: About, chunk?: number, glanced?: Set<string>}} */
  const { about = {}, chunk = 1 << 20, glanced = new Set() } = options;
  const others = new Map();
  const dump = new Dump();
  const bytes = bytesOf(file, { chunk });
  const chunks = bytes[Symbol.asyncIterator]();
  /** The INSERT whose rows are being read: undefined between statements. */
  let insert;
  while (insert !== null) {
    let values;
    let opened;
    try {
      if (insert) values = dump.row();
      else opened = dump.statement();
    } catch (error) {
      if (error !== MORE) throw error;
      await readOn(dump, chunks).catch((failure) => {
        throw unpacked(file, failure);
      });
      continue;
    }
    const line = dump.lineAt(dump.from + SPACES.exec(dump.text.slice(dump.from, dump.at))[0].length);
    dump.commit();
    if (!values) {
      insert = insertOf(dump, opened, wanted);
      continue;
    }
    const { schema, table, columns } = insert;
    if (glanced.has(table)) {
      if (!insert.isGlanced) yield { schema, table, line, columns, row: undefined };
      insert.isGlanced = true;
    } else if (wanted.has(table)) yield { schema, table, line, columns, row: rowOf(columns, values) };
    else others.set(placeOf(insert), (others.get(placeOf(insert)) ?? 0) + 1);
  }
  Object.assign(about, { utc: dump.utc, completed: dump.saysCompleted, tables: new Set(dump.columns.keys()), others });
}
