// No row is lost silently, whatever the input: each row is written or reported, and each written row is imported or
// reported.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { literal } from '../../scripts/import/ledger.mjs';
import { rowsOfDump } from '../../scripts/import/mysql.mjs';
import { EXPRESSION } from '../../scripts/import/rows.mjs';
import { Trouble } from '../../scripts/lib.mjs';
import { Database, dumpdata, falconDump, fixture, read, source } from './support.mjs';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      "'",
      '"',
      '`',
      '\\',
      '\n',
      '\0',
      '\x1a',
      ',',
      '(',
      ')',
      ';',
      '--',
      '/*',
      '*/',
      '#',
      '%',
      '_',
      'é',
      '📷',
      'INSERT INTO `users` VALUES (1)',
    ),
  }),
);
/** Values as mysqldump may write them, and their meaning. */
const ESCAPED = {
  '\0': '\\0',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\x1a': '\\Z',
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
};
const value = fc.oneof(
  // biome-ignore lint/suspicious/noControlCharactersInRegex: MySQL escapes these
  text.map((means) => ({ means, sql: `'${means.replace(/[\0\n\r\t\b\x1a\\'"]/g, (char) => ESCAPED[char])}'` })),
  text.map((means) => ({ means, sql: `'${means.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` })),
  text.map((means) => ({ means, sql: `_binary '${means.replace(/[\\'\0]/g, (char) => ESCAPED[char])}'` })),
  text
    .filter((means) => means !== '')
    .map((means) => ({ means, sql: `0x${Buffer.from(means).toString('hex').toUpperCase()}` })),
  text.map((means) => ({ means, sql: `x'${Buffer.from(means).toString('hex')}'` })),
  fc.integer().map((number) => ({ means: String(number), sql: String(number) })),
  fc.nat({ max: 255 }).map((number) => ({ means: String(number), sql: `b'${number.toString(2)}'` })),
  fc.constantFrom(
    { means: null, sql: 'NULL' },
    { means: EXPRESSION, sql: "CONCAT('a,', (1))" },
    { means: EXPRESSION, sql: '1+1' },
  ),
);
const gap = fc.constantFrom('', ' ', '\n', "/* a, comment; ' */", "-- a comment; '\n", '# one\n');
const rows = fc.array(fc.tuple(value, value, gap), { minLength: 1, maxLength: 8 });
const other = fc.constantFrom(
  '',
  'DROP TABLE IF EXISTS `users`;\n',
  '/*!40000 ALTER TABLE `users` DISABLE KEYS */;\n',
  "INSERT INTO `other` VALUES (1,'INSERT INTO `users` VALUES (9,9);'),(2,'\\'');\n",
  'DELIMITER ;;\nCREATE PROCEDURE p() BEGIN INSERT INTO users VALUES (1,2); END ;;\nDELIMITER ;\n',
  'LOCK TABLES `users` WRITE;\n',
);

const all = async (file, options) => {
  const found = [];
  for await (const { row } of rowsOfDump(file, new Set(['users']), options)) found.push(row && Object.values(row));
  return found;
};

