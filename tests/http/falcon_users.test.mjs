// PUT /users: the caller's own account, in the falcon dialect.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { falcon, INVALID_TOKEN } from '../support/dialects.mjs';
import { assertRefused, assertResponse, raw } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const DEFAULT_IMAGE = 'profile-pictures/default.jpg';
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const EMOJI = '🦅';
const jane = (changes = {}) => ({
  id: '1',
  email: 'jane.doe@example.com',
  name: 'Jane Doe',
  username: 'janedoe_123',
  password: '[redacted]',
  salt: '[redacted]',
  image_path: DEFAULT_IMAGE,
  role_id: 1,
  created_at: '2025-09-25T12:14:44.000Z',
  updated_at: '2025-10-24T02:30:15.000Z',
  ...changes,
});
const bad = (message) => falcon(400, 'Bad Request', message);
/** The body that reports invalid fields: a list, even if there is only one message. */
const faulty = (...messages) => bad(messages);
const conflict = (message) => falcon(409, 'Conflict', message);
const EMAIL_TAKEN = conflict('Email already exists');
const USERNAME_TAKEN = conflict('Username already exists');

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(() =>
  worker.sql(
    "UPDATE users SET email = 'jane.doe@example.com', full_name = 'Jane Doe', username = 'janedoe_123', " +
      'image = NULL WHERE id = 1',
  ),
);

const stored = async () =>
  (await worker.sql('SELECT email, full_name AS name, username, image AS image_path FROM users WHERE id = 1'))[0];

/** Sends an update by account 1 and checks the whole response, except for the value of `updated_at`. */
async function updates(options, changes) {
  const response = await worker.put('/users', { as: 1, ...options });
  const { updated_at } = response.json;
  const line = await assertResponse(worker, response, 200, jane({ ...changes, updated_at }), { d1: 1 });
  assert.match(updated_at, TIME);
  return { updated_at, line };
}
const refuses = (json, status, body, d1 = 0) => assertRefused(worker, '/users', { as: 1, json }, status, body, { d1 });

