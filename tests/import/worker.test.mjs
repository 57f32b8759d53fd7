// End to end: a dump, the command, D1, and the worker with tokens of the old login services.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { root } from '../support/project.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';
import { csv, dumpdata, falconDump, fixture, folder, source } from './support.mjs';
import { empty, importInto } from './worker.mjs';

/** @type {[string, string, object?][]} */
const SOURCES = [
  ['seam', 'seam.sql'],
  ['falcon', 'falcon.sql'],
  ['django', 'django.json'],
  ['personas', 'personas.csv', { grants: ['admin'] }],
];

describe('imported accounts', () => {
  let worker;
  const importFile = (from, file, options) => importInto(worker, from, file, options);
  before(async () => {
    worker = await startWorker();
    await empty(worker);
    for (const [from, file, options] of SOURCES) await importFile(from, fixture(file), options);
  });
  after(() => worker?.stop());
  const put = async (id, layout, target, json) => worker.put(target, { token: await token(id, { layout }), json });

  test('add no row to the change feed [C1]', async () => {
    assert.deepEqual(await worker.sql('SELECT count(*) AS count FROM changes'), [{ count: 0 }]);
  });
  test('work in seam, with the permissions of the imported role', async () => {
    const { status, json } = await put(101, 'seam', '/api/v1/users/102', { full_name: 'Back\\slash' });
    assert.deepEqual(
      [status, json.data],
      [
        200,
        {
          idUser: 102,
          full_name: 'Back\\slash',
          email: 'slash@example.com',
          roleId: 2,
          roleName: 'operador',
          roleDescription: `Opera; "cita" y 'comilla'`,
        },
      ],
    );
    const again = await put(101, 'seam', '/api/v1/users/102', { roleId: json.data.roleId });
    assert.deepEqual([again.status, again.json], [200, json], 'a form that sends back the roleId changes nothing');
    assert.equal((await put(102, 'seam', '/api/v1/users/101', {})).status, 403);
    assert.equal((await put(103, 'seam', '/api/v1/users/101', {})).status, 401, 'the account was not active');
  });
  test('work in falcon', async () => {
    const { status, json } = await put(203, 'falcon', '/users', { username: 'zoe.falcon' });
    assert.deepEqual(
      [status, { ...json, updated_at: null }],
      [
        200,
        {
          id: '203',
          email: 'zoe@falcon.example',
          name: 'Zoë 🦅 "The Falcon" \\o/',
          username: 'zoe.falcon',
          password: '[redacted]',
          salt: '[redacted]',
          image_path: "https://cdn.falcon.example/zoe.png?a=1&b='2'",
          role_id: 2,
          created_at: '2025-01-01T00:00:00.000Z',
          updated_at: null,
        },
      ],
    );
    assert.equal((await put(203, 'falcon', '/api/v1/users/101', {})).status, 403, "falcon's admin role is not seam's");
    assert.equal(
      (await put(101, 'falcon', '/users', { name: 'Ana' })).status,
      401,
      "seam's 101 has no identity in falcon",
    );
  });
  test('work in django', async () => {
    const { status, json } = await put(301, 'django', '/api/profile/301/update/', { number_phone: '123' });
    assert.deepEqual(
      [status, json],
      [
        200,
        {
          id: 301,
          username: 'dora',
          email: 'dora@django.example',
          first_name: 'Dora',
          last_name: "O'Neil",
          number_phone: '123',
          avatar: '/media/avatars/dora.jpg',
          date_joined: '2024-02-01T08:15:30.123Z',
          last_login: '2024-03-10T11:45:22Z',
          is_active: true,
          is_staff: false,
          is_superuser: false,
        },
      ],
    );
  });
  test('work in personas', async () => {
    const { status, json } = await put(101, 'seam', '/api/personas/me', { telefono: null });
    assert.deepEqual(
      [status, json],
      [
        200,
        {
          id: 11,
          nombres: 'Ñandú',
          apellidos: 'O"Higgins, hijo',
          telefono: null,
          dni: '10000011',
          foto_url: 'https://cdn.example.com/n.jpg',
          created_at: '2024-03-01T08:00:00.000Z',
        },
      ],
    );
  });
  const title =
    'lose their imported hashes with a new password, and a second run neither restores them nor undoes a change';
  test(title, async () => {
    const hashes = async (email) =>
      (await worker.sql('SELECT password_hash, legacy_password_hashes AS legacy FROM users WHERE email = ?', email))[0];
    await importFile('falcon', falconDump({ id: 7, email: 'slash@example.com' }), { linkByEmail: true });
    assert.ok((await hashes('slash@example.com')).legacy);
    assert.equal((await put(101, 'seam', '/api/v1/users/102', { password: 'a new password' })).status, 200);
    const changed = await hashes('slash@example.com');
    assert.ok(changed.legacy === null && bcrypt.compareSync('a new password', changed.password_hash));
    await importFile('falcon', fixture('falcon.sql'));
    const before = await worker.dump();
    await importFile('falcon', falconDump({ id: 7, email: 'slash@example.com' }), { linkByEmail: true });
    const differs = await importFile('falcon', fixture('falcon.sql'));
    assert.deepEqual(differs.slice(1), [
      { part: '2 to do', record: 'users 7', what: 'it no longer exists at the source; --prune removes it from Perfil' },
      { part: '3 differs', record: 'users 203', what: 'username' },
    ]);
    for (const [from, file, options] of SOURCES) await importFile(from, fixture(file), options);
    assert.equal(await worker.dump(), before);
  });
});

