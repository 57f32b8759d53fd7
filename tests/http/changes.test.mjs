// The change feed: each accepted change, and nothing else, adds one row with the caller, the record, the time and the
// fields.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { formOf, png } from '../support/avatars.mjs';
import { ROUTES } from '../support/dialects.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

let worker;
before(async () => {
  worker = await startWorker();
  // No back end's ID is an account's own ID, so that code that confuses the two refers to no account.
  await worker.sql('UPDATE identities SET id = id + 1000');
});
after(() => worker?.stop());
beforeEach(async () => {
  await worker.sql('DELETE FROM changes');
  await worker.sql('UPDATE users SET tokens_valid_after = NULL, role_id = iif(id = 7, 2, role_id)');
});

const feed = () => worker.sql('SELECT * FROM changes ORDER BY id');
const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
const me = '/api/personas/me';

/**
 * Every way to change a record: `[request, the row that it adds, the number of other rows that it writes]`. `layout` is
 * the back end that issues the token. `calls` is the number of D1 calls, 1 by default.
 */
const WAYS = {
  'a photo as JSON': [
    { as: 5, layout: 'seam', target: '/api/personas/8/foto', json: { foto_url: 'https://example.com/hidden.jpg' } },
    { route: 'PUT /api/personas/:id/foto', actor: [5, 'seam'], persona: 8, fields: ['foto_url'] },
    2,
  ],
  'a photo as a form': [
    { as: 5, target: '/api/personas/8/foto', form: () => formOf({ foto: png() }), calls: 2 },
    { route: 'PUT /api/personas/:id/foto', actor: [5, null], persona: 8, fields: ['foto_url'] },
    3,
  ],
  "the caller's own persona": [
    { as: 5, layout: 'django', target: me, json: { telefono: null, nombres: 'Hidden', apellidos: 'Hidden' } },
    { route: 'PUT /api/personas/me', actor: [5, 'django'], persona: 5, fields: ['nombres', 'apellidos', 'telefono'] },
    1,
  ],
  "the caller's own DNI and photo": [
    { as: 6, target: me, json: { dni: 'HIDDEN-1', foto_url: null } },
    { route: 'PUT /api/personas/me', actor: [6, null], persona: 6, fields: ['dni', 'foto_url'] },
    2,
  ],
  "another account's name, by an administrator": [
    { as: 1, layout: 'seam', target: '/api/v1/users/1007', json: { full_name: 'Hidden Name' } },
    { route: 'PUT /api/v1/users/:id', actor: [1, 'seam'], account: 7, fields: ['full_name'] },
    1,
  ],
  'e-mail address and role': [
    { as: 1, layout: 'seam', target: '/api/v1/users/1007', json: { email: 'hidden@example.com', roleId: 3 } },
    { route: 'PUT /api/v1/users/:id', actor: [1, 'seam'], account: 7, fields: ['email', 'role_id'] },
    3,
  ],
  'a password': [
    { as: 1, layout: 'seam', target: '/api/v1/users/1007', json: { password: 'hidden password' }, calls: 2 },
    { route: 'PUT /api/v1/users/:id', actor: [1, 'seam'], account: 7, fields: ['password_hash'] },
    3,
  ],
  "the caller's own password, which ends the session that changes it": [
    { as: 1, layout: 'seam', target: '/api/v1/users/1001', json: { password: 'hidden password' }, calls: 2, iat: -60 },
    { route: 'PUT /api/v1/users/:id', actor: [1, 'seam'], account: 1, fields: ['password_hash'] },
    3,
  ],
  "the caller's own account as JSON": [
    { as: 42, layout: 'falcon', target: '/users', json: { username: 'hidden_name', image_path: 'hidden.png' } },
    { route: 'PUT /users', actor: [42, 'falcon'], account: 42, fields: ['username', 'image'] },
    3,
  ],
  "the caller's own account as a URL-encoded form": [
    { as: 42, layout: 'falcon', target: '/USERS/', headers: urlencoded, body: 'name=Hidden' },
    { route: 'PUT /users', actor: [42, 'falcon'], account: 42, fields: ['full_name'] },
    1,
  ],
  "the caller's own profile as JSON": [
    {
      as: 42,
      layout: 'django',
      target: '/api/profile/1042/update/',
      json: { number_phone: '5550199', avatar: null, is_staff: true, unknown: 'hidden' },
    },
    {
      route: 'PUT /api/profile/:id/update/',
      actor: [42, 'django'],
      account: 42,
      fields: ['number_phone', 'image'],
    },
    3,
  ],
  "the caller's own profile as a URL-encoded form": [
    { as: 42, target: '/api/profile/1042/update', headers: urlencoded, body: 'first_name=Hidden&last_name=' },
    { route: 'PUT /api/profile/:id/update/', actor: [42, null], account: 42, fields: ['first_name', 'last_name'] },
    1,
  ],
  "the caller's own profile as a form without a picture": [
    { as: 42, target: '/api/profile/1042/update/', form: () => formOf({ first_name: 'Hidden' }) },
    { route: 'PUT /api/profile/:id/update/', actor: [42, null], account: 42, fields: ['first_name'] },
    1,
  ],
  "the caller's own profile with a picture": [
    { as: 42, target: '/api/profile/1042/update/', form: () => formOf({ avatar: png(), last_name: 'H' }), calls: 2 },
    { route: 'PUT /api/profile/:id/update/', actor: [42, null], account: 42, fields: ['last_name', 'image'] },
    4,
  ],
};

