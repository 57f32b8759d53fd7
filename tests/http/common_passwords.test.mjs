// PASSWORD_BLOCKLIST: a new password may not be one of the most common ones.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { mostCommon } from '../../scripts/passwords.mjs';
import { ROUTES, seam } from '../support/dialects.mjs';
import { startOrigin } from '../support/origin.mjs';
import { assertRefused } from '../support/responses.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

const TARGET = '/api/v1/users/7';
const vars = { PASSWORD_BLOCKLIST: 'on' };
const COMMON = "El campo 'password' contiene una contraseña demasiado común";
const password = (text) => ({ as: 6, json: { password: text } });
const isRefused = (options, message = COMMON) =>
  assertRefused(worker, TARGET, options, 400, seam(message), { d1: 0, r2: [0, 0] });
const hash = async () => (await worker.sql('SELECT password_hash AS hash FROM users WHERE id = 7'))[0].hash;

describe('with PASSWORD_BLOCKLIST', () => {
  // Every hundredth entry of the table; the native tests try all of them.
  const some = mostCommon().filter((_, rank) => rank % 100 === 0);
  test('common passwords are refused in any letter case, before the database is queried [S7 S2 R7]', async () => {
    for (const word of [...some, 'PASSWORD', 'Password', 'qWERTY', mostCommon().at(-1)]) {
      const { line } = await isRefused({ ...password(word), vars });
      assert.equal(line.code, 'invalid', word);
    }
  });
  test('they are reported together with the other faults [S7 S2]', async () => {
    const json = { password: '123456', full_name: 'J' };
    const message = `El campo 'full_name' debe tener entre 2 y 100 caracteres. ${COMMON}`;
    await isRefused({ as: 6, json, vars }, message);
    const short = "El campo 'password' debe tener entre 6 y 100 caracteres";
    await isRefused({ ...password('12345'), vars }, short);
  });
  test('other passwords are accepted, including those that contain a common one [S7 S5]', async () => {
    for (const word of ['123456 ', 'password of mine']) {
      const response = await worker.put(TARGET, { ...password(word), vars });
      assert.equal(response.status, 200, response.text);
      assert.ok(await bcrypt.compare(word, await hash()));
    }
  });
  test('other updates are not affected [S7]', async () => {
    for (const route of ROUTES) {
      const { status, text } = await worker.put(route.path(), { as: 6, json: route.good, vars });
      assert.equal(status, 200, text);
    }
  });
  test("with an origin, a newcomer's common password is left to the origin [S7 X2]", async () => {
    const origin = await startOrigin();
    const behind = await startWorker({ vars: { ORIGIN: origin.url, ...vars } });
    const newcomer = { token: await token(4711, { layout: 'seam' }), json: { password: '123456' } };
    const { status, d1Calls } = await behind.put('/api/v1/users/4711', newcomer);
    const sent = origin.received.map(({ body }) => body.toString());
    await behind.stop();
    await origin.stop();
    assert.deepEqual([status, d1Calls, sent], [200, 1, ['{"password":"123456"}']]);
  });
});

describe('PASSWORD_BLOCKLIST', () => {
  for (const setting of [undefined, '', ' ']) {
    test(`set to ${JSON.stringify(setting)}, refuses no password [S7]`, async () => {
      const response = await worker.put(TARGET, { ...password('123456'), vars: { PASSWORD_BLOCKLIST: setting } });
      assert.equal(response.status, 200, response.text);
      assert.ok(await bcrypt.compare('123456', await hash()));
    });
  }
  for (const setting of ['off', 'On', 'true', '1', 1, true, false, {}]) {
    const name = JSON.stringify(setting);
    test(`set to ${name}, fails new passwords and nothing else, and the log has the cause [S7 R9]`, async () => {
      const wrong = /** @type {any} */ ({ PASSWORD_BLOCKLIST: setting });
      for (const word of ['123456', 'password of mine']) {
        const options = { ...password(word), vars: wrong };
        const failure = seam('Error interno del servidor');
        const { line } = await assertRefused(worker, TARGET, options, 500, failure, { d1: 0 });
        assert.equal(line.cause, 'PASSWORD_BLOCKLIST is neither on nor empty');
      }
      const other = { as: 6, json: { full_name: 'Jane Smith' }, vars: wrong };
      assert.equal((await worker.put(TARGET, other)).status, 200);
    });
  }
});
