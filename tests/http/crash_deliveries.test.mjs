// workerd is killed at random moments while updates are applied and delivered to receivers that fail half of the time.
// In the end, every receiver has every acknowledged change of its accounts, in order for each account, and its database
// matches Perfil's.
//
// PERFIL_CRASH_SEED=… repeats the random choices; the interleaving of requests still varies.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createAdmins } from '../support/accounts.mjs';
import { MINUTE, startReceivers } from '../support/receiver.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

const ROUNDS = 5;
const SEED = Number(process.env.PERFIL_CRASH_SEED ?? randomInt(2 ** 31));
const ADMIN = 200;
/** The back ends that know each account, and its ID there: the back end's base plus the account's own ID. */
const BASES = { seam: 1000, falcon: 2000, django: 3000 };
const KNOWN = { 201: ['seam', 'falcon', 'django'], 202: ['seam'], 203: ['falcon', 'django'], 204: ['django'], 205: [] };
const ACCOUNTS = Object.keys(KNOWN).map(Number);

/** Random integers from 0 to n - 1, determined by the seed (mulberry32). */
const randomBelow = (() => {
  let seed = SEED;
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
})();

/**
 * The contents of a receiver's database, by subject: the ids in the order in which they first arrived, and the fields.
 */
class Copy {
  arrived = new Map();
  applied = new Map();
  requests = new Set();

