// Delivery of changes to receivers on loopback: contents, order, signatures and cost. delivery_faults.test.mjs covers
// receivers that fail, crash_deliveries.test.mjs crashes.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import bcrypt from 'bcryptjs';
import { Webhook } from 'standardwebhooks';
import { formOf, png } from '../support/avatars.mjs';
import { ACCOUNTS, BACK_ENDS, collide } from '../support/colliding.mjs';
import { MINUTE, startReceiver, startReceivers, WEBHOOK_SECRET } from '../support/receiver.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

const NAMES = ['seam', 'falcon', 'django', 'personas'];
const me = '/api/personas/me';

/** Waits until nothing is in progress and an instance may begin another delivery (C4). */
async function quiet(worker) {
  await worker.idle();
  await setTimeout(1100);
}

/** Waits for `count` log lines about deliveries and returns all of them. */
async function deliveries(worker, count) {
  const found = () => worker.lines.filter(({ message }) => message.includes('"event":"delivery"'));
  for (const deadline = Date.now() + 5000; found().length < count && Date.now() < deadline; ) await setTimeout(5);
  return found().map(({ level, message }) => ({ level, ...JSON.parse(message) }));
}

const people = (changes) => changes.map(({ subject }) => subject.account ?? subject.persona);

describe('with a receiver for each back end', () => {
  let worker, set, receivers;
  before(async () => {
    set = await startReceivers(...NAMES);
    ({ receivers } = set);
    worker = await startWorker({ vars: set.vars });
    // No back end's ID is an account's own ID.
    await worker.sql(
      "UPDATE identities SET id = id + CASE back_end WHEN 'seam' THEN 100 WHEN 'falcon' THEN 200 ELSE 300 END",
    );
  });
  after(async () => {
    await worker?.stop();
    await set.stop();
  });
  afterEach(async () => {
    await quiet(worker);
    for (const receiver of Object.values(receivers)) {
      receiver.clear();
      assert.deepEqual(receiver.faults, [], 'every post is signed');
    }
  });

  test('a post has the documented headers and body, and goes to the URL with its query [C2]', async () => {
    const before = Math.floor(Date.now() / 1000);
    const bearer = await token(307, { layout: 'django' });
    const { requestId } = await worker.put('/users', { token: bearer, json: { name: 'Jane S.' } });
    const [change] = await receivers.falcon.accepted(1);
    const [{ url, headers, body, id }] = receivers.falcon.posts;
    assert.equal(url, '/changes?from=perfil');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(id, `falcon-${change.id}-${change.id}`);
    const timestamp = Number(headers['webhook-timestamp']);
    assert.ok(before <= timestamp && timestamp <= Date.now() / 1000);
    assert.match(headers['webhook-signature'], /^v1,[A-Za-z0-9+/]{43}=$/);
    const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
    assert.match(body.timestamp, time);
    assert.match(change.at, time);
    assert.deepEqual(body, { type: 'changes', timestamp: body.timestamp, data: { changes: [change] } });
    assert.deepEqual(change, {
      id: change.id,
      at: change.at,
      request_id: requestId,
      route: 'PUT /users',
      actor: { account: 207 },
      subject: { account: 207 },
      fields: ['name'],
      record: {
        id: 207,
        email: 'jane.smith@example.com',
        name: 'Jane S.',
        username: 'jane_smith',
        image_path: 'profile-pictures/default.jpg',
        role_id: 2,
      },
    });
  });
  test('verification fails for a body that was altered in transit or signed with another secret [C2]', async () => {
    await worker.put('/users', { as: 6, json: { name: 'Luis' } });
    await receivers.seam.accepted(1);
    const [{ body, headers }] = receivers.seam.posts;
    const webhook = new Webhook(WEBHOOK_SECRET);
    assert.deepEqual(webhook.verify(JSON.stringify(body), headers), body);
    assert.throws(() => webhook.verify(JSON.stringify(body).replace('Luis', 'Lucy'), headers));
    const other = new Webhook(`whsec_${Buffer.alloc(32, 8).toString('base64')}`);
    assert.throws(() => other.verify(JSON.stringify(body), headers));
  });
  test('each back end gets a change with its own names and ids [C2]', async () => {
    const form = formOf({ avatar: png(), first_name: 'Alice' });
    const bearer = await token(342, { layout: 'django' });
    await worker.put('/api/profile/342/update/', { token: bearer, form });
    const [[seam], [falcon], [django]] = [
      [],
      ...(await Promise.all([1, 1].map((n, at) => receivers[['falcon', 'django'][at]].accepted(n)))),
    ];
    assert.equal(seam, undefined);
    assert.deepEqual([falcon.subject, falcon.fields], [{ account: 242 }, ['image_path']]);
    assert.deepEqual([django.actor, django.subject], [{ account: 342 }, { account: 342 }]);
    assert.deepEqual(django.fields, ['first_name', 'avatar']);
    assert.match(falcon.record.image_path, /^avatars\/42\/[0-9a-f]{64}\.png$/);
    assert.equal(django.record.avatar, `/media/${falcon.record.image_path}`);
    assert.equal(receivers.seam.posts.length + receivers.personas.posts.length, 0);
  });
  test("an administrator's change names both accounts, and only personas gets a persona's change [C2]", async () => {
    const bearer = await token(106, { layout: 'seam' });
    await worker.put('/api/v1/users/107', { token: bearer, json: { roleId: 3, email: 'js@example.com' } });
    const [seam] = await receivers.seam.accepted(1);
    assert.deepEqual(
      [seam.actor, seam.subject, seam.fields, seam.record],
      [
        { account: 106 },
        { account: 107 },
        ['email', 'roleId'],
        { idUser: 107, full_name: 'Jane S.', email: 'js@example.com', roleId: 3, isActive: true },
      ],
    );
    const [django] = await receivers.django.accepted(1);
    assert.deepEqual([django.fields, django.record.email], [['email'], 'js@example.com']);
    await quiet(worker);
    await worker.put('/api/personas/8/foto', { as: 5, json: { foto_url: 'https://example.com/a.jpg' } });
    const [persona] = await receivers.personas.accepted(1);
    assert.deepEqual(
      [persona.actor, persona.subject, persona.fields, persona.record],
      [
        { account: 5 },
        { persona: 8 },
        ['foto_url'],
        {
          id: 8,
          nombres: 'Ana',
          apellidos: 'Rojas',
          telefono: null,
          dni: '55667788',
          foto_url: 'https://example.com/a.jpg',
        },
      ],
    );
    await worker.idle();
    assert.deepEqual([receivers.seam.posts.length, receivers.django.posts.length], [1, 1]);
  });
  test('a request that is refused or sets nothing is not delivered [C1 C2]', async () => {
    await worker.put('/users', { as: 6, json: { email: 'js@example.com' } });
    await worker.put('/users', { as: 7, json: { name: '' } });
    await worker.put('/api/profile/306/update/', { as: 6, json: {} });
    await worker.idle();
    await worker.scheduled(MINUTE);
    assert.deepEqual(
      NAMES.map((name) => receivers[name].posts.length),
      [0, 0, 0, 0],
    );
  });
  test('no hash is sent unless CHANGES_HASHES is on, and then only with a new password [C2]', async () => {
    for (const [hashes, password] of [
      ['', 'a first password'],
      ['on', 'a second password'],
    ]) {
      const vars = { ...set.vars, CHANGES_HASHES: hashes };
      for (const json of [{ full_name: 'Jane' }, { password }]) {
        const count = receivers.seam.changes.length;
        await worker.put('/api/v1/users/107', { as: 6, json, vars });
        await receivers.seam.accepted(count + 1);
        await quiet(worker);
      }
    }
    const records = receivers.seam.changes.map(({ record }) => record);
    assert.deepEqual(
      receivers.seam.changes.map(({ fields }) => fields[0]),
      ['full_name', 'password', 'full_name', 'password'],
    );
    assert.deepEqual(
      records.map((record) => 'password_hash' in record),
      [false, false, false, true],
    );
    assert.ok(await bcrypt.compare('a second password', records[3].password_hash));
    const falcon = receivers.falcon.changes.filter(({ fields }) => fields.includes('password'));
    assert.deepEqual(
      falcon.map(({ record }) => 'password_hash' in record),
      [false, true],
    );
    assert.ok(!JSON.stringify(receivers.personas.posts).includes('$2b$'));
  });
  test('changes of one account arrive in order, each once, in posts a second apart [C2 C4]', async () => {
    const names = Array.from({ length: 60 }, (_, n) => `Name ${n}`);
    for (const name of names) assert.equal((await worker.put('/users', { as: 6, json: { name } })).status, 200);
    const changes = await receivers.falcon.accepted(60);
    const ids = changes.map(({ id }) => id);
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
    );
    assert.equal(changes.at(-1).record.name, 'Name 59');
    const startTimes = receivers.falcon.posts.map(({ at }) => at);
    for (const [n, at] of startTimes.slice(1).entries())
      assert.ok(at - startTimes[n] > 900, `${at - startTimes[n]} ms apart`);
  });
  test('a change is delivered soon after the response, even directly after another change [C4]', async () => {
    const lags = [];
    for (const name of ['One', 'Two']) {
      await worker.put('/users', { as: 6, json: { name } });
      const replied = performance.now();
      await receivers.falcon.accepted(lags.length + 1);
      lags.push(receivers.falcon.posts.at(-1).at - replied);
    }
    assert.ok(lags[0] < 500 && lags[1] < 1500, `${lags}`);
  });
  test('a run of deliveries writes one log line, and none if there was nothing to do [C2]', async () => {
    const seen = (await deliveries(worker, 0)).length;
    await worker.put(me, { as: 5, json: { telefono: '+5550100' } });
    await receivers.personas.accepted(1);
    await worker.idle();
    await worker.scheduled(MINUTE);
    const lines = (await deliveries(worker, seen + 1)).slice(seen);
    const [{ duration_ms, position, ...line }, ...others] = lines;
    assert.deepEqual([line, others], [{ level: 'log', event: 'delivery', receiver: 'personas', sent: 1 }, []]);
    assert.deepEqual([typeof duration_ms, position], ['number', receivers.personas.changes[0].id]);
  });
});

