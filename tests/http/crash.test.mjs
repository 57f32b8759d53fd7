// A crash of the machine: workerd is killed in the middle of mixed load, and the next one continues with what is on the
// disk. Acknowledged changes are there, refused ones are not, and bucket and database can still be made consistent.
//
// PERFIL_CRASH_SEED=… repeats the random choices; the interleaving of requests still varies.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import bcrypt from 'bcryptjs';
import { createAdmins } from '../support/accounts.mjs';
import {
  assertConsistent,
  assertNoMissingObjects,
  formOf,
  keyOf,
  keys,
  png,
  sha256,
  shown,
} from '../support/avatars.mjs';
import { startWorker } from '../support/worker.mjs';

const ROUNDS = ['first', 'second', 'third', 'fourth'];
const SEED = Number(process.env.PERFIL_CRASH_SEED ?? randomInt(2 ** 31));
const ADMIN = 200;
const ACCOUNTS = [201, 202, 203, 204];
/** The account whose password the admin changes. */
const CHANGED = 290;
/** A few values that all accounts compete for, in upper and lower case. */
const CONTESTED = [1, 2, 3, 4, 5];

/**
 * Uploads that are at a certain point when workerd is killed, by the account that makes them: the faults of their calls
 * (`batch` 0 checks, 1 makes the record show the picture, 2 claims the key of the replaced one, 3 finishes the
 * removal), and the picture that is shown afterwards.
 */
const HALTED = {
  301: [{ put: 'hold:301' }, 'the old', 'before its picture was stored'],
  302: [{ put: 'stall:302' }, 'the old', 'after its picture was stored'],
  303: [{ batch: [null, 'hold:303'] }, 'the old', 'before the record was changed'],
  304: [{ batch: [null, 'stall:304'] }, 'the new', 'after the record was changed, before the response'],
  305: [{ batch: [null, null, 'hold:305'] }, 'the new', 'before the key of the replaced picture was claimed'],
  306: [{ batch: [null, null, 'stall:306'] }, 'the new', 'after the key of the replaced picture was claimed'],
  307: [{ delete: 'hold:307' }, 'the new', 'before the replaced picture was deleted'],
  308: [{ delete: 'stall:308' }, 'the new', 'after the replaced picture was deleted'],
};

/** Random numbers from 0 to 1, determined by the seed (mulberry32). */
let state = SEED;
function chance() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const randomBelow = (n) => Math.floor(chance() * n);
const oneOf = (values) => values[randomBelow(values.length)];

/** A logical clock: each moment is later than all before it. */
let moments = 0;
const now = () => ++moments;

/**
 * A place in a record: every value that was, or may have been, written there, with the moments at which it was sent and
 * acknowledged.
 */
class Place {
  constructor(value) {
    this.found(value);
  }

  /** Records the value that is there now, whoever wrote it. */
  found(value) {
    this.written = [{ value, sent: now(), acknowledged: now() }];
  }

  /** Sends a change; a refused one is forgotten. */
  async write(value, send) {
    const change = { value, sent: now(), acknowledged: Infinity };
    this.written.push(change);
    const accepted = await send();
    if (accepted) change.acknowledged = now();
    else this.written.splice(this.written.indexOf(change), 1);
  }

  /** The values that may be there: all except those acknowledged before a later acknowledged one was sent. */
  get possible() {
    return this.written
      .filter((one) => !this.written.some((other) => other.acknowledged < Infinity && one.acknowledged < other.sent))
      .map(({ value }) => value);
  }