describe("updating one's own account", () => {
  test("the documentation's curl example returns the response as printed, with a redacted hash [F1 F6]", async () => {
    const { line } = await updates(
      raw(`{
    "name": "Jane Doe",
    "email": "jane.doe@example.com"
  }`),
      {},
    );
    assert.deepEqual(
      { method: line.method, route: line.route, account: line.account },
      { method: 'PUT', route: 'PUT /users', account: 1 },
    );
  });

  test('all four fields change in one request, and are stored [F1]', async () => {
    const json = {
      email: 'jane@new.example.org',
      name: 'Jane Q. Doe',
      username: 'jane.q+doe',
      image_path: 'profile-pictures/jane.png',
    };
    await updates({ json }, json);
    assert.deepEqual(await stored(), json);
  });

  const one = {
    email: 'jane2@example.com',
    name: 'Jane Two',
    username: 'jane_two',
    image_path: 'https://cdn.example.com/jane.png?v=2',
  };
  for (const [field, value] of Object.entries(one)) {
    test(`${field} alone changes nothing else, in this record or another [F1 R4]`, async () => {
      const column = { name: 'full_name', image_path: 'image' }[field] ?? field;
      const rows = () => worker.sql('SELECT * FROM users ORDER BY id');
      const [first, ...others] = await rows();
      await updates({ json: { [field]: value } }, { [field]: value });
      const [{ updated_at, ...changed }, ...left] = await rows();
      const { updated_at: moved, ...expected } = { ...first, [column]: value };
      assert.deepEqual(changed, expected);
      assert.notEqual(updated_at, moved);
      assert.deepEqual(left, others);
    });
  }

  test('updated_at advances with each change; created_at and role_id stay [F1]', async () => {
    const first = await updates({ json: { name: 'Jane One' } }, { name: 'Jane One' });
    const second = await updates({ json: { name: 'Jane Two' } }, { name: 'Jane Two' });
    assert.ok(first.updated_at > '2025-10-24T02:30:15.000Z');
    assert.ok(second.updated_at >= first.updated_at);
  });

  test('a caller without any permission can update its own account [F1]', async () => {
    const response = await worker.put('/users', { as: 42, json: { name: 'Alice W.' } });
    const [{ email, username }] = await worker.sql('SELECT email, username FROM users WHERE id = 42');
    await assertResponse(
      worker,
      response,
      200,
      jane({
        id: '42',
        email,
        name: 'Alice W.',
        username,
        role_id: 2,
        created_at: '2024-02-01T08:15:30.000Z',
        updated_at: response.json.updated_at,
      }),
      { d1: 1 },
    );
  });

  test("sending one's own e-mail and username again, even in another case, is not a conflict [F4 F1]", async () => {
    const json = { email: 'Jane.Doe@Example.COM', username: 'JaneDoe_123' };
    await updates({ json }, json);
    assert.deepEqual(await stored(), { ...json, name: 'Jane Doe', image_path: null });
  });

  test('null resets the image to the default [F1 R4]', async () => {
    await worker.sql("UPDATE users SET image = 'profile-pictures/jane.png' WHERE id = 1");
    await updates({ json: { image_path: null } }, {});
    assert.equal((await stored()).image_path, null);
  });

  test('an update neither changes the stored hash nor shows it [F6]', async () => {
    const hash = () => worker.sql('SELECT password_hash FROM users WHERE id = 1');
    const before = await hash();
    await updates({ json: { name: 'Jane' } }, { name: 'Jane' });
    assert.deepEqual(await hash(), before);
  });

  const kept = {
    'accents and emoji': { name: `Zoë Ñandú ${EMOJI} 名前` },
    'a name of one character': { name: EMOJI },
    'a name of 255 emoji': { name: EMOJI.repeat(255) },
    'quotes, backslashes and SQL': { name: `O'Neil "\\" '); DROP TABLE users; --` },
    'combining characters, not normalised': { name: 'Zoe\u0308' },
    'a username of one character': { username: 'j' },
    'a username with common symbols': { username: 'a_Z.0@b+c-9' },
    'a username with a quote': { username: "o'brien1" },
    'a username of arbitrary symbols': { username: `<jane>/#,’\\${EMOJI}` },
    'a username of letters beyond ASCII': { username: 'josé_ñandú_名前' },
    'a username of 150 letters beyond the BMP': { username: '𠮷'.repeat(150) },
    'an e-mail with a tag and a subdomain': { email: 'jane.doe+falcon@mail.example.co.uk' },
    'an e-mail with letters beyond ASCII before the @': { email: 'josé.ñandú@example.com' },
    'an e-mail in another script': { email: '名前@例え.テスト' },
    'an e-mail whose user has 64 bytes': { email: `${'é'.repeat(32)}@example.com` },
    "the image path of the original's document": { image_path: '/path/to/image.jpg' },
    'an image path of 255 characters': { image_path: `p/${'é'.repeat(253)}` },
    'an image URL of 255 emoji': { image_path: `https://example.com/${EMOJI.repeat(235)}` },
    'an http image URL': { image_path: 'http://example.com/a.png' },
  };
  for (const [what, json] of Object.entries(kept)) {
    test(`${what} is accepted and comes back as sent [F5 R5 R16]`, async () => {
      await updates({ json }, json);
      assert.deepEqual(await stored(), {
        email: 'jane.doe@example.com',
        name: 'Jane Doe',
        username: 'janedoe_123',
        image_path: null,
        ...json,
      });
    });
  }

  test('text is trimmed before it is checked and stored [R5 F5]', async () => {
    const json = {
      email: ' jane@example.net\n',
      name: `\t\u00a0\u3000${EMOJI.repeat(255)} \r\n`,
      username: `  ${'j'.repeat(150)}  `,
      image_path: '\n a/b.png ',
    };
    const trimmed = {
      email: 'jane@example.net',
      name: EMOJI.repeat(255),
      username: 'j'.repeat(150),
      image_path: 'a/b.png',
    };
    await updates({ json }, trimmed);
    assert.deepEqual(await stored(), trimmed);
  });
});