describe('pruned accounts', () => {
  test('no longer exist, and a new registration with the same e-mail is another account [N3]', async (t) => {
    const worker = await startWorker();
    t.after(() => worker.stop());
    await empty(worker);
    const ana = { email: 'ana@x.example', username: 'ana', first_name: 'Ana', last_name: 'A' };
    await importInto(worker, 'django', dumpdata({ id: 1, ...ana }, { id: 2, first_name: 'Bea', last_name: 'B' }));
    await importInto(worker, 'personas', csv('1,ana@x.example,Ana,A,,AAAAA,,'));
    const put = async (id) =>
      worker.put(`/api/profile/${id}/update/`, { token: await token(id, { layout: 'django' }), json: {} });
    assert.equal((await put(1)).status, 200);
    const dump = dumpdata({ id: 3, ...ana }, { id: 2, first_name: 'Bea', last_name: 'B' });
    assert.deepEqual(await importInto(worker, 'django', dump, { prune: true }), [
      { part: '1 landed', record: 'users', what: '2' },
      { part: '4 also done', record: 'users 1', what: 'it no longer exists at the source and was removed' },
    ]);
    const [gone, kept, anew] = [await put(1), await put(2), await put(3)];
    assert.deepEqual([gone.status, kept.status, anew.status], [401, 200, 200]);
    assert.deepEqual([anew.json.id, anew.json.email], [3, 'ana@x.example']);
    assert.deepEqual(await worker.sql('SELECT user_id FROM personas'), [{ user_id: null }]);
  });
});

