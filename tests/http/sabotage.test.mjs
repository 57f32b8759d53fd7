// Failures that are not the client's fault: a broken database under each dialect, and the responses.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { assertResponse, raw } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const [foto, me, users, falcon, django] = ROUTES;

/** Runs a test with its own worker, because its changes to the database cannot be undone. */
async function withWorker(options, during) {
  const worker = await startWorker(options);
  try {
    await during(worker);
  } finally {
    await worker.stop();
  }
}

/** Checks that the route fails in its dialect's own format, with the cause in the log alone. */
async function assertFails(worker, route, cause, { json = route.good, d1 = 1 } = {}) {
  const line = await assertResponse(worker, await worker.put(route.path(), { as: 6, json }), 500, route.failure, {
    d1,
  });
  assert.match(line.cause, cause);
  assert.equal(line.route, route.name);
}

describe('a broken database', () => {
  const noTable = /no such table: (main\.)?/;
  const noColumn = /no such column: /;
  const cases = [
    ['the table of users is missing', 'ALTER TABLE users RENAME TO users_away', noTable, ROUTES],
    [
      'the column is_active is missing',
      'ALTER TABLE users RENAME COLUMN is_active TO is_active_away',
      noColumn,
      ROUTES,
    ],
    ['the table of personas is missing', 'ALTER TABLE personas RENAME TO personas_away', noTable, [foto, me]],
    [
      'the column foto_url is missing',
      'ALTER TABLE personas RENAME COLUMN foto_url TO foto_away',
      noColumn,
      [foto, me],
    ],
    ['the column dni is missing', 'ALTER TABLE personas RENAME COLUMN dni TO dni_away', noColumn, [foto, me]],
    [
      'the table of permissions is missing',
      'ALTER TABLE permissions RENAME TO permissions_away',
      noTable,
      [foto, me, users],
    ],
    [
      'the table of granted permissions is missing',
      'ALTER TABLE permissionXRole RENAME TO granted_away',
      noTable,
      [foto, me, users],
    ],
    ['the table of granted permissions is dropped', 'DROP TABLE permissionXRole', noTable, [foto, me, users]],
    ['the table of roles is missing', 'ALTER TABLE roles RENAME TO roles_away', noTable, [users]],
    [
      'the column email is missing',
      'ALTER TABLE users RENAME COLUMN email TO email_away',
      noColumn,
      [users, falcon, django],
    ],
    ['the column image is missing', 'ALTER TABLE users RENAME COLUMN image TO image_away', noColumn, [falcon, django]],
    [
      'the column last_login is missing',
      'ALTER TABLE users RENAME COLUMN last_login TO login_away',
      noColumn,
      [django],
    ],
  ];
  for (const [what, sql, cause, routes] of cases) {
    const ids = [...new Set(['R9', ...routes.map((route) => route.ids)])].join(' ');
    test(`if ${what}, each dialect returns its own 500 and the log has the cause [${ids}]`, () =>
      withWorker({}, async (worker) => {
        for (const route of routes)
          assert.equal((await worker.put(route.path(), { as: 6, json: route.good })).status, 200);
        await worker.sql(sql);
        for (const route of routes) await assertFails(worker, route, cause);
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
        await assertFails(worker, route, /the disk is on fire/, { json: { [key]: `${value}x` } });
      }
      assert.equal(await worker.dump(), before);
    }));

  test('an unexpected row is a failure whose cause does not quote it [R9 O2 P8]', () =>
    withWorker({}, async (worker) => {
      await worker.sql('ALTER TABLE personas RENAME TO personas_away');
      // Creates the table without column types, so that a number stays a number.
      await worker.sql('CREATE TABLE personas AS SELECT * FROM personas_away');
      await worker.sql('ALTER TABLE personas DROP COLUMN dni');
      await worker.sql('ALTER TABLE personas ADD COLUMN dni');
      await worker.sql('UPDATE personas SET dni = 987654321');
      await assertFails(worker, me, /^unexpected row: /, { json: {} });
      assert.equal(JSON.stringify(worker.lines).includes('987654321'), false);
    }));

  test('an unknown constraint is a failure and not a conflict [R9 R7 P8 D6]', () =>
    withWorker({}, async (worker) => {
      await worker.sql("UPDATE users SET full_name = 'Unica', first_name = 'Unica' || id WHERE id = 42");
      await worker.sql("UPDATE users SET first_name = 'f' || id WHERE id <> 42");
      await worker.sql('CREATE UNIQUE INDEX surprise_full_name ON users (full_name)');
      await worker.sql('CREATE UNIQUE INDEX surprise_first_name ON users (first_name)');
      await worker.sql("UPDATE personas SET telefono = '+555' || id || '12345'");
      await worker.sql('CREATE UNIQUE INDEX surprise_telefono ON personas (telefono)');
      const before = await worker.dump();
      await assertFails(worker, users, /UNIQUE/, { json: { full_name: 'Unica' } });
      await assertFails(worker, falcon, /UNIQUE/, { json: { name: 'Unica' } });
      await assertFails(worker, django, /UNIQUE/, { json: { first_name: 'Unica42' } });
      await assertFails(worker, me, /UNIQUE/, { json: { telefono: '+555712345' } });
      assert.equal(await worker.dump(), before);
    }));
});

describe('no database', () => {
  test('without its binding each dialect returns its own 500, and /health is unavailable [R9 P4 P8 D6 O1]', () =>
    withWorker({ bindings: false }, async (worker) => {
      for (const route of ROUTES) await assertFails(worker, route, /\bDB\b/, { d1: 0 });
      const line = await assertResponse(
        worker,
        await worker.send('GET', '/health'),
        503,
        { status: 'unavailable' },
        { d1: 0 },
      );
      assert.match(line.cause, /\bDB\b/);
    }));

  test('refusals that need no database still work without one [R9 R1]', () =>
    withWorker({ bindings: false }, async (worker) => {
      for (const route of ROUTES) {
        await assertResponse(worker, await worker.put(route.path(), { json: {} }), 401, route.refusals.noToken(), {
          d1: 0,
          challenge: 'Bearer',
        });
        await assertResponse(
          worker,
          await worker.put(route.path(), { token: 'x.y.z' }),
          401,
          route.refusals.badToken(),
          {
            d1: 0,
            challenge: INVALID_TOKEN,
          },
        );
        await assertResponse(
          worker,
          await worker.put(route.path(), { as: 6, ...raw('{') }),
          400,
          route.refusals.malformed(),
          {
            d1: 0,
          },
        );
        await assertResponse(
          worker,
          await worker.send('GET', route.path(), { as: 6 }),
          405,
          route.refusals.wrongMethod('GET'),
          {
            d1: 0,
          },
        );
      }
    }));

  test('a database without its tables fails in each dialect, and works again once they exist [R9 O1]', () =>
    withWorker({}, async (worker) => {
      await worker.sql('ALTER TABLE users RENAME TO users_away');
      for (const route of ROUTES) await assertFails(worker, route, /no such table/);
      await worker.sql('ALTER TABLE users_away RENAME TO users');
      for (const route of ROUTES) {
        const response = await worker.put(route.path(), { as: 6, json: route.good });
        await assertResponse(worker, response, 200, response.json, { d1: 1 });
      }
    }));
});
