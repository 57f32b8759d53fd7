// Checks one row of a source, field by field. Values that pass are accepted by the database and by the dialect of the
// back end.

import { EXPRESSION, NOT_UTF8 } from './rows.mjs';
import * as rules from './rules.mjs';

const MAX_ID = Number.MAX_SAFE_INTEGER;
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/;
export const BCRYPT = /^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/;

/** Line breaks and tabs, with the spaces around them. */
const BREAKS = /[ ]*[\t\n\v\f\r\u0085\u2028\u2029]+\s*/g;
/** MySQL's text for a time that is not set. */
const ZERO = /^0000-00-00(?:[T ]00:00:00(?:\.0+)?)?$/;

/** @typedef {(text: string) => string | undefined} Rule */

/** Reads the fields of one row and collects faults as `{field, why}`, which never contain the value of a field. */
export class Row {
  faults = [];
  /** Faults of optional values. The record is imported without these values. */
  notes = [];
  /** Whether any time has no time zone. */
  naive = false;

  constructor(values) {
    this.values = values;
  }

  fault(field, why) {
    this.faults.push({ field, why });
    return null;
  }

  /** Returns the value as text, or null if there is none. */
  raw(field) {
    const value = this.values[field];
    if (value === undefined) return this.fault(field, 'is missing');
    if (value === EXPRESSION || value === NOT_UTF8) return this.fault(field, value.description);
    if (value === null || typeof value === 'string') return value;
    if (['number', 'bigint', 'boolean'].includes(typeof value)) return String(value);
    return this.fault(field, 'is neither a text nor a number');
  }

  /** Returns an ID from 1 to 2^53 − 1. With `optional`, a null or empty value returns null. */
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

  /** Returns a required text, trimmed and checked with a rule. */
  text(field, /** @type {Rule} */ rule) {
    const raw = this.raw(field);
    if (this.isFaulty(field)) return null;
    if (raw === null) return this.fault(field, 'is null');
    const text = rules.trim(raw);
    const why = rule(text);
    return why === undefined ? text : this.fault(field, why);
  }

  /** Returns an optional text. It is null if it is null or empty, or if it breaks the rule, which is then noted. */
  optional(field, /** @type {Rule} */ rule) {
    const raw = this.raw(field);
    const text = this.isFaulty(field) || raw === null || rules.trim(raw) === '' ? null : this.text(field, rule);
    this.notes.push(...this.faults.filter((fault) => fault.field === field));
    this.faults = this.faults.filter((fault) => fault.field !== field);
    return text;
  }

  /** Returns a text such as a name, of `min` to `max` characters. Line breaks and tabs become a space. */
  name(field, min, max) {
    const raw = this.raw(field);
    if (this.isFaulty(field)) return null;
    if (raw === null) return this.fault(field, 'is null');
    const text = rules.trim(raw.replace(BREAKS, ' '));
    if (min === 0 && rules.isBlank(text)) return '';
    const why = rules.line(text, min, max);
    return why === undefined ? text : this.fault(field, why);
  }

  /** Returns 0 or 1, also from a byte of a BIT column. `absent` is the result for null, if null is allowed. */
  flag(field, { absent = undefined } = {}) {
    const raw = this.raw(field);
    if (this.isFaulty(field)) return null;
    if (raw === null && absent !== undefined) return absent;
    const value = { 0: 0, 1: 1, '\0': 0, '\x01': 1, false: 0, true: 1 }[raw ?? ''];
    return value ?? this.fault(field, 'is neither 0 nor 1');
  }

  /** Returns a time as UTC text, `2024-03-01T08:00:00.000Z`, or null if there is none. */
  time(field) {
    const raw = this.raw(field)?.trim();
    if (raw === undefined || raw === '' || ZERO.test(raw)) return null;
    const [, year, month, day, hour, minute, second = '00', fraction = '', zone] = ISO.exec(raw) ?? [];
    if (year === undefined) return this.fault(field, 'is not a time such as 2024-03-01 08:00:00');
    const [, sign, hours, minutes = '00'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone ?? '') ?? [];
    const shift = sign ? `${sign}${hours}:${minutes}` : 'Z';
    const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}`;
    const time = new Date(local + shift);
    // JavaScript converts the 30th of February to the 1st of March.
    const isReal = !Number.isNaN(time.getTime()) && new Date(`${local}Z`).toISOString() === `${local}Z`;
    if (!isReal || time.getUTCFullYear() < 1 || time.getUTCFullYear() > 9999)
      return this.fault(field, 'is a time that does not exist');
    this.naive ||= zone === undefined;
    return time.toISOString();
  }
}
