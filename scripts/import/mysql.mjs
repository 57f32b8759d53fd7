// The rows of a MySQL dump, read as mysqldump and mariadb-dump write it, a megabyte at a time. There is no library that
// does this well, so it is strict: a statement that it does not understand ends the import, and never costs a row
// silently.
import fs from 'node:fs';
import { MORE, Tokens } from './tokens.mjs';

/**
 * Instead of a value: an expression, whose value only a server knows, or text that is no UTF-8. Both are for the row's
 * report.
 */
export const EXPRESSION = Symbol('is an expression, not a value');
export const NOT_UTF8 = Symbol('is not UTF-8');

/** What opens an entry of CREATE TABLE that is no column. */
const NO_COLUMN = /^(PRIMARY|UNIQUE|KEY|INDEX|FULLTEXT|SPATIAL|CONSTRAINT|FOREIGN|CHECK|PERIOD)$/i;
const SPACES = /^[\s\0]*/;
const NUMBER = /^\d+(\.\d*)?$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Bytes as text. They were read as Latin 1, in which every byte is a character, so that other tables may hold what they
 * like.
 */
function decode(bytes) {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return NOT_UTF8;
  }
}

class Dump extends Tokens {
  /** The columns of each table, as CREATE TABLE has them. */
  columns = new Map();