  get acknowledged() {
    return this.written.filter(({ acknowledged }) => acknowledged < Infinity).length - 1;
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-crash-'));
const places = {};
const pictures = Object.fromEntries(ACCOUNTS.map((id) => [id, []]));
let worker, killed, failures;
/** Ids of the requests that were acknowledged in this round. */
let requests;

before(async () => {
  worker = await startWorker({ persist: folder });
  await createAdmins(worker, [ADMIN, ...ACCOUNTS, CHANGED, ...Object.keys(HALTED).map(Number)], 'crash');
  for (const [place, value] of Object.entries(await currentValues())) places[place] = new Place(value);
});
after(async () => {
  await worker?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** The current value of every place that is written to. Fields that one request changes together are one place. */
async function currentValues() {
  const rows = await worker.sql(
    'SELECT * FROM users JOIN personas ON personas.user_id = users.id ' +
      'WHERE users.id IN (SELECT value FROM json_each(?1))',
    JSON.stringify(ACCOUNTS),
  );
  return Object.fromEntries(
    rows.flatMap((row) =>
      Object.entries({
        'full name': row.full_name,
        'first and last name': JSON.stringify([row.first_name, row.last_name]),
        'avatar and telephone': JSON.stringify([row.image, row.number_phone]),
        'user name': row.username,
        'e-mail': row.email,
        persona: JSON.stringify([row.nombres, row.apellidos, row.telefono]),
        DNI: row.dni,
        photo: row.foto_url?.replace(/^.*\/media\//, '') ?? null,
      }).map(([what, value]) => [`the ${what} of ${row.user_id}`, value]),
    ),
  );
}

/** Sends a change and returns whether it was accepted. Only changes to contested values may be refused. */
async function send(target, options, refusals = []) {
  const { status, text, requestId } = await worker.put(target, options);
  if (status === 200) requests.push(requestId);
  if (status !== 200 && !refusals.includes(status)) failures.push(`${target} returned ${status} ${text}`);
  return status === 200;
}

/** Repeats an action until workerd is killed. */
async function repeat(once) {
  try {
    while (!killed) await once();
  } catch (error) {
    if (!killed) failures.push(`no response: ${error.cause ?? error}`);
  }
}

/** A new picture, or one that was sent before and may be about to be removed. */
function picture(id) {
  const sent = pictures[id];
  if (sent.length > 0 && randomBelow(3) === 0) return oneOf(sent);
  sent.push(png({ width: 2 + randomBelow(40), height: 2 + randomBelow(40) }));
  return sent.splice(0, sent.length - 3) && sent.at(-1);
}

/** The actions that run on one account at the same time; `n` makes values unique. */
function load(id, round) {
  let count = 0;
  const next = () => `${round}-${++count}`;
  const at = (what) => places[`the ${what} of ${id}`];
  const write = (what, value, target, options, refusals) =>
    at(what).write(value, () => send(target, options, refusals));
  const [byId, profile, foto] = [`/api/v1/users/${id}`, `/api/profile/${id}/update/`, `/api/personas/${id}/foto`];
  const contend = (what, field, value, target, as, refusal) =>
    write(what, value, target, { as, json: { [field]: value } }, [refusal]);
  const cased = (text) => (randomBelow(2) ? text.toUpperCase() : text);
  return [
    (n = next()) => write('full name', `Full ${n}`, '/users', { as: id, json: { name: `Full ${n}` } }),
    (n = next()) => write('full name', `Full ${n}`, byId, { as: ADMIN, json: { full_name: `Full ${n}`, roleId: 1 } }),
    (n = next()) =>
      write('first and last name', JSON.stringify([`First ${n}`, `Last ${n}`]), profile, {
        as: id,
        json: { first_name: `First ${n}`, last_name: `Last ${n}` },
      }),
    (n = next(), telefono = `+${100000 + count}`) =>
      write('persona', JSON.stringify([n, `A ${n}`, telefono]), '/api/personas/me', {
        as: id,
        json: { nombres: n, apellidos: `A ${n}`, telefono },
      }),
    (n = next()) => {
      if (randomBelow(4) === 0)
        return write('avatar and telephone', JSON.stringify([null, n]), profile, {
          as: id,
          json: { avatar: null, number_phone: n },
        });
      const bytes = picture(id);
      return write('avatar and telephone', JSON.stringify([keyOf(id, bytes), n]), profile, {
        as: id,
        form: formOf({ avatar: bytes, number_phone: n }),
      });
    },
    (n = next(), url = `https://example.com/${n}.jpg`) => {
      if (randomBelow(5) === 0) return write('photo', null, '/api/personas/me', { as: id, json: { foto_url: null } });
      if (randomBelow(5) === 0) return write('photo', url, foto, { as: id, json: { foto_url: url } });
      const bytes = picture(id);
      return write('photo', keyOf(id, bytes), foto, { as: id, form: formOf({ foto: bytes }) });
    },
    () =>
      contend(
        'user name',
        'username',
        cased(`fought_${oneOf(CONTESTED)}`),
        ...oneOf([
          ['/users', id, 409],
          [profile, id, 400],
        ]),
      ),
    () =>
      contend(
        'e-mail',
        'email',
        cased(`fought${oneOf(CONTESTED)}@example.com`),
        ...oneOf([
          ['/users', id, 409],
          [profile, id, 400],
          [byId, ADMIN, 409],
        ]),
      ),
    () => contend('DNI', 'dni', `FOUGHT-${oneOf(CONTESTED)}`, '/api/personas/me', id, 409),
  ];
}

/**
 * Checks a copy of every database that the kill left on the disk (the worker's and the simulated bucket's), and returns
 * the problems that SQLite finds.
 */
function findDamage() {
  const copy = `${folder}-copy`;
  try {
    fs.cpSync(folder, copy, { recursive: true });
    const files = fs.readdirSync(copy, { recursive: true }).filter((file) => file.endsWith('.sqlite'));
    assert.ok(files.some((file) => file.startsWith('d1')) && files.some((file) => file.startsWith('r2')), `${files}`);
    return files.flatMap((file) => {
      const database = new DatabaseSync(path.join(copy, file));
      try {
        return ['integrity_check', 'foreign_key_check']
          .flatMap((check) => database.prepare(`PRAGMA ${check}`).all())
          .filter((row) => row.integrity_check !== 'ok')
          .map((row) => [file, row]);
      } finally {
        database.close();
      }
    });
  } finally {
    fs.rmSync(copy, { recursive: true, force: true });
  }
}

for (const [round, nth] of ROUNDS.entries()) {
  describe(`a worker whose process is killed for the ${nth} time in the middle of its work, seed ${SEED}`, () => {
    const password = new Place(null);
    const halted = {};
    let summary, damaged, found;

    before(async () => {
      [killed, failures, requests] = [false, [], []];
      for (const [place, value] of Object.entries(await currentValues())) places[place].found(value);
      const replace = (id, bytes, faults) =>
        send(`/api/profile/${id}/update/`, { as: id, form: formOf({ avatar: bytes }), faults });
      for (const id of Object.keys(HALTED)) {
        const [old, young] = [png(), png()];
        await replace(id, old);
        halted[id] = { 'the old': keyOf(id, old), 'the new': keyOf(id, young), bytes: young };
      }

      const running = ACCOUNTS.flatMap((id) => load(id, round)).map(repeat);
      running.push(
        repeat(async () => {
          await worker.sweep({ AVATAR_GRACE_HOURS: '0' });
          await setTimeout(100);
        }),
      );
      let passwords = 0;
      running.push(
        repeat(async () => {
          const text = `password ${round}-${++passwords} ñ📷`;
          await password.write(text, () => send(`/api/v1/users/${CHANGED}`, { as: ADMIN, json: { password: text } }));
          await setTimeout(200 + randomBelow(600));
        }),
      );

      const acknowledged = () =>
        Object.values(places).reduce((sum, place) => sum + place.acknowledged, password.acknowledged);
      const [enough, started] = [40 + randomBelow(160), Date.now()];
      const shouldContinue = (seconds) => failures.length === 0 && Date.now() < started + seconds * 1000;
      while ((acknowledged() < enough && shouldContinue(2)) || (password.acknowledged === 0 && shouldContinue(20)))
        await setTimeout(1);
      running.push(
        ...Object.entries(HALTED).map(([id, [faults]]) =>
          repeat(async () => {
            await replace(id, halted[id].bytes, faults);
            // The response has arrived; the work after the response is what is halted.
            while (!killed) await setTimeout(5);
          }),
        ),
      );
      await Promise.all(Object.keys(HALTED).map((id) => worker.held(id)));
      await setTimeout(randomBelow(25));

      const exited = worker.kill();
      killed = true;
      await exited;
      await Promise.all(running);
      const open = Object.values(places).reduce(
        (sum, { written }) => sum + written.filter((change) => change.acknowledged === Infinity).length,
        0,
      );
      summary = `${acknowledged()} changes acknowledged, ${open} in flight, ${Object.keys(HALTED).length} halted`;

      damaged = findDamage();
      worker = await startWorker({ persist: folder });
      found = await currentValues();
    });

    test('was responding until then [R6 R9]', (context) => {
      context.diagnostic(summary);
      assert.deepEqual(failures, []);
      assert.ok(password.acknowledged > 0);
    });
    test('leaves intact databases [M5]', () => assert.deepEqual(damaged, []));
    const title = 'has kept every change that it acknowledged and none that it refused, and each as a whole [R6 R7]';
    test(title, () => {
      const lost = Object.entries(places).filter(([what, place]) => !place.possible.includes(found[what]));
      assert.deepEqual(
        lost.map(([what, { possible }]) => ({ what, found: found[what], possible })),
        [],
      );
    });
    test('has one row in the change feed for each change that it acknowledged [C1]', async () => {
      const sql = 'SELECT request_id, count(*) AS count FROM changes GROUP BY 1';
      const rows = new Map((await worker.sql(sql)).map(({ request_id, count }) => [request_id, count]));
      assert.deepEqual(
        requests.filter((id) => rows.get(id) !== 1),
        [],
      );
    });
    test('has kept the password that it acknowledged last, or one that was in flight [S5]', async () => {
      const [{ password_hash: hash }] = await worker.sql('SELECT password_hash FROM users WHERE id = ?', CHANGED);
      assert.match(hash, /^\$2b\$12\$/);
      const verified = await Promise.all(
        password.possible.filter((text) => text !== null).map((text) => bcrypt.compare(text, hash)),
      );
      assert.deepEqual(verified.filter(Boolean), [true], JSON.stringify(password.written));
    });
    test('has given every user name, e-mail address and DNI to one account only [S4 F4 D4 P8]', async () => {
      const rows = await worker.sql(
        'SELECT lower(username) AS a, lower(email) AS b, dni AS c FROM users NOT INDEXED ' +
          'JOIN personas NOT INDEXED ON personas.user_id = users.id',
      );
      for (const column of ['a', 'b', 'c'])
        assert.equal(new Set(rows.map((row) => row[column])).size, rows.length, JSON.stringify(rows));
    });
    test('shows no picture that is missing or incomplete [M3 M5]', async () => {
      await assertNoMissingObjects(worker);
      for (const key of await shown(worker)) {
        const { status, bytes } = await worker.send('GET', `/media/${key}`);
        assert.deepEqual([status, sha256(bytes)], [200, path.parse(key).name]);
      }
    });
    for (const [id, [, picture, when]] of Object.entries(HALTED)) {
      test(`shows ${picture} picture where it was killed ${when} [M5 D7]`, async () => {
        const [{ image }] = await worker.sql('SELECT image FROM users WHERE id = ?', Number(id));
        assert.equal(image, halted[id][picture]);
      });
    }
    test('after a sweep, has nothing in the bucket but the pictures that are shown [M5]', async () => {
      await assertConsistent(worker);
      assert.ok((await keys(worker)).length > 0);
    });
  });
}