/** Sends one of these requests, with a token of its back end. */
async function send({ as, layout, target, form, iat = 30, calls: _, ...options }) {
  const now = Math.floor(Date.now() / 1000);
  const bearer = await token(layout ? as + 1000 : as, { layout, iat: now + iat });
  return worker.put(target, { token: bearer, form: form?.(), ...options });
}

describe('an accepted change adds one row in the same D1 call', () => {
  for (const [what, [request, row, written]] of Object.entries(WAYS)) {
    test(`${what} [C1]`, async () => {
      const before = new Date().toISOString();
      const response = await send(request);
      assert.equal(response.status, 200, response.text);
      const { d1Calls, rowsWritten, requestId: request_id } = response;
      assert.deepEqual([d1Calls, rowsWritten], [request.calls ?? 1, written + 1]);
      const [{ at, id, fields, ...rest }, ...others] = await feed();
      const [actor_id, actor_back_end] = row.actor;
      const { route, account: account_id = null, persona: persona_id = null } = row;
      assert.deepEqual(rest, { request_id, route, actor_id, actor_back_end, account_id, persona_id });
      assert.deepEqual([JSON.parse(fields), others, typeof id], [row.fields, [], 'number']);
      assert.ok(before <= at && at <= new Date().toISOString() && /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/.test(at), at);
    });
  }

  test('no row contains a value that was sent [C1]', async () => {
    for (const [request] of Object.values(WAYS)) assert.equal((await send(request)).status, 200);
    const rows = JSON.stringify(await feed());
    assert.equal(JSON.parse(rows).length, Object.keys(WAYS).length);
    assert.doesNotMatch(rows, /hidden|example\.com|5550199|\$2[aby]\$|avatars\//i);
  });
  test('the request ID is recorded: the one that was sent or the new one in the response [C1 R10]', async () => {
    const headers = { 'x-request-id': 'checkout:42.a_b-c' };
    await worker.put('/users', { as: 6, json: { name: 'Luis' }, headers });
    const { requestId } = await worker.put('/users', {
      as: 6,
      json: { name: 'Luis' },
      headers: { 'x-request-id': "not sane'; DROP TABLE changes" },
    });
    assert.deepEqual(
      (await feed()).map(({ request_id }) => request_id),
      [headers['x-request-id'], requestId],
    );
  });
  test('a field that is set to its current value counts as a change [C1]', async () => {
    for (const _ of [1, 2]) await worker.put('/users', { as: 6, json: { name: 'The Same' } });
    assert.equal((await feed()).length, 2);
  });
});

describe('a request that changes nothing adds no row', () => {
  const invalid = { full_name: 'x', name: '', first_name: 7.5, email: 'nobody', foto_url: 'x', nombres: '' };
  for (const { name, path, good, empty } of ROUTES) {
    test(`${name}, refused or without a field [C1 R7]`, async () => {
      const [own, other] = [path(name.includes('personas') ? 6 : 1006), path(999999)];
      for (const [status, target, options] of [
        [401, own, { json: good }],
        [401, own, { as: 43, json: good }],
        [400, own, { as: 6, json: invalid }],
        [400, own, { as: 6, body: '{', headers: { 'content-type': 'application/json' } }],
        [415, own, { as: 6, body: 'x', headers: { 'content-type': 'text/plain' } }],
        [empty[0], own, { as: 6, json: {} }],
        ...(other === own ? [] : [[404, other, { as: 6, json: good }]]),
      ])
        assert.equal((await worker.put(target, options)).status, status, `${target} ${JSON.stringify(options)}`);
      assert.deepEqual(await feed(), []);
    });
  }
  test('a caller without the right, and a value that is already taken [C1 R7]', async () => {
    const seam = '/api/v1/users/1006';
    for (const [status, target, as, json] of [
      [403, seam, 7, { full_name: 'Somebody' }],
      [403, me, 7, { nombres: 'Somebody' }],
      [403, '/api/profile/1006/update/', 7, { first_name: 'Somebody' }],
      [409, '/users', 6, { email: 'maria.gonzalez@example.com' }],
      [400, seam, 6, { roleId: 99 }],
      [409, me, 6, { dni: '55667788' }],
      [403, seam, 7, { password: 'a new password' }],
    ])
      assert.equal((await worker.put(target, { as, json })).status, status, target);
    const form = formOf({ avatar: png(), email: 'maria.gonzalez@example.com' });
    assert.equal((await worker.put('/api/profile/1006/update/', { as: 6, form })).status, 400);
    assert.deepEqual(await feed(), []);
  });
});

describe('row and change are one transaction', () => {
  const name = async () => (await worker.sql('SELECT full_name FROM users WHERE id = 6'))[0].full_name;

  test('a call that fails leaves neither, and one whose response is lost leaves both [C1]', async () => {
    for (const [fault, rows, what] of [
      ['refuse', 0, 'Neither'],
      ['lose', 1, 'Both'],
    ]) {
      const response = await worker.put('/users', { as: 6, json: { name: what }, faults: { batch: fault } });
      assert.equal(response.status, 500);
      assert.deepEqual([await name(), (await feed()).length], [rows ? what : 'The Same', rows]);
    }
  });
  test('if the row cannot be inserted, the change is rolled back [C1]', async () => {
    await worker.sql("CREATE TRIGGER full BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'the feed is full'); END");
    const before = await name();
    const response = await worker.put('/users', { as: 6, json: { name: 'Never Stored' } });
    await worker.sql('DROP TRIGGER full');
    assert.equal(response.status, 500);
    assert.match((await worker.logOf(response)).cause, /the feed is full/);
    assert.equal(await name(), before);
  });
  test('rows of simultaneous updates are in the order of the updates [C1 R6]', async () => {
    const sent = Array.from({ length: 24 }, (_, n) => ({ name: `Racer ${n}`, 'x-request-id': `racer-${n}` }));
    await Promise.all(sent.map(({ name, ...headers }) => worker.put('/users', { as: 6, json: { name }, headers })));
    const rows = await feed();
    assert.deepEqual(
      rows.map(({ id }) => id),
      rows.map((_, at) => rows[0].id + at),
    );
    assert.deepEqual(new Set(rows.map(({ request_id }) => request_id)), new Set(sent.map((s) => s['x-request-id'])));
    assert.equal(await name(), rows.at(-1).request_id.replace('racer-', 'Racer '));
  });
});

describe('every night', () => {
  const insert = (days) =>
    worker.sql(
      'INSERT INTO changes (at, request_id, route, actor_id, account_id, fields) ' +
        "VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?), 'r', 'PUT /users', 1, 1, '[]')",
      `-${days} days`,
    );
  /** Dispatches the scheduled event and returns the line that retention logged. */
  async function night(vars = {}, faults = {}) {
    const seen = worker.lines.length;
    await worker.sweep(vars, faults);
    for (const deadline = Date.now() + 5000; ; await setTimeout(2)) {
      if (Date.now() > deadline) throw new Error('retention logged nothing');
      const found = worker.lines.slice(seen).find(({ message }) => message.includes('"event":"retention"'));
      if (found) return { level: found.level, ...JSON.parse(found.message) };
    }
  }
  const ages = async () =>
    (await worker.sql("SELECT round(julianday('now') - julianday(at), 1) AS age FROM changes ORDER BY id")).map(
      ({ age }) => age,
    );

  for (const [vars, kept] of [
    [{}, [89.9, 2]],
    [{ CHANGES_KEEP_DAYS: '' }, [89.9, 2]],
    [{ CHANGES_KEEP_DAYS: '90' }, [89.9, 2]],
    [{ CHANGES_KEEP_DAYS: '91' }, [90.1, 89.9, 2]],
    [{ CHANGES_KEEP_DAYS: '1' }, [2]],
  ]) {
    test(`rows that are too old are removed, with ${JSON.stringify(vars)}; the newest stays [C1]`, async () => {
      for (const days of [365, 90.1, 89.9, 2]) await insert(days);
      const { duration_ms, ...line } = await night(vars);
      const removed = 4 - kept.length;
      assert.deepEqual(line, { level: 'log', event: 'retention', removed, undelivered: 0, complete: true });
      assert.equal(typeof duration_ms, 'number');
      assert.deepEqual(await ages(), kept);
    });
  }
  for (const days of ['0', '-1', '1.5', 'ninety', '36501'])
    test(`nothing is removed while CHANGES_KEEP_DAYS is ${days} [C1]`, async () => {
      for (const age of [365, 2]) await insert(age);
      const { level, removed, complete, cause } = await night({ CHANGES_KEEP_DAYS: days });
      assert.deepEqual([level, removed, complete], ['error', 0, false]);
      assert.equal(cause, 'CHANGES_KEEP_DAYS is not a number of days from 1 to 36500');
      assert.deepEqual(await ages(), [365, 2]);
    });
  test('a failure of the database is logged as an error, and the next night removes the rows [C1]', async () => {
    for (const age of [365, 2]) await insert(age);
    const { level, cause } = await night({}, { batch: 'refuse' });
    assert.deepEqual([level, cause], ['error', 'database: batch was refused by the test']);
    assert.equal((await night()).removed, 1);
  });
  test('an error states how many changes are removed that a receiver has not accepted [C3]', async () => {
    const vars = { CHANGES_URL: '{"seam":"http://127.0.0.1:9","falcon":"http://127.0.0.1:9"}' };
    for (const days of [100, 99, 98, 2]) await insert(days);
    await worker.sql(`UPDATE changes SET fields = '["email"]'`);
    const [{ oldest }] = await worker.sql('SELECT min(id) AS oldest FROM changes');
    await worker.sql("INSERT INTO receivers (name, position) VALUES ('seam', ?), ('django', 0)", oldest + 1);
    const { level, removed, undelivered } = await night(vars);
    assert.deepEqual({ level, removed, undelivered }, { level: 'error', removed: 3, undelivered: 1 + 3 });
    await worker.sql('DELETE FROM receivers');
    assert.deepEqual(await ages(), [2]);
  });
  test('no id is used again, even if all rows are too old [C1]', async () => {
    for (const age of [400, 365]) await insert(age);
    const newest = (await feed()).at(-1).id;
    await night();
    await worker.put('/users', { as: 6, json: { name: 'Luis' } });
    assert.deepEqual(
      (await feed()).map(({ id }) => id),
      [newest, newest + 1],
    );
  });
});
