// npm run import -- --from seam|falcon|django|personas <file> [--out .import]
// Reads the data of a back end and writes SQL for `wrangler d1 execute`; it touches no database. See the README's
// "Moving over".
import path from 'node:path';
import { parseArgs } from 'node:util';
import { convert } from './import/convert.mjs';
import { SOURCES } from './import/sources.mjs';
import { report } from './import/sql.mjs';
import { root, Trouble } from './lib.mjs';
import { installPackages } from './setup.mjs';

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
    // An unknown option: the usage says it all.
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

function leaveOut({ where, table, id, faults }) {
  for (const { field, why } of faults)
    console.log(`left out: ${where}, ${table}${id === null ? '' : ` ${id}`}, ${field}: ${why}`);
}

function summarize(source, counts, told) {
  for (const [kind, { read, written, leftOut }] of Object.entries(counts))
    console.log(`  ${kind}: ${read} read, ${written} written, ${leftOut} left out`);
  for (const [table, rows] of told.others) console.log(`  not an account's: ${rows} of ${table}`);
  if (told.unmapped.size > 0)
    console.log(`  nothing here holds these, they were not carried over: ${[...told.unmapped].join(', ')}`);
  if (told.naive && !told.utc) console.log('  times that name no zone were taken as UTC');
  if (source === 'seam')
    console.log('  a role that is there already by its name is the same role, and grants what it grants there');
}

const { source, file, folder } = parse();
await installPackages();
const from = path.resolve(process.env.INIT_CWD ?? '.', file);
const { files, counts, told } = await convert(source, from, path.resolve(root, folder), { heard: leaveOut });
console.log(`\n${source}: ${file}`);
summarize(source, counts, told);
const names = files.map((name) => path.relative(root, name));
console.log(`\nTo try it here, in this folder:\n\n${lines(source, names, 'local').join('\n')}`);
console.log(`\nFor your account, in this folder:\n\n${lines(source, names, 'remote').join('\n')}`);
console.log(`
The second line tells, row by row, what did not land because of what the database holds, and what is another there.
The files hold hashes and personal data: remove them when they are in.`);
if (Object.values(counts).some(({ leftOut }) => leftOut > 0)) process.exitCode = 1;
