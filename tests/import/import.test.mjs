// Importing real dumps into the database: complete, repeatedly, after changes, and from several back ends.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { csv, Database, dumpdata, falconDump, fixture, source } from './support.mjs';

const HASH = '$2b$12$dZHa.TniltuagLOuOgA.Gu2Ve0mCIm0YPeDTWY7RizuatJg1Gzfzy';
const BLANK = {
  first_name: '',
  last_name: '',
  number_phone: null,
  image: null,
  image_object: null,
  image_as_sent: null,
  password_hash: null,
  legacy_password_hashes: null,
  role_id: null,
  is_active: 1,
  is_staff: 0,
  is_superuser: 0,
  tokens_valid_after: null,
  last_login: null,
  shown_role: null,
};
const PERSONAS =
  'SELECT id, user_id, nombres, apellidos, telefono, dni, foto_url, created_at, foto_object FROM personas';
const columns = (rows, ...names) => rows.map((row) => names.map((name) => row[name]));

describe('a dump of seam', () => {
  for (const name of ['seam.sql', 'seam-compact.sql']) {
    test(`imports roles, permissions, links and accounts from ${name}`, async () => {
      const database = new Database();
      const { counts, skipped, report, findings } = await database.importFile('seam', fixture(name));
      assert.deepEqual(
        [skipped, counts],
        [
          [],
          {
            roles: { read: 3, written: 3, skipped: 0 },
            permissions: { read: 3, written: 3, skipped: 0 },
            permissionXRole: { read: 4, written: 4, skipped: 0 },
            users: { read: 4, written: 4, skipped: 0 },
          },
        ],
      );
      assert.deepEqual([...findings.others], [['audit', 2]]);
      const { created_at, updated_at, ...nandu } = database.account('seam', 101);
      assert.deepEqual(nandu, {
        ...BLANK,
        id: 1,
        number: 101,
        username: 'seam 101',
        email: 'nandu@example.com',
        full_name: "Ñandú O'Higgins",
        password_hash: HASH,
        role_id: 1,
      });
      assert.ok(Date.parse(created_at) <= Date.now() && created_at === updated_at);
      assert.deepEqual(columns(database.accounts('seam'), 'number', 'full_name', 'role_id', 'is_active'), [
        [101, "Ñandú O'Higgins", 1, 1],
        [102, 'Back\\slash "quoted" 📷', 2, 1],
        [103, 'Semi; colon -- no comment /* nor this */', 5, 0],
        [104, 'Sin Rol', null, 1],
      ]);
      assert.deepEqual(database.roles(), [
        [1, 'Admin', 'Administra todo', 'DELETE /api/v1/users/:id, GET /api/v1/users, PUT /api/v1/users/:id'],
        [2, 'operador', `Opera; "cita" y 'comilla'`, 'GET /api/v1/users'],
        [5, 'lector', null, null],
      ]);
      assert.deepEqual(report, []);
    });
  }
  test('does not restore what was removed in Perfil', async () => {
    const database = new Database();
    await database.importFile('seam', fixture('seam.sql'));
    database.run(
      "DELETE FROM permissionXRole WHERE roleId = 1; DELETE FROM users WHERE email = 'semi@example.com'; " +
        "DELETE FROM roles WHERE name = 'lector'; UPDATE users SET role_id = 2 WHERE email = 'nandu@example.com'; " +
        "UPDATE roles SET name = 'chief' WHERE id = 1",
    );
    const before = database.dump();
    const { report } = await database.importFile('seam', fixture('seam.sql'));
    assert.equal(database.dump(), before);
    assert.deepEqual(report, [
      'roles 1: differs in name (chief in Perfil)',
      'roles 5: it was removed in Perfil and is not imported again',
      'users 101: differs in role_id',
      'users 103: it was removed in Perfil and is not imported again',
    ]);
    assert.deepEqual(database.rows("SELECT base FROM imports WHERE kind = 'users' AND id = 103"), [{ base: '{}' }]);
  });
  test('never restores a password that was changed through Perfil', async () => {
    const database = new Database();
    await database.importFile('seam', fixture('seam.sql'));
    database.run(
      "UPDATE users SET password_hash = '$2b$12$here', tokens_valid_after = 1 WHERE email = 'nandu@example.com'; " +
        "UPDATE users SET password_hash = '$2b$12$old' WHERE email = 'slash@example.com'",
    );
    await database.importFile('seam', fixture('seam.sql'));
    assert.deepEqual(
      [101, 102].map((id) => database.account('seam', id).password_hash),
      ['$2b$12$here', HASH],
    );
  });
  test('skips accounts and links whose role was skipped, and reports them', async () => {
    const { skipped, counts } = await new Database().importFile(
      'seam',
      source(`
      CREATE TABLE roles (idRole INT, roleName VARCHAR(9), description TEXT, PRIMARY KEY (idRole));
      INSERT INTO roles VALUES (1, '', NULL), (2, 'ok', 'fine');
      INSERT INTO permissions (idPermission, nameUri) VALUES (1, 'GET /x');
      INSERT INTO permissionXRole (permissionId, roleId) VALUES (1, 1), (1, 2), (7, 2);
      INSERT INTO users (idUser, full_name, email, password, roleId, isActive) VALUES \
        (1, 'Ana', 'a@x.yz', '${HASH}', 1, 1), (2, 'Bea', 'b@x.yz', '${HASH}', 2, b'1'), \
        (3, 'Cai', 'c@x.yz', '', 3, 0x01), (NOW(), 'Dan', 'd@x.yz', '', NULL, 'yes');
      `),
    );
    assert.deepEqual(skipped, [
      'line 3, roles 1, roleName: has 0 characters, 1 to 200 are allowed',
      'line 5, permissionxrole 1/1, roleId: refers to a row that is not in the dump or was skipped',
      'line 5, permissionxrole 7/2, permissionId: refers to a row that is not in the dump or was skipped',
      'line 6, users 1, roleId: refers to role 1, which is not in the dump or was skipped',
      'line 6, users 3, roleId: refers to role 3, which is not in the dump or was skipped',
      'line 6, users null, idUser: is an expression, not a value',
      'line 6, users null, isActive: is neither 0 nor 1',
    ]);
    assert.deepEqual(counts.users, { read: 4, written: 1, skipped: 3 });
  });
});

