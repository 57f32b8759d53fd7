// Splits a MySQL dump into tokens, one chunk of the file at a time. Quoted strings and comments are recognized.
import { Trouble } from '../lib.mjs';

/**
 * Thrown if the text ends in the middle of a token or statement, which is then parsed again with more text.
 */
export const MORE = Symbol('more');

const ESCAPES = { 0: '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' };
const SPACE = /[\s\0]*/y;
const WORD = /[\w$.\x80-\xff]+/y;

export class Tokens {
  text = '';
  at = 0;
  /** The start of the statement or row that is being read, and its line in the file. */
  from = 0;
  line = 1;
  /** Whether the file has been read to its end. */
  ended = false;
  /** Whether the dump declares its times as UTC. */
  utc = false;
  /** False after mysqldump's first line, until its last one. A dump without these lines counts as complete. */
  completed = true;
  /** Whether mysqldump's last line was read. */
  hasLastLine = false;
  /** The schema that is named in the first lines of a dump. */
  database = undefined;

  more() {
    if (this.ended) throw this.trouble('ends in the middle of a statement: is the dump complete?');
    throw MORE;
  }

  trouble(what) {
    return new Trouble(`line ${this.lineAt(this.at)} of the dump ${what}; nothing was written`);
  }

  lineAt(at) {
    let line = this.line;
    const before = this.text.slice(this.from, at);
    for (let found = -1; (found = before.indexOf('\n', found + 1)) >= 0; ) line++;
    return line;
  }

  /** Marks everything up to `at` as read, and drops text that is no longer needed. */
  commit() {
    this.line = this.lineAt(this.at);
    if (this.at > 1 << 20) {
      this.text = this.text.slice(this.at);
      this.at = 0;
    }
    this.from = this.at;
  }

  /** Returns the match of a sticky pattern at `at`. A match at the end of the text may be incomplete. */
  match(pattern) {
    pattern.lastIndex = this.at;
    const [found = ''] = pattern.exec(this.text) ?? [];
    if (this.at + found.length === this.text.length && !this.ended) throw MORE;
    this.at += found.length;
    return found;
  }

  /** Moves past the next `end`, and returns the text before it. */
  until(end) {
    const found = this.text.indexOf(end, this.at);
    if (found < 0) this.more();
    const skipped = this.text.slice(this.at, found);
    this.at = found + end.length;
    return skipped;
  }

  lineEnd() {
    const found = this.text.indexOf('\n', this.at);
    if (found < 0 && !this.ended) throw MORE;
    const rest = this.text.slice(this.at, found < 0 ? undefined : found);
    this.at = found < 0 ? this.text.length : found + 1;
    return rest;
  }

  comment() {
    const body = this.until('*/');
    const setting = /^M?!\d*\s*SET\s+(.*)$/is.exec(body)?.[1];
    if (setting) this.setting(setting);
    if (/^M?!\d*\s*(INSERT|REPLACE)\b/i.test(body))
      throw this.trouble('cannot be parsed: it has rows in a conditional comment');
  }

  /** Reads a comment line. mysqldump marks the beginning and the end of a dump, unless its comments are turned off. */
  remark(text) {
    if (/^-- (MySQL|MariaDB) dump /.test(text)) this.completed = this.hasLastLine = false;
    if (/^-- Dump completed/.test(text)) this.completed = this.hasLastLine = true;
    this.database = /^-- Host: .*\bDatabase: (\S+)\s*$/.exec(text)?.[1] ?? this.database;
  }

  /** Reads a SET that applies to the following rows. */
  setting(text) {
    const names = /\bNAMES\s+'?(\w+)/i.exec(text)?.[1];
    if (names && !/^(utf8|utf8mb3|utf8mb4)$/i.test(names))
      throw this.trouble(`declares its texts as ${names}: dump with --default-character-set=utf8mb4`);
    const zone = /\bTIME_ZONE\s*=\s*['"]([^'"]*)/i.exec(text)?.[1];
    if (zone && !/^(\+00:00|UTC)$/i.test(zone))
      throw this.trouble('declares that its times are not UTC: dump with --tz-utc');
    if (zone) this.utc = true;
    if (/NO_BACKSLASH_ESCAPES/i.test(text))
      throw this.trouble('cannot be parsed: it sets NO_BACKSLASH_ESCAPES, which mysqldump never does');
  }

  /**
   * Returns the next token: `{type: 'word' | 'name' | 'string' | 'sign' | 'end', value}`, without quotes.
   */
  token() {
    for (;;) {
      this.match(SPACE);
      if (this.at === this.text.length) {
        if (!this.ended) throw MORE;
        return { type: 'end' };
      }
      const two = this.text.slice(this.at, this.at + 2);
      if (two.length < 2 && !this.ended && '-/'.includes(two)) throw MORE;
      if (two === '/*') {
        this.at += 2;
        this.comment();
      } else if (two === '--' || two[0] === '#') this.remark(this.lineEnd());
      else break;
    }
    const char = this.text[this.at];
    if (char === "'" || char === '"') return { type: 'string', value: this.quoted(char, true) };
    if (char === '`') return { type: 'name', value: this.quoted('`', false) };
    const word = this.match(WORD);
    if (word) return { type: 'word', value: word };
    this.at++;
    return { type: 'sign', value: char };
  }

  /** Reads a quoted text of any length. A regular expression would overflow the stack on megabytes of text. */
  quoted(quote, escapes) {
    let start = this.at + 1;
    let value = '';
    for (let at = start; ; at++) {
      const char = this.text[at];
      if (at >= this.text.length) this.more();
      if (char === '\\' && escapes) {
        const escaped = this.text[at + 1];
        // The backslash before % or _ is kept, as in MySQL, where it stops them from acting as wildcards.
        value += this.text.slice(start, at) + ('%_'.includes(escaped) ? `\\${escaped}` : (ESCAPES[escaped] ?? escaped));
        start = ++at + 1;
      } else if (char === quote) {
        value += this.text.slice(start, at);
        // If the text ends after this quote, the next token throws MORE. The string is then parsed again with more
        // text, which shows whether a second quote follows.
        if (this.text[at + 1] !== quote) {
          this.at = at + 1;
          return value;
        }
        // A doubled quote stands for a single one. The second of the two becomes part of the value.
        start = ++at;
      }
    }
  }
}
