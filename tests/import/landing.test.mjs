// What becomes of real dumps in the database: whole, once, twice, after changes, and of several back ends.
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
};
const PERSONAS =
  'SELECT id, user_id, nombres, apellidos, telefono, dni, foto_url, created_at, foto_object FROM personas';
const columns = (rows, ...names) => rows.map((row) => names.map((name) => row[name]));

describe('a dump of seam', () => {
  for (const name of ['seam.sql', 'seam-compact.sql']) {
    test(`brings roles, permissions, links and accounts from ${name}`, async () => {
      const database = new Database();
      const { counts, leftOut, report, told } = await database.bring('seam', fixture(name));
      assert.deepEqual(
        [leftOut, counts],
        [
          [],
          {
            roles: { read: 3, written: 3, leftOut: 0 },
            permissions: { read: 3, written: 3, leftOut: 0 },
            permissionXRole: { read: 4, written: 4, leftOut: 0 },
            users: { read: 4, written: 4, leftOut: 0 },
          },
        ],
      );
      assert.deepEqual([...told.others], [['audit', 2]]);
      const { created_at, updated_at, ...nandu } = database.user(101);
      assert.deepEqual(nandu, {
        ...BLANK,
        id: 101,
        username: 'seam_101',
        email: 'nandu@example.com',
        full_name: "Ñandú O'Higgins",
        password_hash: HASH,
        role_id: 1,
      });
      assert.ok(Date.parse(created_at) <= Date.now() && created_at === updated_at);
      assert.deepEqual(columns(database.rows('SELECT * FROM users'), 'id', 'full_name', 'role_id', 'is_active'), [
        [101, "Ñandú O'Higgins", 1, 1],
        [102, 'Back\\slash "quoted" 📷', 4, 1],
        [103, 'Semi; colon -- no comment /* nor this */', 5, 0],
        [104, 'Sin Rol', null, 1],
      ]);
      assert.deepEqual(database.rows('SELECT * FROM roles WHERE id > 3'), [
        { id: 4, name: 'operador', description: `Opera; "cita" y 'comilla'` },
        { id: 5, name: 'lector', description: null },
      ]);
      assert.deepEqual(
        database
          .rows(
            'SELECT nameUri, r.name FROM permissionXRole x JOIN permissions p ON p.id = permissionId ' +
              "JOIN roles r ON r.id = roleId WHERE nameUri NOT LIKE '%personas%' ORDER BY 1, 2",
          )
          .map(Object.values),
        [
          ['DELETE /api/v1/users/:id', 'admin'],
          ['GET /api/v1/users', 'admin'],
          ['GET /api/v1/users', 'operador'],
          ['PUT /api/v1/users/:id', 'admin'],
        ],
      );
      assert.deepEqual(report, [
        'permissions 2: differs in id (4 here)',
        'permissions 3: differs in id (5 here)',
        'roles 2: differs in id (4 here)',
      ]);
    });
  }
  test('gives nothing back that was taken away here', async () => {
    const database = new Database();
    await database.bring('seam', fixture('seam.sql'));
    database.run(
      'DELETE FROM permissionXRole WHERE roleId = 1; DELETE FROM users WHERE id = 103; ' +
        "DELETE FROM roles WHERE name = 'lector'; UPDATE users SET role_id = 2 WHERE id = 101; " +
        "UPDATE roles SET name = 'chief' WHERE id = 1",
    );
    const before = database.dump();
    const { report } = await database.bring('seam', fixture('seam.sql'));
    assert.equal(database.dump(), before);
    assert.deepEqual(report.slice(3), [
      'users 101: differs in role_id',
      'users 103: id: it was removed here since, and is not brought back',
    ]);
    assert.deepEqual(database.rows("SELECT base FROM imports WHERE kind = 'users' AND id = 103"), [{ base: '{}' }]);
  });
  test('never brings a password back that was changed here', async () => {
    const database = new Database();
    await database.bring('seam', fixture('seam.sql'));
    database.run(
      "UPDATE users SET password_hash = '$2b$12$here', tokens_valid_after = 1 WHERE id = 101; " +
        "UPDATE users SET password_hash = '$2b$12$old' WHERE id = 102",
    );
    await database.bring('seam', fixture('seam.sql'));
    assert.deepEqual(
      [101, 102].map((id) => database.user(id).password_hash),
      ['$2b$12$here', HASH],
    );
  });
  test('leaves out an account or a link whose role is left out, and says so', async () => {
    const { leftOut, counts } = await new Database().bring(
      'seam',
      source(`
      CREATE TABLE roles (idRole INT, roleName VARCHAR(9), description TEXT, PRIMARY KEY (idRole));
      INSERT INTO roles VALUES (1, '', NULL), (2, 'ok', 'fine');
      INSERT INTO permissions (idPermission, nameUri) VALUES (1, 'GET /x');
      INSERT INTO permissionXRole (permissionId, roleId) VALUES (1, 1), (1, 2), (7, 2);
      INSERT INTO users (idUser, full_name, email, password, roleId, isActive) VALUES \
        (1, 'A', 'a@x.y', '${HASH}', 1, 1), (2, 'B', 'b@x.y', '${HASH}', 2, b'1'), \
        (3, 'C', 'c@x.y', '', 3, 0x01), (NOW(), 'D', 'd@x.y', '', NULL, 'yes');
      `),
    );
    assert.deepEqual(leftOut, [
      'line 3, roles 1, roleName: has 0 characters, 1 to 200 are allowed',
      'line 5, permissionxrole 1/1, roleId: names a row that is not in the dump, or was left out',
      'line 5, permissionxrole 7/2, permissionId: names a row that is not in the dump, or was left out',
      'line 6, users 1, roleId: names role 1, which is not in the dump, or was left out',
      'line 6, users 3, roleId: names role 3, which is not in the dump, or was left out',
      'line 6, users null, idUser: is an expression, not a value',
      'line 6, users null, isActive: is neither 0 nor 1',
    ]);
    assert.deepEqual(counts.users, { read: 4, written: 1, leftOut: 3 });
  });
});