describe('a dump of falcon', () => {
  test('imports accounts with their exact hash, their times, and the id of their role [I4]', async () => {
    const database = new Database();
    const { skipped, report, findings } = await database.importFile('falcon', fixture('falcon.sql'));
    assert.deepEqual(
      [skipped, [...findings.others], findings.utc],
      [
        [],
        [
          ['reports', 1],
          ['role', 2],
        ],
        true,
      ],
    );
    assert.deepEqual(database.account('falcon', 201), {
      ...BLANK,
      id: 1,
      number: 201,
      shown_role: 1,
      username: 'jane_doe',
      email: 'jane@falcon.example',
      full_name: "Jane O'Doe",
      created_at: '2025-09-25T12:14:44.000Z',
      updated_at: '2025-10-24T02:30:15.000Z',
      legacy_password_hashes:
        '{"falcon":{"password":"814fbf48aace7b921403b23c971eca71bf279580960b111b5604584951c7118b",' +
        '"salt":"9677838199f12d36f5ee971d49f68abc68282968d696f9091570be6d9b730a07"}}',
    });
    assert.deepEqual(columns(database.accounts('falcon'), 'number', 'full_name', 'image', 'role_id', 'shown_role'), [
      [201, "Jane O'Doe", null, null, 1],
      [202, '改行 二行', 'profile-pictures/202.jpg', null, 1],
      [203, 'Zoë 🦅 "The Falcon" \\o/', "https://cdn.falcon.example/zoe.png?a=1&b='2'", null, 2],
      [204, 'Null Times', null, null, null],
    ]);
    assert.deepEqual(database.rows('SELECT name FROM roles WHERE id > 3'), []);
    assert.deepEqual(report, []);
  });
  const title = 'reports every invalid row by line, id and field, without its values, and imports the others';
  test(title, async () => {
    const database = new Database();
    const { skipped, report, counts, findings } = await database.importFile('falcon', fixture('falcon-bad.sql'));
    const length = (range) => `characters, ${range} are allowed`;
    assert.deepEqual(skipped, [
      'line 23, users 1002, email: is not an e-mail address',
      `line 23, users 1003, username: has 0 ${length('1 to 150')}`,
      `line 23, users 1003, name: has 0 ${length('1 to 255')}`,
      'line 23, users null, id: is not a number from 1 to 9007199254740991',
      'line 23, users 1005, updated_at: is a time that does not exist',
      'line 23, users 1006, name: has control characters',
      'line 23, users null, row: has more or fewer values than the table has columns',
      'line 23, users 1008, name: is an expression, not a value',
      'line 23, users 1009, email: is null',
      'line 24, users 1001, id: is that of an earlier row',
      'line 24, users 1012, name: is not UTF-8',
    ]);
    assert.deepEqual([counts.users, [...findings.unmapped]], [{ read: 13, written: 3, skipped: 10 }, ['users.phone']]);
    assert.deepEqual(report, ['users 1011: email: record 1001 of this source has it, too']);
    assert.deepEqual(columns(database.accounts('falcon'), 'number', 'full_name', 'image'), [
      [1001, 'Good One', null],
      [1013, `Good Three; /* -- '"\``, 'a/very/long/path'],
    ]);
  });
});