describe('refusals without a database call', () => {
  for (const [what, options] of Object.entries({
    'an empty object': { json: {} },
    'no body': {},
    'an empty body with a content type': raw(''),
  })) {
    test(`${what} has no fields to update [F2 R2 R7]`, () =>
      assertRefused(worker, '/users', { as: 1, ...options }, 400, bad('No fields provided to update'), { d1: 0 }));
  }

  const forbidden = [
    'password',
    'role_id',
    'salt',
    'id',
    'created_at',
    'updated_at',
    'full_name',
    'image',
    'is_active',
    'is_superuser',
    'password_hash',
    'Name',
    'constructor',
    EMOJI,
    'quo"te',
  ];
  for (const field of forbidden) {
    test(`the property ${field} should not exist, alone or alongside a known one [F3 R7]`, async () => {
      await refuses({ [field]: 1 }, 400, faulty(`property ${field} should not exist`));
      await refuses({ name: 'Jane', [field]: null }, 400, faulty(`property ${field} should not exist`));
    });
  }

  test('a property named __proto__ is treated like any other [F3 R7]', () =>
    assertRefused(
      worker,
      '/users',
      { as: 1, ...raw('{"name":"Jane","__proto__":{"role_id":2}}') },
      400,
      faulty('property __proto__ should not exist'),
      { d1: 0 },
    ));

  test('several faults are listed, unknown properties first and in their order [F3 F5 R7]', () =>
    refuses(
      { username: 'a b', salt: 'x', name: 5, password: 'x', image_path: '../x', email: 'jane' },
      400,
      faulty(
        'property salt should not exist',
        'property password should not exist',
        'email must be an email',
        'name must be a string',
        'username must not contain white space or invisible characters',
        'image_path must be a path or an http(s) URL',
      ),
    ));

  const emails = [
    '',
    '   ',
    'jane',
    '@example.com',
    'jane@',
    'jane@example',
    'jane@localhost',
    'jane@.com',
    'jane@example..com',
    'jane@example.com.',
    'jane doe@example.com',
    'jane@exam ple.com',
    'jane@@example.com',
    'jane@[127.0.0.1]',
    'a@example.com,b@example.com',
    'Jane <jane@example.com>',
    'jane@-example.com',
    'jane\u0000@example.com',
    'jane@example\u0007.com',
    `${'é'.repeat(33)}@example.com`,
    'jose\u0301@example.com',
    'a\u00a0b@example.com',
    `jane${EMOJI}@example.com`,
    `${'a'.repeat(320)}@example.com`,
    `jane@${'a.'.repeat(160)}com`,
    null,
    5,
    1.5,
    true,
    [],
    ['jane@example.com'],
    { email: 'jane@example.com' },
  ];
  for (const email of emails) {
    test(`${JSON.stringify(email).slice(0, 40)} is not an e-mail address [F5 R4 R5 R7]`, () =>
      refuses({ email }, 400, faulty('email must be an email')));
  }

  const wrongTypes = [null, 5, 1.5, false, [], ['x'], {}, { name: 'x' }];
  for (const field of ['name', 'username']) {
    test(`${field} must be a string, not any other type or null [F5 R4 R7]`, async () => {
      for (const value of wrongTypes) await refuses({ [field]: value }, 400, faulty(`${field} must be a string`));
    });
  }
  test('image_path must be a string or null [F5 R4 R7]', async () => {
    for (const value of wrongTypes.slice(1))
      await refuses({ image_path: value }, 400, faulty('image_path must be a string'));
  });

  const lengths = [
    ['name', '', 'name must be longer than or equal to 1 characters'],
    ['name', ' \t\u3000', 'name must be longer than or equal to 1 characters'],
    ['name', EMOJI.repeat(256), 'name must be shorter than or equal to 255 characters'],
    ['username', '', 'username must be longer than or equal to 1 characters'],
    ['username', '  ', 'username must be longer than or equal to 1 characters'],
    ['username', '𠮷'.repeat(151), 'username must be shorter than or equal to 150 characters'],
    ['image_path', '', 'image_path must be longer than or equal to 1 characters'],
    ['image_path', ' \n', 'image_path must be longer than or equal to 1 characters'],
    ['image_path', `p/${'é'.repeat(254)}`, 'image_path must be shorter than or equal to 255 characters'],
    [
      'image_path',
      `https://example.com/${EMOJI.repeat(236)}`,
      'image_path must be shorter than or equal to 255 characters',
    ],
  ];
  for (const [field, value, message] of lengths) {
    const title =
      `${field} of ${[...value].length} characters like ${JSON.stringify(value.slice(0, 4))}: ${message} ` +
      '[F5 R5 R7]';
    test(title, () => refuses({ [field]: value }, 400, faulty(message)));
  }

  for (const username of [
    'jane doe',
    'jane\u00a0doe',
    'jane\u3000doe',
    'jane\u2028doe',
    'jane\u200bdoe',
    'jane\u3164',
    'jane\ue000',
  ]) {
    test(`the username ${JSON.stringify(username)} has white space or invisible characters [F5 R14 R7]`, () =>
      refuses({ username }, 400, faulty('username must not contain white space or invisible characters')));
  }

  for (const image_path of [
    '..',
    '../secret.png',
    'a/../../b.png',
    'a/..',
    '//evil.example/x.png',
    '/\\evil.example/x.png',
    '/%2fevil.example/x.png',
    '\\\\evil\\x.png',
    '/../secret.png',
    '/a/%2e%2e/secret.png',
    'javascript:alert(1)',
    'data:image/png;base64,AA',
    'ftp://example.com/a.png',
    'file:///etc/passwd',
    'http://',
    'https:///a.png',
  ]) {
    test(`${JSON.stringify(image_path)} is not an image path [F5 R7]`, () =>
      refuses({ image_path }, 400, faulty('image_path must be a path or an http(s) URL')));
  }

  for (const control of ['\u0000', '\u0001', '\t', '\n', '\u001b', '\u007f', '\u0085', '\u009f']) {
    test(`the control character ${JSON.stringify(control)} inside text is refused [R5 F5 R7]`, async () => {
      for (const field of ['name', 'username', 'image_path']) {
        await refuses({ [field]: `a${control}b` }, 400, faulty(`${field} must not contain control characters`));
      }
    });
  }
});

