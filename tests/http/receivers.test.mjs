// The receivers of examples/, started as their users start them, on a real MariaDB and SQLite: what they store, and how
// they handle posts that are forged, repeated or late.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import bcrypt from 'bcryptjs';
import { reasonsToSkip } from '../support/available_examples.mjs';
import {
  bodyOf,
  createDjango,
  createPersonas,
  deliver,
  queries,
  SECRET,
  signature,
  startDjango,
  startFalcon,
  startMariaDb,
  startNotices,
  startPersonas,
  startSeam,
} from '../support/examples.mjs';

const HASH = bcrypt.hashSync('the new password', 4).replace(/^\$2[ab]\$/, '$2b$');

/** Starts a MariaDB with the accounts of a dump, and the receiver as its users start it. */
async function onMariaDb(name, start, key) {
  const mariadb = await startMariaDb();
  mariadb.create(name, `tests/fixtures/import/${name}.sql`, `examples/${name}/schema.sql`);
  const db = await queries(mariadb.urlOf(name));
  const receiver = await start(mariadb.urlOf(name));
  return {
    receiver,
    db,
    mariadb,
    url: mariadb.urlOf(name),
    people: () => db.rows(`SELECT * FROM users ORDER BY ${key}`),
    applied: async () => Object.fromEntries((await db.rows('SELECT * FROM perfil_changes')).map(Object.values)),
    away: (during) => mariadb.whileDown(during),
    stop: async () => {
      await receiver.stop();
      await db.stop();
      await mariadb.stop();
    },
  };
}

/** Does the same on SQLite. */
async function onSqlite({ file, db, ...more }, start, table, applied) {
  const receiver = await start(file);
  return {
    ...more,
    receiver,
    db,
    people: async () => db.prepare(`SELECT * FROM ${table} ORDER BY id`).all(),
    applied: async () =>
      Object.fromEntries(
        db
          .prepare(`SELECT * FROM ${applied}`)
          .all()
          .map((row) => Object.values(row)),
      ),
    /** Makes the database unavailable with an exclusive lock. */
    away: async (during) => {
      db.exec('BEGIN EXCLUSIVE');
      try {
        await during();
      } finally {
        db.exec('ROLLBACK');
      }
    },
    stop: async () => {
      await receiver.stop();
      db.close();
    },
  };
}

const person = (id) => ({ id, nombres: `N${id}`, apellidos: 'A', telefono: null, dni: `D${id}`, foto_url: null });

/**
 * Each receiver: the key of its records, two records that Perfil could send, and a field with a value that its database
 * refuses.
 */
const RECEIVERS = [
  {
    name: 'seam',
    start: () => onMariaDb('seam', startSeam, 'idUser'),
    key: 'idUser',
    ids: [101, 102],
    first: { full_name: 'Ñandú 🦅', email: 'first@example.com', roleId: 2 },
    second: { full_name: 'Second', email: 'second@example.com', roleId: 1 },
    refused: ['email', 'slash@example.com'],
  },
  {
    name: 'falcon',
    start: () => onMariaDb('falcon', startFalcon, 'id'),
    key: 'id',
    ids: [201, 202],
    first: { name: 'Ñandú 🦅', email: 'first@example.com', username: 'first', image_path: 'a/b.jpg' },
    second: { name: 'Second', email: 'second@example.com', username: 'second', image_path: 'c.jpg' },
    refused: ['username', 'twenty-one-characters'],
  },
  {
    name: 'personas',
    start: () => onSqlite(createPersonas([person(5), person(6)]), startPersonas, 'personas', 'perfil_changes'),
    key: 'id',
    subject: 'persona',
    ids: [5, 6],
    first: { nombres: 'Ñandú 🦅', apellidos: 'B', telefono: '+51 1', dni: '1', foto_url: 'https://e.example/1.jpg' },
    second: { nombres: 'Second', apellidos: 'C', telefono: null, dni: '2', foto_url: null },
    refused: ['dni', 'D6'],
  },
  {
    name: 'django',
    start: () =>
      onSqlite(
        createDjango('tests/fixtures/import/django.json'),
        startDjango,
        'users_users',
        'perfil_changes_appliedchange',
      ),
    key: 'id',
    ids: [301, 302],
    first: { username: 'first', email: 'first@example.com', first_name: 'Ñ 🦅', last_name: 'O', number_phone: '1' },
    second: { username: 'second', email: 'second@example.com', first_name: '', last_name: 'P', number_phone: null },
    refused: ['email', 'emile@django.example'],
  },
];