describe('the accounts of django', () => {
  for (const name of ['django.json', 'django.sqlite3']) {
    test(`are imported completely from ${name}`, async () => {
      const database = new Database();
      const { skipped, report, findings } = await database.importFile('django', fixture(name));
      assert.deepEqual([skipped, report], [[], []]);
      assert.deepEqual(
        [...findings.others],
        name.endsWith('json')
          ? [
              ['auth.permission', 24],
              ['contenttypes.contenttype', 6],
            ]
          : [],
      );
      assert.deepEqual(database.account('django', 301), {
        ...BLANK,
        id: 1,
        number: 301,
        username: 'dora',
        email: 'dora@django.example',
        full_name: '',
        first_name: 'Dora',
        last_name: "O'Neil",
        number_phone: '5559876543',
        image: 'avatars/dora.jpg',
        image_object: 'avatars/dora.jpg',
        created_at: '2024-02-01T08:15:30.123Z',
        updated_at: '2024-02-01T08:15:30.123Z',
        last_login: '2024-03-10T11:45:22.000Z',
        legacy_password_hashes: database.account('django', 301).legacy_password_hashes,
      });
      const { django } = JSON.parse(database.account('django', 301).legacy_password_hashes);
      assert.match(django, /^pbkdf2_sha256\$1000000\$\w{22}\$[\w+/]{43}=$/);
      assert.deepEqual(
        columns(
          database.accounts('django'),
          'username',
          'first_name',
          'is_active',
          'is_staff',
          'is_superuser',
          'image',
        ),
        [
          ['dora', 'Dora', 1, 0, 0, 'avatars/dora.jpg'],
          ['émile_é', 'Émile 🐍', 1, 1, 1, null],
          ['inactive', '', 0, 0, 0, null],
          ['nopass', '', 1, 0, 0, null],
        ],
      );
      assert.match(JSON.parse(database.account('django', 304).legacy_password_hashes).django, /^!/);
    });
  }
  test('are reported row by row if they are invalid', async () => {
    const { skipped, findings } = await new Database().importFile(
      'django',
      dumpdata(
        { id: 1, email: '' },
        { id: 2, number_phone: '12345678901', last_login: 'yesterday' },
        { id: 3, username: 7 },
        { id: null },
        { id: 5, first_name: '\ud800', is_active: 2 },
        { id: 6, date_joined: '2024-02-01T10:15:30+02:00' },
      ),
    );
    assert.deepEqual(skipped, [
      'record 1, users_users 1, email: has 0 characters, 3 to 200 are allowed',
      'record 2, users_users 2, last_login: is not a time such as 2024-03-01 08:00:00',
      'record 4, users_users null, id: is not a number from 1 to 9007199254740991',
      'record 5, users_users 5, first_name: is not valid Unicode',
      'record 5, users_users 5, is_active: is neither 0 nor 1',
    ]);
    assert.equal(findings.naive, false);
  });
});

