// Records deleted at the source since the last run: they are reported, and --prune removes them from Perfil (N3).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import { gapsOf } from '../../scripts/import/gone.mjs';
import { Trouble } from '../../scripts/lib.mjs';
import { csv, Database, dumpdata, falconDump, fixture, read, seamDump, source } from './support.mjs';

const GONE = 'it no longer exists at the source; --prune removes it from Perfil';
const PRUNED = 'it no longer exists at the source and was removed';
const prune = { prune: true };
const LAST = '-- Dump completed on 2026-01-01  0:00:00\n';
/** The same dump with mysqldump's last line, and optionally with first lines. */
const completeDump = (file, head = '') => source(head + fs.readFileSync(file, 'utf8') + LAST);
const falcon = (...accounts) => completeDump(falconDump(...accounts));
const numbers = (database, backEnd) => database.accounts(backEnd).map(({ number }) => number);

test('gaps between ids are all the ids that do not occur', () => {
  const max = Number.MAX_SAFE_INTEGER;
  assert.deepEqual(gapsOf([]), [[1, max]]);
  assert.deepEqual(gapsOf([3, 1, 2]), [[4, max]]);
  assert.deepEqual(gapsOf([10, 2, 9]), [
    [1, 1],
    [3, 8],
    [11, max],
  ]);
});

describe('an account that was deleted at the source', () => {
  test('is reported, and stays until --prune [N3]', async () => {
    const database = new Database();
    await database.importFile('falcon', falcon({ id: 1 }, { id: 2 }, { id: 3 }));
    const before = database.dump();
    for (let run = 0; run < 2; run++) {
      assert.deepEqual((await database.importFile('falcon', falcon({ id: 1 }, { id: 3 }))).report, [
        `users 2: ${GONE}`,
      ]);
      assert.equal(database.dump(), before);
    }
    assert.deepEqual((await database.importFile('falcon', falcon({ id: 1 }, { id: 3 }), prune)).report, [
      `users 2: ${PRUNED}`,
    ]);
    assert.deepEqual(numbers(database, 'falcon'), [1, 3]);
    const [account] = database.rows('SELECT * FROM users WHERE id = 2');
    assert.deepEqual(
      [account.is_active, account.email, account.username, account.full_name, account.legacy_password_hashes],
      [0, 'gone 2', 'gone 2', 'User 2', '{}'],
    );
    assert.deepEqual((await database.importFile('falcon', falcon({ id: 1 }, { id: 3 }), prune)).report, []);
  });
  test('and registered again with the same e-mail is a new account, imported in the same run [N3]', async () => {
    const database = new Database();
    const ana = { email: 'ana@x.example', username: 'ana' };
    await database.importFile('falcon', falcon({ id: 1, ...ana }));
    await database.importFile('personas', csv('1,ana@x.example,Ana,A,,AAAAA,,'));
    assert.deepEqual((await database.importFile('falcon', falcon({ id: 2, ...ana }))).report, [
      `users 1: ${GONE}`,
      'users 2: email: falcon 1 has it',
    ]);
    assert.deepEqual((await database.importFile('falcon', falcon({ id: 2, ...ana }), prune)).report, [
      `users 1: ${PRUNED}`,
    ]);
    const account = database.account('falcon', 2);
    assert.deepEqual([account.id, account.email, account.is_active], [2, 'ana@x.example', 1]);
    // Only an import of personas assigns the persona again.
    assert.deepEqual(database.rows('SELECT user_id FROM personas'), [{ user_id: null }]);
    assert.deepEqual((await database.importFile('personas', csv('1,ana@x.example,Ana,A,,AAAAA,,'))).report, []);
    assert.deepEqual(database.rows('SELECT user_id FROM personas'), [{ user_id: 2 }]);
  });
  test('stays active while it has another identity, without the role and hash of the first back end', async () => {
    const database = new Database();
    const seam = (users) => completeDump(seamDump({ roles: [[1, 'admin']], users }));
    const ana = { email: 'ana@x.example' };
    await database.importFile('seam', seam([{ id: 1, roleId: 1, ...ana }, { id: 2 }]));
    await database.importFile('falcon', falcon({ id: 7, username: 'ana', ...ana }), { linkByEmail: true });
    await database.importFile('django', dumpdata({ id: 9, username: 'anita', ...ana }), { linkByEmail: true });
    assert.deepEqual((await database.importFile('seam', seam([{ id: 2 }]), prune)).report, [`users 1: ${PRUNED}`]);
    const account = database.account('falcon', 7);
    assert.deepEqual([account.is_active, account.email, account.role_id], [1, 'ana@x.example', null]);
    await database.importFile('falcon', falcon({ id: 8 }), prune);
    assert.deepEqual(Object.keys(JSON.parse(database.account('django', 9).legacy_password_hashes)), ['django']);
  });
  test('and reappears later is a new account', async () => {
    const database = new Database();
    await database.importFile('falcon', falcon({ id: 1 }, { id: 2 }));
    await database.importFile('falcon', falcon({ id: 1 }), prune);
    assert.deepEqual((await database.importFile('falcon', falcon({ id: 1 }, { id: 2 }))).report, []);
    assert.equal(database.account('falcon', 2).id, 3);
  });
  test('is not confused with a row that was skipped, or that was removed in Perfil', async () => {
    const database = new Database();
    await database.importFile('falcon', falcon({ id: 1 }, { id: 2 }, { id: 3 }));
    database.run("DELETE FROM users WHERE username = 'user3'");
    const before = database.dump();
    const { skipped, report } = await database.importFile(
      'falcon',
      falcon({ id: 1 }, { id: 2, email: 'no address' }),
      prune,
    );
    assert.deepEqual([skipped, report], [['line 3, users 2, email: is not an e-mail address'], []]);
    assert.equal(database.dump(), before);
  });
});