const without = reasonsToSkip();
for (const { name, start, key, subject = 'account', ids, first, second, refused } of RECEIVERS) {
  describe(`${name}'s receiver`, { skip: without[name] }, () => {
    const [id, other] = ids;
    let here;
    before(async () => {
      here = await start();
    });
    after(() => here.stop());

    let last = 0;
    const change = (fields, record, changed = {}) => ({
      id: ++last,
      at: '2026-11-21T22:00:00.000Z',
      request_id: `request-${last}`,
      route: 'PUT /users',
      actor: null,
      subject: { [subject]: id },
      fields,
      record: record && { [key]: id, ...record },
      ...changed,
    });
    const found = async (which = id) => (await here.people()).find((row) => row[key] === which);
    const only = (row, fields) => Object.fromEntries(fields.map((field) => [field, row[field]]));
    /** All data that the receiver may write, as text. */
    const dump = async () => JSON.stringify([await here.people(), await here.applied()]);
    const accepted = async (changes, options) =>
      assert.equal((await deliver(here.receiver, changes, options)).status, 204);

    test('stores the fields that a change lists, and no others [C6]', async () => {
      const all = Object.keys(first);
      await accepted([change(all, first)]);
      assert.deepEqual(only(await found(), all), first);
      for (const field of all) {
        const before = await found();
        await accepted([change([field], second)]);
        const { updated_at: _, ...row } = await found();
        const { updated_at: __, ...expected } = { ...before, [field]: second[field] };
        assert.deepEqual(row, expected, field);
      }
    });

    test('stores a change once, and no change older than the last one [C6]', async () => {
      const [older, newer] = [change(Object.keys(first), first), change(Object.keys(second), second)];
      await accepted([older, newer]);
      const after = await dump();
      for (const changes of [[older, newer], [older], [newer], [older, older]]) await accepted(changes);
      assert.equal(await dump(), after);
      assert.equal((await here.applied())[id], newer.id);
    });

    test('stores a change once if it arrives ten times simultaneously [C6]', async () => {
      const changes = [
        change([Object.keys(first)[0]], first),
        change([Object.keys(first)[0]], first, { subject: { [subject]: other } }),
      ];
      const responses = await Promise.all(Array.from({ length: 10 }, () => deliver(here.receiver, changes)));
      assert.deepEqual([...new Set(responses.map(({ status }) => status))], [204]);
      assert.deepEqual(only(await here.applied(), ids), { [id]: last - 1, [other]: last });
    });

    test('accepts changes of an unknown account, and of a record that no longer exists [C6]', async () => {
      const before = JSON.stringify(await here.people());
      await accepted([change([Object.keys(first)[0]], first, { subject: { [subject]: 999 } })]);
      await accepted([change([Object.keys(first)[0]], null)]);
      await accepted([change(['a field of another back end'], first)]);
      assert.equal(JSON.stringify(await here.people()), before);
    });

    test('stores the rest if its database refuses a value, and logs what was not stored [C6]', async () => {
      const [field, value] = refused;
      await accepted([change(Object.keys(second), second)]);
      const stored = await found();
      await accepted([
        change(Object.keys(first), { ...first, [field]: value }),
        change([Object.keys(second)[0]], first),
      ]);
      assert.deepEqual(only(await found(), Object.keys(first)), { ...first, [field]: stored[field] });
      assert.match(
        here.receiver.printed,
        new RegExp(`change ${last - 1}: ${field} of ${subject} ${id} was not stored`),
      );
      assert.ok(!here.receiver.printed.includes(first.email ?? first.nombres), 'the log contains no value');
    });

    test('continues after a batch that it cannot parse [C6]', async () => {
      const good = change([Object.keys(first)[0]], first);
      const { status } = await deliver(here.receiver, [good, { id: ++last }]);
      assert.equal(status, 500);
      await accepted([good, change([Object.keys(first)[0]], second)]);
      assert.equal((await found())[Object.keys(first)[0]], Object.values(second)[0]);
    });

    const body = () => bodyOf([change(Object.keys(first), first)]);
    const now = () => Math.floor(Date.now() / 1000);
    const FORGED = {
      'another secret': (text) => signature(text, { secret: `whsec_${Buffer.alloc(24).toString('base64')}` }),
      'the signature of another body': () => signature('{}'),
      'the signature of another id': (text) => ({ ...signature(text), 'webhook-id': 'seam-1-2' }),
      'a signature made six minutes ago': (text) => signature(text, { at: now() - 360 }),
      'a signature dated six minutes in the future': (text) => signature(text, { at: now() + 360 }),
      'a time other than the signed one': (text) => ({ ...signature(text), 'webhook-timestamp': String(now() - 5) }),
      'a signature of another version': (text) => ({
        'webhook-signature': signature(text)['webhook-signature'].replace('v1', 'v2'),
      }),
      'a malformed signature': (text) => ({ ...signature(text), 'webhook-signature': 'v1,ñ v1 nonsense' }),
      'no signature': () => ({}),
    };
    for (const [what, sign] of Object.entries(FORGED)) {
      test(`refuses ${what}, and stores nothing [C6]`, async () => {
        const before = await dump();
        const text = body();
        const headers = Object.fromEntries(Object.entries(sign(text)).map(([name, value]) => [name, encodeURI(value)]));
        const response = await fetch(here.receiver.url, {
          method: 'POST',
          body: text,
          headers: { 'content-type': 'application/json', ...headers },
        });
        assert.equal(response.status, 401);
        assert.equal(await dump(), before);
      });
    }

    test('refuses a body of 3 MB even if it is signed [C6]', async () => {
      const before = await dump();
      const large = bodyOf([change(Object.keys(first), { ...first, padding: 'x'.repeat(3_000_000) })]);
      const response = await deliver(here.receiver, [], { body: large });
      assert.ok([400, 413].includes(response.status), `${response.status}`);
      assert.equal(await dump(), before);
    });

    test('accepts a batch of 100 changes with the longest values [C6]', async () => {
      const long = Object.fromEntries(Object.keys(first).map((field) => [field, '\u{1f985}'.repeat(255)]));
      const changes = Array.from({ length: 100 }, () => change(['none'], long));
      await accepted(changes);
      assert.equal((await here.applied())[id], last);
    });

    test('acknowledges nothing while its database is unavailable, and stores the changes afterwards [C6]', async () => {
      const changes = [change(Object.keys(second), second)];
      const before = await dump();
      await here.away(async () => {
        const { status } = await deliver(here.receiver, changes);
        assert.equal(status, 500);
      });
      assert.equal(await dump(), before);
      await accepted(changes);
      assert.deepEqual(only(await found(), Object.keys(second)), second);
    });

    if (name === 'seam') {
      const verifies = async (password) => bcrypt.compare(password, (await found()).password);

      test('stores the hash of a new password, which seam verifies [C6]', async () => {
        await here.db.run('UPDATE users SET password = ?', bcrypt.hashSync('the old password', 4));
        await accepted([change(['password'], { ...first, password_hash: HASH })]);
        assert.deepEqual([await verifies('the new password'), await verifies('the old password')], [true, false]);
      });

      test('without the hash, no password is accepted [C6]', async () => {
        await accepted([change(['password'], first)]);
        for (const password of ['the new password', 'the old password', '', '!', 'undefined'])
          assert.equal(await verifies(password), false, password);
      });

      test("the account's owner is notified at the old address, once, and only of real changes [C6]", async () => {
        await here.db.run('DELETE FROM perfil_notices');
        await here.db.run("UPDATE users SET email = 'old@example.com' WHERE idUser = ?", id);
        const same = change(['email', 'full_name'], { ...first, email: 'old@example.com' });
        const moved = change(['email', 'password'], { ...first, email: 'new@example.com' });
        await Promise.all([deliver(here.receiver, [same, moved]), deliver(here.receiver, [same, moved])]);
        const taken = change(['email'], { ...first, email: 'slash@example.com' });
        await accepted([same, moved, taken]);
        const mails = await receiveMails(here.url, 2);
        assert.deepEqual(
          mails.map(({ to }) => to),
          ['<old@example.com>', '<old@example.com>'],
        );
        assert.match(mails[0].text, /e-mail address of your account was changed/);
        assert.match(mails[1].text, /password of your account was changed/);
        assert.deepEqual(await here.db.rows('SELECT * FROM perfil_notices'), []);
      });
    }

    if (name === 'falcon') {
      test('invalidates the old hash if the password changes, whether a hash is sent or not [C6]', async () => {
        // falcon compares the SHA-256 of password and salt.
        const verifies = async (password) => {
          const row = await found();
          return (
            createHash('sha256')
              .update(password + row.salt)
              .digest('hex') === row.password
          );
        };
        for (const record of [first, { ...first, password_hash: HASH }]) {
          const old = createHash('sha256').update('the old passwordsalt').digest('hex');
          await here.db.run("UPDATE users SET password = ?, salt = 'salt' WHERE id = ?", old, id);
          assert.equal(await verifies('the old password'), true);
          await accepted([change(['password'], record)]);
          for (const password of ['the old password', 'the new password', ''])
            assert.equal(await verifies(password), false);
          // falcon's own change of password treats a user without a salt as missing.
          assert.equal((await found()).salt, 'salt');
        }
      });
    }

    if (name === 'django') {
      test('stores the hash of a new password for Django; without a hash, no password is accepted [C6]', async () => {
        const old = here.db.prepare('SELECT password FROM users_users WHERE id = ?').get(id).password;
        await accepted([change(['password'], { ...first, password_hash: HASH })]);
        assert.equal(here.canLogIn(id, 'the new password'), true);
        await accepted([change(['password'], first)]);
        const { password } = await found();
        assert.notEqual(password, old);
        // Django sends no password-reset e-mail to an account whose password it considers unusable.
        assert.ok(!password.startsWith('!'));
        assert.equal(here.canLogIn(id, 'the new password'), false);
      });

      test('a picture is stored as its path below the media folder [C6]', async () => {
        for (const [avatar, stored] of [
          ['/media/avatars/7/x.png', 'avatars/7/x.png'],
          [null, ''],
        ]) {
          await accepted([change(['avatar'], { ...first, avatar })]);
          assert.equal((await found()).avatar, stored);
        }
      });
    }
  });
}