describe('the reader of dumps', () => {
  test('returns every row of every INSERT with its exact values, however the file is divided into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(other, rows), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 64 }),
        async (statements, chunk) => {
          const sql = statements
            .map(
              ([before, list]) =>
                `${before}INSERT INTO \`users\` VALUES ` +
                `${list.map(([a, b, between]) => `(${a.sql},${between}${b.sql})${between}`).join(',')};\n`,
            )
            .join('');
          const file = source(
            "CREATE TABLE `users` (\n  `a` text COMMENT 'x, `y` (',\n  `b` decimal(5,2),\n" +
              `  PRIMARY KEY (\`a\`)\n);\n${sql}`,
          );
          assert.deepEqual(
            await all(file, { chunk }),
            statements.flatMap(([, list]) => list.map(([a, b]) => [a.means, b.means])),
          );
          fs.rmSync(file);
        },
      ),
      { numRuns: 300 },
    );
  });
  test('reads escapes, quotes and numbers as MySQL does', async () => {
    /** @type {[string, string | symbol][]} */
    const values = [
      ["'a\\%b\\_c\\d\\'e'", "a\\%b\\_cd'e"],
      ["'it''s'", "it's"],
      ['"double ""q"""', 'double "q"'],
      ['-1.5', '-1.5'],
      ['0b101', '5'],
      ['TRUE', '1'],
      ["_utf8mb4'é'", 'é'],
      ["X'41'", 'A'],
      ["''", ''],
      ['1e5', EXPRESSION],
      ["_latin1'a'", EXPRESSION],
    ];
    const found = await all(
      source(`INSERT IGNORE INTO \`db\`.users (a) VALUES ${values.map(([sql]) => `(${sql})`).join(',')};`),
    );
    assert.deepEqual(
      found,
      values.map(([, means]) => [means]),
    );
  });
  test('rejects a dump that was cut off', async () => {
    const dump = fs.readFileSync(fixture('falcon.sql'));
    const [first, last] = [dump.indexOf('\n-- MariaDB dump') + 18, dump.indexOf('-- Dump completed')];
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: first, max: last }), async (end) => {
        const file = source(dump.subarray(0, end));
        await assert.rejects(
          all(file),
          (error) => error instanceof Trouble && /cut off|in the middle|cannot be parsed/.test(error.message),
          `${end}`,
        );
        fs.rmSync(file);
      }),
      { numRuns: 200 },
    );
  });
  test('reads any bytes to the end, or names the line that it does not understand', async () => {
    const alphabet = fc.constantFrom(
      'INSERT INTO users ',
      'VALUES ',
      '(a,b) ',
      '(1,2)',
      ',',
      ';',
      "'",
      '"',
      '`',
      '\\',
      '(',
      ')',
      '--',
      '/*',
      '*/',
      '\n',
      'NULL',
      '0x41',
      '_binary ',
      'DELIMITER ;;\n',
      'é',
      ' ',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(alphabet, { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), async (parts, chunk) => {
        const file = source(parts.join(''));
        const read = (options) =>
          all(file, options).then(
            (found) => found,
            (error) => {
              assert.match(error.message, /^line \d+ of the dump .*; nothing was written$/);
              return error.message;
            },
          );
        assert.deepEqual(await read({ chunk }), await read({}));
        fs.rmSync(file);
      }),
      { numRuns: 1000 },
    );
  });
  test('reports every case in which a row could get lost', async () => {
    /** @type {[string, RegExp][]} */
    const refusals = [
      ['INSERT INTO users VALUES (1);', /^line 1 of the dump inserts into users without naming its columns/],
      ['\nSET NAMES latin1;', /^line 2 of the dump declares its texts as latin1/],
      ["/*!40103 SET TIME_ZONE='+02:00' */;", /declares that its times are not UTC/],
      ['/*!50000 INSERT INTO users VALUES (1) */;', /rows in a conditional comment/],
      ['INSERT INTO users (a) SELECT 1;', /an INSERT without VALUES/],
      [
        'INSERT INTO users (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 1;',
        /an INSERT should continue with a row or end here/,
      ],
      ['INSERT INTO users (a) VALUES (1,);', /a value is missing/],
      ["INSERT INTO users (a) VALUES ('1", /ends in the middle of a statement/],
    ];
    for (const [sql, pattern] of refusals)
      await assert.rejects(
        all(source(sql)),
        (/** @type {Error} */ error) =>
          (error instanceof Trouble && pattern.test(error.message)) || assert.fail(error.message),
        sql,
      );
  });
});

