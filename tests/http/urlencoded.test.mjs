// application/x-www-form-urlencoded at falcon and django, as sent by requests.put(data=…), jQuery and Alamofire.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { alice, resetAlice } from '../support/accounts.mjs';
import { falcon, ROUTES } from '../support/dialects.mjs';
import { assertAccepted, assertRefused, raw } from '../support/responses.mjs';
import { startPut } from '../support/sockets.mjs';
import { startWorker } from '../support/worker.mjs';

const TYPE = 'application/x-www-form-urlencoded';
const PROFILE = '/api/profile/42/update/';
const form = (fields) => raw(new URLSearchParams(fields).toString(), TYPE);
const [USERS, UPDATE] = ROUTES.slice(3);
const ACCEPTING = [USERS, UPDATE];

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(() => resetAlice(worker));

/** Sends a form to falcon as account 42, and checks which fields of the record it changes. */
async function changes(options, expected) {
  const response = await worker.put('/users', { as: 42, ...options });
  assert.equal(response.status, 200, response.text);
  const { email, name, username, image_path } = response.json;
  const record = { email: 'alice@example.com', username: 'alice_wonder', image_path: 'profile-pictures/default.jpg' };
  assert.deepEqual({ email, name, username, image_path }, { name: 'Alice', ...record, ...expected });
}
const falconRefuses = (options, message, status = 400, error = 'Bad Request') =>
  assertRefused(worker, '/users', { as: 42, ...options }, status, falcon(status, error, message), { d1: 0 });

describe('a form to falcon', () => {
  test('its fields are read like JSON strings [F7 F1]', async () => {
    const fields = { email: 'al+x@example.com', name: 'Zoë & Ñandú = 100 % 🦅', username: "o'brien1" };
    await changes(form({ ...fields, image_path: '/path/to/image.jpg' }), {
      ...fields,
      image_path: '/path/to/image.jpg',
    });
  });
  test('escapes and plus signs are decoded, also in names, and text is trimmed [F7 R5]', async () => {
    await changes(raw('n%61me=+Al+%C3%89%2b%26%20', TYPE), { name: 'Al É+&' });
    await changes(raw('name=José', TYPE), { name: 'José' });
    await changes(raw('&name=a=b&&', TYPE), { name: 'a=b' });
  });
  for (const type of [`${TYPE}; charset=UTF-8`, 'Application/X-WWW-Form-URLEncoded']) {
    test(`the content type ${type} is such a form [F7]`, () => changes(raw('name=Al', type), { name: 'Al' }));
  }
  test('a body without a field is a 400, whether it is empty or not [F7 F2 R2 R7]', async () => {
    for (const body of ['', '&', '&&']) await falconRefuses(raw(body, TYPE), 'No fields provided to update');
  });
  test('other properties should not exist, and the rules of JSON apply [F7 F3 F5 R7]', async () => {
    await falconRefuses(form({ name: 'Al', password: 'x' }), ['property password should not exist']);
    await falconRefuses(raw('name', TYPE), ['name must be longer than or equal to 1 characters']);
    await falconRefuses(form({ image_path: '' }), ['image_path must be longer than or equal to 1 characters']);
    await falconRefuses(raw('name=a%00b', TYPE), ['name must not contain control characters']);
    await falconRefuses(raw('name[]=a', TYPE), ['property name[] should not exist']);
  });
  test('a name that occurs twice is refused, however it is written [F7 R7]', async () => {
    for (const body of ['name=a&name=b', 'name=a&n%61me=a', 'x=1&x=1'])
      await falconRefuses(raw(body, TYPE), 'Request body must be a valid form');
  });
  test('multipart/form-data is still not supported [F7 R2 R7]', () =>
    falconRefuses(
      raw('--x--', 'multipart/form-data; boundary=x'),
      'Unsupported Media Type',
      415,
      'Unsupported Media Type',
    ));
});