test('a permission that was revoked at the source is reported, and revoked with --prune', async () => {
  const database = new Database();
  const roles = [
    [1, 'admin'],
    [2, 'lector'],
  ];
  const permissions = ['PUT /api/v1/users/:id', 'GET /x', 'get /X'];
  const users = [{ id: 1, roleId: 1 }];
  const seam = (...rights) => completeDump(seamDump({ roles, permissions, rights, users }));
  await database.importFile(
    'seam',
    seam([permissions[0], 1], [permissions[1], 1], [permissions[2], 1], [permissions[1], 2]),
  );
  database.run("INSERT INTO permissionXRole SELECT id, 2 FROM permissions WHERE nameUri = 'PUT /api/personas/me'");
  const revoked = seam([permissions[1], 1]);
  const before = database.dump();
  const gone = (what) => ['1/1', '2/2', '3/1'].map((id) => `permissionXRole ${id}: ${what}`);
  const here = 'roles 2: differs in permissions (PUT /api/personas/me only in Perfil)';
  assert.deepEqual((await database.importFile('seam', revoked)).report, [...gone(GONE), here]);
  assert.equal(database.dump(), before);
  assert.deepEqual((await database.importFile('seam', revoked, prune)).report, [...gone(PRUNED), here]);
  assert.deepEqual(database.roles(), [
    [1, 'admin', null, 'GET /x'],
    [2, 'lector', null, 'PUT /api/personas/me'],
  ]);
  assert.deepEqual((await database.importFile('seam', seam(), prune)).report, [here], 'the dump has no table of links');
  const empty = completeDump(
    seamDump({ roles, permissions, users }),
    'CREATE TABLE permissionXRole (permissionId INT, roleId INT);\n',
  );
  assert.deepEqual((await database.importFile('seam', empty, prune)).report, [`permissionXRole 2/1: ${PRUNED}`, here]);
});

test('a persona that was deleted at the source is reported', async () => {
  const database = new Database();
  await database.importFile('personas', csv('1,,A,A,,AAAAA,,', '2,,B,B,,BBBBB,,'));
  assert.deepEqual((await database.importFile('personas', csv('2,,B,B,,BBBBB,,'))).report, [
    'personas 1: it no longer exists at the source; remove it by hand',
  ]);
});

describe('--prune rejects', () => {
  test('a dump that may be cut off, is empty, or has an invalid id', async () => {
    const { columns } = { columns: '(id, name, email, username, password, salt, created_at, updated_at, image_path)' };
    /** @type {[string, string, RegExp][]} */
    const refusals = [
      ['falcon', falconDump({ id: 1 }), /does not end with mysqldump's last line, so it may be cut off/],
      ['falcon', fixture('seam-compact.sql'), /has no id, name, username/],
      ['seam', fixture('seam-compact.sql'), /does not end with mysqldump's last line/],
      [
        'falcon',
        completeDump(source(`CREATE TABLE users ${columns};\n`)),
        /has no rows of a table users: is --from correct/,
      ],
      ['falcon', falcon({ id: 1 }, { id: 0 }), /a row of .* has an ID that cannot be read/],
      ['django', source('[]'), / has no accounts: /],
      ['personas', csv('1,,A,A,,AAAAA,,'), /--prune is for the accounts of seam, falcon and django/],
    ];
    for (const [from, file, pattern] of refusals)
      await assert.rejects(read(from, file, prune), (error) => error instanceof Trouble && pattern.test(error.message));
    const dump = fs.readFileSync(fixture('falcon.sql'));
    for (const end of [4600, dump.indexOf('-- Dump completed')])
      await assert.rejects(read('falcon', source(dump.subarray(0, end)), prune), Trouble);
  });
  test('a dump that lacks more than half of the accounts', async () => {
    const database = new Database();
    const accounts = Array.from({ length: 30 }, (_, at) => ({ id: at + 1 }));
    await database.importFile('falcon', falcon(...accounts));
    const before = database.dump();
    const { report } = await database.importFile('falcon', falcon(...accounts.slice(0, 14)), prune);
    assert.equal(report.length, 16);
    assert.match(report[0], /^users 15: it no longer exists at the source and was not removed: more than half/);
    assert.equal(database.dump(), before);
    assert.equal((await database.importFile('falcon', falcon(...accounts.slice(0, 15)), prune)).report.length, 15);
    assert.equal(numbers(database, 'falcon').length, 15);
  });
  test('a dump of another schema', async () => {
    const database = new Database();
    const of = (schema, ...accounts) => completeDump(falconDump(...accounts), `USE \`${schema}\`;\n`);
    await database.importFile('falcon', of('falcon', { id: 1 }, { id: 2 }));
    const { report } = await database.importFile('falcon', of('falcon_test', { id: 1 }), prune);
    assert.deepEqual(report, [
      'users 2: it no longer exists at the source and was not removed: ' +
        'the dump is of a different schema than the last one; if it is the right one, import it without --prune first',
    ]);
    assert.deepEqual(numbers(database, 'falcon'), [1, 2]);
    await database.importFile('falcon', of('falcon_test', { id: 1 }));
    await database.importFile('falcon', of('falcon_test', { id: 1 }), prune);
    assert.deepEqual(numbers(database, 'falcon'), [1]);
  });
});
