// No account is lost to a quirk of real dumps (N4). The fixtures were made with mariadb-dump 10.11 from three small
// databases of invented people: databases.sql with --databases, seam.sql.gz compressed with gzip -9 -n, and
// falcon-utf16.sql as Windows PowerShell writes it with `>` in a UTF-8 console: in UTF-16 with a byte order mark and
// CRLF.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { bytesOf } from '../../scripts/import/bytes.mjs';
import { Trouble } from '../../scripts/lib.mjs';
import { csv, Database, dumpdata, falconDump, fixture, folder, read, seamDump, source } from './support.mjs';

const FALCON = [
  [1, 'Iñaki Gómez', 'inaki', null, '2025-01-01T00:00:00.000Z', 1],
  [2, 'Two Lines', 'two', 'IMG_0002.JPG', null, 2],
  [3, '改行 🦅', "o'brien1", '/path/to/image.jpg', null, null],
];
const SEAM = [
  [1, 'Ana Núñez', 'ana@seam.example', 1, 1],
  [2, 'Beto', 'beto@seam.example', 2, 1],
  [3, 'Celia', 'celia@seam.example', 3, 0],
];
async function falconOf(file, options) {
  const database = new Database();
  const { skipped, report, findings } = await database.importFile('falcon', file, options);
  assert.deepEqual([skipped, report], [[], []]);
  const accounts = database.accounts('falcon');
  // If the source has no time of the last change, the time of the import or of the registration is used.
  for (const account of accounts.slice(1)) account.updated_at = null;
  const fields = ['number', 'full_name', 'username', 'image', 'updated_at', 'shown_role'];
  return { findings, rows: accounts.map((account) => fields.map((field) => account[field])) };
}
async function seamOf(file, options) {
  const database = new Database();
  const { skipped, report, findings } = await database.importFile('seam', file, options);
  assert.deepEqual([skipped, report], [[], []]);
  assert.deepEqual(
    database.roles().map(([id, name, description]) => [id, name, description]),
    [
      [1, 'administrador', 'Administra todo'],
      [2, 'profesor', null],
      [3, 'alumno', null],
    ],
  );
  const fields = ['number', 'full_name', 'email', 'role_id', 'is_active'];
  return { findings, rows: database.accounts('seam').map((account) => fields.map((field) => account[field])) };
}

describe('a dump', () => {
  test('in UTF-16, with zero dates, line breaks in names and a role column `role` [N4]', async () => {
    const { findings, rows } = await falconOf(fixture('falcon-utf16.sql'));
    assert.deepEqual(rows, FALCON);
    assert.deepEqual([[...findings.others], findings.schema, findings.isComplete], [[['role', 2]], 'falcon', true]);
  });
  test('compressed with gzip, in which isActive is NULL [N4]', async () => {
    assert.deepEqual((await seamOf(fixture('seam.sql.gz'))).rows, SEAM);
  });
  test('compressed with gzip and cut off', async () => {
    const file = source(fs.readFileSync(fixture('seam.sql.gz')).subarray(0, 900));
    await assert.rejects(read('seam', file), (error) => error instanceof Trouble && /decompressed/.test(error.message));
  });
  test('of several schemas: --schema picks one, and the others are ignored [N4]', async () => {
    const file = fixture('databases.sql');
    const falcon = await falconOf(file, { schema: 'falcon' });
    assert.deepEqual(falcon.rows, FALCON);
    assert.deepEqual([[...falcon.findings.others], [...falcon.findings.schemas]], [[['role', 2]], ['blog', 'seam']]);
    const seam = await seamOf(file, { schema: 'SEAM' });
    assert.deepEqual(seam.rows, SEAM);
    assert.deepEqual([[...seam.findings.others], seam.findings.schema], [[], 'seam']);
    /** @type {[string, object, RegExp][]} */
    const refusals = [
      ['falcon', { schema: 'blog' }, /users in .* has no name, email, /],
      ['falcon', { schema: 'falcno' }, /has no rows of a table users in the schema falcno, but in blog, falcon, seam/],
    ];
    for (const [from, options, pattern] of refusals)
      await assert.rejects(
        read(from, file, options),
        (error) => (error instanceof Trouble && pattern.test(error.message)) || assert.fail(String(error)),
      );
  });
  test("of several schemas, only one of which has the back end's columns, needs no --schema", async () => {
    assert.deepEqual((await falconOf(fixture('databases.sql'))).rows, FALCON);
    assert.deepEqual((await seamOf(fixture('databases.sql'))).rows, SEAM);
    const dump = fs.readFileSync(fixture('databases.sql'), 'utf8');
    for (const from of ['falcon', 'seam'])
      await assert.rejects(
        read(from, source(dump + dump.replaceAll(`\`${from}\``, `\`${from}_test\``))),
        new RegExp(`columns in several schemas, ${from} and ${from}_test: specify the one .* --schema ${from}`),
      );
  });
  test('in which another schema has a table of the same name with other columns', async () => {
    const other = 'USE `other`;\nINSERT INTO roles (a) VALUES (1);\nUSE `seam`;\n';
    const dump = source(other + fs.readFileSync(seamDump({ roles: [[7, 'siete']], users: [{ id: 1, roleId: 7 }] })));
    const database = new Database();
    await database.importFile('seam', dump);
    assert.deepEqual(database.roles(), [[7, 'siete', null, null]]);
  });
  test('in which the column of the role is named role', async () => {
    const dump = fs.readFileSync(falconDump({ id: 1, role_id: 3 }), 'utf8').replace('`role_id`', '`role`');
    const database = new Database();
    await database.importFile('falcon', source(dump));
    assert.equal(database.account('falcon', 1).shown_role, 3);
  });
});

