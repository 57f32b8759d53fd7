// Perfil with the accounts of three dumps and a CSV, and the receivers of examples/ on the databases that these came
// from. After an update through Perfil, the back end's own database has it, and the old password no longer logs in.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import bcrypt from 'bcryptjs';
import { fixture } from '../import/support.mjs';
import { empty, importInto } from '../import/worker.mjs';
import { reasonsToSkip } from '../support/available_examples.mjs';
import {
  createDjango,
  createPersonas,
  queries,
  SECRET,
  startDjango,
  startFalcon,
  startMariaDb,
  startPersonas,
  startSeam,
} from '../support/examples.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

const missing = Object.values(reasonsToSkip()).find(Boolean);

describe('after an update through Perfil', { skip: missing }, () => {
  const open = [];
  let worker, seam, falcon, django, personas, urls;

  async function startReceivers() {
    const mariadb = await startMariaDb();
    open.push(mariadb);
    for (const name of ['seam', 'falcon'])
      mariadb.create(name, `tests/fixtures/import/${name}.sql`, `examples/${name}/schema.sql`);
    [seam, falcon] = [await queries(mariadb.urlOf('seam')), await queries(mariadb.urlOf('falcon'))];
    open.push(seam, falcon);
    django = createDjango('tests/fixtures/import/django.json');
    const person = { id: 11, nombres: 'Ñandú', apellidos: 'A', telefono: null, dni: '10000011', foto_url: null };
    personas = createPersonas([person]);
    const receivers = {
      seam: await startSeam(mariadb.urlOf('seam')),
      falcon: await startFalcon(mariadb.urlOf('falcon')),
      django: await startDjango(django.file),
      personas: await startPersonas(personas.file),
    };
    open.push(...Object.values(receivers));
    urls = Object.fromEntries(Object.entries(receivers).map(([name, { url }]) => [name, url]));
  }

  before(async () => {
    await startReceivers();
    const vars = { CHANGES_URL: JSON.stringify(urls), CHANGES_SECRET: SECRET, CHANGES_HASHES: 'on' };
    worker = await startWorker({ vars });
    open.push(worker);
    await empty(worker);
    for (const from of ['seam', 'falcon']) await importInto(worker, from, fixture(`${from}.sql`));
    await importInto(worker, 'django', fixture('django.json'));
    await importInto(worker, 'personas', fixture('personas.csv'), { grants: ['admin'] });
    // Seam's 102, falcon's 204 and Django's 302 are one account.
    for (const [backEnd, id] of [
      ['falcon', 204],
      ['django', 302],
    ])
      await worker.sql(
        `UPDATE identities SET account_id = (SELECT account_id FROM identities WHERE back_end = 'seam' AND id = 102)
        WHERE back_end = ? AND id = ?`,
        backEnd,
        id,
      );
  });
  after(async () => {
    for (const each of open.reverse()) await each.stop();
  });

  async function put(target, layout, id, json) {
    const response = await worker.put(target, { token: await token(id, { layout }), json });
    assert.equal(response.status, 200, response.text);
  }

  /** Waits up to five seconds until a back end's row has these values. */
  async function has(row, values) {
    const found = async () => {
      const now = await row();
      return Object.fromEntries(Object.keys(values).map((name) => [name, now[name]]));
    };
    for (const deadline = Date.now() + 5000; Date.now() < deadline; await pause(20))
      if (JSON.stringify(await found()) === JSON.stringify(values)) return;
    assert.deepEqual(await found(), values);
  }
  const seamRow = (id) => async () => (await seam.rows('SELECT * FROM users WHERE idUser = ?', id))[0];
  const falconRow = (id) => async () => (await falcon.rows('SELECT * FROM users WHERE id = ?', id))[0];
  const djangoRow = (id) => async () => django.db.prepare('SELECT * FROM users_users WHERE id = ?').all(id)[0];

  test("seam's database has it [C2 C6]", async () => {
    const changes = { full_name: 'Sin Rol Ñ', email: 'rol@example.com', roleId: 2 };
    await put('/api/v1/users/104', 'seam', 101, changes);
    await has(seamRow(104), changes);
  });

  test("falcon's database has it [C2 C6]", async () => {
    const changes = { email: 'jane.doe@example.com', name: 'Jane 🦅', username: 'jane.d', image_path: '/a/b.jpg' };
    await put('/users', 'falcon', 201, changes);
    await has(falconRow(201), changes);
  });

  test("Django's database has it [C2 C6]", async () => {
    await put('/api/profile/301/update/', 'django', 301, { first_name: '', number_phone: '1', username: 'dora.2' });
    await has(djangoRow(301), { first_name: '', number_phone: '1', username: 'dora.2', avatar: 'avatars/dora.jpg' });
  });

  test('the database of personas has it [C2 C6]', async () => {
    const [{ id }] = await worker.sql("SELECT account_id AS id FROM identities WHERE back_end = 'seam' AND id = 101");
    const changes = { telefono: '+51987654321', foto_url: 'https://cdn.example.com/new.jpg' };
    await put('/api/personas/me', 'plain', id, changes);
    await has(async () => personas.db.prepare('SELECT * FROM personas WHERE id = 11').all()[0], changes);
  });

  test('a new password logs in at the back ends that use bcrypt, and the old one at none [C2 C6]', async () => {
    const old = createHash('sha256').update('the old passwordsalt').digest('hex');
    await falcon.run("UPDATE users SET password = ?, salt = 'salt' WHERE id = 204", old);
    await seam.run('UPDATE users SET password = ? WHERE idUser = 102', bcrypt.hashSync('the old password', 4));
    const [seamBefore, djangoBefore] = [await seamRow(102)(), await djangoRow(302)()];
    assert.equal(await bcrypt.compare('the old password', seamBefore.password), true);
    await put('/api/v1/users/102', 'seam', 101, { password: 'the new password' });

    await has(falconRow(204), { password: '!', salt: 'salt' });
    for (let tries = 0; tries < 250 && (await seamRow(102)()).password === seamBefore.password; tries++)
      await pause(20);
    const { password } = await seamRow(102)();
    assert.match(password, /^\$2b\$12\$/);
    assert.equal(await bcrypt.compare('the new password', password), true);
    assert.equal(await bcrypt.compare('the old password', password), false);
    await has(djangoRow(302), { password: `bcrypt$${password}` });
    assert.notEqual(djangoBefore.password, `bcrypt$${password}`);
    assert.equal(django.canLogIn(302, 'the new password'), true);
  });
});