describe('refusals by the database', () => {
  for (const email of ['alice@example.com', 'ALICE@Example.com', '  alice@example.com ', 'bob@example.com']) {
    test(`the e-mail ${JSON.stringify(email)} of another account is a conflict [F4 R7]`, () =>
      refuses({ name: 'Jane', email }, 409, EMAIL_TAKEN, 1));
  }
  for (const username of ['alice_wonder', 'Alice_WONDER', ' alice_wonder', 'bob_off']) {
    test(`the username ${JSON.stringify(username)} of another account is a conflict [F4 R7]`, () =>
      refuses({ name: 'Jane', username }, 409, USERNAME_TAKEN, 1));
  }

  test('if both are taken, one conflict or the other is reported, and nothing is changed [F4 R7]', async () => {
    const before = await worker.dump();
    const response = await worker.put('/users', { as: 1, json: { email: 'alice@example.com', username: 'maria_g' } });
    assert.ok([EMAIL_TAKEN, USERNAME_TAKEN].map((b) => JSON.stringify(b)).includes(response.text), response.text);
    await assertResponse(worker, response, 409, response.json, { d1: 1 });
    assert.equal(await worker.dump(), before);
  });

  for (const [who, as] of [
    ['an inactive account', 43],
    ['an account that does not exist', 4711],
  ]) {
    test(`${who} has an invalid token, even if it sends an e-mail that is taken [F4 A7 A8 R1 R7]`, async () => {
      const expected = { d1: 1, challenge: INVALID_TOKEN };
      await assertRefused(
        worker,
        '/users',
        { as, json: { name: 'X' } },
        401,
        falcon(401, 'Unauthorized', 'Invalid token'),
        expected,
      );
      await assertRefused(
        worker,
        '/users',
        { as, json: { email: 'alice@example.com' } },
        401,
        falcon(401, 'Unauthorized', 'Invalid token'),
        expected,
      );
    });
  }

  test('without a token and with a bad one, responses differ only in the challenge [F4 A1 A8 R7]', async () => {
    const body = falcon(401, 'Unauthorized', 'Invalid token');
    await assertRefused(worker, '/users', { json: { name: 'X' } }, 401, body, { d1: 0, challenge: 'Bearer' });
    await assertRefused(worker, '/users', { token: 'x.y.z', json: { name: 'X' } }, 401, body, {
      d1: 0,
      challenge: INVALID_TOKEN,
    });
  });

  test('an e-mail that an account has given up is free for another [F4]', async () => {
    await worker.put('/users', { as: 1, json: { email: 'moved@example.com' } });
    const response = await worker.put('/users', { as: 5, json: { email: 'jane.doe@example.com' } });
    assert.deepEqual([response.status, response.json.email], [200, 'jane.doe@example.com']);
    await worker.sql("UPDATE users SET email = 'maria.gonzalez@example.com' WHERE id = 5");
  });
});