describe('a CSV of personas', () => {
  test('imports valid personas, and links them to the accounts with their e-mails', async () => {
    const database = new Database();
    await database.importFile('seam', fixture('seam.sql'));
    await database.importFile('falcon', fixture('falcon.sql'));
    const { skipped, report, counts } = await database.importFile('personas', fixture('personas.csv'));
    assert.deepEqual(skipped, ['line 7, personas null, row: has more or fewer values than the table has columns']);
    assert.deepEqual(counts, { personas: { read: 6, written: 5, skipped: 1 } });
    assert.deepEqual(report, ['personas 16: user_email: no account has it']);
    assert.deepEqual(database.rows(PERSONAS).map(Object.values), [
      [
        11,
        database.account('seam', 101).id,
        'Ñandú',
        'O"Higgins, hijo',
        '+51 987-654-321',
        '10000011',
        'https://cdn.example.com/n.jpg',
        '2024-03-01T08:00:00.000Z',
        null,
      ],
      [12, null, 'Sin', 'Cuenta', null, '10000012', null, '2024-03-02T09:30:00.000Z', null],
      [13, database.account('falcon', 201).id, 'Jane', 'Doe', null, '10000013', null, '2024-03-03T08:00:00.000Z', null],
      [14, null, 'Dos', 'Dos líneas', null, '10000014', null, '2024-03-03T10:00:00.000Z', null],
    ]);
  });
  test('may come from a spreadsheet: byte order mark, semicolons, CRLF, columns in another order', async () => {
    const database = new Database();
    const { skipped, report } = await database.importFile('personas', fixture('personas-spreadsheet.csv'));
    assert.deepEqual([skipped, report], [[], ['personas 11: user_email: no account has it']]);
    assert.deepEqual(database.rows('SELECT id, apellidos, created_at FROM personas').map(Object.values), [
      [12, 'Cuenta', '2024-03-02T09:30:00.000Z'],
    ]);
  });
  test('takes no DNI, no account and no id from another persona', async () => {
    const database = new Database();
    await database.importFile('falcon', falconDump({ id: 1 }));
    await database.importFile('personas', csv('1,user1@falcon.example,A,A,,AAAAA,,', '2,,B,B,,BBBBB,,'));
    const before = database.dump();
    database.run("UPDATE imports SET source = 'earlier' WHERE source = 'personas'");
    const { report } = await database.importFile(
      'personas',
      csv(
        '1,,C,C,,CCCCC,,',
        '3,,D,D,,BBBBB,,',
        '4,USER1@falcon.example,E,E,,EEEEE,,',
        '5,,F,F,,FFFFF,,',
        '6,,G,G,,FFFFF,,',
      ),
    );
    assert.deepEqual(report, [
      'personas 1: persona 1 has another dni in Perfil',
      'personas 3: dni: persona 2 has it',
      'personas 4: user_email: persona 1 has it',
      'personas 6: dni: record 5 of this source has it, too',
    ]);
    database.run('DELETE FROM personas WHERE id = 5');
    assert.equal(database.dump(), before);
  });
});

