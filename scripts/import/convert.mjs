// Writes the SQL for a source's records to files, in chunks that D1 accepts.
import fs from 'node:fs';
import path from 'node:path';
import { Trouble } from '../lib.mjs';
import { markGone } from './gone.mjs';
import { json, noteSkipped } from './ledger.mjs';
import { grant } from './personas_sql.mjs';
import { SOURCES } from './sources.mjs';
import { firstStatements, importStatements, lastStatements } from './sql.mjs';

/**
 * Maximum size of the records in one statement, in bytes. D1 accepts 100,000, but each record of a chunk is compared
 * with every other.
 */
const CHUNK = 32_000;
/** Maximum size of a file, in bytes. D1 serves no other request while it executes a file. */
const FILE = 2_000_000;

/** The SQL files. Each contains complete chunks. They get their final names when all of them are complete. */
class Files {
  /** Files to be executed first. They are written last, when their contents are known. */
  head = [];
  parts = [];
  size = Infinity;

  constructor(folder, source) {
    this.folder = folder;
    this.prefix = `import-${source}-`;
  }

  /** Writes statements to a file that is not full; `parts` is the list that the file belongs to. */
  add(statements, parts = this.parts) {
    const sql = statements.map((statement) => `${statement};\n`).join('');
    const size = Buffer.byteLength(sql);
    if (this.size + size > FILE) {
      this.finish();
      const part = path.join(this.folder, `${this.prefix}${this.head.length + this.parts.length}.sql.part`);
      parts.push(part);
      // The file contains hashes and personal data, so only its owner may read it.
      this.handle = fs.openSync(part, 'w', 0o600);
      this.size = 0;
    }
    this.size += size;
    fs.writeSync(this.handle, sql);
  }

  /** Puts statements before all others: in their own files, or in the only file if it has room for them. */
  addFirst(statements) {
    const [only] = this.parts;
    const rest = this.parts.length === 1 ? fs.readFileSync(only, 'utf8') : '';
    this.finish();
    this.size = Infinity;
    for (const statement of statements) this.add([statement], this.head);
    if (rest === '' || this.size + Buffer.byteLength(rest) > FILE) return;
    fs.writeSync(this.handle, rest);
    fs.rmSync(only);
    this.parts = [];
  }

  finish() {
    if (this.handle !== undefined) fs.closeSync(this.handle);
    this.handle = undefined;
  }

  /** Renames the files in the order of execution, and returns their paths. */
  publish() {
    this.finish();
    this.clear('.sql');
    return [...this.head, ...this.parts].map((part, at) => {
      const file = path.join(this.folder, `${this.prefix}${String(at + 1).padStart(3, '0')}.sql`);
      fs.renameSync(part, file);
      return file;
    });
  }

  /** Removes the files of an earlier run, which may have had more of them. */
  clear(ending) {
    for (const name of fs.readdirSync(this.folder))
      if (name.startsWith(this.prefix) && name.endsWith(ending)) fs.rmSync(path.join(this.folder, name));
  }
}

/** Gathers records of one kind until a statement is full. */
function chunks(files, write) {
  const emptyChunk = () => ({ kind: undefined, records: [], texts: [], bytes: 0 });
  let chunk = emptyChunk();
  function flush() {
    if (chunk.records.length > 0) files.add(write(chunk.kind, chunk));
    chunk = emptyChunk();
  }
  function add(kind, record) {
    const text = json(record);
    const bytes = Buffer.byteLength(text) + 1;
    if (chunk.kind !== kind || chunk.bytes + bytes > CHUNK) flush();
    chunk.kind = kind;
    chunk.records.push(record);
    chunk.texts.push(text);
    chunk.bytes += bytes;
  }
  return { add, flush };
}

/**
 * Writes every record without faults. Returns how many of each kind were read, written and skipped, and the IDs in the
 * source for each kind, unless one of them cannot be read.
 */
