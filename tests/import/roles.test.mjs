// Roles keep the id, the name and the permissions that they have in seam, whatever roles already exist (N1, I4).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { migrations, read } from '../support/project.mjs';
import { csv, Database, falconDump, fixture, seamDump } from './support.mjs';

const USERS = 'PUT /api/v1/users/:id';
const ME = 'PUT /api/personas/me';
const FOTO = 'PUT /api/personas/:id/foto';
const SCHOOL = {
  roles: [
    [1, 'administrador', 'Todo'],
    [2, 'profesor', 'Da clases'],
    [3, 'alumno', 'Va a clases'],
  ],
  permissions: ['GET /api/v1/grades', USERS],
  /** @type {[string, number][]} */
  rights: [
    [USERS, 1],
    ['GET /api/v1/grades', 2],
  ],
  users: [
    { id: 1, roleId: 1 },
    { id: 2, roleId: 2 },
    { id: 3, roleId: 3 },
  ],
};
const SCHOOL_ROLES = [
  [1, 'administrador', 'Todo', USERS],
  [2, 'profesor', 'Da clases', 'GET /api/v1/grades'],
  [3, 'alumno', 'Va a clases', null],
];

/** The permissions of every account, by its e-mail address. */
const rights = (database) =>
  Object.fromEntries(
    database
      .rows(
        `SELECT email, (SELECT group_concat(nameUri, ', ') FROM (SELECT nameUri FROM permissionXRole
          JOIN permissions p ON p.id = permissionId WHERE roleId = role_id ORDER BY nameUri)) AS may FROM users`,
      )
      .map(Object.values),
  );
const roleIds = (database) => database.accounts('seam').map(({ number, role_id }) => [number, role_id]);
/** A team's own roles, with accounts that have an identity in another back end. */
const OWN = `INSERT INTO roles (id, name, description)
  VALUES (1, 'jefe', 'Manda'), (2, 'ALUMNO', 'Otro'), (9, 'nadie', NULL);
INSERT INTO permissionXRole (permissionId, roleId) SELECT id, 1 FROM permissions;
INSERT INTO permissionXRole (permissionId, roleId) SELECT id, 2 FROM permissions WHERE nameUri LIKE '%personas%';
UPDATE users SET role_id = (SELECT id FROM identities WHERE account_id = users.id)`;

