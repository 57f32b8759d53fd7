// Parses the rows of an INSERT in a MySQL dump.
import { Tokens } from './tokens.mjs';

/**
 * Stand for a value that cannot be imported: an expression, which only a server can evaluate, or text that is not
 * UTF-8. Both are reported with the row.
 */
export const EXPRESSION = Symbol('is an expression, not a value');
export const NOT_UTF8 = Symbol('is not UTF-8');

const NUMBER = /^\d+(\.\d*)?$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes bytes as UTF-8. They were read as Latin 1, in which every byte is a character, so that other tables may
 * contain any bytes.
 */
export function decode(bytes) {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return NOT_UTF8;
  }
}

export class Rows extends Tokens {
  /** Reads one value of a row: text, null, or one of the symbols above. Stops before the next comma or bracket. */
  value() {
    const value = this.constant();
    for (let [depth, tokens] = [0, 0]; ; tokens++) {
      const before = this.at;
      const token = this.token();
      if (token.type === 'end' || (token.value === ';' && token.type === 'sign'))
        throw this.trouble('cannot be parsed: a row ends without a bracket');
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
      throw this.trouble('cannot be parsed: a value is missing');
    if (type === 'sign' && value === '(') this.at--;
    if (type !== 'word') return EXPRESSION;
    if (NUMBER.test(value)) return sign + value;
    if (sign) return EXPRESSION;
    if (/^NULL$/i.test(value)) return null;
    if (/^(TRUE|FALSE)$/i.test(value)) return /^T/i.test(value) ? '1' : '0';
    if (/^0x([\da-f]{2})+$/i.test(value)) return decode(Buffer.from(value.slice(2), 'hex').toString('latin1'));
    if (/^0b[01]+$/.test(value)) return String(Number.parseInt(value.slice(2), 2));
    const start = this.at;
    const next = this.token();
    if (next.type === 'string' && /^b$/i.test(value) && /^[01]{1,53}$/.test(next.value))
      return String(Number.parseInt(next.value, 2));
    if (next.type === 'string' && /^x$/i.test(value) && /^([\da-f]{2})*$/i.test(next.value))
      return decode(Buffer.from(next.value, 'hex').toString('latin1'));
    if (/^_(binary|utf8|utf8mb3|utf8mb4)$/i.test(value)) {
      this.at = start;
      return this.constant();
    }
    this.at = start;
    return EXPRESSION;
  }

  /** Reads one row of an INSERT. Returns undefined at the end of the statement. */
  row() {
    const open = this.token();
    if (open.type === 'sign' && open.value === ';') return undefined;
    if (open.type !== 'sign' || open.value !== '(')
      throw this.trouble('cannot be parsed: an INSERT should continue with a row or end here');
    const values = [];
    for (;;) {
      values.push(this.value());
      const { type, value } = this.token();
      if (type === 'sign' && value === ')') break;
      if (type !== 'sign' || value !== ',') throw this.trouble('cannot be parsed: a row should continue or end here');
    }
    const start = this.at;
    const comma = this.token();
    if (comma.type !== 'sign' || comma.value !== ',') this.at = start;
    return values;
  }
}