test('receivers get only the accounts of their own back end, even if ids collide [C2 I1 I3]', async () => {
  const set = await startReceivers(...NAMES);
  const worker = await startWorker({ vars: set.vars });
  try {
    await collide(worker);
    for (const [key, account] of Object.entries(ACCOUNTS)) {
      const json = { name: `Changed ${key}`, email: `changed${key}@example.com` };
      if (account.falcon)
        await worker.put('/users', { token: await token(account.falcon, { layout: 'falcon' }), json });
      const target = (number) => `/api/v1/users/${number}`;
      const admin = await token(6, { layout: 'seam' });
      if (account.seam)
        assert.equal(
          (await worker.put(target(account.seam), { token: admin, json: { full_name: 'By Admin' } })).status,
          200,
        );
      if (account.django) {
        const bearer = await token(account.django, { layout: 'django' });
        const profile = `/api/profile/${account.django}/update/`;
        assert.equal(
          (await worker.put(profile, { token: bearer, json: { first_name: 'F', email: json.email } })).status,
          200,
        );
      }
    }
    await quiet(worker);
    await worker.scheduled(MINUTE);
    const rows = await worker.sql('SELECT * FROM changes ORDER BY id');
    const words = {
      seam: { full_name: 'full_name', email: 'email' },
      falcon: { full_name: 'name', email: 'email' },
      django: { first_name: 'first_name', email: 'email' },
    };
    for (const backEnd of BACK_ENDS) {
      const expected = rows
        .map(({ id, account_id, actor_id, fields }) => ({
          id,
          actor: ACCOUNTS[actor_id][backEnd] === undefined ? null : { account: ACCOUNTS[actor_id][backEnd] },
          subject: { account: ACCOUNTS[account_id][backEnd] },
          fields: JSON.parse(fields).flatMap((field) => words[backEnd][field] ?? []),
        }))
        .filter(({ subject, fields }) => subject.account !== undefined && fields.length > 0);
      const delivered = set.receivers[backEnd].changes.map(({ id, actor, subject, fields }) => ({
        id,
        actor,
        subject,
        fields,
      }));
      assert.deepEqual(delivered, expected, backEnd);
      assert.ok(delivered.length >= 2);
      const emails = set.receivers[backEnd].changes.map(({ record }) => record.email);
      const known = await worker.sql(
        'SELECT email FROM users JOIN identities ON account_id = users.id WHERE back_end = ?',
        backEnd,
      );
      assert.deepEqual(
        emails.filter((email) => !known.some((row) => row.email === email)),
        [],
      );
    }
    assert.equal(set.receivers.personas.posts.length, 0);
  } finally {
    await worker.stop();
    await set.stop();
  }
});