describe('a second run', () => {
  const all = [
    ['seam', fixture('seam.sql')],
    ['falcon', fixture('falcon.sql')],
    ['django', fixture('django.json')],
    ['personas', fixture('personas.csv')],
  ];
  test('changes nothing if nothing has changed', async () => {
    const database = new Database();
    const first = [];
    for (const [from, file] of all) first.push((await database.importFile(from, file)).report);
    const before = database.dump();
    const ledger = database.rows('SELECT * FROM imports');
    for (const [at, [from, file]] of all.entries())
      assert.deepEqual((await database.importFile(from, file)).report, first[at]);
    assert.equal(database.dump(), before);
    assert.deepEqual(database.rows('SELECT * FROM imports'), ledger);
    assert.deepEqual(
      database.rows(
        "SELECT count(incoming) AS staged, sum(base LIKE '%password%' OR base LIKE '%pbkdf2%' " +
          "OR base LIKE '%$2b$%') AS hashes FROM imports",
      ),
      [{ staged: 0, hashes: 0 }],
    );
  });
  test('keeps changes made in Perfil, otherwise follows the source, and reports differences', async () => {
    const database = new Database();
    await database.importFile('falcon', falconDump({ id: 1 }, { id: 2 }, { id: 3 }));
    database.run(
      "UPDATE users SET email = 'moved@here.example', full_name = 'USER 1' WHERE id = 1; " +
        "UPDATE users SET image = 'here.jpg', password_hash = '$2b$12$here', legacy_password_hashes = NULL, " +
        'tokens_valid_after = 1 WHERE id = 2',
    );
    const { report } = await database.importFile(
      'falcon',
      falconDump(
        { id: 1, email: 'moved@there.example', username: 'renamed', name: 'Renamed', image_path: 'there.jpg' },
        { id: 2, name: 'Renamed', image_path: 'there.jpg', password: 'bb' },
        { id: 3, password: 'bb', updated_at: '2025-02-02 00:00:00' },
      ),
    );
    assert.deepEqual(report, ['users 1: differs in email full_name', 'users 2: differs in image']);
    assert.deepEqual(
      columns(
        database.rows('SELECT * FROM users'),
        'id',
        'email',
        'username',
        'full_name',
        'image',
        'password_hash',
        'legacy_password_hashes',
        'updated_at',
      ),
      [
        [
          1,
          'moved@here.example',
          'renamed',
          'USER 1',
          'there.jpg',
          null,
          '{"falcon":{"password":"aa","salt":"ss"}}',
          '2025-01-01T00:00:00.000Z',
        ],
        [2, 'user2@falcon.example', 'user2', 'Renamed', 'here.jpg', '$2b$12$here', null, '2025-01-01T00:00:00.000Z'],
        [
          3,
          'user3@falcon.example',
          'user3',
          'User 3',
          null,
          null,
          '{"falcon":{"password":"bb","salt":"ss"}}',
          '2025-02-02T00:00:00.000Z',
        ],
      ],
    );
  });
  test('of personas does the same', async () => {
    const database = new Database();
    await database.importFile('falcon', falconDump({ id: 1 }, { id: 2 }));
    await database.importFile(
      'personas',
      csv('1,user1@falcon.example,A,A,+123456,AAAAA,,', '2,user2@falcon.example,B,B,,BBBBB,,'),
    );
    database.run(
      'UPDATE personas SET telefono = NULL, user_id = NULL WHERE id = 1; ' +
        "UPDATE users SET email = 'moved@here.example' WHERE id = 2",
    );
    const { report } = await database.importFile(
      'personas',
      csv('1,user1@falcon.example,AA,A,+654321,AAAAA,,', '2,user2@falcon.example,BB,B,,BBBBB,,'),
    );
    assert.deepEqual(report, ['personas 1: differs in telefono user_email', 'personas 2: differs in user_email']);
    assert.deepEqual(columns(database.rows('SELECT * FROM personas'), 'id', 'user_id', 'nombres', 'telefono'), [
      [1, null, 'AA', null],
      [2, 2, 'BB', null],
    ]);
  });
  test('imports records that could not be imported before, once the reason is gone', async () => {
    const database = new Database();
    database.run("INSERT INTO users (id, username, email) VALUES (9, 'user1', 'nine@here.example')");
    assert.deepEqual((await database.importFile('falcon', falconDump({ id: 1 }))).report, [
      'users 1: username: an account of no back end has it',
    ]);
    database.run('DELETE FROM users WHERE id = 9');
    assert.deepEqual((await database.importFile('falcon', falconDump({ id: 1 }))).report, []);
    assert.equal(database.account('falcon', 1).username, 'user1');
  });
  test('never gives an account the id of a removed one [I1]', async () => {
    const database = new Database();
    await database.importFile('falcon', falconDump({ id: 7 }, { id: 8 }, { id: 9 }));
    database.run("DELETE FROM users WHERE username IN ('user8', 'user9')");
    await database.importFile('falcon', falconDump({ id: 10 }, { id: 11 }));
    assert.deepEqual(columns(database.accounts('falcon'), 'number', 'id'), [
      [7, 1],
      [10, 4],
      [11, 5],
    ]);
    assert.deepEqual(database.rows("SELECT id, target FROM imports WHERE kind = 'users' AND base <> '{}'"), [
      { id: 7, target: 1 },
      { id: 10, target: 4 },
      { id: 11, target: 5 },
    ]);
  });
});

