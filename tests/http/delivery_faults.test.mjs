// Receivers that are down, slow, hanging or refusing, a failing database, and several instances at the same time:
// nothing is lost, nothing waits for a delivery, and a repeated post has the same id.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { sender } from '../support/client.mjs';
import { MINUTE, startReceiver, startReceivers, WEBHOOK_SECRET } from '../support/receiver.mjs';
import { startWorker } from '../support/worker.mjs';

const settings = (receiver) => ({ CHANGES_URL: receiver.url, CHANGES_SECRET: WEBHOOK_SECRET });

/** Ends every pause and every lease. */
const makeAllDue = (worker) =>
  worker.sql(
    "UPDATE receivers SET next_attempt_at = '2000-01-01', leased_until = iif(lease IS NULL, NULL, '2000-01-01')",
  );

const insert = (worker, count = 1) =>
  worker.sql(
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) ' +
      'INSERT INTO changes (request_id, route, actor_id, account_id, fields) ' +
      `SELECT 'r', 'PUT /users', 1, 7, '["email"]' FROM n`,
    count,
  );

/** Waits for `count` log lines about deliveries after the first `seen` lines, and returns them. */
async function lines(worker, seen, count) {
  const found = () => worker.lines.slice(seen).filter(({ message }) => message.includes('"event":"delivery"'));
  for (const deadline = Date.now() + 5000; found().length < count && Date.now() < deadline; ) await setTimeout(5);
  return found().map(({ level, message }) => ({ level, ...JSON.parse(message) }));
}

const row = async (worker) => (await worker.sql('SELECT * FROM receivers'))[0];