/** Starts a mail server, waits for `count` e-mails from notices.js, and returns them. */
async function receiveMails(url, count) {
  const mails = [];
  const server = net.createServer((socket) => {
    let mail = { to: '', text: '' };
    let text;
    socket.setEncoding('utf8').write('220 test\r\n');
    let rest = '';
    socket.on('data', (piece) => {
      const lines = (rest + piece).split('\r\n');
      rest = lines.pop();
      for (const line of lines) {
        if (text !== undefined && line !== '.') text.push(line);
        else if (text !== undefined) {
          mails.push({ ...mail, text: text.join('\n') });
          text = undefined;
          mail = { to: '', text: '' };
          socket.write('250 stored\r\n');
        } else if (line === 'DATA') {
          text = [];
          socket.write('354 go on\r\n');
        } else {
          if (line.startsWith('RCPT TO:')) mail.to = line.slice('RCPT TO:'.length);
          socket.write(line === 'QUIT' ? '221 bye\r\n' : '250 test\r\n');
        }
      }
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  const sender = startNotices(url, `smtp://127.0.0.1:${port}`);
  try {
    for (const deadline = Date.now() + 10_000; mails.length < count && Date.now() < deadline; ) await pause(20);
    // Any further e-mail would arrive immediately.
    await pause(200);
    return mails;
  } finally {
    await sender.stop();
    server.close();
  }
}

test('the secret of the tests is valid for Standard Webhooks [C6]', () => {
  const { length } = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
  assert.ok(length >= 24 && length <= 64);
});
