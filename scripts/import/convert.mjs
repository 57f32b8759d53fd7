// Writes the SQL of a source's records into files, in chunks that D1 takes.
import fs from 'node:fs';
import path from 'node:path';
import { Trouble } from '../lib.mjs';
import { SOURCES } from './sources.mjs';
import { begin, bring, end } from './sql.mjs';

/** How long the records of one statement are; D1 takes 100 000 bytes. Within a chunk each is compared to each. */
const CHUNK = 32_000;
/** D1 answers nobody while it takes a file in. */
const FILE = 2_000_000;

/** The files: each is whole statements for whole chunks, and is there under its name when all of them are. */
class Files {
  written = [];
  size = Infinity;

  constructor(folder, source) {
    this.folder = folder;
    this.prefix = `import-${source}-`;
  }

  add(statements) {
    const sql = statements.map((statement) => `${statement};\n`).join('');
    const size = Buffer.byteLength(sql);
    if (this.size + size > FILE) {
      this.finish();
      const file = path.join(this.folder, `${this.prefix}${String(this.written.push('')).padStart(3, '0')}.sql`);
      this.written[this.written.length - 1] = file;
      // Hashes and personal data are in it: it is nobody else's to read.
      this.handle = fs.openSync(`${file}.part`, 'w', 0o600);
      this.size = 0;
    }
    this.size += size;
    fs.writeSync(this.handle, sql);
  }

  finish() {
    if (this.handle !== undefined) fs.closeSync(this.handle);
    this.handle = undefined;
  }

  /** Removes what an earlier run has left here: it may have had more files. */
  clear(ending) {
    for (const name of fs.readdirSync(this.folder))
      if (name.startsWith(this.prefix) && name.endsWith(ending)) fs.rmSync(path.join(this.folder, name));
  }
}

/** The bytes of a record in a statement; see `literal` in sql.mjs. */
const sizeOf = (record) => Buffer.byteLength(JSON.stringify(record).replaceAll("'", '\\u0027')) + 16;

/** Gathers records of one kind until a statement is full. */
function chunks(source, files, options) {
  let chunk = { kind: undefined, records: [], bytes: 0 };
  function flush() {
    if (chunk.records.length > 0) files.add(bring(source, chunk.kind, chunk.records, options));
    chunk = { kind: undefined, records: [], bytes: 0 };
  }
  function add(kind, record) {
    const bytes = sizeOf(record);
    if (chunk.kind !== kind || chunk.bytes + bytes > CHUNK) flush();
    chunk.kind = kind;
    chunk.records.push(record);
    chunk.bytes += bytes;
  }
  return { add, flush };
}

/** Writes every record that has no faults; returns how many of each kind were read, written and left out. */
async function write(records, files, source, { heard, ...options }) {
  const counts = {};
  const seen = {};
  const { add, flush } = chunks(source, files, options);
  files.add(begin(source));
  for await (const { kind, table, id, where, record, faults } of records) {
    const count = (counts[kind] ??= { read: 0, written: 0, leftOut: 0 });
    count.read++;
    if (faults.length === 0 && seen[kind]?.has(id)) faults.push({ field: 'id', why: 'is that of a record before it' });
    if (faults.length > 0) {
      count.leftOut++;
      heard({ where, table, id, faults });
      continue;
    }
    (seen[kind] ??= new Set()).add(id);
    add(kind, record);
    count.written++;
  }
  flush();
  files.add(end(source));
  return counts;
}

/**
 * Writes the SQL for a source into a folder. Returns `{files, counts, told}`.
 *
 * `heard` is called with every record that is left out, as soon as it is known; `linkByEmail` makes one account of the
 * records of several back ends that have the same e-mail address; `schema` is the one to import of a dump of several.
 * @typedef {{where: string, table: string, id: number | string | null, faults: any[]}} LeftOut
 * @param {string} source
 * @param {string} file
 * @param {string} folder
 * @param {{heard?: (leftOut: LeftOut) => void, linkByEmail?: boolean, schema?: string}} [given]
 */
export async function convert(source, file, folder, given = {}) {
  const { heard = () => {}, ...options } = given;
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new Trouble(`${file} is a folder: name the file in it that is to be imported`);
  if (!found?.isFile()) throw new Trouble(`there is no file ${file}`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = new Files(folder, source);
  const told = { others: new Map(), schemas: new Set(), unmapped: new Set(), naive: false, utc: undefined };
  const records = SOURCES[source](file, told, options);
  const counts = await write(records, files, source, { heard, ...options }).catch((error) => {
    files.finish();
    files.clear('.sql.part');
    throw error;
  });
  files.finish();
  files.clear('.sql');
  for (const name of files.written) fs.renameSync(`${name}.part`, name);
  return { files: files.written, counts, told };
}