describe('npm run import', () => {
  const environment = {
    ...process.env,
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
  };
  const state = path.join(folder, 'state');
  const out = fs.mkdtempSync(path.join(folder, 'out-'));
  const program = (args) => spawnSync(process.execPath, args, { cwd: root, env: environment, encoding: 'utf8' });
  const command = (...args) => program(['scripts/import.mjs', ...args]);
  const wrangler = (...args) => {
    const { status, stdout, stderr } = program([
      'node_modules/wrangler/bin/wrangler.js',
      'd1',
      ...args,
      '--local',
      '--persist-to',
      state,
    ]);
    assert.equal(status, 0, stderr + stdout);
    return stdout;
  };
  const ask = (...queries) =>
    JSON.parse(wrangler('execute', 'DB', '--json', '--command', queries.join(';'))).map(({ results }) => results);

  test('writes files that the printed commands import, twice', () => {
    const { status, stdout } = command('--from', 'falcon', fixture('falcon-bad.sql'), '--out', out);
    assert.equal(status, 1, 'rows were skipped');
    assert.match(stdout, /^skipped: line 23, users 1002, email: is not an e-mail address$/m);
    assert.match(stdout, /^ {2}users: 13 read, 3 written, 10 skipped$/m);
    for (const secret of ['good@falcon', 'Good', 'no-address', "'aa'", 'salt'])
      assert.ok(!stdout.includes(secret), secret);
    const line = (where) =>
      stdout.match(new RegExp(`^npx wrangler d1 execute DB --${where} --yes --file (.*)$`, 'm'))[1];
    assert.equal(line('local'), line('remote'));
    const file = path.resolve(root, line('local'));
    assert.deepEqual(fs.readdirSync(out), [path.basename(file)]);
    assert.equal(fs.statSync(file).mode & 0o077, 0);
    wrangler('migrations', 'apply', 'DB');
    for (const reason of ['record 1001 of this source', 'falcon 1001']) {
      wrangler('execute', 'DB', '--yes', '--file', file);
      const [accounts, list] = ask(
        'SELECT n.id, username, full_name FROM identities n JOIN users ON users.id = account_id',
        stdout.match(/--local --command "(.*)"$/m)[1],
      );
      assert.deepEqual(accounts, [
        { id: 1001, username: 'good', full_name: 'Good One' },
        { id: 1013, username: 'three', full_name: `Good Three; /* -- '"\`` },
      ]);
      assert.equal(list.length, 11);
      assert.deepEqual(list[0], { part: '1 landed', record: 'users', what: '2' });
      assert.match(list.find(({ record }) => record === 'users 1011').what, new RegExp(`^email: ${reason} has it`));
    }
  });
  const USAGE = /usage: npm run import/;
  test('writes nothing if a source is not as expected, and reports it in one line', () => {
    /** @type {[string[], RegExp][]} */
    const refusals = [
      [['--from', 'seam', fixture('falcon.sql')], /no idUser, full_name, roleId, isActive: is --from correct/],
      [['--from', 'falcon', fixture('personas.csv')], / has no rows of a table users: /],
      [
        ['--from', 'django', fixture('falcon.sql')],
        /is neither a SQLite file nor the complete JSON of `manage.py dumpdata`/,
      ],
      [
        ['--from', 'personas', fixture('django.json')],
        /cannot be read as CSV, line 1: INVALID_OPENING_QUOTE; nothing was written/,
      ],
      [['--from', 'personas', source('a,b\n1,2\n')], /the header in .* has no id, user_email/],
      [
        [
          '--from',
          'personas',
          source(
            Buffer.from(
              'id,user_email,nombres,apellidos,telefono,dni,foto_url,created_at\n1,,Mar\xeda,A,,AAAAA,,\n',
              'latin1',
            ),
          ),
        ],
        /is not UTF-8/,
      ],
      [
        ['--from', 'django', source(fs.readFileSync(fixture('django.json')).subarray(0, 4000))],
        /nor the complete JSON of `manage.py dumpdata`; nothing was written/,
      ],
      [
        ['--from', 'falcon', source(fs.readFileSync(fixture('falcon.sql')).subarray(0, 4000))],
        /line \d+ of the dump .*; nothing was written/,
      ],
      [['--from', 'falcon', 'nowhere.sql'], /the file .*nowhere\.sql does not exist/],
      [['--from', 'nobody', 'x'], USAGE],
      [['--from', 'falcon'], USAGE],
      [['--from', 'personas', fixture('personas.csv'), '--prune'], USAGE],
      [['--from', 'personas', fixture('personas.csv'), '--grant', 'admin,'], USAGE],
      [['--from', 'falcon', root], /is a folder/],
    ];
    for (const [args, pattern] of refusals) {
      const before = fs.readdirSync(out);
      const { status, stdout, stderr } = command(...args, '--out', out);
      assert.equal(status, 1);
      assert.match(stderr, pattern === USAGE ? /^perfil: usage: / : /^perfil: [^\n]*\n$/);
      assert.match(stderr, pattern);
      assert.equal(stdout, '');
      assert.deepEqual(fs.readdirSync(out), before);
    }
  });
});