async function write(records, files, source, { onSkipped, ...options }) {
  const counts = {};
  const seen = {};
  /** The IDs of skipped records. null stands for an ID that cannot be read. */
  const skipped = {};
  const imported = chunks(files, (kind, chunk) => importStatements(source, kind, chunk, options));
  const omitted = chunks(files, (kind, { texts }) => noteSkipped(source, kind, texts));
  for await (const { kind, table, id, where, record, faults } of records) {
    const count = (counts[kind] ??= { read: 0, written: 0, skipped: 0 });
    count.read++;
    seen[kind] ??= new Set();
    skipped[kind] ??= [];
    const isDuplicate = seen[kind].has(id);
    if (faults.length === 0 && isDuplicate) faults.push({ field: 'id', why: 'is that of an earlier row' });
    if (faults.length > 0) {
      const isKnown = id !== null && !String(id).includes('null');
      skipped[kind].push(isKnown ? id : null);
      const why = faults.map(({ field, why }) => `${field} ${why}`).join(', ');
      const reason = `${where} was skipped: ${why}; correct it at the source, and import again`;
      omitted.add(kind, [isKnown && !isDuplicate ? id : where, reason]);
      count.skipped++;
      onSkipped({ where, table, id, faults });
      continue;
    }
    seen[kind].add(id);
    imported.add(kind, record);
    count.written++;
  }
  imported.flush();
  omitted.flush();
  files.add(lastStatements(source));
  const ids = {};
  for (const kind in seen) if (!skipped[kind].includes(null)) ids[kind] = [...seen[kind], ...skipped[kind]];
  return { counts, ids };
}

/** Throws unless the source is known to be complete, which --prune requires. */
function checkComplete(file, findings, ids) {
  if (findings.isComplete === false)
    throw new Trouble(
      `${file} does not end with mysqldump's last line, so it may be cut off, and --prune requires a complete dump: ` +
        'dump without --compact and --skip-comments; nothing was written',
    );
  if (!ids.users)
    throw new Trouble(
      `a row of ${file} has an ID that cannot be read (see above), and --prune requires every ID; nothing was written`,
    );
}

/**
 * Writes the SQL for a source into a folder. Returns `{files, counts, findings}`.
 *
 * `onSkipped` is called with every skipped record. `linkByEmail` makes one account of the records of several back ends
 * that have the same e-mail address. `schema` is the schema to import, if the dump has several. `prune` removes records
 * that no longer exist at the source. `grants` are the roles that get the permissions of personas.
 * @typedef {{where: string, table: string, id: number | string | null, faults: any[]}} Skipped
 * @typedef {{linkByEmail?: boolean, schema?: string, prune?: boolean, grants?: string[]}} Options
 * @param {string} source
 * @param {string} file
 * @param {string} folder
 * @param {Options & {onSkipped?: (skipped: Skipped) => void}} [given]
 */
export async function convert(source, file, folder, given = {}) {
  const { onSkipped = () => {}, ...options } = given;
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new Trouble(`${file} is a folder: specify a file in it`);
  if (!found?.isFile()) throw new Trouble(`the file ${file} does not exist`);
  if (options.prune && source === 'personas')
    throw new Trouble(
      '--prune is for the accounts of seam, falcon and django: whether a CSV file is complete cannot be checked',
    );
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = new Files(folder, source);
  const findings = { others: new Map(), schemas: new Set(), unmapped: new Set(), naive: false, utc: undefined };
  try {
    const { counts, ids } = await write(SOURCES[source](file, findings, options), files, source, {
      onSkipped,
      ...options,
    });
    if (options.prune) checkComplete(file, findings, ids);
    // If the table is empty, all links were deleted. If the dump lacks the table, nothing is known about the links.
    if (findings.tables?.includes('permissionxrole') && !counts.permissionXRole) ids.permissionXRole = [];
    const { prune = false, grants = [] } = options;
    files.addFirst([
      ...firstStatements(source),
      ...grants.flatMap(grant),
      ...markGone(source, { ids, schema: findings.schema, prune }),
    ]);
    return { files: files.publish(), counts, findings };
  } catch (error) {
    files.finish();
    files.clear('.sql.part');
    throw error;
  }
}