describe('two back ends', () => {
  test('make one account of one person with --link-by-email, in any order', async () => {
    const person = { email: 'Ana@x.example', username: 'ana', created_at: '2025-03-01T00:00:00.000Z' };
    const sources = {
      seam: source(
        'INSERT INTO users (idUser, full_name, email, password, roleId, isActive) ' +
          `VALUES (7, 'Ana', 'ana@x.example', '${HASH}', NULL, 1);`,
      ),
      falcon: falconDump({
        id: 8,
        name: 'Ana',
        email: person.email,
        username: 'ana',
        image_path: 'profile-pictures/default.jpg',
        role_id: null,
        created_at: '2025-03-01 00:00:00',
      }),
      django: dumpdata({
        id: 9,
        email: 'ana@x.example',
        username: 'ana',
        first_name: 'Ana',
        avatar: 'avatars/ana.png',
        date_joined: '2024-01-01T00:00:00Z',
        is_active: false,
        is_staff: true,
      }),
    };
    const orders = [
      ['seam', 'falcon', 'django'],
      ['seam', 'django', 'falcon'],
      ['falcon', 'seam', 'django'],
      ['falcon', 'django', 'seam'],
      ['django', 'seam', 'falcon'],
      ['django', 'falcon', 'seam'],
    ];
    for (const order of orders) {
      const database = new Database();
      for (const from of order)
        assert.deepEqual((await database.importFile(from, sources[from], { linkByEmail: true })).skipped, []);
      assert.deepEqual(database.rows('SELECT back_end, id, account_id FROM identities').map(Object.values), [
        ['django', 9, 1],
        ['falcon', 8, 1],
        ['seam', 7, 1],
      ]);
      const { email, updated_at, ...ana } = database.account('seam', 7);
      assert.equal(email.toLowerCase(), 'ana@x.example');
      assert.ok(updated_at);
      assert.deepEqual(
        { ...ana, legacy_password_hashes: JSON.parse(ana.legacy_password_hashes) },
        {
          ...BLANK,
          id: 1,
          number: 7,
          username: 'ana',
          full_name: 'Ana',
          first_name: 'Ana',
          image: 'avatars/ana.png',
          image_object: 'avatars/ana.png',
          created_at: '2024-01-01T00:00:00.000Z',
          is_active: 0,
          is_staff: 1,
          password_hash: HASH,
          legacy_password_hashes: { falcon: { password: 'aa', salt: 'ss' }, django: 'pbkdf2_sha256$1$salt$9' },
        },
        order.join(),
      );
      const before = database.dump();
      for (const from of order) await database.importFile(from, sources[from]);
      assert.equal(database.dump(), before, order.join());
    }
  });
  test('make one account only with --link-by-email; otherwise the second is skipped [I5]', async () => {
    const database = new Database();
    await database.importFile('seam', fixture('seam.sql'));
    const before = database.dump();
    // An attacker registered the address of seam's administrator at falcon, where it was not confirmed.
    const mallory = falconDump({ id: 101, email: 'NANDU@example.com', username: 'mallory' });
    assert.deepEqual((await database.importFile('falcon', mallory)).report, ['users 101: email: seam 101 has it']);
    assert.equal(database.dump(), before);
    assert.deepEqual((await database.importFile('falcon', mallory, { linkByEmail: true })).report, [
      'users 101: differs in email full_name',
    ]);
    assert.equal(database.account('falcon', 101).id, database.account('seam', 101).id);
    const another = falconDump(
      { id: 101, email: 'nandu@example.com', username: 'mallory' },
      { id: 102, email: 'nandu@example.com', username: 'eve' },
    );
    assert.deepEqual((await database.importFile('falcon', another, { linkByEmail: true })).report, [
      'users 101: differs in full_name',
      'users 102: email: falcon 101, seam 101 has it',
    ]);
  });
  test('are not linked by an address that was changed in Perfil, for which no back end vouches [I5]', async () => {
    const database = new Database();
    await database.importFile('falcon', falconDump({ id: 1, username: 'mallory' }));
    database.run("UPDATE users SET email = 'nandu@example.com'");
    const { report } = await database.importFile('seam', fixture('seam.sql'), { linkByEmail: true });
    assert.deepEqual(report, ['users 101: email: falcon 1 has it']);
    assert.equal(database.account('seam', 101), undefined);
  });
  test('keep an account inactive until it is active in both', async () => {
    const seam = (active) =>
      source(
        'INSERT INTO users (idUser, full_name, email, password, roleId, isActive) ' +
          `VALUES (7, 'Ana', 'ana@x.example', '${HASH}', NULL, ${active});`,
      );
    const django = (active) => dumpdata({ id: 9, email: 'ana@x.example', username: 'ana', is_active: active === 1 });
    const database = new Database();
    /** @type {['seam' | 'django', number, number][]} */
    const runs = [
      ['seam', 1, 1],
      ['django', 0, 0],
      ['seam', 0, 0],
      ['seam', 1, 0],
      ['seam', 0, 0],
      ['django', 1, 0],
      ['seam', 1, 1],
      ['django', 0, 0],
      ['django', 1, 1],
    ];
    for (const [from, active, expected] of runs) {
      await database.importFile(from, { seam, django }[from](active), { linkByEmail: true });
      assert.equal(database.account('seam', 7).is_active, expected, `${from} has ${active}`);
    }
  });
  test('keep the value of the first if they differ, and the difference is reported', async () => {
    const database = new Database();
    await database.importFile(
      'falcon',
      falconDump({ id: 1, email: 'a@x.example', username: 'ana', image_path: 'mine.jpg' }),
    );
    const { report } = await database.importFile(
      'django',
      dumpdata({ id: 3, email: 'A@x.example', username: 'anita', avatar: 'avatars/a.jpg' }),
      { linkByEmail: true },
    );
    assert.deepEqual(report, ['users 3: differs in username email image']);
    assert.deepEqual(columns([database.account('django', 3)], 'username', 'email', 'image'), [
      ['ana', 'a@x.example', 'mine.jpg'],
    ]);
  });
  test('may use the same ids for different people, in any order and repeatedly [N2]', async () => {
    const people = [1, 2, 3].map((id) => ({ id }));
    const sources = {
      seam: source(
        'INSERT INTO users (idUser, full_name, email, password, roleId, isActive) VALUES ' +
          `${people.map(({ id }) => `(${id}, 'Seam', 'user${id}@seam.example', '', NULL, 1)`)};`,
      ),
      falcon: falconDump(...people.map(({ id }) => ({ id, username: `falcon${id}` }))),
      django: dumpdata(...people.map(({ id }) => ({ id, username: `django${id}` }))),
    };
    for (const order of [
      ['seam', 'falcon', 'django'],
      ['django', 'falcon', 'seam'],
      ['falcon', 'seam', 'django'],
    ]) {
      const database = new Database();
      for (const from of [...order, ...order])
        assert.deepEqual((await database.importFile(from, sources[from])).report, []);
      for (const from of order)
        assert.deepEqual(
          columns(database.accounts(from), 'number', 'email'),
          people.map(({ id }) => [id, `user${id}@${from}.example`]),
        );
      assert.equal(new Set(database.rows('SELECT account_id FROM identities').flatMap(Object.values)).size, 9);
    }
  });
  test('never touch another person: an e-mail or a user name of two people is reported, row by row', async () => {
    const database = new Database();
    await database.importFile(
      'falcon',
      falconDump(
        { id: 1, email: 'one@x.example', username: 'one' },
        { id: 2, email: 'two@x.example', username: 'two' },
      ),
    );
    const before = database.dump();
    const { report } = await database.importFile(
      'django',
      dumpdata(
        { id: 12, email: 'TWO@x.example' },
        { id: 13, username: 'ONE' },
        { id: 14, username: 'dup' },
        { id: 15, username: 'DUP' },
      ),
    );
    assert.deepEqual(report, [
      'users 12: email: falcon 2 has it',
      'users 13: username: falcon 1 has it',
      'users 15: username: record 14 of this source has it, too',
    ]);
    database.run("DELETE FROM users WHERE username = 'dup'");
    assert.equal(database.dump(), before);
  });
});

