// Reads the rows of a MySQL dump, as mysqldump and mariadb-dump write it, a megabyte at a time. No library does this
// well. The parser is strict: a statement that it cannot parse ends the import, so no row is lost silently.
import { bytesOf, unpacked } from './bytes.mjs';
import { decode, Rows } from './rows.mjs';
import { MORE } from './tokens.mjs';

/** Joins a schema and a table to one text. It is in lower case, because some servers store names in lower case. */
export const placeOf = ({ schema = '', table }) => `${schema}.${table}`.toLowerCase();

/** Words that begin an entry of CREATE TABLE that is not a column. */
const NO_COLUMN = /^(PRIMARY|UNIQUE|KEY|INDEX|FULLTEXT|SPATIAL|CONSTRAINT|FOREIGN|CHECK|PERIOD)$/i;
const SPACES = /^[\s\0]*/;

class Dump extends Rows {
  /** The columns of each table in CREATE TABLE, by `placeOf`; undefined for a table whose columns are not known. */
  columns = new Map();
  /** The schema of the latest USE. */
  used = undefined;

  /** The schema of the following statements. A dump of one schema names it in its first lines, if at all. */
  get schema() {
    return this.used ?? this.database;
  }

  /** Reads the name of a table, after the first words of a statement. Returns the table and its schema. */
  tableName() {
    let schema = this.schema;
    let { type, value } = this.token();
    for (let next = this.at; type === 'name' && this.text[next] === '.'; next = this.at) {
      this.at++;
      schema = decode(value);
      ({ type, value } = this.token());
    }
    if (type === 'word' && value.includes('.')) [schema, value] = value.split('.').slice(-2);
    if (value === undefined || type === 'sign')
      throw this.trouble('cannot be parsed: the name of a table is missing here');
    return { schema, table: decode(value) };
  }

  /** Reads the list of columns after INSERT INTO `table`, and VALUES. Returns undefined if there is no list. */
  columnList() {
    let token = this.token();
    let columns;
    if (token.value === '(' && token.type === 'sign') {
      columns = [];
      do columns.push(decode(this.token().value));
      while ((token = this.token()).value === ',');
      if (token.value !== ')') throw this.trouble('cannot be parsed: a list of columns should end here');
      token = this.token();
    }
    if (!/^VALUES?$/i.test(token.value)) throw this.trouble('cannot be parsed: it is an INSERT without VALUES');
    return columns;
  }

  /** Reads the names of the columns in CREATE TABLE. Returns undefined if it has none (LIKE, SELECT). */
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

  /** Skips bodies of triggers and routines, from a client's DELIMITER command to the one that restores `;`. */
  skipRoutines() {
    if (this.lineEnd().trim() === ';') return;
    while (!/^\s*DELIMITER\s+;\s*$/i.test(this.lineEnd())) if (this.at === this.text.length) this.more();
  }

  /** Notes the columns of a CREATE TABLE. */
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

  /** Reads the text between INSERT and the first row. */
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
   * Reads the beginning of a statement. Returns `{schema, table, columns}` for an INSERT or REPLACE, null at the end,
   * and undefined for a statement that was skipped.
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

/** Reads more of the file, and rewinds to the start of the statement or row that was incomplete. */
async function readMore(dump, chunks) {
  dump.text = dump.text.slice(dump.from);
  dump.at = dump.from = 0;
  // Doubles the text, so that a large statement is not parsed again for every chunk.
  for (const enough = 2 * dump.text.length + 1; dump.text.length < enough && !dump.ended; ) {
    const { value, done } = await chunks.next();
    if (done) dump.ended = true;
    // In Latin 1 every byte is a character, so other tables may contain any bytes.
    else dump.text += value.toString('latin1');
  }
}

/** Returns the INSERT that a statement begins, undefined for another statement, null at the end of the dump. */
function insertOf(dump, opened, wanted) {
  if (opened === null && !dump.completed)
    throw dump.trouble("is the last, and it is not mysqldump's last line: the dump was cut off");
  if (!opened) return opened;
  const insert = { ...opened, table: opened.table.toLowerCase() };
  if (wanted.has(insert.table) && !insert.columns)
    throw dump.trouble(
      `inserts into ${insert.table} without naming its columns, and no CREATE TABLE before it names them: ` +
        'dump with --complete-insert',
    );
  return insert;
}

const rowOf = (columns, values) =>
  values.length === columns.length ? Object.fromEntries(columns.map((column, at) => [column, values[at]])) : undefined;

/**
 * Properties of the whole dump: whether its times are UTC, whether its last line is mysqldump's, the tables that it
 * creates or fills (as `placeOf` names them), and the number of rows of each table that is not wanted.
 * @typedef {{utc?: boolean, completed?: boolean, tables?: Set<string>, others?: Map<string, number>}} About
 */

/**
 * Yields the rows of the tables that are `wanted` (a Set of names in lower case), as
 * `{schema, table, line, columns, row}`. `row` has a value for each column; it is undefined if the number of values
 * differs. For tables in `sampled`, one row without values is yielded for each INSERT. `about` is filled in after the
 * last row.
 */
export async function* rowsOfDump(file, wanted, options = {}) {
  /** @type {{about?: About, chunk?: number, sampled?: Set<string>}} */
  const { about = {}, chunk = 1 << 20, sampled = new Set() } = options;
  const others = new Map();
  const dump = new Dump();
  const bytes = bytesOf(file, { chunk });
  const chunks = bytes[Symbol.asyncIterator]();
  /** The INSERT whose rows are being read; undefined between statements, null at the end. */
  let insert;
  while (insert !== null) {
    let values;
    let opened;
    try {
      if (insert) values = dump.row();
      else opened = dump.statement();
    } catch (error) {
      if (error !== MORE) throw error;
      await readMore(dump, chunks).catch((failure) => {
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
    if (sampled.has(table)) {
      if (!insert.isSampled) yield { schema, table, line, columns, row: undefined };
      insert.isSampled = true;
    } else if (wanted.has(table)) yield { schema, table, line, columns, row: rowOf(columns, values) };
    else others.set(placeOf(insert), (others.get(placeOf(insert)) ?? 0) + 1);
  }
  Object.assign(about, { utc: dump.utc, completed: dump.hasLastLine, tables: new Set(dump.columns.keys()), others });
}
