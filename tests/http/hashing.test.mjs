// Hashing a password takes a quarter of a second of CPU. Meanwhile, the instance serves other requests. These tests
// check the order of responses; they do not measure time.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { seam } from '../support/dialects.mjs';
import { assertResponse } from '../support/responses.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

/** Minimum number of requests that are served during one hash, which pauses 40 times. */
const SERVED = 16;
/** Maximum number of passwords in an instance: one is hashed and 64 wait. */
const MAX_HASHES = 65;
const ADMIN = 6;
const ACCOUNTS = [7, 42, 43];

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

const target = (id) => `/api/v1/users/${id}`;
const change = (id, password, faults = undefined) => worker.put(target(id), { as: ADMIN, json: { password }, faults });
const hashOf = async (id) => (await worker.sql('SELECT password_hash FROM users WHERE id = ?', id))[0].password_hash;
const isHashed = async (id, password) => assert.ok(await bcrypt.compare(password, await hashOf(id)), `${id}`);

/** Sends one request after another until `work` is done, and returns how many got a response. */
async function countDuring(work, send, status) {
  let isDone = false;
  work.finally(() => {
    isDone = true;
  });
  let count = 0;
  while (!isDone) {
    assert.equal((await send()).status, status);
    count++;
  }
  return count;
}

/**
 * Starts a change of password that the client can abort, and returns once the request has got past the database check.
 */
async function abandonable(id, password) {
  const hold = `hashed-${id}`;
  const request = http.request(worker.url + target(id), {
    method: 'PUT',
    agent: false,
    headers: {
      authorization: `Bearer ${await token(ADMIN)}`,
      'content-type': 'application/json',
      'x-test-faults': JSON.stringify({ batch: [`hold:${hold}`] }),
    },
  });
  request.on('error', () => {});
  request.end(JSON.stringify({ password }));
  await worker.held(hold);
  await worker.release(hold);
  return request;
}

describe('while a password is hashed', () => {
  const others = {
    'requests without a good token are refused': [
      () => worker.put(target(7), { token: 'x.y.z', json: { full_name: 'Nobody' } }),
      401,
    ],
    'small updates are applied': [() => worker.put('/users', { as: 42, json: { name: 'Alice Wonderland' } }), 200],
  };
  for (const [name, [send, status]] of Object.entries(others)) {
    test(`${name} [R13 S6]`, async (context) => {
      const changed = change(7, 'one of them all');
      const count = await countDuring(changed, send, status);
      context.diagnostic(`${count} responses`);
      assert.equal((await changed).status, 200);
      await isHashed(7, 'one of them all');
      assert.ok(count >= SERVED, `${count} responses`);
    });
  }
  test('another one is hashed after it, and both hashes are right [R13 S5 S6]', async (context) => {
    const passwords = ACCOUNTS.slice(0, 2).map((id) => [id, `at the same time, ${id} 🔑`]);
    const changed = Promise.all(passwords.map(([id, password]) => change(id, password)));
    const send = () => worker.put(target(7), { json: {} });
    const count = await countDuring(changed, send, 401);
    context.diagnostic(`${count} responses`);
    assert.deepEqual(
      (await changed).map(({ status }) => status),
      [200, 200],
    );
    for (const [id, password] of passwords) await isHashed(id, password);
    assert.ok(count >= SERVED * passwords.length, `${count} responses`);
  });
});

describe('a client that hangs up', () => {
  test('while its password is hashed, or waits, does not block others [R13]', async () => {
    const before = await Promise.all(ACCOUNTS.map(hashOf));
    const gone = [];
    for (const id of ACCOUNTS) gone.push(await abandonable(id, 'never to be set'));
    // By now, one of them is being hashed and the others wait.
    for (let n = 0; n < 3; n++) await worker.put(target(7), { json: {} });
    // A reset is necessary: workerd continues a request whose client closes the connection without one.
    for (const request of gone) request.socket.resetAndDestroy();
    assert.equal((await change(1, 'set all the same')).status, 200);
    await isHashed(1, 'set all the same');
    assert.deepEqual(await Promise.all(ACCOUNTS.map(hashOf)), before);
  });
});

describe('one password too many', () => {
  test('is refused immediately and may be sent again later [R9 R13]', async (t) => {
    // A separate worker, so that it can be stopped while it is still hashing.
    const full = await startWorker();
    t.after(() => full.stop());
    const changes = Array.from({ length: MAX_HASHES + 1 }, async () => {
      const response = await full.put(target(7), { as: ADMIN, json: { password: 'one of too many' } });
      assert.equal(response.status, 503);
      return response;
    });
    const refused = await Promise.any(changes);
    const line = await assertResponse(full, refused, 503, seam('Error interno del servidor'), { d1: 1 });
    assert.equal(refused.headers.get('retry-after'), '5');
    assert.equal(line.cause, 'password hashing: too many passwords are waiting');
  });
});
