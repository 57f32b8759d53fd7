// The text of a MySQL dump as tokens, strings and comments understood, a piece of the file at a time.
import { Trouble } from '../lib.mjs';

/**
 * Thrown where the text at hand ends in the middle of something: it is read again from its start when there is more.
 */
export const MORE = Symbol('more');

const ESCAPES = { 0: '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' };
const SPACE = /[\s\0]*/y;
const WORD = /[\w$.\x80-\xff]+/y;

export class Tokens {
  text = '';
  at = 0;
  /** Where what is being read began, and in which line of the file. */
  from = 0;
  line = 1;
  /** Whether all of the file is in `text`, or was. */
  ended = false;
  /** Whether the dump says that its times are UTC, and whether it is complete, as far as it says so. */
  utc = false;
  completed = true;
  saysCompleted = false;
  /** The schema that the first lines of a dump name. */
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

  /** Takes what was read for read; what is far behind is let go. */
  commit() {
    this.line = this.lineAt(this.at);
    if (this.at > 1 << 20) {
      this.text = this.text.slice(this.at);
      this.at = 0;
    }
    this.from = this.at;
  }

  /** What stands at `at`, as far as a sticky pattern goes; it may go on where the text ends. */
  match(pattern) {
    pattern.lastIndex = this.at;
    const [found = ''] = pattern.exec(this.text) ?? [];
    if (this.at + found.length === this.text.length && !this.ended) throw MORE;
    this.at += found.length;
    return found;
  }

  /** Goes behind the next `end`; answers what stood before it. */
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
      throw this.trouble('has rows in a conditional comment, which is not understood');
  }

  /** mysqldump says where a dump begins and ends, unless it was told to be silent. */
  remark(text) {
    if (/^-- (MySQL|MariaDB) dump /.test(text)) this.completed = this.saysCompleted = false;
    if (/^-- Dump completed/.test(text)) this.completed = this.saysCompleted = true;
    this.database = /^-- Host: .*\bDatabase: (\S+)\s*$/.exec(text)?.[1] ?? this.database;
  }

  /** What a SET says of the rows behind it. */
  setting(text) {
    const names = /\bNAMES\s+'?(\w+)/i.exec(text)?.[1];
    if (names && !/^(utf8|utf8mb3|utf8mb4)$/i.test(names))
      throw this.trouble(`says that its texts are ${names}: dump with --default-character-set=utf8mb4`);
    const zone = /\bTIME_ZONE\s*=\s*['"]([^'"]*)/i.exec(text)?.[1];
    if (zone && !/^(\+00:00|UTC)$/i.test(zone))
      throw this.trouble('says that its times are not UTC: dump with --tz-utc');
    if (zone) this.utc = true;
    if (/NO_BACKSLASH_ESCAPES/i.test(text))
      throw this.trouble('says NO_BACKSLASH_ESCAPES, which mysqldump does not write: it is not understood');
  }

  /**
   * The next token: `{type: 'word' | 'name' | 'string' | 'sign' | 'end', value}`. Of strings and names, what they hold.
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

  /** What stands between quotes, of any length: no pattern, whose stack would not do for megabytes. */
  quoted(quote, escapes) {
    let start = this.at + 1;
    let value = '';
    for (let at = start; ; at++) {
      const char = this.text[at];
      if (at >= this.text.length) this.more();
      if (char === '\\' && escapes) {
        const escaped = this.text[at + 1];
        // A backslash stays before % and _, which it keeps from being patterns.
        value += this.text.slice(start, at) + ('%_'.includes(escaped) ? `\\${escaped}` : (ESCAPES[escaped] ?? escaped));
        start = ++at + 1;
      } else if (char === quote) {
        value += this.text.slice(start, at);
        // Where the text ends behind it, the next token asks for more, and it is read again: one that is doubled is
        // seen then.
        if (this.text[at + 1] !== quote) {
          this.at = at + 1;
          return value;
        }
        // The second of the two is kept.
        start = ++at;
      }
    }
  }
}
