// Shared by the readers of all sources: hashes, the record of a row, and the check of a source's columns.
import { Trouble } from '../lib.mjs';
import { BCRYPT, Row } from './check.mjs';

const MAX_HASH = 1000;

/** Returns the column for a hash: a bcrypt hash is stored for all login services, any other verbatim for its own. */
export function hashOf(source, password, extra = {}) {
  if (!password) return {};
  if (BCRYPT.test(password)) return { password_hash: password };
  return { legacy: { [source]: Object.keys(extra).length > 0 ? { password, ...extra } : password } };
}

/** Returns a hash unchanged: neither trimmed nor parsed. */
export function verbatim(row, field) {
  const value = row.raw(field);
  return (value?.length ?? 0) <= MAX_HASH ? value : row.fault(field, `has more than ${MAX_HASH} characters`);
}

/** Reads one row. `findings` collects properties of the whole source. */
export function recordOf({ kind, id: key, read }, { table, where, values }, findings) {
  if (!values)
    return {
      kind,
      table,
      id: null,
      where,
      faults: [{ field: 'row', why: 'has more or fewer values than the table has columns' }],
    };
  const row = new Row(values);
  let id = key ? row.id(key) : undefined;
  const record = read(row, id);
  if (kind === 'permissionXRole') id = `${record.permission}/${record.role}`;
  findings.naive ||= row.naive;
  // Values that are left empty are reported with the other differences from the source.
  const note = row.notes.map(({ field, why }) => `${field} (left empty: ${why})`).join(' ');
  if (note) record.note = note;
  return { kind, table, id, where, record: key ? { id, ...record } : record, faults: row.faults };
}

/** Throws if a required column is missing, and notes columns that are not imported. */
export function checkColumns(file, table, { columns, optional = [], id }, present, findings) {
  const missing = [...new Set([id, ...columns])].filter((column) => column && !present.includes(column));
  if (missing.length > 0) throw new Trouble(`${table} in ${file} has no ${missing.join(', ')}: is --from correct?`);
  for (const column of present)
    if (![id, ...columns, ...optional].includes(column)) findings.unmapped.add(`${table}.${column}`);
}