describe('roles of seam', () => {
  test('keep id, name, description and permissions in a freshly migrated database [N1]', async () => {
    const database = new Database();
    assert.deepEqual(database.roles(), []);
    assert.deepEqual(
      database.rows('SELECT nameUri FROM permissions').map(({ nameUri }) => nameUri),
      [USERS, FOTO, ME],
    );
    assert.deepEqual((await database.importFile('seam', seamDump(SCHOOL))).report, []);
    assert.deepEqual(database.roles(), SCHOOL_ROLES);
    assert.deepEqual(roleIds(database), [
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });
  test('keep them if other roles have their ids and names, and no account gains a permission', async () => {
    const database = new Database();
    await database.importFile('falcon', falconDump({ id: 1 }, { id: 2 }));
    database.run(OWN);
    const before = rights(database);
    assert.deepEqual(before, {
      'user1@falcon.example': [FOTO, ME, USERS].join(', '),
      'user2@falcon.example': `${FOTO}, ${ME}`,
    });
    const { report } = await database.importFile('seam', seamDump(SCHOOL));
    assert.deepEqual(report, [
      'moves 1: role 1, jefe: seam has another role with this ID; this one now has the ID 10',
      'moves 2: role 2, ALUMNO: seam has another role with this ID; this one now has the ID 11',
      'moves 11: role 11, ALUMNO: seam has another role with this name; this one is now named ALUMNO (11)',
    ]);
    assert.deepEqual(database.roles(), [
      ...SCHOOL_ROLES,
      [9, 'nadie', null, null],
      [10, 'jefe', 'Manda', [FOTO, ME, USERS].join(', ')],
      [11, 'ALUMNO (11)', 'Otro', `${FOTO}, ${ME}`],
    ]);
    assert.deepEqual(rights(database), {
      ...before,
      'user1@seam.example': USERS,
      'user2@seam.example': 'GET /api/v1/grades',
      'user3@seam.example': null,
    });
    const after = database.dump();
    assert.deepEqual((await database.importFile('seam', seamDump(SCHOOL))).report, []);
    assert.equal(database.dump(), after);
  });
  test('follow the source: a new name, swapped names, a description, a new role', async () => {
    const database = new Database();
    await database.importFile('seam', seamDump(SCHOOL));
    database.run("INSERT INTO roles (id, name) VALUES (4, 'docente')");
    const roles = [
      [1, 'docente', 'Todo'],
      [2, 'alumno', 'Aprende'],
      [3, 'profesor', 'Va a clases'],
      [4, 'nuevo', null],
    ];
    const { report } = await database.importFile('seam', seamDump({ ...SCHOOL, roles }));
    assert.deepEqual(report, [
      'moves 4: role 4, docente: seam has another role with this ID; this one now has the ID 5',
      'moves 5: role 5, docente: seam has another role with this name; this one is now named docente (5)',
    ]);
    assert.deepEqual(database.roles(), [
      [1, 'docente', 'Todo', USERS],
      [2, 'alumno', 'Aprende', 'GET /api/v1/grades'],
      [3, 'profesor', 'Va a clases', null],
      [4, 'nuevo', null, null],
      [5, 'docente (5)', null, null],
    ]);
  });
  test('that were renamed in Perfil keep their new name, which is reported', async () => {
    const database = new Database();
    await database.importFile('seam', seamDump(SCHOOL));
    database.run("UPDATE roles SET name = 'maestro', description = 'Aquí' WHERE id = 2");
    const roles = SCHOOL.roles.map(([id, name, description]) => [id, `${name}s`, description]);
    const { report } = await database.importFile('seam', seamDump({ ...SCHOOL, roles }));
    assert.deepEqual(report, ['roles 2: differs in name (maestro in Perfil) description (Aquí in Perfil)']);
    assert.deepEqual(
      database.roles().map(([, name]) => name),
      ['administradors', 'maestro', 'alumnos'],
    );
  });
  test('may have the same name twice: each keeps its own permissions', async () => {
    const database = new Database();
    const roles = [
      [1, 'Admin', 'Todo'],
      [2, 'admin', 'Poco'],
    ];
    const sameName = seamDump({
      ...SCHOOL,
      roles,
      users: [
        { id: 1, roleId: 1 },
        { id: 2, roleId: 2 },
      ],
    });
    for (let run = 0; run < 2; run++) {
      assert.deepEqual((await database.importFile('seam', sameName)).report, [
        'roles 2: differs in name (admin (2) in Perfil)',
      ]);
      assert.deepEqual(database.roles(), [
        [1, 'Admin', 'Todo', USERS],
        [2, 'admin (2)', 'Poco', 'GET /api/v1/grades'],
      ]);
    }
  });
  test('without a name in a dump of accounts alone keep their id, and get their name from a later dump', async () => {
    const database = new Database();
    const alone = seamDump({ users: SCHOOL.users });
    await database.importFile('seam', alone);
    assert.deepEqual(
      database.roles().map(([id, name]) => [id, name]),
      [
        [1, 'seam role 1'],
        [2, 'seam role 2'],
        [3, 'seam role 3'],
      ],
    );
    assert.deepEqual((await database.importFile('seam', seamDump(SCHOOL))).report, []);
    assert.deepEqual(database.roles(), SCHOOL_ROLES);
    assert.deepEqual((await database.importFile('seam', alone)).report, []);
    assert.deepEqual(database.roles(), SCHOOL_ROLES);
  });
  test('are recognised if the ledger was emptied after the move', async () => {
    const database = new Database();
    await database.importFile('seam', seamDump(SCHOOL));
    database.run(`DELETE FROM imports; UPDATE roles SET description = 'Aquí' WHERE id = 3;
      INSERT INTO permissionXRole SELECT id, 2 FROM permissions WHERE nameUri = '${ME}'`);
    const before = database.dump();
    assert.deepEqual((await database.importFile('seam', seamDump(SCHOOL))).report, [
      `roles 2: differs in permissions (${ME} only in Perfil)`,
      'roles 3: differs in description (Aquí in Perfil)',
    ]);
    assert.equal(database.dump(), before);
  });
});

test('no account gains or loses a permission, and every roleId stays, whatever roles exist [N1]', async () => {
  const names = fc.constantFrom('admin', 'Admin', 'profesor', 'alumno', 'role 3', 'é');
  const held = fc.subarray([USERS, ME, 'GET /x']);
  const role = fc.record({ id: fc.integer({ min: 1, max: 6 }), name: names, held });
  const roles = (selector) => fc.uniqueArray(role, { selector, maxLength: 5 });
  const run = fc.tuple(
    roles(({ id }) => id),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(role, { comparator: (a, b) => a.id === b.id || a.name.toLowerCase() === b.name.toLowerCase() }),
      fc.array(run, { minLength: 1, maxLength: 3 }),
      async (own, runs) => {
        const database = new Database();
        database.run("INSERT INTO permissions (nameUri) VALUES ('GET /x')");
        for (const { id, name, held } of own) {
          database.run(`INSERT INTO roles (id, name) VALUES (${id}, '${name}');
            INSERT INTO users (username, email, role_id) VALUES ('own${id}', 'own${id}@x.y', ${id})`);
          for (const may of held)
            database.run(`INSERT INTO permissionXRole SELECT id, ${id} FROM permissions WHERE nameUri = '${may}'`);
        }
        const mine = () => Object.entries(rights(database)).filter(([email]) => email.startsWith('own'));
        const before = mine();
        for (const [at, [seam, hasRoles]] of runs.entries()) {
          const dump = seamDump({
            roles: hasRoles ? seam.map(({ id, name }) => [id, name]) : [],
            permissions: [USERS, ME, 'GET /x'],
            rights: hasRoles ? seam.flatMap(({ id, held }) => held.map((may) => [may, id])) : [],
            users: seam.map(({ id }) => ({ id, roleId: id })).concat({ id: 9, roleId: null }),
          });
          assert.deepEqual((await database.importFile('seam', dump)).skipped, []);
          fs.rmSync(dump);
          assert.deepEqual(mine(), before);
          for (const { id, held } of seam) {
            assert.equal(database.account('seam', id).role_id, id);
            if (at === 0)
              assert.equal(
                rights(database)[`user${id}@seam.example`] ?? '',
                hasRoles ? [...held].sort().join(', ') : '',
              );
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('a migration removes the roles of the first one, unless an account exists [P2]', () => {
  const mine = read('migrations/0007_import.sql');
  const [before, after] = [false, true].map((isMine) => migrations().filter((sql) => mine.includes(sql) === isMine));
  for (const account of ['', "INSERT INTO users (username, email, role_id) VALUES ('a', 'a@x.y', 2)"]) {
    const sqlite = new DatabaseSync(':memory:');
    for (const sql of [...before, account, ...after]) sqlite.exec(sql);
    const { roles, links } = sqlite
      .prepare('SELECT (SELECT count(*) FROM roles) AS roles, (SELECT count(*) FROM permissionXRole) AS links')
      .get();
    assert.deepEqual([roles, links], account ? [3, 5] : [0, 0]);
  }
});

test("falcon's role ids are only shown to its clients: they grant nothing, and create no role [I4]", async () => {
  const database = new Database();
  await database.importFile('falcon', fixture('falcon.sql'));
  assert.deepEqual(database.roles(), []);
  await database.importFile('falcon', falconDump({ id: 201, role_id: 7 }, { id: 202, role_id: null }));
  assert.deepEqual(
    [201, 202].map((id) => database.account('falcon', id).shown_role),
    [7, null],
  );
});

test("--grant gives roles the permissions of personas' endpoints, which no other role has [N1 P2]", async () => {
  const database = new Database();
  await database.importFile('seam', seamDump(SCHOOL));
  const personas = csv('1,,A,A,,AAAAA,,');
  assert.deepEqual((await database.importFile('personas', personas)).list, ['1 landed: personas: 1']);
  assert.deepEqual(database.roles(), SCHOOL_ROLES);
  assert.deepEqual((await database.importFile('personas', personas, { grants: ['Profesor', "o'x"] })).list, [
    '1 landed: personas: 1',
    "2 to do: grants o'x: no role has this name; import its back end first",
    `4 also done: grants Profesor: the role may ${FOTO} and ${ME}`,
  ]);
  assert.deepEqual(
    database.roles().map(([, , , may]) => may),
    [USERS, `GET /api/v1/grades, ${FOTO}, ${ME}`, null],
  );
});