describe('a dump of falcon', () => {
  test('brings accounts with their hash verbatim and their times, and roles that hold nothing', async () => {
    const database = new Database();
    const { leftOut, report, told } = await database.bring('falcon', fixture('falcon.sql'));
    assert.deepEqual([leftOut, [...told.others], told.utc], [[], [['reports', 1]], true]);
    assert.deepEqual(database.user(201), {
      ...BLANK,
      id: 201,
      username: 'jane_doe',
      email: 'jane@falcon.example',
      full_name: "Jane O'Doe",
      role_id: 4,
      created_at: '2025-09-25T12:14:44.000Z',
      updated_at: '2025-10-24T02:30:15.000Z',
      legacy_password_hashes:
        '{"falcon":{"password":"814fbf48aace7b921403b23c971eca71bf279580960b111b5604584951c7118b",' +
        '"salt":"9677838199f12d36f5ee971d49f68abc68282968d696f9091570be6d9b730a07"}}',
    });
    assert.deepEqual(columns(database.rows('SELECT * FROM users'), 'id', 'full_name', 'image', 'role_id'), [
      [201, "Jane O'Doe", null, 4],
      [202, '改行 二行', 'profile-pictures/202.jpg', 4],
      [203, 'Zoë 🦅 "The Falcon" \\o/', "https://cdn.falcon.example/zoe.png?a=1&b='2'", 5],
      [204, 'Null Times', null, null],
    ]);
    assert.deepEqual(
      database.rows(
        'SELECT name, (SELECT count(*) FROM permissionXRole WHERE roleId = roles.id) AS held FROM roles WHERE id > 3',
      ),
      [
        { name: 'falcon user', held: 0 },
        { name: 'falcon admin', held: 0 },
      ],
    );
    assert.deepEqual(report, ['roles 1: differs in id (4 here)', 'roles 2: differs in id (5 here)']);
  });
  const title = 'tells every row that is bad, by line, id and field, never by what it holds, and brings the others';
  test(title, async () => {
    const database = new Database();
    const { leftOut, report, counts, told } = await database.bring('falcon', fixture('falcon-bad.sql'));
    const length = (range) => `characters, ${range} are allowed`;
    assert.deepEqual(leftOut, [
      'line 23, users 1002, email: is no e-mail address',
      `line 23, users 1003, username: has 0 ${length('1 to 150')}`,
      'line 23, users null, id: is no number from 1 to 9007199254740991',
      'line 23, users 1005, created_at: is a time that there never was',
      'line 23, users 1005, updated_at: is a time that there never was',
      'line 23, users 1006, name: has control characters',
      'line 23, users null, row: has not as many values as the table has columns',
      'line 23, users 1008, name: is an expression, not a value',
      'line 23, users 1009, email: is null',
      'line 24, users 1001, id: is that of a record before it',
      'line 24, users 1012, name: is not UTF-8',
    ]);
    assert.deepEqual([counts.users, [...told.unmapped]], [{ read: 13, written: 3, leftOut: 10 }, ['users.phone']]);
    assert.deepEqual(report, [
      'roles 1: differs in id (4 here)',
      'users 1011: email: record 1001 of the same source has it',
    ]);
    assert.deepEqual(columns(database.rows('SELECT * FROM users'), 'id', 'full_name', 'image'), [
      [1001, 'Good One', null],
      [1013, `Good Three; /* -- '"\``, 'a/very/long/path'],
    ]);
    assert.deepEqual(database.rows('SELECT name FROM roles WHERE id > 3'), [{ name: 'falcon role 1' }]);
  });
});