describe('one worker and one receiver', () => {
  let worker, receiver;
  before(async () => {
    receiver = await startReceiver();
    worker = await startWorker({ vars: settings(receiver) });
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
    receiver.status = 204;
  });

  test('a failed post is sent again a second later, with its id and a new signature [C2 C3]', async () => {
    receiver.status = () => (receiver.posts.length < 2 ? 500 : 200);
    await worker.put('/users', { as: 6, json: { name: 'Luis' } });
    await receiver.accepted(1);
    await worker.idle();
    const [first, second] = receiver.posts;
    assert.equal(receiver.posts.length, 2);
    assert.equal(first.id, second.id);
    assert.ok(second.at - first.at >= 1000 && second.at - first.at < 3000, `${second.at - first.at} ms`);
    assert.notEqual(first.headers['webhook-timestamp'], second.headers['webhook-timestamp']);
    assert.notEqual(first.headers['webhook-signature'], second.headers['webhook-signature']);
    const { position, failures, lease, next_attempt_at } = await row(worker);
    assert.deepEqual([position, failures, lease, next_attempt_at], [first.changes[0].id, 0, null, null]);
  });
  test('pauses double, no attempt is made before it is due, and each run logs an error [C3]', async () => {
    receiver.status = 503;
    await insert(worker);
    const pauses = [];
    for (let attempt = 1; attempt <= 7; attempt++) {
      const seen = worker.lines.length;
      // Timers run 40 times as fast, so the run tries a second time before the attempt is due.
      await worker.scheduled(MINUTE, {}, { pace: 40 });
      const { failures, next_attempt_at } = await row(worker);
      assert.deepEqual([failures, receiver.posts.length], [attempt, attempt]);
      const failedAt = performance.timeOrigin + receiver.posts.at(-1).at;
      pauses.push(Math.round((Date.parse(next_attempt_at) - failedAt) / 1000));
      const [{ duration_ms, ...line }] = await lines(worker, seen, 1);
      const cause = 'receiver: returned 503';
      assert.deepEqual(line, { level: 'error', event: 'delivery', receiver: 'all', sent: 0, cause });
      await worker.scheduled(MINUTE, {}, { pace: 40 });
      assert.equal(receiver.posts.length, attempt, 'no attempt is due');
      await makeAllDue(worker);
    }
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 45]);
    receiver.status = 200;
    await worker.scheduled(MINUTE);
    assert.deepEqual([(await row(worker)).failures, receiver.changes.length], [0, 1]);
  });
  for (const status of [301, 302, 307, 308, 400, 404, 409, 410, 429, 500])
    test(`${status} counts as a failure, and a redirect is not followed [C3]`, async () => {
      receiver.status = (response) => {
        if (status < 400) response.setHeader('location', `${receiver.url}&redirected`);
        return status;
      };
      await insert(worker);
      await worker.scheduled(MINUTE, {}, { pace: 40 });
      assert.deepEqual(
        receiver.posts.map(({ url }) => url),
        ['/changes?from=perfil'],
      );
      assert.equal((await row(worker)).failures, 1);
      receiver.status = 200;
      await makeAllDue(worker);
      await worker.scheduled(MINUTE);
      assert.equal(receiver.changes.length, 1);
    });
  for (const status of [200, 201, 202, 204, 299])
    test(`${status} counts as accepted [C3]`, async () => {
      receiver.status = status;
      await insert(worker);
      await worker.scheduled(MINUTE);
      assert.deepEqual([(await row(worker)).position, receiver.posts.length], [1, 1]);
    });
  test('only the status of a receiver is waited for, not the rest of its response [C3]', async () => {
    let open;
    receiver.status = async (response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('x'.repeat(100_000));
      open = response;
      await setTimeout(3000);
      return 200;
    };
    await insert(worker);
    const began = performance.now();
    await worker.scheduled(MINUTE);
    assert.ok(performance.now() - began < 2500);
    assert.equal((await row(worker)).position, 1);
    await setTimeout(100);
    assert.ok(open.destroyed || open.writableEnded, 'the connection is closed');
  });
  test('a response does not wait for a receiver that hangs, which times out after 10 seconds [C3 C4]', async () => {
    const hanging = Promise.withResolvers();
    receiver.status = () => hanging.promise;
    const seen = worker.lines.length;
    const began = performance.now();
    for (let n = 0; n < 20; n++)
      assert.equal((await worker.put('/users', { as: 6, json: { name: `Luis ${n}` } })).status, 200);
    const took = performance.now() - began;
    assert.ok(took < 3000, `20 updates took ${took} ms`);
    const [{ sent, duration_ms, cause }] = await (async () => {
      await worker.idle();
      return lines(worker, seen, 1);
    })();
    assert.deepEqual([sent, cause], [0, 'receiver: no response within 10 s']);
    assert.ok(duration_ms >= 10_000 && duration_ms < 12_000, `${duration_ms} ms`);
    hanging.resolve(500);
    receiver.status = 200;
    await makeAllDue(worker);
    await worker.scheduled(MINUTE);
    assert.equal(receiver.changes.length, 20);
  });
  test('a receiver that is down gets everything when it is up again [C3]', async () => {
    const down = await startReceiver();
    await down.stop();
    const vars = settings(down);
    await insert(worker, 3);
    const seen = worker.lines.length;
    await worker.scheduled(MINUTE, vars, { pace: 40 });
    const [{ level, sent, cause }] = await lines(worker, seen, 1);
    assert.deepEqual([level, sent], ['error', 0]);
    assert.match(cause, /^receiver: /);
    await makeAllDue(worker);
    await worker.scheduled(MINUTE);
    assert.equal(receiver.changes.length, 3);
  });
  for (const [what, faults, posts] of [
    ['the lease cannot be taken', { batch: ['refuse', 'refuse'] }, 0],
    ['the lease is taken and the response is lost', { batch: ['lose'] }, 1],
    ['the position cannot be advanced at first', { batch: [null, 'refuse'] }, 1],
    ['the position is advanced and the response is lost', { batch: [null, 'lose'] }, 1],
    ['the position cannot be advanced at all', { batch: [null, 'refuse', 'refuse'] }, 1],
  ])
    test(`a database that fails loses nothing: ${what} [C3]`, async () => {
      await insert(worker, 2);
      await worker.scheduled(MINUTE, {}, faults);
      assert.equal(receiver.posts.length, posts);
      await makeAllDue(worker);
      await worker.scheduled(MINUTE);
      const ids = receiver.changes.map(({ id }) => id);
      assert.deepEqual([...new Set(ids)], [1, 2]);
      assert.equal(ids.length > 2, what.endsWith('at all'), 'only what could not be recorded is sent again');
      assert.deepEqual([(await row(worker)).position, (await row(worker)).lease], [2, null]);
    });
  test('an interrupted delivery is repeated once its lease has ended [C3]', async () => {
    await insert(worker, 2);
    // The state after a crash: the lease is taken, and no run continues.
    await worker.sql(
      'INSERT INTO receivers (name, lease, leased_until) ' +
        "VALUES ('all', 'x', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 seconds'))",
    );
    await worker.scheduled(MINUTE);
    assert.equal(receiver.posts.length, 0);
    await setTimeout(1100);
    await worker.scheduled(MINUTE);
    assert.equal(receiver.changes.length, 2);
  });
  test('no value, secret or hash is in the log, whatever fails [C1 C2]', async () => {
    receiver.status = 500;
    const vars = { ...settings(receiver), CHANGES_HASHES: 'on' };
    await worker.put('/api/v1/users/7', {
      as: 6,
      json: { password: 'a-new-password', email: 'hid@example.com' },
      vars,
    });
    await worker.scheduled(MINUTE, vars, { batch: [null, 'refuse', 'refuse'] });
    await worker.idle();
    const log = worker.lines.map(({ message }) => message).join('\n');
    assert.ok(log.includes('returned 500'));
    for (const hidden of [
      'a-new-password',
      'hid@example.com',
      '$2b$',
      'whsec_',
      WEBHOOK_SECRET.slice(6),
      'from=perfil',
    ])
      assert.ok(!log.includes(hidden), hidden);
  });
});