describe('a form to django', () => {
  const updates = (options, expected) => assertAccepted(worker, PROFILE, { as: 42, ...options }, alice(expected));
  test('its fields are read as in multipart/form-data [D1 D8]', async () => {
    const fields = { username: 'al', email: 'josé@example.com', first_name: 'A & B', number_phone: '5551234' };
    await updates(form({ ...fields, last_name: '', is_staff: 'true', x: 'y' }), { ...fields, last_name: '' });
  });
  test('the last field of a name counts, and an empty avatar counts as not sent [D9 D1]', async () => {
    await updates(raw('first_name=First&avatar=&first_name=Last', TYPE), { first_name: 'Last' });
    await updates(raw('avatar=', TYPE), { first_name: 'Last' });
  });
  test('an avatar in it is not a file [D5 R7]', () =>
    assertRefused(
      worker,
      PROFILE,
      { as: 42, ...form({ avatar: 'x' }) },
      400,
      { avatar: ['The submitted data was not a file. Check the encoding type on the form.'] },
      { d1: 0 },
    ));
  test('without a field, it returns the record as it stands [D1]', () => updates(raw('&', TYPE), {}));
});

for (const route of ACCEPTING) {
  const { name, refusals } = route;
  const refuses = (options, status, body) =>
    assertRefused(worker, route.path(), { as: 6, ...options }, status, body, { d1: 0 });
  const id = route === USERS ? 'F7' : 'D1';
  const [field] = Object.keys(route.good);

  describe(`an invalid form to ${name}`, () => {
    for (const body of ['%', '%4', 'x=%zz', 'x=%4g', 'x=100%', 'x=%%41', 'x=%ff', '%c3=x', 'x=%ed%a0%80', 'x=%u00e9']) {
      test(`${body} cannot be parsed by ${name} [${id} R2 R7]`, () =>
        refuses(raw(`${field}=a&${body}`, TYPE), 400, refusals.badForm()));
    }
    test(`bytes that are not UTF-8 are refused by ${name} [${id} R2 R7]`, () =>
      refuses(raw(Buffer.from([...Buffer.from(`${field}=`), 0xff]), TYPE), 400, refusals.badForm()));
    test(`a form of 64 fields is accepted by ${name}, and one of 65 is too large [${id} R12 R7]`, async () => {
      const separators = Array(63).fill('&').join('');
      assert.equal((await worker.put(route.path(), { as: 6, ...raw(`${field}=Luis${separators}`, TYPE) })).status, 200);
      const many = Array.from({ length: 65 }, (_, at) => `x${at}=1`);
      await refuses(raw(many.join('&'), TYPE), 413, refusals.tooLarge());
    });
    const title = `64 KiB is accepted by ${name}, and a byte more is too large, with or without a length [${id} R3 R7]`;
    test(title, async () => {
      const body = `${field}=Luis`.padEnd(64 * 1024, '&');
      assert.equal((await worker.put(route.path(), { as: 6, ...raw(body, TYPE) })).status, 200);
      await refuses(raw(`${body}&`, TYPE), 413, refusals.tooLarge());
      await refuses(raw(new Blob([`${body}&`]).stream(), TYPE), 413, refusals.tooLarge());
    });
    test(`a form that breaks off is malformed for ${name} [${id} R9]`, async () => {
      const headers = { 'content-type': TYPE, 'content-length': '100', 'x-request-id': `off-${route.dialect}` };
      await startPut(worker, route.path(), headers, `${field}=a`, { hangUp: true });
      const line = await worker.logOf({ requestId: `off-${route.dialect}` });
      assert.deepEqual([line.status, line.code], [400, 'malformed_form']);
    });
  });
}

for (const route of ROUTES.filter((route) => !ACCEPTING.includes(route))) {
  test(`${route.name} does not accept such a form [R2 R7]`, () =>
    assertRefused(worker, route.path(), { as: 6, ...form({ x: 'y' }) }, 415, route.refusals.unsupported(TYPE), {
      d1: 0,
    }));
}