describe('the accounts of django', () => {
  for (const name of ['django.json', 'django.sqlite3']) {
    test(`are brought whole from ${name}`, async () => {
      const database = new Database();
      const { leftOut, report, told } = await database.bring('django', fixture(name));
      assert.deepEqual([leftOut, report], [[], []]);
      assert.deepEqual(
        [...told.others],
        name.endsWith('json')
          ? [
              ['auth.permission', 24],
              ['contenttypes.contenttype', 6],
            ]
          : [],
      );
      assert.deepEqual(database.user(301), {
        ...BLANK,
        id: 301,
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
        legacy_password_hashes: database.user(301).legacy_password_hashes,
      });
      const { django } = JSON.parse(database.user(301).legacy_password_hashes);
      assert.match(django, /^pbkdf2_sha256\$1000000\$\w{22}\$[\w+/]{43}=$/);
      assert.deepEqual(
        columns(
          database.rows('SELECT * FROM users'),
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
      assert.match(JSON.parse(database.user(304).legacy_password_hashes).django, /^!/);
    });
  }
  test('are told of row by row where they are bad', async () => {
    const { leftOut, told } = await new Database().bring(
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
    assert.deepEqual(leftOut, [
      'record 1, users_users 1, email: has 0 characters, 3 to 254 are allowed',
      'record 2, users_users 2, number_phone: has 11 characters, 0 to 10 are allowed',
      'record 2, users_users 2, last_login: is no time such as 2024-03-01 08:00:00',
      'record 4, users_users null, id: is no number from 1 to 9007199254740991',
      'record 5, users_users 5, first_name: is no Unicode text',
      'record 5, users_users 5, is_active: is neither 0 nor 1',
    ]);
    assert.equal(told.naive, false);
  });
});

describe('a CSV of personas', () => {
  test('brings those that are good, and links them to the accounts of their e-mails', async () => {
    const database = new Database();
    await database.bring('seam', fixture('seam.sql'));
    await database.bring('falcon', fixture('falcon.sql'));
    const { leftOut, report, counts } = await database.bring('personas', fixture('personas.csv'));
    assert.deepEqual(leftOut, [
      'line 6, personas 14, apellidos: has control characters',
      'line 7, personas null, row: has not as many values as the table has columns',
    ]);
    assert.deepEqual(counts, { personas: { read: 6, written: 4, leftOut: 2 } });
    assert.deepEqual(report, ['personas 16: user_email: no account here has it']);
    assert.deepEqual(database.rows(PERSONAS).map(Object.values), [
      [
        11,
        101,
        'Ñandú',
        'O"Higgins, hijo',
        '+51 987-654-321',
        '10000011',
        'https://cdn.example.com/n.jpg',
        '2024-03-01T08:00:00.000Z',
        null,
      ],
      [12, null, 'Sin', 'Cuenta', null, '10000012', null, '2024-03-02T09:30:00.000Z', null],
      [13, 201, 'Jane', 'Doe', null, '10000013', null, '2024-03-03T08:00:00.000Z', null],
    ]);
  });
  test('may come from a spreadsheet: a byte order mark, semicolons, CRLF, columns in another order', async () => {
    const database = new Database();
    const { leftOut, report } = await database.bring('personas', fixture('personas-spreadsheet.csv'));
    assert.deepEqual([leftOut, report], [[], ['personas 11: user_email: no account here has it']]);
    assert.deepEqual(database.rows('SELECT id, apellidos, created_at FROM personas').map(Object.values), [
      [12, 'Cuenta', '2024-03-02T09:30:00.000Z'],
    ]);
  });
  test('takes no number, no account and no id from another persona', async () => {
    const database = new Database();
    await database.bring('falcon', falconDump({ id: 1 }));
    await database.bring('personas', csv('1,user1@falcon.example,A,A,,AAAAA,,', '2,,B,B,,BBBBB,,'));
    const before = database.dump();
    database.run("UPDATE imports SET source = 'earlier' WHERE source = 'personas'");
    const { report } = await database.bring(
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
      'personas 1: id: it is that of another persona here, with another dni',
      'personas 3: dni: persona 2 has it here',
      'personas 4: user_email: persona 1 has it here',
      'personas 6: dni: record 5 of the same source has it',
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
  test('changes nothing where nothing has changed', async () => {
    const database = new Database();
    const first = [];
    for (const [from, file] of all) first.push((await database.bring(from, file)).report);
    const before = database.dump();
    const ledger = database.rows('SELECT * FROM imports');
    for (const [at, [from, file]] of all.entries())
      assert.deepEqual((await database.bring(from, file)).report, first[at]);
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
  test('keeps what was changed here, follows the source in the rest, and tells where they differ', async () => {
    const database = new Database();
    await database.bring('falcon', falconDump({ id: 1 }, { id: 2 }, { id: 3 }));
    database.run(
      "UPDATE users SET email = 'moved@here.example', full_name = 'USER 1' WHERE id = 1; " +
        "UPDATE users SET image = 'here.jpg', password_hash = '$2b$12$here', legacy_password_hashes = NULL, " +
        'tokens_valid_after = 1 WHERE id = 2',
    );
    const { report } = await database.bring(
      'falcon',
      falconDump(
        { id: 1, email: 'moved@there.example', username: 'renamed', name: 'Renamed', image_path: 'there.jpg' },
        { id: 2, name: 'Renamed', image_path: 'there.jpg', password: 'bb' },
        { id: 3, password: 'bb', updated_at: '2025-02-02 00:00:00' },
      ),
    );
    assert.deepEqual(report.slice(1), ['users 1: differs in email full_name', 'users 2: differs in image']);
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
    await database.bring('falcon', falconDump({ id: 1 }, { id: 2 }));
    await database.bring(
      'personas',
      csv('1,user1@falcon.example,A,A,+123456,AAAAA,,', '2,user2@falcon.example,B,B,,BBBBB,,'),
    );
    database.run(
      'UPDATE personas SET telefono = NULL, user_id = NULL WHERE id = 1; ' +
        "UPDATE users SET email = 'moved@here.example' WHERE id = 2",
    );
    const { report } = await database.bring(
      'personas',
      csv('1,user1@falcon.example,AA,A,+654321,AAAAA,,', '2,user2@falcon.example,BB,B,,BBBBB,,'),
    );
    assert.deepEqual(report, ['personas 1: differs in telefono user_email', 'personas 2: differs in user_email']);
    assert.deepEqual(columns(database.rows('SELECT * FROM personas'), 'id', 'user_id', 'nombres', 'telefono'), [
      [1, null, 'AA', null],
      [2, 2, 'BB', null],
    ]);
  });
  test('lands what could not land before, once the reason is gone', async () => {
    const database = new Database();
    database.run("INSERT INTO users (id, username, email) VALUES (9, 'user1', 'nine@here.example')");
    assert.deepEqual((await database.bring('falcon', falconDump({ id: 1 }))).report.slice(1), [
      'users 1: username: account 9 has it here',
    ]);
    database.run('DELETE FROM users WHERE id = 9');
    assert.deepEqual((await database.bring('falcon', falconDump({ id: 1 }))).report.slice(1), []);
    assert.equal(database.user(1).username, 'user1');
  });
});

describe('two back ends', () => {
  test('make one account of one person, in whatever order they come', async () => {
    const person = { email: 'Ana@x.example', username: 'ana', created_at: '2025-03-01T00:00:00.000Z' };
    const sources = {
      seam: source(
        'INSERT INTO users (idUser, full_name, email, password, roleId, isActive) ' +
          `VALUES (7, 'Ana', 'ana@x.example', '${HASH}', NULL, 1);`,
      ),
      falcon: falconDump({
        id: 7,
        name: 'Ana',
        email: person.email,
        username: 'ana',
        image_path: 'profile-pictures/default.jpg',
        role_id: null,
        created_at: '2025-03-01 00:00:00',
      }),
      django: dumpdata({
        id: 7,
        email: 'ana@x.example',
        username: 'ana',
        first_name: 'Ana',
        avatar: 'avatars/ana.png',
        date_joined: '2024-01-01T00:00:00Z',
        is_active: false,
        is_staff: true,
      }),
    };
    for (const order of [
      ['seam', 'falcon', 'django'],
      ['django', 'falcon', 'seam'],
      ['falcon', 'seam', 'django'],
    ]) {
      const database = new Database();
      for (const from of order) await database.bring(from, sources[from]);
      const { email, updated_at, ...ana } = database.user(7);
      assert.equal(email.toLowerCase(), 'ana@x.example');
      assert.ok(updated_at);
      assert.deepEqual(
        { ...ana, legacy_password_hashes: JSON.parse(ana.legacy_password_hashes) },
        {
          ...BLANK,
          id: 7,
          username: 'ana',
          full_name: 'Ana',
          first_name: 'Ana',
          image: 'avatars/ana.png',
          image_object: 'avatars/ana.png',
          created_at: '2024-01-01T00:00:00.000Z',
          is_active: 0,
          is_staff: 1,
          password_hash: HASH,
          legacy_password_hashes: { falcon: { password: 'aa', salt: 'ss' }, django: 'pbkdf2_sha256$1$salt$7' },
        },
        order.join(),
      );
      const before = database.dump();
      for (const from of order) await database.bring(from, sources[from]);
      assert.equal(database.dump(), before, order.join());
    }
  });
  test('keep what the first says where they say different things, and it is told', async () => {
    const database = new Database();
    await database.bring(
      'falcon',
      falconDump({ id: 1, email: 'a@x.example', username: 'ana', image_path: 'mine.jpg' }),
    );
    const { report } = await database.bring(
      'django',
      dumpdata({ id: 1, email: 'A@x.example', username: 'anita', avatar: 'avatars/a.jpg' }),
    );
    assert.deepEqual(report, ['users 1: differs in username email image']);
    assert.deepEqual(columns([database.user(1)], 'username', 'email', 'image'), [['ana', 'a@x.example', 'mine.jpg']]);
  });
  const title = 'never touch another person: one id, one e-mail or one user name of two people is told, row by row';
  test(title, async () => {
    const database = new Database();
    await database.bring(
      'falcon',
      falconDump(
        { id: 1, email: 'one@x.example', username: 'one' },
        { id: 2, email: 'two@x.example', username: 'two' },
      ),
    );
    const before = database.dump();
    const { report } = await database.bring(
      'django',
      dumpdata(
        { id: 1, email: 'other@x.example' },
        { id: 12, email: 'TWO@x.example' },
        { id: 13, username: 'ONE' },
        { id: 14, username: 'dup' },
        { id: 15, username: 'DUP' },
      ),
    );
    assert.deepEqual(report, [
      'users 1: id: it is that of another person here, with another e-mail',
      'users 12: email: account 2 has it here',
      'users 13: username: account 1 has it here',
      'users 15: username: record 14 of the same source has it',
    ]);
    database.run('DELETE FROM users WHERE id = 14');
    assert.equal(database.dump(), before);
  });
});