describe('with one receiver for everything', () => {
  let worker, receiver, vars;
  before(async () => {
    receiver = await startReceiver();
    vars = { CHANGES_URL: receiver.url, CHANGES_SECRET: WEBHOOK_SECRET };
    worker = await startWorker();
  });
  after(async () => {
    await worker?.stop();
    await receiver.stop();
  });
  beforeEach(async () => {
    await worker.idle();
    await worker.sql('DELETE FROM changes');
    await worker.sql('DELETE FROM receivers');
    receiver.clear();
  });
  const insert = (count, account) =>
    worker.sql(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) ' +
        'INSERT INTO changes (request_id, route, actor_id, account_id, fields) ' +
        `SELECT 'r' || i, 'PUT /users', 1, ?2, '["email"]' FROM n`,
      count,
      account,
    );

  test("it gets every change, with the accounts' own IDs and the columns of the record [C2]", async () => {
    await worker.sql("UPDATE identities SET id = id + 100 WHERE back_end = 'seam'");
    await worker.put('/users', { as: 6, json: { name: 'Luis' }, vars });
    await worker.put(me, { as: 6, json: { nombres: 'Luis', dni: 'X-12345' }, vars });
    const [account, persona] = await receiver.accepted(2);
    const [user] = await worker.sql('SELECT * FROM users WHERE id = 6');
    const { is_active, is_staff, is_superuser, ...columns } = user;
    for (const hidden of ['password_hash', 'legacy_password_hashes', 'tokens_valid_after', 'image_as_sent'])
      delete columns[hidden];
    delete columns.image_object;
    assert.deepEqual(account.record, {
      ...columns,
      identities: { seam: 106, falcon: 6, django: 6 },
      is_active: is_active === 1,
      is_staff: is_staff === 1,
      is_superuser: is_superuser === 1,
    });
    assert.deepEqual([account.actor, account.subject, account.fields], [{ account: 6 }, { account: 6 }, ['full_name']]);
    const [{ foto_as_sent: _, foto_object: __, ...row }] = await worker.sql('SELECT * FROM personas WHERE id = 6');
    assert.deepEqual([persona.subject, persona.record], [{ persona: 6 }, row]);
    assert.deepEqual(persona.fields, ['nombres', 'dni']);
    assert.equal(receiver.posts[0].id, `all-${account.id}-${receiver.posts[0].changes.at(-1).id}`);
    await worker.sql("UPDATE identities SET id = id - 100 WHERE back_end = 'seam'");
    await quiet(worker);
  });
  test('without CHANGES_URL nothing is posted, and no database call is made [C2 C4]', async () => {
    const response = await worker.put('/users', { as: 6, json: { name: 'Luis' }, deployment: 'without' });
    await worker.idle();
    const { d1, rows } = await worker.costOf('without');
    assert.deepEqual([response.status, d1, rows], [200, 1, response.rowsWritten]);
    await worker.scheduled(MINUTE, {}, { batch: 'refuse' });
    assert.deepEqual(await worker.sql('SELECT * FROM receivers'), []);
    assert.equal((await deliveries(worker, 0)).filter(({ level }) => level === 'error').length, 0);
  });
  test('if it is configured later, it gets earlier changes, a hundred at a time [C2]', async () => {
    await insert(250, 7);
    await worker.scheduled(MINUTE, vars);
    assert.deepEqual(
      receiver.posts.map(({ id }) => id),
      ['all-1-100', 'all-101-200', 'all-201-250'],
    );
    assert.deepEqual(
      receiver.changes.map(({ id }) => id),
      Array.from({ length: 250 }, (_, n) => n + 1),
    );
  });
  test('a record that no longer exists is null [C2]', async () => {
    await insert(1, 4711);
    await worker.scheduled(MINUTE, vars);
    assert.deepEqual([receiver.changes[0].record, receiver.changes[0].subject], [null, { account: 4711 }]);
  });
  test('a delivery costs two calls and two rows, and one of each per further hundred changes [C4]', async () => {
    for (const [piled, calls] of [
      [0, 2],
      [99, 2],
      [100, 3],
      [450, 6],
    ]) {
      const deployment = `costs ${piled}`;
      if (piled > 0) await insert(piled, 7);
      const response = await worker.put('/users', { as: 6, json: { name: 'Luis' }, vars, deployment });
      assert.equal(response.d1Calls, 1);
      await receiver.accepted(piled + 1);
      await worker.idle();
      const { d1, rows } = await worker.costOf(deployment);
      assert.deepEqual([d1 - 1, rows - response.rowsWritten], [calls, calls], `${piled} undelivered changes`);
      receiver.clear();
      await quiet(worker);
    }
  });
  test('thousands of changes that do not concern a receiver are skipped [C2]', async () => {
    await worker.sql("DELETE FROM identities WHERE back_end = 'seam' AND account_id = 1");
    await insert(4200, 1);
    await insert(1, 7);
    const seam = { CHANGES_URL: JSON.stringify({ seam: receiver.url }), CHANGES_SECRET: WEBHOOK_SECRET };
    await worker.scheduled(MINUTE, seam);
    assert.deepEqual(people(receiver.changes), [7]);
    assert.deepEqual(await worker.sql('SELECT name, position FROM receivers'), [{ name: 'seam', position: 4201 }]);
  });
  test('a position outlives changes of settings, and two receivers do not share one [C2]', async () => {
    await insert(3, 7);
    await worker.scheduled(MINUTE, vars);
    await insert(2, 7);
    const seam = { CHANGES_URL: JSON.stringify({ seam: receiver.url }), CHANGES_SECRET: WEBHOOK_SECRET };
    await worker.scheduled(MINUTE, seam);
    await worker.scheduled(MINUTE, vars);
    assert.deepEqual(
      receiver.posts.map(({ id }) => id),
      ['all-1-3', 'seam-1-5', 'all-4-5'],
    );
  });
  test('the nightly event delivers nothing, and the event of every minute sweeps nothing [C3 M5]', async () => {
    await insert(1, 7);
    await worker.sweep(vars);
    assert.equal(receiver.posts.length, 0);
    const swept = worker.lines.filter(({ message }) => message.includes('"event":"sweep"')).length;
    await worker.scheduled(MINUTE, vars);
    await receiver.accepted(1);
    assert.equal(worker.lines.filter(({ message }) => message.includes('"event":"sweep"')).length, swept);
  });

  const SHORT = `whsec_${Buffer.alloc(23).toString('base64')}`;
  const url = 'http://127.0.0.1:9';
  for (const [wrong, cause] of [
    [{ CHANGES_URL: 'http://example.com/' }, 'CHANGES_URL has a URL that is not https (or http on localhost)'],
    [{ CHANGES_URL: 'nonsense' }, 'CHANGES_URL has a URL that is not https (or http on localhost)'],
    [{ CHANGES_URL: '{"seam":7}' }, 'CHANGES_URL is a table whose values are not all strings'],
    [
      { CHANGES_URL: '{"all":"https://example.com/"}' },
      'CHANGES_URL has an entry that is not personas, seam, falcon or django',
    ],
    [{ CHANGES_SECRET: '' }, 'CHANGES_SECRET is not set, so nothing is delivered'],
    [{ CHANGES_SECRET: 'whsec_%' }, 'CHANGES_SECRET is not whsec_ followed by the base64 of 24 to 64 bytes'],
    [{ CHANGES_SECRET: SHORT }, 'CHANGES_SECRET is not whsec_ followed by the base64 of 24 to 64 bytes'],
    [{ CHANGES_HASHES: 'yes' }, 'CHANGES_HASHES is neither on nor empty, so nothing is delivered'],
  ]) {
    test(`an update works with ${JSON.stringify(wrong)}, and the log has the cause [C2]`, async () => {
      const settings = { CHANGES_URL: url, CHANGES_SECRET: WEBHOOK_SECRET, ...wrong };
      const seen = worker.lines.length;
      const { status, d1Calls } = await worker.put('/users', { as: 6, json: { name: 'Luis' }, vars: settings });
      assert.deepEqual([status, d1Calls], [200, 1]);
      await worker.idle();
      await worker.scheduled(MINUTE, settings);
      const deliveryLines = async () =>
        worker.lines.slice(seen).filter(({ message }) => message.includes('"event":"delivery"'));
      for (const deadline = Date.now() + 5000; (await deliveryLines()).length === 0 && Date.now() < deadline; )
        await setTimeout(5);
      const lines = (await deliveryLines()).map(({ level, message }) => ({ level, ...JSON.parse(message) }));
      assert.deepEqual(lines, [{ level: 'error', event: 'delivery', cause }]);
      assert.deepEqual(await worker.sql('SELECT * FROM receivers'), []);
    });
  }
  test('a wrong setting for one receiver does not affect the others [C2]', async () => {
    const settings = {
      CHANGES_URL: JSON.stringify({ seam: receiver.url, falcon: receiver.url, django: 'http://example.com' }),
      CHANGES_SECRET_SEAM: WEBHOOK_SECRET,
    };
    await worker.put('/users', { as: 6, json: { name: 'Luis' }, vars: settings });
    await receiver.accepted(1);
    await worker.scheduled(MINUTE, settings);
    assert.deepEqual(
      receiver.posts.map(({ id }) => id.split('-')[0]),
      ['seam'],
    );
  });
  test('a receiver has its own secret or the shared one [C2]', async () => {
    const secret = `whsec_${Buffer.alloc(64, 9).toString('base64')}`;
    const other = await startReceiver({ secret });
    const settings = {
      CHANGES_URL: JSON.stringify({ seam: receiver.url, falcon: other.url }),
      CHANGES_SECRET: secret,
      CHANGES_SECRET_SEAM: WEBHOOK_SECRET,
    };
    await insert(1, 7);
    await worker.scheduled(MINUTE, settings);
    await other.stop();
    assert.deepEqual(
      [receiver, other].map(({ posts, faults }) => [posts[0].id, faults]),
      [
        ['seam-1-1', []],
        ['falcon-1-1', []],
      ],
    );
  });
});
