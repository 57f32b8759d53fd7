// One row of a source, field by field: what passes here, the database takes, and so does the dialect of its back end.

import { EXPRESSION, NOT_UTF8 } from './rows.mjs';
import * as rules from './rules.mjs';

const MAX_ID = Number.MAX_SAFE_INTEGER;
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/;
export const BCRYPT = /^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/;

/** What separates lines, with the spaces around it. */
const BREAKS = /[ ]*[\t\n\v\f\r\u0085\u2028\u2029]+\s*/g;
/** What MySQL shows where there is no time. */
const ZERO = /^0000-00-00(?:[T ]00:00:00(?:\.0+)?)?$/;

/** @typedef {(text: string) => string | undefined} Rule */

/** Reads the fields of one row and collects what is wrong, as `{field, why}`: never what a field holds. */
export class Row {
  faults = [];
  /** What is wrong with values that a record can do without: it comes without them. */
  notes = [];
  /** Whether a time did not say which zone it is of. */
  naive = false;

  constructor(values) {
    this.values = values;
  }

  fault(field, why) {
    this.faults.push({ field, why });
    return null;
  }

  /** The value as text; null where there is none. */
  raw(field) {
    const value = this.values[field];
    if (value === undefined) return this.fault(field, 'is missing');
    if (value === EXPRESSION || value === NOT_UTF8) return this.fault(field, value.description);
    if (value === null || typeof value === 'string') return value;
    if (['number', 'bigint', 'boolean'].includes(typeof value)) return String(value);
    return this.fault(field, 'is neither a text nor a number');
  }

  /** An id from 1 to 2^53 − 1; `optional`: null where it is null or empty. */
  id(field, { optional = false } = {}) {
    const raw = this.raw(field);
    if (this.isFaulty(field) || (optional && (raw === null || raw === ''))) return null;
    if (!/^[1-9]\d{0,15}$/.test(raw ?? '') || Number(raw) > MAX_ID)
      return this.fault(field, 'is not a number from 1 to 9007199254740991');
    return Number(raw);
  }

  isFaulty(field) {
    return this.faults.some((fault) => fault.field === field);
  }

  /** A text that has to be there, trimmed, by a rule. */
  text(field, /** @type {Rule} */ rule) {
    const raw = this.raw(field);
    if (this.isFaulty(field)) return null;
    if (raw === null) return this.fault(field, 'is null');
    const text = rules.trim(raw);
    const why = rule(text);
    return why === undefined ? text : this.fault(field, why);
  }

  /** A text that may be missing: null where it is null or empty, and where it breaks its rule, which is noted. */
  optional(field, /** @type {Rule} */ rule) {
    const raw = this.raw(field);
    const text = this.isFaulty(field) || raw === null || rules.trim(raw) === '' ? null : this.text(field, rule);
    this.notes.push(...this.faults.filter((fault) => fault.field === field));
    this.faults = this.faults.filter((fault) => fault.field !== field);
    return text;
  }

  /** A text such as a name, of `min` to `max` characters: line breaks and tabs become a space. */
  name(field, min, max) {
    const raw = this.raw(field);
    if (this.isFaulty(field)) return null;
    if (raw === null) return this.fault(field, 'is null');
    const text = rules.trim(raw.replace(BREAKS, ' '));
    if (min === 0 && rules.isBlank(text)) return '';
    const why = rules.line(text, min, max);
    return why === undefined ? text : this.fault(field, why);
  }

  /** 0 or 1, also as a byte of a BIT column; `absent`: what null means. */
  flag(field, { absent = undefined } = {}) {
    const raw = this.raw(field);
    if (this.isFaulty(field)) return null;
    if (raw === null && absent !== undefined) return absent;
    const value = { 0: 0, 1: 1, '\0': 0, '\x01': 1, false: 0, true: 1 }[raw ?? ''];
    return value ?? this.fault(field, 'is neither 0 nor 1');
  }

  /** A time as UTC text, `2024-03-01T08:00:00.000Z`; null where there is none. */
  time(field) {
    const raw = this.raw(field)?.trim();
    if (raw === undefined || raw === '' || ZERO.test(raw)) return null;
    const [, year, month, day, hour, minute, second = '00', fraction = '', zone] = ISO.exec(raw) ?? [];
    if (year === undefined) return this.fault(field, 'is not a time such as 2024-03-01 08:00:00');
    const [, sign, hours, minutes = '00'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone ?? '') ?? [];
    const shift = sign ? `${sign}${hours}:${minutes}` : 'Z';
    const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}`;
    const time = new Date(local + shift);
    // JavaScript takes the 30th of February for the 1st of March.
    const isReal = !Number.isNaN(time.getTime()) && new Date(`${local}Z`).toISOString() === `${local}Z`;
    if (!isReal || time.getUTCFullYear() < 1 || time.getUTCFullYear() > 9999)
      return this.fault(field, 'is a time that does not exist');
    this.naive ||= zone === undefined;
    return time.toISOString();
  }
}