const title = 'each row is written or skipped, and each written row is imported or reported, whatever its values';
test(title, async () => {
  const short = fc.oneof(
    fc.constantFrom(
      'a',
      'A',
      'b',
      'é',
      '',
      ' a ',
      'x'.repeat(151),
      'BEGIN TRANSACTION;',
      "o'o",
      '\\',
      '"',
      '; --',
      '📷',
    ),
    text,
  );
  const mail = fc.oneof(short, fc.constantFrom('a@x.example', 'A@x.example', 'b@x.example', 'c@x.example'));
  const time = fc.oneof(
    fc.constantFrom(
      null,
      '',
      '2024-02-30 00:00:00',
      '2024-02-29T23:59:59.999999Z',
      '0000-00-00 00:00:00',
      '9999-12-31 23:59:59-01:00',
      '0001-01-01 00:00:00+14:00',
    ),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  );
  const id = fc.oneof(fc.integer({ min: -1, max: 6 }), fc.constantFrom(2 ** 53 - 1, 2 ** 53, 1.5));
  const django = fc.array(
    fc.record({
      id,
      email: mail,
      username: short,
      first_name: short,
      number_phone: fc.option(short),
      avatar: short,
      is_active: fc.constantFrom(true, false, null),
      date_joined: time,
      last_login: time,
      password: fc.oneof(short, fc.constant(`$2b$12$${'a'.repeat(53)}`)),
    }),
    { minLength: 1, maxLength: 8 },
  );
  const falcon = fc.array(
    fc.record({
      id: fc.integer({ min: 0, max: 6 }),
      email: mail,
      username: short,
      name: short,
      image_path: fc.option(short),
      role_id: fc.option(fc.integer({ min: 0, max: 4 })),
    }),
    { minLength: 1, maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          django.map((accounts) => ['django', accounts]),
          falcon.map((accounts) => ['falcon', accounts]),
        ),
        { minLength: 1, maxLength: 4 },
      ),
      fc.boolean(),
      async (runs, linkByEmail) => {
        const database = new Database();
        for (const [from, accounts] of runs) {
          const file = from === 'django' ? dumpdata(...accounts) : falconDump(...accounts);
          const { counts, skipped, report } = await database.importFile(from, file, { linkByEmail });
          assert.equal(counts.users.read, accounts.length);
          assert.equal(counts.users.written + counts.users.skipped, accounts.length);
          assert.ok(skipped.length >= counts.users.skipped);
          assert.ok(report.every((line) => !line.includes('undefined')));
          const [{ staged, odd }] = database.rows(
            "SELECT count(incoming) AS staged, sum(problem IS NULL AND kind = 'users' AND NOT EXISTS (SELECT 1 " +
              'FROM identities n WHERE n.back_end = source AND n.id = imports.id AND n.account_id = target)) AS odd ' +
              'FROM imports',
          );
          assert.ok(staged === 0 && !odd, 'a record was neither imported nor reported');
          const [{ people, accounts: known }] = database.rows(
            'SELECT count(*) AS people, (SELECT count(*) FROM users) AS accounts FROM identities',
          );
          assert.ok(
            linkByEmail ? people >= known : people === known,
            'an account of one back end was linked to another',
          );
          fs.rmSync(file);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('SQLite and wrangler read the same text from a literal', async () => {
  const { unstable_splitSqlQuery: split } = await import('wrangler');
  const { sqlite } = new Database();
  fc.assert(
    fc.property(fc.oneof(text, fc.constantFrom('BEGIN TRANSACTION', 'COMMIT;', "';'", 'a;b')), (means) => {
      fc.pre(means.isWellFormed());
      const query = `SELECT ${literal({ means })} ->> 'means' AS means; SELECT 2`;
      assert.equal(split(query).length, 2);
      if (!means.includes('\0')) assert.equal(sqlite.prepare(split(query)[0]).get().means, means);
    }),
  );
});

test('statements and files stay within their limits, whatever they contain', async () => {
  const accounts = Array.from({ length: 9000 }, (_, at) => ({
    id: at + 1,
    first_name: "'".repeat(200),
    last_name: 'é'.repeat(200),
    avatar: `${at}`,
  }));
  const { sql, counts } = await read('django', dumpdata(...accounts));
  assert.deepEqual(counts.users, { read: 9000, written: 9000, skipped: 0 });
  const { unstable_splitSqlQuery: split } = await import('wrangler');
  assert.ok(sql.length > 3 && sql.every((each) => Buffer.byteLength(each) <= 2_000_000));
  const lengths = sql.flatMap((each) => split(each).map((statement) => Buffer.byteLength(statement)));
  assert.ok(Math.max(...lengths) < 50_000, `${Math.max(...lengths)}`);
});
