// npm run import -- --from seam|falcon|django|personas <file> [--out .import]
// Reads the data of a back end and writes SQL for `wrangler d1 execute`; it touches no database. See the README's
// "Moving over".
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SOURCES } from './import/sources.mjs';
import { begin, bring, report } from './import/sql.mjs';
import { root, Trouble } from './lib.mjs';
import { installPackages } from './setup.mjs';

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

/**
 * Writes the SQL for a source into a folder. Returns `{files, counts, told}`; `heard` is called with every record that
 * is left out, as soon as it is known.
 * @param {(leftOut: {where: string, table: string, id: number | string | null, faults: any[]}) => void} [heard]
 */
export async function convert(source, file, folder, heard = () => {}) {
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) throw new Trouble(`there is no file ${file}`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = new Files(folder, source);
  const told = { others: new Map(), unmapped: new Set(), naive: false, utc: undefined };
  const counts = {};
  const seen = {};
  let chunk = { kind: undefined, records: [], bytes: 0 };
  const flush = () => {
    if (chunk.records.length > 0) files.add(bring(source, chunk.kind, chunk.records));
    chunk = { kind: undefined, records: [], bytes: 0 };
  };
  try {
    files.add(begin(source));
    for await (const { kind, table, id, where, record, faults } of SOURCES[source](file, told)) {
      const count = (counts[kind] ??= { read: 0, written: 0, leftOut: 0 });
      count.read++;
      if (faults.length === 0 && seen[kind]?.has(id))
        faults.push({ field: 'id', why: 'is that of a record before it' });
      if (faults.length > 0) {
        count.leftOut++;
        heard({ where, table, id, faults });
        continue;
      }
      (seen[kind] ??= new Set()).add(id);
      const bytes = Buffer.byteLength(JSON.stringify(record).replaceAll("'", '\\u0027')) + 16;
      if (chunk.kind !== kind || chunk.bytes + bytes > CHUNK) flush();
      chunk.kind = kind;
      chunk.records.push(record);
      chunk.bytes += bytes;
      count.written++;
    }
    flush();
    files.finish();
  } catch (error) {
    files.finish();
    files.clear('.sql.part');
    throw error;
  }
  files.clear('.sql');
  for (const name of files.written) fs.renameSync(`${name}.part`, name);
  return { files: files.written, counts, told };
}

const USAGE = `usage: npm run import -- --from ${Object.keys(SOURCES).join('|')} <file> [--out .import]`;

function parse() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { from: { type: 'string' }, out: { type: 'string', default: '.import' } },
    });
    if (positionals.length === 1 && Object.hasOwn(SOURCES, values.from ?? ''))
      return { source: values.from, file: positionals[0], folder: values.out };
  } catch {
    /* an unknown option: the usage says it all */
  }
  throw new Trouble(USAGE);
}

/** The lines to run: one for a file, a loop for several, then the question what did not land. */
function lines(source, files, where) {
  const [first] = files;
  const execute = (file) => `npx wrangler d1 execute DB --${where} --yes --file ${file}`;
  const pattern = first.replace(/\d+\.sql$/, '*.sql');
  return [
    files.length === 1 ? execute(first) : `for file in ${pattern}; do ${execute('"$file"')} || break; done`,
    `npx wrangler d1 execute DB --${where} --command "${report(source)}"`,
  ];
}

async function main() {
  const { source, file, folder } = parse();
  await installPackages();
  const { files, counts, told } = await convert(
    source,
    path.resolve(process.env.INIT_CWD ?? '.', file),
    path.resolve(root, folder),
    ({ where, table, id, faults }) => {
      for (const { field, why } of faults)
        console.log(`left out: ${where}, ${table}${id === null ? '' : ` ${id}`}, ${field}: ${why}`);
    },
  );
  console.log(`\n${source}: ${file}`);
  for (const [kind, { read, written, leftOut }] of Object.entries(counts))
    console.log(`  ${kind}: ${read} read, ${written} written, ${leftOut} left out`);
  for (const [table, rows] of told.others) console.log(`  not an account's: ${rows} of ${table}`);
  if (told.unmapped.size > 0)
    console.log(`  nothing here holds these, they were not carried over: ${[...told.unmapped].join(', ')}`);
  if (told.naive && !told.utc) console.log('  times that name no zone were taken as UTC');
  if (source === 'seam')
    console.log('  a role that is there already by its name is the same role, and grants what it grants there');
  const names = files.map((name) => path.relative(root, name));
  for (const where of ['local', 'remote'])
    console.log(
      `\n${where === 'local' ? 'To try it here' : 'For your account'}, ` +
        `in this folder:\n\n${lines(source, names, where).join('\n')}`,
    );
  console.log(
    '\nThe second line tells, row by row, what did not land because of what the database holds, ' +
      'and what is another there.\nThe files hold hashes and personal data: remove them when they are in.',
  );
  if (Object.values(counts).some(({ leftOut }) => leftOut > 0)) process.exitCode = 1;
}

if (process.argv[1] === import.meta.filename) await main();