test('an account that got an id without an import only counts as the person with its e-mail', async () => {
  const database = new Database();
  database.run(
    "INSERT INTO users (id, username, email) VALUES (5, 'one', 'one@x.example'), (6, 'two', 'two@x.example'); " +
      "INSERT INTO identities (back_end, id, account_id) SELECT 'django', id - 4, id FROM users",
  );
  const { report } = await database.importFile(
    'django',
    dumpdata({ id: 1, email: 'ONE@x.example', username: 'uno', first_name: 'One' }, { id: 2 }),
  );
  assert.deepEqual(report, [
    'users 1: differs in username email',
    'users 2: django 2 has another e-mail address in Perfil',
  ]);
  assert.deepEqual(columns(database.accounts('django'), 'id', 'number', 'username', 'first_name'), [
    [5, 1, 'one', 'One'],
    [6, 2, 'two', ''],
  ]);
});

test('a picture or a telephone number that breaks its rule is left empty, and reported', async () => {
  const database = new Database();
  const { skipped, report } = await database.importFile(
    'falcon',
    falconDump({ id: 1, image_path: 'C:\\\\me.png' }, { id: 2, image_path: '/path/to/image.jpg' }),
  );
  assert.deepEqual(
    [skipped, report],
    [[], ['users 1: differs in image_path (left empty: is neither a path nor an http(s) URL)']],
  );
  assert.deepEqual(
    database.accounts('falcon').map(({ image }) => image),
    [null, '/path/to/image.jpg'],
  );
  const personas = csv('1,,A,A,none,AAAAA,ftp://x.y/z,', '2,,B,B,+51 987-654-321,BBBBB,,');
  assert.deepEqual((await database.importFile('personas', personas)).report, [
    'personas 1: differs in telefono (left empty: is not a telephone number of 6 to 15 digits) ' +
      'foto_url (left empty: is not an http(s) URL)',
  ]);
});

