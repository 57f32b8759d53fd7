// npm run import -- --from seam|falcon|django|personas <file>
// Converts the data of a back end to SQL files for `wrangler d1 execute`, without connecting to a database.
// docs/moving-over.md describes it.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { convert } from './import/convert.mjs';
import { PERMISSIONS } from './import/personas_sql.mjs';
import { SOURCES } from './import/sources.mjs';
import { report } from './import/sql.mjs';
import { assertNotTakenByNpm, root, Trouble } from './lib.mjs';
import { installPackages } from './setup.mjs';

const USAGE = `usage: npm run import -- --from ${Object.keys(SOURCES).join('|')} <file> [options]
  --out FOLDER      the folder for the SQL files; default: .import
  --schema NAME     the schema to import, if the dump has several (seam, falcon)
  --link-by-email   treats the same e-mail address in two back ends as one person (seam, falcon, django)
  --prune           removes what was deleted at the source since the last import (seam, falcon, django)
  --grant ROLE,...  gives these roles the permissions of personas' endpoints (personas)`;
/** The options of each source, in addition to --out. */
const OPTIONS = {
  seam: ['schema', 'link-by-email', 'prune'],
  falcon: ['schema', 'link-by-email', 'prune'],
  django: ['link-by-email', 'prune'],
  personas: ['grant'],
};
/** The permissions that Perfil checks. A role may also have permissions of other software. */
const CHECKED_PERMISSIONS = ['PUT /api/v1/users/:id', ...PERMISSIONS].map((name) => name.toLowerCase());

function parse() {
  assertNotTakenByNpm('import', ['from', 'out', 'schema', 'link-by-email', 'prune', 'grant']);
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        from: { type: 'string' },
        out: { type: 'string', default: '.import' },
        schema: { type: 'string' },
        'link-by-email': { type: 'boolean' },
        prune: { type: 'boolean' },
        grant: { type: 'string' },
      },
    });
    const { from = '', out, ...options } = values;
    const isKnown = Object.hasOwn(SOURCES, from) && Object.keys(options).every((name) => OPTIONS[from].includes(name));
    const grants = options.grant?.split(',').map((role) => role.trim());
    if (positionals.length === 1 && isKnown && !grants?.includes(''))
      return {
        source: from,
        file: positionals[0],
        folder: out,
        options: {
          schema: options.schema,
          linkByEmail: options['link-by-email'],
          prune: options.prune,
          grants,
        },
      };
  } catch {
    // An unknown option: the usage is shown.
  }
  throw new Trouble(USAGE);
}

/** Returns the commands to run: one for a file or a loop for several, then the query of the report. */
function commands(source, files, where) {
  const [first] = files;
  const execute = (file) => `npx wrangler d1 execute DB --${where} --yes --file ${file}`;
  const pattern = first.replace(/\d+\.sql$/, '*.sql');
  return [
    files.length === 1 ? execute(first) : `for file in ${pattern}; do ${execute('"$file"')} || break; done`,
    `npx wrangler d1 execute DB --${where} --command "${report(source)}"`,
  ];
}

function printSkipped({ where, table, id, faults }) {
  for (const { field, why } of faults)
    console.log(`skipped: ${where}, ${table}${id === null ? '' : ` ${id}`}, ${field}: ${why}`);
}

function printSummary(counts, findings) {
  for (const [kind, { read, written, skipped }] of Object.entries(counts))
    console.log(`  ${kind}: ${read} read, ${written} written, ${skipped} skipped`);
  for (const [table, rows] of findings.others) console.log(`  not imported: ${rows} of ${table}`);
  if (findings.schemas.size > 0) console.log(`  not imported: other schemas, ${[...findings.schemas].join(', ')}`);
  if (findings.unmapped.size > 0) console.log(`  not imported: the columns ${[...findings.unmapped].join(', ')}`);
  if (findings.naive && !findings.utc) console.log('  times without a time zone were read as UTC');
}

/** Prints the permissions that the import grants. */
function printGrants(source, findings, grants = []) {
  for (const { id, name, permissions } of findings.grants ?? []) {
    const checked = permissions.filter((permission) => CHECKED_PERMISSIONS.includes(permission.toLowerCase()));
    const others = permissions.length - checked.length;
    const rest = others > 0 ? [`${others} that Perfil does not check`] : [];
    console.log(`  role ${id}, ${name}, may: ${[...checked, ...rest].join(', ') || 'nothing'}`);
  }
  if (source !== 'personas') return;
  for (const role of grants) console.log(`  role ${role} gets the permissions ${PERMISSIONS.join(', ')}`);
  if (grants.length === 0)
    console.log(
      `  no role gets the permissions ${PERMISSIONS.join(' and ')};\n` +
        '  --grant admin,asistente grants them to the roles with these names',
    );
}

const WARNING = (source) => `
--link-by-email: a record of ${source} is linked to the account that already has its e-mail address, and a token of
${source} is then valid for that account. Use this only if every back end confirms an address before its owner can log
in. Otherwise, anyone who registers another person's address in one back end takes over that person's account.`;

const { source, file, folder, options } = parse();
await installPackages();
const from = path.resolve(process.env.INIT_CWD ?? '.', file);
const given = { ...options, onSkipped: printSkipped };
const { files, counts, findings } = await convert(source, from, path.resolve(root, folder), given);
console.log(`\n${source}: ${file}`);
printSummary(counts, findings);
printGrants(source, findings, options.grants);
if (options.linkByEmail) console.log(WARNING(source));
const names = files.map((name) => path.relative(root, name));
console.log(`
To try the import locally, run this in this folder. For the first back end, start from an empty local database, without
the demo accounts:

rm -rf .wrangler/state && npx wrangler d1 migrations apply DB --local

For each back end, run:

${commands(source, names, 'local').join('\n')}

To import into your Cloudflare account, run in this folder:

${commands(source, names, 'remote').join('\n')}

The last command reports how many records were imported, which were not and what to do about them, what differs between
Perfil and ${source}, and what else the import did. The files contain hashes and personal data: delete them after the
import.`);
if (Object.values(counts).some(({ skipped }) => skipped > 0)) process.exitCode = 1;
