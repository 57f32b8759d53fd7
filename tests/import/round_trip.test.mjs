// A dialect accepts what the importer accepts: each record can be sent back as its dialect shows it (R16).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';
import { csv, dumpdata, falconDump, seamDump } from './support.mjs';
import { empty, importInto } from './worker.mjs';

const COUNT = 150;
const char = fc.oneof(
  fc.constantFrom(...'aZ09 .-_@+%/\\:?#\'"<>[]{}|^`~!$&*()=,;\t\n\0'),
  fc.constantFrom(
    'ñ',
    'É',
    '改',
    'ß',
    'ａ',
    '٣',
    '²',
    '\u0301',
    '\u200d',
    '\u00ad',
    '\ue000',
    '\ufeff',
    '\u00a0',
    '\u3164',
    '📷',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
);
const text = (max) => fc.array(char, { maxLength: max }).map((chars) => chars.join(''));
const either = (...values) => fc.oneof(...values);
/** Mostly the example, so that most records are imported: one invalid field is enough for a record to be skipped. */
const mostly = (example, ...others) =>
  fc.oneof({ weight: 3 * others.length, arbitrary: fc.constant(example) }, ...others);
const mixed = (example, max = 12) =>
  mostly(
    example,
    text(max),
    fc.tuple(text(2), fc.constant(example), text(2)).map((parts) => parts.join('')),
  );
const lengths = (...counts) => fc.constantFrom(...counts).map((count) => 'é'.repeat(count));
const email = (at) =>
  mostly(
    `ana.b+c${at}@x-y.example`,
    mixed(`ana.b+c${at}@x-y.example`),
    fc.constantFrom(
      `niño${at}@example.com`,
      `${at}@ñandú.example`,
      `${at}@localhost`,
      `.${at}@x.yz`,
      `${at}..a@x.yz`,
      `${at}@[127.0.0.1]`,
      `${at}@1.2.3.4`,
      `${'a'.repeat(64 - String(at).length)}${at}@x.yz`,
      `${'a'.repeat(65)}${at}@x.yz`,
      `${at}@${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(56)}.yz`,
      `${at}@${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.yz`,
      `${at}@-a.yz`,
      `${at}@a_b.yz`,
      `"${at}"@x.yz`,
    ),
  );
const username = (at) =>
  mostly(
    `ana_${at}`,
    mixed(`ana_${at}`),
    fc.constantFrom(`o'brien${at}`, `josé.${at}`, `a b${at}`, `${'x'.repeat(140)}${at}`),
  );
const picture = either(
  mixed('pictures/a.jpg'),
  mixed('https://x.example/a.png'),
  fc.constantFrom(
    null,
    'profile-pictures/default.jpg',
    '/path/to/image.jpg',
    '//host/a.jpg',
    '../a.jpg',
    'a/%2e%2e/b',
    'c:\\a.jpg',
    'javascript:x',
    'http://',
    'http://[::1]:80/a',
    'http://[::1]x/a',
    'http://[::1%25eth0]/a',
    'http://1.2.3/a',
    'http://1.2.3.4:65536/',
    'http://a_b.example./x',
    'HTTPS://user:pass@x.example:8080/ñ?q#f',
    'http://a@b@c.example/',
    'ftp://x.example/a',
  ),
);
/** Records of a back end, the same in every run. `fields` returns the generators of a record's fields, given its id. */
const records = (fields) =>
  Array.from({ length: COUNT }, (_, at) => ({
    id: at + 1,
    .../** @type {any} */ (fc.sample(fc.record(fields(at + 1)), { numRuns: 1, seed: 14 + at })[0]),
  }));
const USER = 'SELECT u.* FROM identities n JOIN users u ON u.id = account_id WHERE back_end = ? AND n.id = ?';

describe('a record that was imported can be sent back to', () => {
  let worker;
  before(async () => {
    worker = await startWorker();
    await empty(worker);
  });
  after(() => worker?.stop());

  /**
   * Sends records back as they are shown. `put` sends one, by its id; `show` returns the body of a first request that
   * gets the record, and `fields` are those that a client may write.
   */
  async function sendBack(numbers, { put, show, fields }) {
    const refused = [];
    let count = 0;
    for (const number of numbers) {
      const { status, json: shown } = await put(number, await show(number));
      if (status === 401) continue;
      count++;
      const record = shown.data ?? shown;
      const json = Object.fromEntries(
        fields.filter((name) => record[name] !== null).map((name) => [name, record[name]]),
      );
      const answer = await put(number, json);
      if (status !== 200 || answer.status !== 200) {
        refused.push(JSON.stringify([json, shown, answer.json]));
      } else assert.deepEqual({ ...(answer.json.data ?? answer.json), updated_at: '' }, { ...record, updated_at: '' });
    }
    assert.deepEqual(refused, []);
    return count;
  }
  const numbersOf = async (from) =>
    (await worker.sql('SELECT id FROM identities WHERE back_end = ? ORDER BY id', from)).map(({ id }) => id);

  test('seam [R16]', async (t) => {
    const users = records((at) => ({
      email: email(`s${at}`),
      full_name: mostly('Ana', mixed('Ana Ñandú', 20), lengths(1, 2, 100, 101, 255)),
      roleId: fc.constantFrom(null, 1, 2, 7),
      isActive: fc.constantFrom(null, 0, 1),
    }));
    const roles = [
      [1, 'admin'],
      [2, 'ñ'.repeat(200), 'Dos'],
      [7, 'siete'],
    ];
    const permissions = ['PUT /api/v1/users/:id'];
    const root = { id: COUNT + 1, roleId: 1, email: 'root@seam.example', full_name: 'Root' };
    await importInto(
      worker,
      'seam',
      seamDump({ roles, permissions, rights: [[permissions[0], 1]], users: [...users, root] }),
    );
    const caller = await token(root.id, { layout: 'seam' });
    const count = await sendBack(await numbersOf('seam'), {
      put: (number, json) => worker.put(`/api/v1/users/${number}`, { token: caller, json }),
      show: () => ({}),
      fields: ['full_name', 'email', 'roleId'],
    });
    t.diagnostic(`${count} of ${COUNT} imported`);
    assert.ok(count > COUNT / 3);
  });
  test('falcon [R16]', async (t) => {
    const users = records((at) => ({
      email: email(`f${at}`),
      name: mostly('Ana', mixed('Ana Ñandú', 20), lengths(1, 255, 256)),
      username: username(`f${at}`),
      image_path: picture,
      role_id: fc.constantFrom(null, 1, 2),
    }));
    await importInto(worker, 'falcon', falconDump(...users));
    const count = await sendBack(await numbersOf('falcon'), {
      put: async (number, json) => worker.put('/users', { token: await token(number, { layout: 'falcon' }), json }),
      // falcon refuses an update without a field.
      show: async (number) => ({ name: (await worker.sql(USER, 'falcon', number))[0].full_name }),
      fields: ['email', 'name', 'username', 'image_path'],
    });
    t.diagnostic(`${count} of ${COUNT} imported`);
    assert.ok(count > COUNT / 3);
  });
  test('django [R16]', async (t) => {
    const names = mostly('Ana', mixed('Ana Ñandú', 20), lengths(0, 1, 200, 201));
    const users = records((at) => ({
      // In django, addresses have at most 200 characters.
      email: either(
        email(`d${at}`),
        fc
          .constantFrom(8, 9)
          .map((long) => `${String(at).padStart(60, 'a')}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(long)}.yz`),
      ),
      username: username(`d${at}`),
      first_name: names,
      last_name: names,
      number_phone: either(mixed('5559876543', 9), fc.constantFrom(null, '', '1', '12345678901')),
      is_active: mostly(true, fc.boolean()),
    }));
    await importInto(worker, 'django', dumpdata(...users));
    const count = await sendBack(await numbersOf('django'), {
      put: async (number, json) =>
        worker.put(`/api/profile/${number}/update/`, { token: await token(number, { layout: 'django' }), json }),
      show: () => ({}),
      fields: ['username', 'email', 'first_name', 'last_name', 'number_phone'],
    });
    t.diagnostic(`${count} of ${COUNT} imported`);
    assert.ok(count > COUNT / 3);
  });
  test('personas [R16]', async (t) => {
    // Each persona has an account, whose role has the permission to change it.
    const users = Array.from({ length: COUNT }, (_, at) => ({ id: 1000 + at, email: `p${at + 1}@x.yz`, roleId: 1 }));
    await importInto(worker, 'seam', seamDump({ roles: [[1, 'admin']], users }));
    const names = mostly('Ana', mixed('María José', 20), lengths(0, 1, 100, 101));
    const personas = records((at) => ({
      nombres: names,
      apellidos: names,
      telefono: either(
        mixed('+51 987-654-321'),
        fc.constantFrom('', '123456', '12345', '1-2-3-4-5-6', '+1234567890123456'),
      ),
      dni: either(fc.constant(`1000.${at}-A`), mixed(`${10000000 + at}`, 20)),
      foto_url: picture.map((value) => value ?? ''),
    }));
    const quote = (value) => `"${String(value).replaceAll('"', '""')}"`;
    const lines = personas.map(({ id, nombres, apellidos, telefono, dni, foto_url }) =>
      [id, `p${id}@x.yz`, nombres, apellidos, telefono, dni, foto_url, ''].map(quote).join(),
    );
    await importInto(worker, 'personas', csv(...lines), { grants: ['admin'] });
    const known = (await worker.sql('SELECT id FROM personas ORDER BY id')).map(({ id }) => id);
    const count = await sendBack(known, {
      put: async (id, json) =>
        worker.put('/api/personas/me', { token: await token(999 + id, { layout: 'seam' }), json }),
      show: () => ({}),
      fields: ['nombres', 'apellidos', 'telefono', 'dni', 'foto_url'],
    });
    t.diagnostic(`${count} of ${COUNT} imported`);
    assert.ok(count > COUNT / 3);
  });
});
