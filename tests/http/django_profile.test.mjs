// PUT /api/profile/:id/update/ with JSON bodies: the caller's own profile, in the django dialect.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { alice, resetAlice } from '../support/accounts.mjs';
import { INVALID_TOKEN } from '../support/dialects.mjs';
import { assertAccepted, assertRefused, raw } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const PROFILE = '/api/profile/42/update/';
const EMOJI = '🐇';
const TEXT_FIELDS = ['username', 'email', 'first_name', 'last_name', 'number_phone'];
const BAD_EMAIL = 'This field must be a valid email address.';
const BAD_USERNAME = 'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.';
const USERNAME_TAKEN = 'A user with that username already exists.';
const EMAIL_TAKEN = 'A user with that email already exists.';
const BLANK = 'This field may not be blank.';
const NULL = 'This field may not be null.';
const NOT_TEXT = 'Not a valid string.';
const CONTROL = 'Control characters are not allowed.';
const NOT_FILE = 'The submitted data was not a file. Check the encoding type on the form.';
const tooLong = (max) => `Ensure this field has no more than ${max} characters.`;
const NOT_FOUND = { detail: 'Not found.' };
const BAD_TOKEN = {
  detail: 'Given token not valid for any token type',
  code: 'token_not_valid',
  messages: [{ token_class: 'AccessToken', token_type: 'access', message: 'Token is invalid or expired' }],
};

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(() => resetAlice(worker));

const stored = async () =>
  (await worker.sql('SELECT username, email, first_name, last_name, number_phone FROM users WHERE id = 42'))[0];
const UNCHANGED = {
  username: 'alice_wonder',
  email: 'alice@example.com',
  first_name: 'Alice',
  last_name: 'Wonderland',
  number_phone: null,
};

/** Sends an update by account 42, and checks the whole response and the stored columns. */
async function updates(options, changes) {
  const { line } = await assertAccepted(worker, PROFILE, { as: 42, ...options }, alice(changes));
  const { avatar, ...columns } = { ...UNCHANGED, ...changes };
  assert.deepEqual(await stored(), columns);
  return line;
}
const refuses = (json, body, d1 = 0) => assertRefused(worker, PROFILE, { as: 42, json }, 400, body, { d1 });

for (const [what, hidden] of Object.entries({
  'a Hangul filler': '\u3164',
  'a Hangul choseong filler': '\u115f',
  'a halfwidth Hangul filler': '\uffa0',
  'a zero-width space': '\u200b',
  'a zero-width joiner': '\u200d',
  'a right-to-left override': '\u202e',
  'a soft hyphen': '\u00ad',
  'a private-use character': '\ue000',
})) {
  test(`${what} is refused in a user name and in an address, and blank by itself elsewhere [R14 D4 R7]`, async () => {
    await refuses({ username: `luis${hidden}_p` }, { username: [BAD_USERNAME] });
    await refuses({ email: `alice@exam${hidden}ple.com` }, { email: [BAD_EMAIL] });
    await refuses({ email: `al${hidden}ice@example.com` }, { email: [BAD_EMAIL] });
    const name = `${hidden} ${hidden}`;
    const body = { message: "El campo 'full_name' debe tener entre 2 y 100 caracteres", success: false, data: null };
    const { json } = await worker.put('/api/v1/users/42', { as: 6, json: { full_name: name } });
    assert.deepEqual(json, body);
    await updates({ json: { first_name: `Al${hidden}ice` } }, { first_name: `Al${hidden}ice` });
  });
}

/** An otherwise valid address of exactly `length` characters. */
const emailOf = (length) =>
  `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(length - 64 - 1 - 64 - 64 - 4)}.com`;

