// The cost of a body is bounded, whatever its shape: one-byte chunks, thousands of parts, a body held open, or a
// compressed one.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { formOf, png } from '../support/avatars.mjs';
import { REFUSALS, ROUTES } from '../support/dialects.mjs';
import { assertRefused, assertResponse, raw } from '../support/responses.mjs';
import { hold, inSingleBytes, startPut } from '../support/sockets.mjs';
import { startWorker } from '../support/worker.mjs';

const MIB = 2 ** 20;
const NONE = { d1: 0, r2: [0, 0] };
const [FOTO, , , FALCON, DJANGO] = ROUTES;
const FORM = { 'content-type': 'multipart/form-data; boundary=x' };

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

/** Resident memory of workerd, in bytes, or 0 if it is not known. */
const resident = () => {
  const status = `/proc/${worker.pid}/status`;
  return fs.existsSync(status) ? Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(status, 'utf8'))[1]) * 1024 : 0;
};

/** Sends a body in one-byte chunks and returns the peak growth of workerd's memory in the meantime. */
async function growth(route, type, body) {
  const before = resident();
  let highest = before;
  const watch = setInterval(() => {
    highest = Math.max(highest, resident());
  }, 5);
  const response = await inSingleBytes(worker, route.path(), type, body);
  clearInterval(watch);
  assert.match(response, /^HTTP\/1.1 200 /);
  return highest - before;
}

const part = (name, content, more = '') =>
  `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${content}\r\n`;

describe('the memory of one body', () => {
  test('64 KiB of JSON in one-byte chunks uses little more memory than that [R12]', async () => {
    const body = Buffer.from(JSON.stringify({ name: 'Luis Pérez' }).padEnd(65_500));
    assert.ok((await growth(FALCON, 'application/json', body)) < 16 * MIB);
  });
  test('a form in one-byte chunks uses less than three times the limit [R12]', async () => {
    const head = part('avatar', '', '; filename="a.png"').slice(0, -2);
    const body = Buffer.concat([Buffer.from(head), png({ size: 500_000 }), Buffer.from('\r\n--x--\r\n')]);
    assert.ok((await growth(DJANGO, FORM['content-type'], body)) < 30 * MIB);
  });
});

for (const route of [FOTO, DJANGO]) {
  describe(`the parts of a form to ${route.name}`, () => {
    const refuses = (body) =>
      assertRefused(
        worker,
        route.path(),
        { as: 6, ...raw(body, FORM['content-type']) },
        413,
        route.refusals.tooLarge(),
        NONE,
      );

    test('64 are accepted, and one more is too large [R12 R3]', async () => {
      const parts = (count) => Array.from({ length: count }, (_, at) => part(`p${at}`, '')).join('');
      const good = `${parts(63)}${part(route.upload, '', '; filename="a.png"').slice(0, -2)}`;
      const body = Buffer.concat([Buffer.from(good), png(), Buffer.from('\r\n--x--\r\n')]);
      const response = await worker.put(route.path(), { as: 6, ...raw(body, FORM['content-type']) });
      assert.equal(response.status, 200, response.text);
      await refuses(Buffer.from(`${parts(65)}--x--\r\n`));
    });
    test('80,000 of them are too large [R12 R3]', () =>
      refuses(Buffer.from(`${part('a', '').repeat(80_000)}--x--\r\n`)));
    test('headers of 5 MB are too large [R12 R3]', () =>
      refuses(Buffer.from(`--x\r\nX-Pad: ${'a'.repeat(5_000_000)}\r\n${part('a', 'b').slice(5)}--x--\r\n`)));
    test('headers of 5 MB without a line break are too large [R12 R3]', () =>
      refuses(Buffer.from(`--x\r\n${'a'.repeat(5_000_000)}`)));
  });
}

describe('bodies that are held open', () => {
  const BEGUN = '--x\r\n';
  const headers = { ...FORM, 'content-length': 10 * MIB };
  const upload = (as) => startPut(worker, DJANGO.path(as), headers, BEGUN, { as });
  /** Starts an upload of the largest size for each account, and waits until they have reached the worker. */
  async function holdAll(accounts) {
    const all = [];
    for (const as of accounts) all.push(await hold(worker, DJANGO.path(as), headers, BEGUN, { as }));
    await setTimeout(300);
    return all;
  }

  test('an account may hold two of the largest uploads, and gets a 429 for a third [R12 R7]', async () => {
    const open = await holdAll([42, 42]);
    const third = await upload(42);
    await assertResponse(worker, third, 429, REFUSALS.django.tooMany(), NONE);
    assert.equal(third.headers.get('retry-after'), '60');
    await Promise.all(open.map((each) => each.hangUp()));
  });
  test('four accounts fill the instance, a fifth gets a 503, and uploads work once they hang up [R12]', async () => {
    const open = await holdAll([42, 1, 5, 6]);
    assert.deepEqual(
      open.map(({ status }) => status),
      Array(4).fill(undefined),
    );
    const fifth = await upload(7);
    const line = await assertResponse(worker, fifth, 503, { error: 'Internal server error' }, NONE);
    assert.deepEqual([fifth.headers.get('retry-after'), line.cause], ['5', 'too many request bodies in memory']);
    assert.equal((await worker.put('/users', { as: 7, json: { name: 'Jane' } })).status, 200);
    await Promise.all(open.map((each) => each.hangUp()));
    await worker.idle();
    const again = await worker.put(DJANGO.path(7), { as: 7, form: formOf({ avatar: png({ size: 9 * MIB }) }) });
    assert.equal(again.status, 200, again.text);
  });
  for (const route of ROUTES) {
    test(`a JSON body that does not arrive in 31 seconds is a 408 for ${route.name} [R12 R7]`, async () => {
      const before = await worker.dump();
      const body = new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from('{')) });
      const headers = { 'content-type': 'application/json' };
      const response = await worker.put(route.path(), { as: 6, body, headers, faults: { pace: 100 } });
      const line = await assertResponse(worker, response, 408, route.refusals.tooSlow(), NONE);
      assert.equal(line.code, 'too_slow');
      assert.equal(await worker.dump(), before);
    });
  }
});

describe('a compressed body', () => {
  for (const route of ROUTES) {
    test(`in gzip is refused by ${route.name} [R15 R7]`, async () => {
      const packed = gzipSync(JSON.stringify(route.good));
      const types = ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'];
      for (const [body, type] of [['{}', types[0]], ...types.map((type) => [packed, type])]) {
        const headers = { 'content-type': type, 'content-encoding': 'gzip' };
        const options = { as: 6, body, headers };
        await assertRefused(worker, route.path(), options, 415, route.refusals.unsupported('gzip'), NONE);
      }
    });
    test(`in identity is accepted by ${route.name} [R15]`, async () => {
      const response = await worker.put(route.path(), {
        as: 6,
        json: route.good,
        headers: { 'content-encoding': 'Identity' },
      });
      assert.equal(response.status, 200, response.text);
    });
  }
});