test('a receiver that hangs does not delay the others [C3]', async () => {
  const set = await startReceivers('seam', 'falcon', 'django', 'personas');
  const worker = await startWorker({ vars: set.vars });
  try {
    set.receivers.falcon.status = () => setTimeout(2500, 200);
    await insert(worker);
    const minute = worker.scheduled(MINUTE);
    const began = performance.now();
    await Promise.all([set.receivers.seam.accepted(1), set.receivers.django.accepted(1)]);
    assert.ok(performance.now() - began < 1500);
    await minute;
    assert.equal(set.receivers.falcon.changes.length, 1);
  } finally {
    await worker.stop();
    await set.stop();
  }
});

test('two instances do not deliver the same changes at the same time, and keep the order [C2 C3]', async () => {
  const receiver = await startReceiver();
  const worker = await startWorker({ vars: settings(receiver), replicas: ['replica'] });
  try {
    let inFlight = 0;
    let maxInFlight = 0;
    receiver.status = async () => {
      maxInFlight = Math.max(maxInFlight, ++inFlight);
      await setTimeout(100);
      inFlight--;
      return 200;
    };
    const sends = [worker.send, sender(worker.urls.replica)];
    const expected = [];
    for (let n = 0; n < 60; n++) {
      const responses = await Promise.all(
        sends.map((send, at) => send('PUT', '/users', { as: [6, 7][at], json: { name: `Name ${n}` } })),
      );
      for (const { status, requestId } of responses) {
        assert.equal(status, 200);
        expected.push(requestId);
      }
      await setTimeout(50);
    }
    const changes = await receiver.accepted(120);
    assert.equal(maxInFlight, 1, 'one post at a time');
    const ids = changes.map(({ id }) => id);
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
    );
    assert.deepEqual(new Set(changes.map(({ request_id }) => request_id)), new Set(expected));
    assert.ok(receiver.posts.length > 3, 'both deliver while updates continue');
  } finally {
    await worker.stop();
    await receiver.stop();
  }
});

test('if a lease ends during a post, both runs deliver, nothing is lost, and ids reveal it [C2 C3]', async () => {
  const receiver = await startReceiver();
  const worker = await startWorker({ vars: settings(receiver) });
  try {
    const first = Promise.withResolvers();
    receiver.status = () => (receiver.posts.length === 1 ? first.promise : 200);
    await insert(worker, 3);
    const slow = worker.scheduled(MINUTE);
    while (receiver.posts.length === 0) await setTimeout(5);
    await makeAllDue(worker);
    await insert(worker, 2);
    await worker.scheduled(MINUTE);
    assert.equal((await row(worker)).position, 5);
    first.resolve(200);
    await slow;
    assert.equal((await row(worker)).position, 5, 'a run that has lost the lease does not move the position');
    assert.deepEqual(
      receiver.posts.map(({ id }) => id),
      ['all-1-3', 'all-1-5'],
    );
  } finally {
    await worker.stop();
    await receiver.stop();
  }
});

test("the receiver's position outlives the worker [C2 C3]", async () => {
  const persist = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-feed-'));
  const receiver = await startReceiver();
  let worker;
  try {
    worker = await startWorker({ vars: settings(receiver), persist });
    await insert(worker, 2);
    await worker.scheduled(MINUTE);
    await insert(worker, 1);
    await worker.stop();
    worker = await startWorker({ vars: settings(receiver), persist });
    await worker.scheduled(MINUTE);
    assert.deepEqual(
      receiver.posts.map(({ id }) => id),
      ['all-1-2', 'all-3-3'],
    );
  } finally {
    await worker.stop();
    await receiver.stop();
    fs.rmSync(persist, { recursive: true, force: true });
  }
});