  /** The name of a table, behind the words that open its statement; a database's name before it is left out. */
  tableName() {
    let { type, value } = this.token();
    for (let next = this.at; type === 'name' && this.text[next] === '.'; next = this.at) {
      this.at++;
      ({ type, value } = this.token());
    }
    if (type === 'word') value = value.split('.').at(-1);
    if (value === undefined || type === 'sign') throw this.trouble('is not understood: a table has to be named here');
    return decode(value);
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

  /**
   * One statement's opening: an INSERT or REPLACE as `{table, columns}`, null at the end, undefined for what is to be
   * skipped.
   */
  statement() {
    const { type, value } = this.token();
    if (type === 'end') return null;
    if (type === 'sign' && value === ';') return undefined;
    const verb = type === 'word' ? value.toUpperCase() : '';
    if (verb === 'DELIMITER') {
      // A client's command: what follows are bodies of triggers and routines, up to the usual delimiter again.
      if (this.lineEnd().trim() !== ';')
        while (!/^\s*DELIMITER\s+;\s*$/i.test(this.lineEnd())) if (this.at === this.text.length) this.more();
      return undefined;
    }
    if (verb === 'CREATE') {
      const table = this.token();
      if (/^TABLE$/i.test(table.value)) {
        const start = this.at;
        if (!/^IF$/i.test(this.token().value)) this.at = start;
        else {
          this.token();
          this.token();
        }
        const name = this.tableName();
        const columns = this.createdColumns();
        if (columns) this.columns.set(name, columns);
      }
    } else if (verb === 'SET') {
      const start = this.at;
      this.skip();
      this.setting(this.text.slice(start, this.at));
      return undefined;
    } else if (verb === 'INSERT' || verb === 'REPLACE') {
      let start = this.at;
      while (/^(LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE|INTO)$/i.test(this.token().value)) start = this.at;
      this.at = start;
      const table = this.tableName();
      const columns = this.columnList() ?? this.columns.get(table);
      return { table, columns };
    }
    this.skip();
    return undefined;
  }

  skip() {
    for (;;) {
      const { type, value } = this.token();
      if (type === 'end' || (type === 'sign' && value === ';')) return;
    }
  }

  /** One value of a row: text, null, or one of the symbols above. Stops before the comma or bracket behind it. */
  value() {
    const value = this.constant();
    for (let [depth, tokens] = [0, 0]; ; tokens++) {
      const before = this.at;
      const token = this.token();
      if (token.type === 'end' || (token.value === ';' && token.type === 'sign'))
        throw this.trouble('is not understood: a row ends without a bracket');
      if (token.type !== 'sign') continue;
      if (depth === 0 && (token.value === ',' || token.value === ')')) {
        this.at = before;
        return tokens === 0 ? value : EXPRESSION;
      }
      if (token.value === '(') depth++;
      if (token.value === ')') depth--;
    }
  }

  constant() {
    let { type, value } = this.token();
    if (type === 'string') return decode(value);
    const sign = type === 'sign' && value === '-' ? value : '';
    if (sign) ({ type, value } = this.token());
    if (type === 'end' || (type === 'sign' && ',);'.includes(value)))
      throw this.trouble('is not understood: a value is missing');
    if (type === 'sign' && value === '(') this.at--;
    if (type !== 'word') return EXPRESSION;
    if (NUMBER.test(value)) return sign + value;
    if (sign) return EXPRESSION;
    if (/^NULL$/i.test(value)) return null;
    if (/^(TRUE|FALSE)$/i.test(value)) return /^T/i.test(value) ? '1' : '0';
    if (/^0x([\da-f]{2})+$/i.test(value)) return decode(Buffer.from(value.slice(2), 'hex').toString('latin1'));
    if (/^0b[01]+$/.test(value)) return String(Number.parseInt(value.slice(2), 2));
    const start = this.at;
    const behind = this.token();
    if (behind.type === 'string' && /^b$/i.test(value) && /^[01]{1,53}$/.test(behind.value))
      return String(Number.parseInt(behind.value, 2));
    if (behind.type === 'string' && /^x$/i.test(value) && /^([\da-f]{2})*$/i.test(behind.value))
      return decode(Buffer.from(behind.value, 'hex').toString('latin1'));
    if (/^_(binary|utf8|utf8mb3|utf8mb4)$/i.test(value)) {
      this.at = start;
      return this.constant();
    }
    this.at = start;
    return EXPRESSION;
  }

  /** One row of an INSERT, or undefined where the statement is over. */
  row() {
    const open = this.token();
    if (open.type === 'sign' && open.value === ';') return undefined;
    if (open.type !== 'sign' || open.value !== '(')
      throw this.trouble('is not understood: an INSERT has to go on with a row or end here');
    const values = [];
    for (;;) {
      values.push(this.value());
      const { type, value } = this.token();
      if (type === 'sign' && value === ')') break;
      if (type !== 'sign' || value !== ',') throw this.trouble('is not understood: a row has to go on or end here');
    }
    const start = this.at;
    const comma = this.token();
    if (comma.type !== 'sign' || comma.value !== ',') this.at = start;
    return values;
  }
}

/**
 * The rows of the tables that are `wanted` (a Set of names, in small letters: some servers know no others), as
 * `{table, line, columns, row}`: `row` has a value for each column, or is undefined where the values are not as many.
 * The rows of other tables are counted into `others` (a Map); `told.utc` says whether the dump says that its times are
 * UTC.
 */
export async function* rowsOfDump(file, wanted, options = {}) {
  /** @type {{others?: Map<string, number>, told?: {utc?: boolean}, chunk?: number}} */
  const { others = new Map(), told = {}, chunk = 1 << 20 } = options;
  const dump = new Dump();
  const chunks = fs.createReadStream(file, { encoding: 'latin1', highWaterMark: chunk })[Symbol.asyncIterator]();
  /** The INSERT whose rows are being read: undefined between statements. */
  let insert;
  for (;;) {
    let values;
    let opened;
    try {
      if (insert) values = dump.row();
      else opened = dump.statement();
    } catch (error) {
      if (error !== MORE) throw error;
      dump.text = dump.text.slice(dump.from);
      dump.at = dump.from = 0;
      // As much again as there is: what is large is not read again for every chunk.
      for (const enough = 2 * dump.text.length + 1; dump.text.length < enough && !dump.ended; ) {
        const { value, done } = await chunks.next();
        if (done) dump.ended = true;
        else dump.text += value;
      }
      continue;
    }
    const line = dump.lineAt(dump.from + SPACES.exec(dump.text.slice(dump.from, dump.at))[0].length);
    dump.commit();
    if (opened === null && !dump.completed)
      throw dump.trouble("is the last, and it is not mysqldump's: the dump was cut off");
    if (opened === null) break;
    if (opened) {
      insert = { ...opened, table: opened.table.toLowerCase() };
      if (wanted.has(insert.table) && !insert.columns)
        throw dump.trouble(
          `inserts into ${insert.table} without naming its columns, and no CREATE TABLE before it does: ` +
            'dump with --complete-insert',
        );
    } else if (!values) insert = undefined;
    else if (!wanted.has(insert.table)) others.set(insert.table, (others.get(insert.table) ?? 0) + 1);
    else {
      const { table, columns } = insert;
      yield {
        table,
        line,
        columns,
        row:
          values.length === columns.length
            ? Object.fromEntries(columns.map((column, at) => [column, values[at]]))
            : undefined,
      };
    }
  }
  told.utc = dump.utc;
}