test('a picture of django that cannot be served under its name is left empty, and reported [N4 M4]', async () => {
  const database = new Database();
  const names = ['IMG_0001.JPG', 'a/b-1.webp', 'fotó.png', 'a b.png', 'a.jfif', 'a.bmp', '../a.png'];
  const accounts = names.map((name, at) => ({ id: at + 1, avatar: `avatars/${name}` }));
  const { skipped, report } = await database.importFile(
    'django',
    dumpdata(...accounts, { id: 8, avatar: 'photos/a.png' }),
  );
  const why = 'avatar (left empty: is not avatars/….jpg, .jpeg, .png, .gif or .webp in letters, digits and ._-)';
  assert.deepEqual([skipped, report], [[], [3, 4, 5, 6, 7, 8].map((id) => `users ${id}: differs in ${why}`)]);
  assert.deepEqual(
    database.accounts('django').map(({ image }) => image),
    ['avatars/IMG_0001.JPG', 'avatars/a/b-1.webp', null, null, null, null, null, null],
  );
});

test('the report is one list: how many were imported, which were not and what to do, what differs [N2]', async () => {
  const database = new Database();
  await database.importFile('seam', fixture('seam.sql'));
  const { list } = await database.importFile(
    'falcon',
    falconDump(
      { id: 1 },
      { id: 2, email: 'no address', username: '' },
      { id: 0 },
      { id: 10, email: 'Nandu@example.com' },
      { id: 9, username: 'USER1' },
      { id: 1, username: 'again' },
    ),
  );
  assert.deepEqual(list, [
    '1 landed: users: 1',
    '2 to do: users 2: line 3 was skipped: username has 0 characters, 1 to 150 are allowed, ' +
      'email is not an e-mail address; correct it at the source, and import again',
    '2 to do: users 9: username: record 1 of this source has it, too; change it for one of the two, and import again',
    '2 to do: users 10: email: seam 101 has it; if both are one person, import with --link-by-email; ' +
      'if not, change it for one of the two, and import again',
    '2 to do: users line 3: line 3 was skipped: id is not a number from 1 to 9007199254740991; ' +
      'correct it at the source, and import again; line 3 was skipped: id is that of an earlier row; ' +
      'correct it at the source, and import again',
  ]);
  const names = database.account('falcon', 1);
  database.run(`UPDATE users SET full_name = 'Here' WHERE id = ${names.id}`);
  assert.deepEqual((await database.importFile('falcon', falconDump({ id: 1, name: 'There' }))).list, [
    '1 landed: users: 1',
    '3 differs: users 1: full_name',
  ]);
});
