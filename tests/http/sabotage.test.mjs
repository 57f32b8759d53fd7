// What is not the client's fault: the database broken under each dialect, and what it says then.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answered, raw } from '../support/answers.mjs';
import { INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { startWorker } from '../support/worker.mjs';

const [foto, me, users, falcon, django] = ROUTES;

/** A worker of the test's own, for what it does to the database is not to be undone. */
async function withWorker(options, during) {
  const worker = await startWorker(options);
  try {
    await during(worker);
  } finally {
    await worker.stop();
  }
}

/** Checks that the route fails in its dialect's words, and that the log alone knows why. */
async function fails(worker, route, cause, { json = route.good, d1 = 1 } = {}) {
  const line = await answered(worker, await worker.put(route.path(), { as: 6, json }), 500, route.failure, { d1 });
  assert.match(line.cause, cause);
  assert.equal(line.route, route.name);
}

describe('a broken database', () => {
  const noTable = /no such table: (main\.)?/;
  const noColumn = /no such column: /;
  const cases = [
    ['the table of users is gone', 'ALTER TABLE users RENAME TO users_away', noTable, ROUTES],
    ['the column is_active is gone', 'ALTER TABLE users RENAME COLUMN is_active TO is_active_away', noColumn, ROUTES],
    ['the table of personas is gone', 'ALTER TABLE personas RENAME TO personas_away', noTable, [foto, me]],
    ['the column foto_url is gone', 'ALTER TABLE personas RENAME COLUMN foto_url TO foto_away', noColumn, [foto, me]],
    ['the column dni is gone', 'ALTER TABLE personas RENAME COLUMN dni TO dni_away', noColumn, [foto, me]],
    [
      'the table of permissions is gone',
      'ALTER TABLE permissions RENAME TO permissions_away',
      noTable,
      [foto, me, users],
    ],
    [
      'the table of granted permissions is gone',
      'ALTER TABLE permissionXRole RENAME TO granted_away',
      noTable,
      [foto, me, users],
    ],
    ['the table of granted permissions is dropped', 'DROP TABLE permissionXRole', noTable, [foto, me, users]],
    ['the table of roles is gone', 'ALTER TABLE roles RENAME TO roles_away', noTable, [users]],
    [
      'the column email is gone',
      'ALTER TABLE users RENAME COLUMN email TO email_away',
      noColumn,
      [users, falcon, django],
    ],
    ['the column image is gone', 'ALTER TABLE users RENAME COLUMN image TO image_away', noColumn, [falcon, django]],
    ['the column last_login is gone', 'ALTER TABLE users RENAME COLUMN last_login TO login_away', noColumn, [django]],
  ];
  for (const [what, sql, cause, routes] of cases) {
    const ids = [...new Set(['R9', ...routes.map((route) => route.ids)])].join(' ');
    test(`where ${what}, each dialect answers its own 500 and the log knows why [${ids}]`, () =>
      withWorker({}, async (worker) => {
        for (const route of routes)
          assert.equal((await worker.put(route.path(), { as: 6, json: route.good })).status, 200);
        await worker.sql(sql);
        for (const route of routes) await fails(worker, route, cause);
      }));
  }

  test('a write that the database aborts is a failure that changes nothing [R9 R7 P4 P8 D6]', () =>
    withWorker({}, async (worker) => {
      for (const table of ['users', 'personas']) {
        await worker.sql(
          `CREATE TRIGGER ${table}_abort BEFORE UPDATE ON ${table} BEGIN ` +
            "SELECT RAISE(ABORT, 'the disk is on fire'); END",
        );
      }
      const before = await worker.dump();
      for (const route of ROUTES) {
        const [[key, value]] = Object.entries(route.good);
        await fails(worker, route, /the disk is on fire/, { json: { [key]: `${value}x` } });
      }
      assert.equal(await worker.dump(), before);
    }));

  test('a row that does not fit is a failure whose cause does not quote it [R9 O2 P8]', () =>
    withWorker({}, async (worker) => {
      await worker.sql('ALTER TABLE personas RENAME TO personas_away');
      // Without the types of its columns, so that a number stays one.
      await worker.sql('CREATE TABLE personas AS SELECT * FROM personas_away');
      await worker.sql('ALTER TABLE personas DROP COLUMN dni');
      await worker.sql('ALTER TABLE personas ADD COLUMN dni');
      await worker.sql('UPDATE personas SET dni = 987654321');
      await fails(worker, me, /^unexpected row: /, { json: {} });
      assert.equal(JSON.stringify(worker.lines).includes('987654321'), false);
    }));

  test('a constraint that nobody foresaw is a failure and not a conflict [R9 R7 P8 D6]', () =>
    withWorker({}, async (worker) => {
      await worker.sql("UPDATE users SET full_name = 'Unica', first_name = 'Unica' || id WHERE id = 42");
      await worker.sql("UPDATE users SET first_name = 'f' || id WHERE id <> 42");
      await worker.sql('CREATE UNIQUE INDEX surprise_full_name ON users (full_name)');
      await worker.sql('CREATE UNIQUE INDEX surprise_first_name ON users (first_name)');
      await worker.sql("UPDATE personas SET telefono = '+555' || id || '12345'");
      await worker.sql('CREATE UNIQUE INDEX surprise_telefono ON personas (telefono)');
      const before = await worker.dump();
      await fails(worker, users, /UNIQUE/, { json: { full_name: 'Unica' } });
      await fails(worker, falcon, /UNIQUE/, { json: { name: 'Unica' } });
      await fails(worker, django, /UNIQUE/, { json: { first_name: 'Unica42' } });
      await fails(worker, me, /UNIQUE/, { json: { telefono: '+555712345' } });
      assert.equal(await worker.dump(), before);
    }));
});

describe('no database', () => {
  test('without its binding each dialect answers its own 500, and /health is unavailable [R9 P4 P8 D6 O1]', () =>
    withWorker({ bindings: false }, async (worker) => {
      for (const route of ROUTES) await fails(worker, route, /\bDB\b/, { d1: 0 });
      const line = await answered(
        worker,
        await worker.send('GET', '/health'),
        503,
        { status: 'unavailable' },
        { d1: 0 },
      );
      assert.match(line.cause, /\bDB\b/);
    }));

  test('what the request alone decides is answered without a database all the same [R9 R1]', () =>
    withWorker({ bindings: false }, async (worker) => {
      for (const route of ROUTES) {
        await answered(worker, await worker.put(route.path(), { json: {} }), 401, route.says.noToken(), {
          d1: 0,
          challenge: 'Bearer',
        });
        await answered(worker, await worker.put(route.path(), { token: 'x.y.z' }), 401, route.says.badToken(), {
          d1: 0,
          challenge: INVALID_TOKEN,
        });
        await answered(worker, await worker.put(route.path(), { as: 6, ...raw('{') }), 400, route.says.malformed(), {
          d1: 0,
        });
        await answered(worker, await worker.send('GET', route.path(), { as: 6 }), 405, route.says.wrongMethod('GET'), {
          d1: 0,
        });
      }
    }));

  test('a database without its tables fails in each dialect, and is well again once they are there [R9 O1]', () =>
    withWorker({}, async (worker) => {
      await worker.sql('ALTER TABLE users RENAME TO users_away');
      for (const route of ROUTES) await fails(worker, route, /no such table/);
      await worker.sql('ALTER TABLE users_away RENAME TO users');
      for (const route of ROUTES) {
        const response = await worker.put(route.path(), { as: 6, json: route.good });
        await answered(worker, response, 200, response.json, { d1: 1 });
      }
    }));
});