describe('a file of another kind', () => {
  const utf16 = (file) => source(Buffer.from(`\ufeff${fs.readFileSync(file, 'utf8')}`, 'utf16le'));
  const packed = (file) => source(zlib.gzipSync(fs.readFileSync(file)));
  for (const [name, change] of Object.entries({ 'UTF-16': utf16, gzip: packed, both: (file) => packed(utf16(file)) }))
    test(`is read in ${name}, too`, async () => {
      const django = new Database();
      await django.importFile('django', change(dumpdata({ id: 1, first_name: 'José\nMaría' })));
      assert.equal(django.account('django', 1).first_name, 'José María');
      await django.importFile('personas', change(csv('1,,"María\r\nJosé",Núñez,,AAAAA,,')));
      assert.deepEqual(django.rows('SELECT nombres, apellidos FROM personas'), [
        { nombres: 'María José', apellidos: 'Núñez' },
      ]);
    });
  test('is a folder, and the error says so', async () => {
    await assert.rejects(read('falcon', folder), /is a folder: specify a file in it/);
  });
});

describe('letters that PowerShell has changed', () => {
  const bytes = async (file, chunk) => Buffer.concat(await bytesOf(file, { chunk }).toArray()).toString();
  /** Windows PowerShell 5 decodes the dump's UTF-8 with the console's code page and writes the result in UTF-16. */
  const OEM850 =
    'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐' +
    '└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0';
  const damaged = (byte) => (byte < 128 ? String.fromCharCode(byte) : OEM850[byte - 128]);
  const written = (text) => source(Buffer.from(`\ufeff${[...Buffer.from(text)].map(damaged).join('')}`, 'utf16le'));
  test('are restored, and correct letters stay, however the file is divided into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 20 }), async (text, chunk) => {
        fc.pre(text.isWellFormed());
        for (const [file, means] of [
          [written(`-- ñ ${text}`), `-- ñ ${text}`],
          [source(Buffer.from(`\ufeff-- ñ ${text}`, 'utf16le')), `-- ñ ${text}`],
          [source(Buffer.from(`\ufeff-- ñ ${text}`, 'utf16le').swap16()), `-- ñ ${text}`],
          [source(`\ufeff-- ${text}`), `-- ${text}`],
        ]) {
          assert.equal(await bytes(file, chunk), means);
          fs.rmSync(file);
        }
      }),
      { numRuns: 200 },
    );
  });
  test('stop the import if they cannot be restored', async () => {
    const file = source(Buffer.from('\ufeff├▒ 改', 'utf16le'));
    await assert.rejects(bytes(file, 9), /PowerShell has damaged the letters of the dump: write it with --result-file/);
  });
});