describe("updating one's own profile", () => {
  test("the documentation's curl example returns the response as printed [D1]", async () => {
    const line = await updates(
      raw(`{
"first_name": "Alice",
"last_name": "Wonderland",
"number_phone": "5559876543"
}`),
      { number_phone: '5559876543' },
    );
    assert.deepEqual(
      { method: line.method, route: line.route, account: line.account },
      { method: 'PUT', route: 'PUT /api/profile/:id/update/', account: 42 },
    );
  });

  test("the documentation's e-mail example, with one's own address, returns the response as printed [D1 D4]", () =>
    updates(
      raw(`{
"email": "alice@example.com"
}`),
      {},
    ));

  test('all five text fields change in one request [D1]', () => {
    const json = {
      first_name: 'John',
      last_name: 'Doe',
      email: 'john@example.net',
      number_phone: '1234567890',
      username: 'john_doe_updated',
    };
    return updates({ json }, json);
  });

  const one = {
    username: 'alice2',
    email: 'alice2@example.com',
    first_name: 'Alicia',
    last_name: 'Liddell',
    number_phone: '555',
  };
  for (const [field, value] of Object.entries(one)) {
    test(`${field} alone changes nothing else, in this record or another [D1 R4]`, async () => {
      const rows = async () =>
        (await worker.sql('SELECT * FROM users ORDER BY id')).map(({ updated_at, ...row }) => row);
      const before = await rows();
      await updates({ json: { [field]: value } }, { [field]: value });
      assert.deepEqual(
        await rows(),
        before.map((row) => (row.id === 42 ? { ...row, [field]: value } : row)),
      );
    });
  }

  const nothing = {
    'an empty object': { json: {} },
    'no body': {},
    'an empty body with a content type': raw(''),
    'only unknown fields': { json: { nickname: 'Al', full_name: 5 } },
  };
  for (const [what, options] of Object.entries(nothing)) {
    test(`${what} returns the record as it stands and changes nothing [D1 R2]`, async () => {
      const before = await worker.dump();
      await updates(options, {});
      assert.equal(await worker.dump(), before);
    });
  }

  test('fields that cannot be changed here are ignored, whatever their values [D1]', async () => {
    const before = await worker.dump();
    await updates(
      {
        json: {
          id: 1,
          date_joined: 'never',
          last_login: null,
          is_active: false,
          is_staff: true,
          is_superuser: true,
          password: 'x',
          role_id: 1,
          updated_at: [],
        },
      },
      {},
    );
    assert.equal(await worker.dump(), before);
    await updates({ json: { is_superuser: true, first_name: 'Al' } }, { first_name: 'Al' });
  });

  test("sending one's own username and e-mail again, even in another case, is not a conflict [D4 D1]", () => {
    const json = { username: 'Alice_Wonder', email: 'ALICE@example.com' };
    return updates({ json }, json);
  });

  test('the phone is cleared with null [D1 R4]', async () => {
    await worker.sql("UPDATE users SET number_phone = '555' WHERE id = 42");
    await updates({ json: { number_phone: null } }, {});
  });

  test('an avatar is shown as a path, cleared with null, and kept if it is omitted [D5 D1 R4]', async () => {
    await worker.sql("UPDATE users SET image = 'avatars/42/abc.png' WHERE id = 42");
    await updates({ json: { first_name: 'Al' } }, { first_name: 'Al', avatar: '/media/avatars/42/abc.png' });
    await updates({ json: { avatar: null } }, { first_name: 'Al' });
    assert.deepEqual(await worker.sql('SELECT image FROM users WHERE id = 42'), [{ image: null }]);
  });

  test('a picture with a file name given by a camera is shown [N4 D1]', async () => {
    await worker.sql("UPDATE users SET image = 'avatars/IMG_0001.JPG' WHERE id = 42");
    await updates({ json: { first_name: 'Al' } }, { first_name: 'Al', avatar: '/media/avatars/IMG_0001.JPG' });
  });
  test('an image that is not an uploaded avatar is not shown [D1]', async () => {
    await worker.sql("UPDATE users SET image = 'https://example.com/alice.png' WHERE id = 42");
    await assertAccepted(worker, PROFILE, { as: 42, json: {} }, alice());
  });

  test('last_login is null before the first login; any stored form of a time is shown in one [D1]', async () => {
    const times = {
      '2024-03-10 11:45:23': '2024-03-10T11:45:23Z',
      '2024-03-10T11:45:24.000Z': '2024-03-10T11:45:24Z',
      '2024-03-10T11:45:25Z': '2024-03-10T11:45:25Z',
    };
    for (const [held, last_login] of [[null, null], ...Object.entries(times)]) {
      await worker.sql('UPDATE users SET last_login = ? WHERE id = 42', held);
      await assertAccepted(worker, PROFILE, { as: 42, json: {} }, alice({ last_login }));
    }
    await worker.sql("UPDATE users SET last_login = '2024-03-10T11:45:22.250Z' WHERE id = 42");
    const { json } = await worker.put(PROFILE, { as: 42, json: {} });
    assert.match(json.last_login, /^2024-03-10T11:45:22\.250*Z$/);
  });

  const kept = {
    'a username of 150 letters beyond the BMP': { username: '𠮷'.repeat(150) },
    'a username with every allowed symbol': { username: 'a_Z.0@b+c-9ñ' },
    'an e-mail of 200 characters': { email: emailOf(200) },
    'an e-mail with a tag and a subdomain': { email: 'Alice.W+x@mail.example.co.uk' },
    'an e-mail with letters beyond ASCII before the @': { email: 'josé@example.com' },
    'a first name of 200 emoji': { first_name: EMOJI.repeat(200) },
    'a last name of 200 emoji': { last_name: EMOJI.repeat(200) },
    'a phone of 10 emoji': { number_phone: EMOJI.repeat(10) },
    'names of one character': { first_name: 'é', last_name: '名' },
    'blank names and a blank phone': { first_name: '', last_name: '', number_phone: '' },
    'accents, quotes and SQL': { first_name: `Zoë "\\" O'Neil`, last_name: `'); DROP TABLE users; --` },
  };
  for (const [what, json] of Object.entries(kept)) {
    test(`${what} is accepted and comes back as sent [D1 D4 R5 R16]`, () => updates({ json }, json));
  }

  for (const field of TEXT_FIELDS.slice(2)) {
    test(`${field} may be blank, and white space alone counts as blank [D8 R5]`, async () => {
      for (const value of ['', '   ', '\t\n\u3000']) await updates({ json: { [field]: value } }, { [field]: '' });
    });
  }
  test('all texts of a record can be sent back as they are shown, including blank ones [D8]', async () => {
    await worker.sql("UPDATE users SET first_name = '', last_name = '', number_phone = '' WHERE id = 42");
    const shown = (await worker.put(PROFILE, { as: 42, json: {} })).json;
    const texts = Object.fromEntries(TEXT_FIELDS.map((field) => [field, shown[field]]));
    await updates({ json: texts }, { first_name: '', last_name: '', number_phone: '' });
  });

  test('text is trimmed before it is checked and stored [R5 D1]', () =>
    updates(
      {
        json: {
          username: ' al\t',
          email: '\nal@example.com ',
          first_name: ` \u00a0${EMOJI.repeat(200)}\u3000`,
          last_name: ' L ',
          number_phone: '  1234567890\r\n',
        },
      },
      {
        username: 'al',
        email: 'al@example.com',
        first_name: EMOJI.repeat(200),
        last_name: 'L',
        number_phone: '1234567890',
      },
    ));

  const numbers = [
    ['5559876543', '5559876543'],
    ['0', '0'],
    ['-7', '-7'],
    ['9007199254740993', '9007199254740993'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    ['1.50', '1.5'],
    ['1.0', '1.0'],
    ['-2.5', '-2.5'],
    ['0.1', '0.1'],
    ['1e2', '100.0'],
    ['1e15', '1000000000000000.0'],
    ['1e16', '1e+16'],
    ['1e22', '1e+22'],
    ['0.0001', '0.0001'],
    ['0.00001', '1e-05'],
  ];
  for (const [number, text] of numbers) {
    test(`the JSON number ${number} is read as the text ${text} [D1]`, () =>
      updates(raw(`{"first_name":${number}}`), { first_name: text }));
  }
  test('numbers are accepted as username and phone, too [D1]', () =>
    updates(raw('{"username":12345,"number_phone":5559876543}'), { username: '12345', number_phone: '5559876543' }));
});

describe('refusals without a database call', () => {
  for (const field of TEXT_FIELDS) {
    test(`${field} must be text [D4 R7]`, async () => {
      for (const value of [true, false, [], ['x'], {}, { [field]: 'x' }])
        await refuses({ [field]: value }, { [field]: [NOT_TEXT] });
    });
    test(`${field} may not contain control characters [R5 R7]`, async () => {
      for (const control of ['\u0000', '\u001f', '\n', '\u007f', '\u0085'])
        await refuses({ [field]: `a${control}b` }, { [field]: [CONTROL] });
    });
  }
  for (const field of TEXT_FIELDS.slice(0, 2)) {
    test(`${field} may not be blank [D4 D8 R5 R7]`, async () => {
      for (const value of ['', '   ', '\t\n\u3000']) await refuses({ [field]: value }, { [field]: [BLANK] });
    });
  }
  for (const field of TEXT_FIELDS.slice(0, 4)) {
    test(`${field} may not be null [D4 R4 R7]`, () => refuses({ [field]: null }, { [field]: [NULL] }));
  }

  const long = [
    ['username', '𠮷'.repeat(151), 150],
    ['email', emailOf(201), 200],
    ['first_name', EMOJI.repeat(201), 200],
    ['last_name', EMOJI.repeat(201), 200],
    ['number_phone', EMOJI.repeat(11), 10],
    ['number_phone', '12345678901', 10],
    ['number_phone', 12345678901, 10],
  ];
  for (const [field, value, max] of long) {
    const title =
      `${field} of ${max + 1} characters (${typeof value}, ${String(value).slice(0, 2)}…) is too long ` +
      '[D4 D1 R5 R7]';
    test(title, () => refuses({ [field]: value }, { [field]: [tooLong(max)] }));
  }

  for (const email of [
    'alice',
    '@example.com',
    'alice@',
    'alice@example',
    'alice@.com',
    'alice@example..com',
    'a b@example.com',
    'alice@[127.0.0.1]',
    'a@example.com,b@example.com',
    5,
    1.5,
  ]) {
    test(`${JSON.stringify(email)} is not an e-mail address [D4 R7]`, () => refuses({ email }, { email: [BAD_EMAIL] }));
  }
  for (const username of ['al ice', 'al/ice', `alice${EMOJI}`, 'alice#', '<b>', 'alice’s']) {
    test(`the username ${username} contains a forbidden character [D4 R7]`, () =>
      refuses({ username }, { username: [BAD_USERNAME] }));
  }
  for (const avatar of ['', 'avatars/1/x.png', 'data:image/png;base64,AA', 5, 1.5, true, false, [], {}]) {
    test(`the avatar ${JSON.stringify(avatar)} in JSON is not a file [D5 R7]`, () =>
      refuses({ avatar }, { avatar: [NOT_FILE] }));
  }

  test('all invalid fields are reported together, in the order of the record [D4 D5 R7]', () =>
    refuses(
      {
        avatar: 'x',
        number_phone: '12345678901',
        last_name: null,
        first_name: 'x'.repeat(201),
        email: 'alice',
        username: 'a b',
        is_staff: 'x',
      },
      {
        username: [BAD_USERNAME],
        email: [BAD_EMAIL],
        first_name: [tooLong(200)],
        last_name: [NULL],
        number_phone: [tooLong(10)],
        avatar: [NOT_FILE],
      },
    ));

  test('an invalid field prevents the valid ones from being written [D4 R7]', () =>
    refuses({ first_name: 'Al', email: 'alice' }, { email: [BAD_EMAIL] }));
});

describe('the id in the path', () => {
  const json = { first_name: 'X' };

  for (const id of ['abc', '-1', '1.5', '%00', '+42', '42%20', '0x2a', '4e1', '%D9%A4%D9%A2', '42abc']) {
    test(`the id ${id} is not found, without a database call [D3 R1 R7]`, () =>
      assertRefused(worker, `/api/profile/${id}/update/`, { as: 42, json }, 404, NOT_FOUND, { d1: 0 }));
  }

  for (const id of ['0', '00', '99999999999999999999', '9007199254740993']) {
    test(`the id ${id} belongs to no account and is not found [D3 R7]`, () =>
      assertRefused(worker, `/api/profile/${id}/update/`, { as: 42, json }, 404, NOT_FOUND, { d1: 1 }));
  }

  test('an id that no account has is not found [D3 R7]', () =>
    assertRefused(worker, '/api/profile/4711/update/', { as: 42, json }, 404, NOT_FOUND, { d1: 1 }));

  for (const id of [1, 7, 43]) {
    const title =
      `the id ${id} is another account's and not authorized, ` + 'not even with an e-mail that is taken [D3 R1 R7]';
    test(title, async () => {
      const target = `/api/profile/${id}/update/`;
      await assertRefused(worker, target, { as: 42, json }, 403, { error: 'Not authorized' }, { d1: 1 });
      await assertRefused(
        worker,
        target,
        { as: 42, json: { email: 'maria.gonzalez@example.com' } },
        403,
        { error: 'Not authorized' },
        { d1: 1 },
      );
      await assertRefused(worker, target, { as: 42, json: {} }, 403, { error: 'Not authorized' }, { d1: 1 });
    });
  }

  test('an admin is not authorized for another profile either [D3 R7]', () =>
    assertRefused(worker, PROFILE, { as: 6, json }, 403, { error: 'Not authorized' }, { d1: 1 }));

  for (const id of ['042', '00042']) {
    test(`the id ${id} means 42 [D3]`, () =>
      assertAccepted(worker, `/api/profile/${id}/update/`, { as: 42, json }, alice({ first_name: 'X' })));
  }

  test('a missing token and a bad one have different messages [D2 A1 A8 R7]', async () => {
    await assertRefused(
      worker,
      PROFILE,
      { json },
      401,
      { detail: 'Authentication credentials were not provided.' },
      { d1: 0, challenge: 'Bearer' },
    );
    await assertRefused(worker, PROFILE, { token: 'x.y.z', json }, 401, BAD_TOKEN, { d1: 0, challenge: INVALID_TOKEN });
  });

  for (const [who, as, body, code] of [
    ['an inactive account', 43, { detail: 'User is inactive', code: 'user_inactive' }, 'account_inactive'],
    ['an account that does not exist', 4711, { detail: 'User not found', code: 'user_not_found' }, 'account_gone'],
  ]) {
    test(`${who} gets its own message, whatever the id [D10 A7 A8 R1 R7]`, async () => {
      for (const id of [as, 42, 4712]) {
        const target = `/api/profile/${id}/update/`;
        const expected = { d1: 1, challenge: INVALID_TOKEN };
        const { line } = await assertRefused(worker, target, { as, json }, 401, body, expected);
        assert.equal(line.code, code);
      }
    });
  }
  test('a token issued before a change of password is not valid [D10 A7 R7]', async (t) => {
    await worker.sql('UPDATE users SET tokens_valid_after = unixepoch() + 100 WHERE id = 42');
    t.after(() => worker.sql('UPDATE users SET tokens_valid_after = NULL WHERE id = 42'));
    await assertRefused(worker, PROFILE, { as: 42, json }, 401, BAD_TOKEN, { d1: 1, challenge: INVALID_TOKEN });
  });
  for (const header of ['Bearer a b', 'bearer a  b c', 'Bearer a, Bearer b']) {
    test(`the header ${header} must contain two values [D10 A1 A8 R7]`, async () => {
      const { line } = await assertRefused(
        worker,
        PROFILE,
        { json, headers: { authorization: header } },
        401,
        {
          detail: 'Authorization header must contain two space-delimited values',
          code: 'bad_authorization_header',
        },
        { d1: 0, challenge: INVALID_TOKEN },
      );
      assert.equal(line.code, 'bad_authorization');
    });
  }
});

describe('a value that is taken', () => {
  const taken = [
    ['the username of another', { username: 'maria_g' }, { username: [USERNAME_TAKEN] }],
    ['the username of another in another case', { username: ' MARIA_g ' }, { username: [USERNAME_TAKEN] }],
    ['the e-mail of another', { email: 'maria.gonzalez@example.com' }, { email: [EMAIL_TAKEN] }],
    ['the e-mail of another in another case', { email: 'Maria.Gonzalez@EXAMPLE.com' }, { email: [EMAIL_TAKEN] }],
    ['the e-mail of an inactive account', { email: 'bob@example.com' }, { email: [EMAIL_TAKEN] }],
    [
      'both, of one account',
      { email: 'maria.gonzalez@example.com', username: 'maria_g' },
      { username: [USERNAME_TAKEN], email: [EMAIL_TAKEN] },
    ],
    [
      'both, of two accounts',
      { email: 'bob@example.com', username: 'luis_p' },
      { username: [USERNAME_TAKEN], email: [EMAIL_TAKEN] },
    ],
    [
      "a taken username with the account's own e-mail",
      { email: 'alice@example.com', username: 'luis_p' },
      { username: [USERNAME_TAKEN] },
    ],
  ];
  for (const [what, json, body] of taken) {
    test(`${what} already exists [D4 R7]`, () => refuses({ first_name: 'Al', ...json }, body, 1));
  }
});