  take(changes) {
    for (const { id, request_id, subject, fields, record } of changes) {
      const whose = subject.account ?? subject.persona;
      const ids = this.arrived.get(whose) ?? [];
      this.arrived.set(whose, ids);
      // A change may be sent more than once.
      if (ids.includes(id)) continue;
      const isNewer = ids.every((other) => other < id);
      ids.push(id);
      this.requests.add(request_id);
      if (!isNewer) continue;
      const row = this.applied.get(whose) ?? {};
      this.applied.set(whose, row);
      for (const field of fields) row[field] = record[field];
    }
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-crash-feed-'));
const copies = {};
/** Ids of acknowledged requests, by the receivers that must get them. */
const acknowledged = { seam: [], falcon: [], django: [], personas: [] };
const failures = [];
let set;
let worker;
let killed = false;
let posts = 0;

/** A receiver that, half of the time, refuses, breaks off, or applies the changes but returns an error. */
function failing(name) {
  return (response, { changes }) => {
    posts++;
    const fate = randomBelow(6);
    if (fate === 0) {
      response.destroy();
      return 0;
    }
    if (fate === 1) return 500;
    copies[name].take(changes);
    return fate === 2 ? 503 : 200;
  };
}

before(async () => {
  set = await startReceivers('seam', 'falcon', 'django', 'personas');
  for (const [name, receiver] of Object.entries(set.receivers)) {
    copies[name] = new Copy();
    receiver.status = failing(name);
  }
  worker = await startWorker({ persist: folder, vars: set.vars });
  await createAdmins(worker, [ADMIN, ...ACCOUNTS], 'feed');
  await worker.sql('DELETE FROM identities WHERE account_id BETWEEN 201 AND 205');
  for (const [account, names] of Object.entries(KNOWN))
    for (const name of names)
      await worker.sql(
        'INSERT INTO identities VALUES (?, ?, ?, NULL)',
        name,
        BASES[name] + Number(account),
        Number(account),
      );
});
after(async () => {
  await worker?.stop();
  await set?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

const numberOf = (backEnd, account) => BASES[backEnd] + account;

/**
 * Changes an account through a random endpoint. Each way is
 * `[target, token, fields, the receivers that have one of them]`.
 */
async function change(account, n) {
  const admin = await token(ADMIN);
  const ways = {
    seam: async () => [
      `/api/v1/users/${numberOf('seam', account)}`,
      admin,
      { full_name: `Full ${n}` },
      ['seam', 'falcon'],
    ],
    falcon: async () => [
      '/users',
      await token(numberOf('falcon', account), { layout: 'falcon' }),
      randomBelow(2)
        ? { username: `user_${account}_${n}` }
        : { name: `Name ${n}`, email: `e${account}.${n}@example.com` },
      null,
    ],
    django: async () => [
      `/api/profile/${numberOf('django', account)}/update/`,
      await token(numberOf('django', account), { layout: 'django' }),
      { first_name: `First ${n}`, number_phone: String(n) },
      ['django'],
    ],
    personas: async () => ['/api/personas/me', await token(account), { nombres: `Nombre ${n}` }, ['personas']],
  };
  const known = KNOWN[account];
  const way = [...known, 'personas'][randomBelow(known.length + 1)];
  const [target, bearer, json, has] = await ways[way]();
  const receivers = has ?? (json.username ? ['falcon', 'django'] : ['seam', 'falcon', 'django']);
  const { status, text, requestId } = await worker.put(target, { token: bearer, json });
  if (status !== 200) failures.push(`${target} returned ${status} ${text}`);
  for (const name of receivers) if (name === 'personas' || known.includes(name)) acknowledged[name].push(requestId);
}

async function changes(account, round) {
  try {
    for (let n = 1; !killed; n++) await change(account, round * 10_000 + n);
  } catch (error) {
    if (!killed) failures.push(`no response: ${error.cause ?? error}`);
  }
}

async function minutes() {
  try {
    while (!killed) {
      await worker.scheduled(MINUTE, {}, { pace: 40 });
      await setTimeout(50);
    }
  } catch (error) {
    if (!killed) failures.push(`the scheduled event failed: ${error}`);
  }
}

/** Ends every pause, and every lease that a crash left behind. */
const makeAllDue = () => worker.sql('UPDATE receivers SET next_attempt_at = NULL, lease = NULL, leased_until = NULL');

test(`after a kill at any moment, receivers get everything in order, seed ${SEED} [C2 C3]`, async (context) => {
  for (let round = 1; round <= ROUNDS; round++) {
    killed = false;
    const running = [...ACCOUNTS.map((account) => changes(account, round)), minutes()];
    await setTimeout(700 + randomBelow(1500));
    await makeAllDue();
    await setTimeout(randomBelow(600));
    const gone = worker.kill();
    killed = true;
    await gone;
    await Promise.all(running);
    worker = await startWorker({ persist: folder, vars: set.vars });
    await makeAllDue();
  }
  assert.deepEqual(failures, []);
  const [{ newest }] = await worker.sql('SELECT max(id) AS newest FROM changes');
  const behind = () => worker.sql('SELECT name FROM receivers WHERE position < ?', newest);
  for (let tries = 0; (await behind()).length > 0; tries++) {
    assert.ok(tries < 500, 'the receivers are not up to date after 500 events');
    await makeAllDue();
    await worker.scheduled(MINUTE, {}, { pace: 40 });
  }
  const counts = Object.entries(acknowledged).map(([name, ids]) => `${name} ${ids.length}`);
  context.diagnostic(`${newest} changes, acknowledged: ${counts.join(', ')}; ${posts} posts`);
  for (const [name, ids] of Object.entries(acknowledged)) {
    assert.ok(ids.length > 20, `${name} got too few changes to test anything`);
    const lost = ids.filter((id) => !copies[name].requests.has(id));
    assert.deepEqual(lost, [], `${name} did not get every change`);
    for (const [whose, arrived] of copies[name].arrived)
      assert.deepEqual(
        arrived,
        [...arrived].sort((a, b) => a - b),
        `${name}, ${whose}`,
      );
  }
  assert.deepEqual(set.receivers.seam.faults, []);
});

test("then their databases match Perfil's [C2]", async () => {
  const users = await worker.sql('SELECT * FROM users WHERE id BETWEEN 201 AND 205');
  const columns = { seam: { full_name: 'full_name', email: 'email' }, falcon: {}, django: {}, personas: {} };
  columns.falcon = { name: 'full_name', email: 'email', username: 'username' };
  columns.django = { first_name: 'first_name', number_phone: 'number_phone', email: 'email', username: 'username' };
  let compared = 0;
  for (const [backEnd, names] of Object.entries(columns).slice(0, 3)) {
    const known = ACCOUNTS.filter((account) => KNOWN[account].includes(backEnd));
    assert.deepEqual(
      [...copies[backEnd].applied.keys()].sort(),
      known.map((account) => numberOf(backEnd, account)),
    );
    for (const account of known) {
      const user = users.find(({ id }) => id === account);
      for (const [field, value] of Object.entries(copies[backEnd].applied.get(numberOf(backEnd, account)))) {
        assert.equal(value, user[names[field]], `${backEnd}, ${account}, ${field}`);
        compared++;
      }
    }
  }
  for (const { id, nombres } of await worker.sql('SELECT * FROM personas WHERE id BETWEEN 201 AND 205'))
    assert.deepEqual(copies.personas.applied.get(id), { nombres });
  assert.ok(compared > 10);
});
