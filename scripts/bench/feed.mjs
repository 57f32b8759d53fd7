// npx node scripts/bench/feed.mjs [--changes 100000] [--seconds 10] [--rounds 3]
// Measures the cost and the speed of the delivery of changes, to a receiver on loopback that verifies every post: the
// rate at which a backlog is delivered, the time from a reply to the arrival of its change, and the rate of updates
// with and without a receiver.
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MINUTE, startReceiver, WEBHOOK_SECRET } from '../../tests/support/receiver.mjs';
import { token } from '../../tests/support/tokens.mjs';
import { startWorker } from '../../tests/support/worker.mjs';
import { median, quantile } from '../statistics.mjs';
import { caller } from './requests.mjs';

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
  },
});
const [changes, seconds, rounds] = [values.changes, values.seconds, values.rounds].map(Number);

const FILL =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) ' +
  'INSERT INTO changes (request_id, route, actor_id, account_id, fields) ' +
  `SELECT 'r' || i, 'PUT /users', 6, 6, '["full_name"]' FROM n`;

const headers = { 'content-type': 'application/json', authorization: `Bearer ${await token(6)}` };
const update = {
  name: 'PUT /users',
  status: 200,
  request: (n) => ({ method: 'PUT', path: '/users', headers, body: JSON.stringify({ name: `Luis ${n}` }) }),
};

/** Creates a backlog of changes, and delivers it with as many scheduled events as needed. */
async function catchUp(worker, receiver) {
  await worker.sql(FILL, changes);
  const started = performance.now();
  let events = 0;
  for (; receiver.changes.length < changes; events++) await worker.scheduled(MINUTE);
  const took = (performance.now() - started) / 1000;
  console.log(
    `catch-up: ${changes} changes in ${took.toFixed(1)} s, ${Math.round(changes / took)} per second, ` +
      `${receiver.posts.length} posts, ${events} scheduled events`,
  );
}

let last = 0;

/** Measures the time from a reply to the arrival of its change, in milliseconds. */
async function lag(worker, receiver, what, connections, pause) {
  const callers = Array.from({ length: connections }, () => caller(worker.url, 1));
  const replied = new Map();
  const until = performance.now() + seconds * 1000;
  const send = async ({ ask }) => {
    while (performance.now() < until) {
      const id = `lag-${++last}`;
      await ask(update, id);
      replied.set(id, performance.now());
      await setTimeout(pause());
    }
  };
  await Promise.all(callers.map(send));
  const arrived = () => receiver.posts.flatMap(({ changes, at }) => changes.map(({ request_id }) => [request_id, at]));
  while (arrived().filter(([id]) => replied.has(id)).length < replied.size) await setTimeout(20);
  const lags = arrived().flatMap(([id, at]) => (replied.has(id) ? [at - replied.get(id)] : []));
  await Promise.all(callers.map(({ close }) => close()));
  console.log(
    `lag, ${what}: ${lags.length} changes, p50 ${median(lags).toFixed(0)} ms, ` +
      `p99 ${quantile(lags, 0.99).toFixed(0)} ms, longest ${Math.max(...lags).toFixed(0)} ms`,
  );
}

/** Measures updates per second, on a number of connections. */
async function rate(worker, connections) {
  const { load, close } = caller(worker.url, connections);
  const until = performance.now() + seconds * 1000;
  const started = performance.now();
  const times = await load(connections, () => performance.now() < until && update);
  await close();
  return times.length / ((performance.now() - started) / 1000);
}

const receiver = await startReceiver();
receiver.status = 200;
const vars = { CHANGES_URL: receiver.url, CHANGES_SECRET: WEBHOOK_SECRET };
const [delivering, silent] = [await startWorker({ vars, counted: false }), await startWorker({ counted: false })];
try {
  // Another worker with the test paths for SQL, which the measured workers do not have.
  const counted = await startWorker({ vars });
  await catchUp(counted, receiver);
  await counted.stop();
  receiver.clear();
  await lag(delivering, receiver, 'one change every two seconds', 1, () => 1800 + Math.random() * 400);
  receiver.clear();
  await lag(delivering, receiver, 'up to ten changes per second', 1, () => 100 + Math.random() * 100);
  receiver.clear();
  await lag(delivering, receiver, '16 at a time', 16, () => 0);
  for (const connections of [1, 16]) {
    const found = { with: [], without: [] };
    for (let round = 0; round < rounds; round++) {
      found.without.push(await rate(silent, connections));
      receiver.clear();
      found.with.push(await rate(delivering, connections));
    }
    const ratios = found.with.map((each, at) => each / found.without[at]);
    console.log(
      `PUT /users, ${connections} at a time: ${Math.round(median(found.without))} requests/s without a receiver, ` +
        `${Math.round(median(found.with))} with one, ratio ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}`,
    );
  }
  if (receiver.faults.length > 0) throw receiver.faults[0];
} finally {
  await Promise.all([delivering.stop(), silent.stop()]);
  await receiver.stop();
}
