// Forms: a picture for one's own profile (django) and for a persona (personas), and the responses to invalid forms.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { alice, resetAlice } from '../support/accounts.mjs';
import {
  AGAIN,
  clearPictures,
  formOf,
  gif,
  keyOf,
  keys,
  NEW,
  objectOf,
  objects,
  png,
  REFUSED,
} from '../support/avatars.mjs';
import { INVALID_TOKEN, REFUSALS, ROUTES } from '../support/dialects.mjs';
import { assertAccepted, assertRefused, assertResponse, raw } from '../support/responses.mjs';
import { startPut } from '../support/sockets.mjs';
import { startWorker } from '../support/worker.mjs';

const [foto, , , , profile] = ROUTES;
const UPLOADS = [foto, profile];
const PROFILE = '/api/profile/42/update/';
const FOTO = '/api/personas/6/foto';
const DEFAULT_LIMIT = 10_485_760;
const OVERHEAD = 65_536;

const luis = (foto_url) => ({
  id: 6,
  nombres: 'Luis',
  apellidos: 'Pérez',
  telefono: null,
  dni: '87654321',
  foto_url,
  created_at: '2024-03-02T09:30:00.000Z',
});

const EMPTY = 'The submitted file is empty.';
const NOT_FILE = 'The submitted data was not a file. Check the encoding type on the form.';
const NOT_IMAGE = 'Upload a valid image. The file you uploaded was either not an image or a corrupted image.';
const BLANK = 'This field may not be blank.';
const FOTO_REQUIRED = { message: "El campo 'foto' es requerido" };
const FOTO_NOT_FILE = { message: "El campo 'foto' debe ser un archivo" };
const FOTO_EMPTY = { message: "El campo 'foto' está vacío" };
const FOTO_NOT_IMAGE = { message: "El campo 'foto' debe ser una imagen JPEG, PNG, GIF o WebP válida" };
const GONE = REFUSALS.django.gone();
const INACTIVE = REFUSALS.django.inactive();

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(async () => {
  await clearPictures(worker);
  await resetAlice(worker);
});

/** Sends a form as account 42, and checks the whole response and that only `picture` was stored, under its key. */
async function assertSaved(parts, changes, { picture, extension, cost = picture ? NEW : { r2: [0, 0] } } = {}) {
  const key = picture && keyOf(42, picture, extension);
  const avatar = key ? { avatar: `/media/${key}` } : {};
  const { line } = await assertAccepted(
    worker,
    PROFILE,
    { as: 42, form: formOf(parts) },
    alice({ ...changes, ...avatar }),
    cost,
  );
  assert.deepEqual(await objects(worker), key ? [objectOf(key, picture)] : []);
  if (key) assert.deepEqual(await worker.bucket.get(key), new Uint8Array(picture));
  return line;
}

/** Encodes a form byte for byte; each part is its headers and its content. */
const multipart = (...parts) =>
  Buffer.concat([
    ...parts.flatMap(([headers, content]) => [
      Buffer.from(`--x\r\n${headers}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]),
    Buffer.from('--x--\r\n'),
  ]);
const TYPE = 'multipart/form-data; boundary=x';
const filePart = (name, content) => [
  `Content-Disposition: form-data; name="${name}"; filename="a.png"\r\nContent-Type: image/png`,
  content,
];
const textPart = (name, content) => [`Content-Disposition: form-data; name="${name}"`, content];
/** A form with a picture in the route's part, padded with an unknown field to `size` bytes. */
function formOfSize(route, picture, size) {
  const filled = (length) => multipart(filePart(route.upload, picture), textPart('note', '-'.repeat(length)));
  return filled(size - filled(0).length);
}
const chunked = (bytes) => new Blob([bytes]).stream();

describe("a form to the caller's own profile", () => {
  test("the documentation's upload returns the response as printed, except for the file name [D1 M3 O2]", async () => {
    const picture = png();
    const parts = {
      avatar: { bytes: picture, name: 'very-private-name.png', type: 'image/png' },
      first_name: 'Alice',
      last_name: 'Wonderland',
    };
    const line = await assertSaved(parts, {}, { picture });
    assert.deepEqual(
      { method: line.method, route: line.route, account: line.account },
      { method: 'PUT', route: 'PUT /api/profile/:id/update/', account: 42 },
    );
    assert.equal(JSON.stringify(worker.lines).includes('very-private-name'), false);
  });

  test('a picture alone changes nothing but the avatar [D1 R4]', async () => {
    const row = async () =>
      (
        await worker.sql(
          'SELECT username, email, full_name, first_name, last_name, number_phone, password_hash, role_id, ' +
            'is_active, is_staff, is_superuser, created_at, last_login FROM users WHERE id = 42',
        )
      )[0];
    const before = await row();
    const picture = png();
    await assertSaved({ avatar: picture }, {}, { picture });
    assert.deepEqual(await row(), before);
    assert.deepEqual(await worker.sql('SELECT image FROM users WHERE id = 42'), [{ image: keyOf(42, picture) }]);
  });

  test('a picture and every other field are saved together, trimmed as in JSON [D1 R5]', async () => {
    const picture = png();
    const text = {
      username: 'alice2',
      email: 'alice2@example.com',
      first_name: 'Zoë 🐇',
      last_name: 'Niño',
      number_phone: '5559876543',
    };
    const padded = Object.fromEntries(Object.entries(text).map(([name, value]) => [name, ` \t\u3000${value}\r\n`]));
    await assertSaved({ avatar: picture, ...padded }, text, { picture });
  });

  for (const [name, value] of Object.entries({
    username: 'alice3',
    email: 'alice3@example.com',
    first_name: 'Al',
    last_name: 'Land',
    number_phone: '555',
  })) {
    test(`${name} alone is saved from a form, without touching the bucket [D1 R4]`, () =>
      assertSaved({ [name]: value }, { [name]: value }));
  }
  test('empty fields of a form are stored blank [D8 R4]', async () => {
    await assertSaved({ number_phone: '5551234' }, { number_phone: '5551234' });
    const blank = { first_name: '', last_name: '', number_phone: '' };
    await assertSaved(blank, blank);
  });

  /** The part that browsers send for an empty file input. */
  const leftAlone = (name) => [
    `Content-Disposition: form-data; name="${name}"; filename=""\r\nContent-Type: application/octet-stream`,
    '',
  ];
  const formAlone = multipart(leftAlone('avatar'), textPart('first_name', 'Al'), leftAlone('last_name'));
  test('an empty file input counts as not sent [D9]', () =>
    assertAccepted(worker, PROFILE, { as: 42, ...raw(formAlone, TYPE) }, alice({ first_name: 'Al' }), { r2: [0, 0] }));
  test('an empty text part avatar counts as not sent [D9]', () =>
    assertSaved({ avatar: '', first_name: 'Al' }, { first_name: 'Al' }));
  test('an empty file input keeps the current avatar [D9 R4]', async () => {
    const picture = png();
    await assertSaved({ avatar: picture }, {}, { picture });
    const body = alice({ first_name: 'Al', avatar: `/media/${keyOf(42, picture)}` });
    await assertAccepted(worker, PROFILE, { as: 42, ...raw(formAlone, TYPE) }, body, { r2: [0, 0] });
  });
  test('if a part is sent twice, the last one counts [D9]', async () => {
    const form = multipart(
      textPart('first_name', 'First'),
      textPart('last_name', 'Land'),
      textPart('first_name', 'Last'),
    );
    const body = alice({ first_name: 'Last', last_name: 'Land' });
    await assertAccepted(worker, PROFILE, { as: 42, ...raw(form, TYPE) }, body, { r2: [0, 0] });
  });
  test('of two pictures, the last one counts, even alongside an empty file input [D9]', async () => {
    const [first, last] = [png(), png()];
    const form = multipart(
      filePart('avatar', first),
      filePart('avatar', last),
      leftAlone('avatar'),
      textPart('avatar', ''),
    );
    const body = alice({ avatar: `/media/${keyOf(42, last)}` });
    await assertAccepted(worker, PROFILE, { as: 42, ...raw(form, TYPE) }, body, NEW);
    assert.deepEqual(await objects(worker), [objectOf(keyOf(42, last), last)]);
  });
  test('read-only fields, unknown ones and unknown files are ignored [D1 R4]', () =>
    assertSaved(
      { id: '1', is_staff: 'true', role_id: '1', password: 'x', image: 'y', nota: 'x', file: png(), foto: png() },
      {},
    ));
  test('a form without any part returns the record as it stands [D1]', () => assertSaved({}, {}));
  test('a form of only the closing boundary returns the record as it stands [D1]', async () => {
    await assertAccepted(worker, PROFILE, { as: 42, ...raw('--x--\r\n', TYPE) }, alice(), { r2: [0, 0] });
  });
  test('the path without its slash, and with leading zeros, accepts the same form [R8 D3]', async () => {
    for (const target of ['/api/profile/42/update', '/api/profile/0042/update/']) {
      const picture = png();
      await assertAccepted(
        worker,
        target,
        { as: 42, form: formOf({ avatar: picture }) },
        alice({ avatar: `/media/${keyOf(42, picture)}` }),
        NEW,
      );
    }
  });
  test('a picture stored through one dialect is shown by the others [D1 F1 M3]', async () => {
    const picture = png();
    await assertSaved({ avatar: picture }, {}, { picture });
    assert.equal((await worker.put('/users', { as: 42, json: { name: 'Alice' } })).json.image_path, keyOf(42, picture));
    assert.equal((await worker.put(PROFILE, { as: 42, json: {} })).json.avatar, `/media/${keyOf(42, picture)}`);
  });
  test('the shown picture can be fetched as it was stored [M4 D1]', async () => {
    const picture = png();
    await assertSaved({ avatar: picture }, {}, { picture });
    const { status, headers, bytes } = await worker.send('GET', `/media/${keyOf(42, picture)}`);
    assert.deepEqual([status, headers.get('content-type'), bytes], [200, 'image/png', new Uint8Array(picture)]);
  });
});

describe('a form to a persona', () => {
  test('the picture becomes the photo, with a URL of the requested origin [P5 M3 O2]', async () => {
    const picture = png();
    const key = keyOf(6, picture);
    const { line } = await assertAccepted(
      worker,
      FOTO,
      { as: 6, form: formOf({ foto: picture }) },
      luis(`${worker.url}/media/${key}`),
      NEW,
    );
    assert.deepEqual(
      { method: line.method, route: line.route, account: line.account },
      { method: 'PUT', route: 'PUT /api/personas/:id/foto', account: 6 },
    );
    assert.deepEqual(await objects(worker), [objectOf(key, picture)]);
    const { status, bytes } = await worker.send('GET', `/media/${key}`);
    assert.deepEqual([status, bytes], [200, new Uint8Array(picture)]);
  });
  test("a caller who sets another account's photo stores it under their own prefix [P5 P2 M3]", async () => {
    for (const [id, as] of [
      [6, 5],
      [8, 6],
    ]) {
      const picture = png();
      const response = await worker.put(`/api/personas/${id}/foto/`, { as, form: formOf({ foto: picture }) });
      await assertResponse(
        worker,
        response,
        200,
        { ...response.json, id, foto_url: `${worker.url}/media/${keyOf(as, picture)}` },
        NEW,
      );
      assert.ok((await keys(worker)).includes(keyOf(as, picture)));
    }
  });
  test('its foto_url begins with PUBLIC_ORIGIN if that is set, whatever Host was sent [M6 P5]', async () => {
    for (const PUBLIC_ORIGIN of ['https://api.example.com', 'http://localhost:8787/']) {
      const picture = png();
      const options = { as: 6, form: formOf({ foto: picture }), vars: { PUBLIC_ORIGIN } };
      await assertAccepted(
        worker,
        FOTO,
        options,
        luis(`${PUBLIC_ORIGIN.replace(/\/$/, '')}/media/${keyOf(6, picture)}`),
        NEW,
      );
    }
  });
  for (const PUBLIC_ORIGIN of [
    'api.example.com',
    'https://api.example.com/v1',
    'https://a@b.example',
    'ftp://a.example',
  ]) {
    test(`PUBLIC_ORIGIN ${PUBLIC_ORIGIN} is a configuration error for uploads only [M6 R9]`, async () => {
      const options = { as: 6, form: formOf({ foto: png() }), vars: { PUBLIC_ORIGIN } };
      const failed = { message: 'Error al actualizar foto' };
      const { line } = await assertRefused(worker, FOTO, options, 500, failed, { d1: 0, r2: [0, 0] });
      assert.match(line.cause, /^PUBLIC_ORIGIN must be /);
      const json = { foto_url: 'https://example.com/a.jpg' };
      assert.equal((await worker.put(FOTO, { as: 6, json, vars: { PUBLIC_ORIGIN } })).status, 200);
    });
  }
  for (const host of ['user:pw@example.com', `${'a'.repeat(60)}.`.repeat(30), 'exa$mple.com']) {
    test(`a Host ${host.slice(0, 20)} is not written into a record [M6 R7]`, async () => {
      const before = await worker.dump();
      const form = formOf({ foto: png() });
      const encoded = new Response(form);
      const type = encoded.headers.get('content-type');
      const body = Buffer.from(await encoded.arrayBuffer());
      const headers = { host, 'content-type': type, 'content-length': body.length };
      const response = await startPut(worker, FOTO, headers, body, { end: true });
      assert.ok(response.status >= 400 && response.status < 500, `${response.status} ${response.text}`);
      assert.equal(await worker.dump(), before);
    });
  }
  test('other parts are ignored, including a foto_url [P5 R4]', async () => {
    const picture = png();
    await assertAccepted(
      worker,
      FOTO,
      { as: 6, form: formOf({ foto_url: 'https://example.com/a.jpg', nombres: 'Otro', avatar: png(), foto: picture }) },
      luis(`${worker.url}/media/${keyOf(6, picture)}`),
      NEW,
    );
    assert.deepEqual(await keys(worker), [keyOf(6, picture)]);
  });
});

describe('keys', () => {
  const NAMED = [
    ['PNG', png, 'png', 'photo.jpg', 'image/jpeg'],
    ['PNG', png, 'png', '../../avatars/1/x.svg', 'image/svg+xml'],
    ['PNG', png, 'png', 'a.html', 'text/html'],
    ['GIF', gif, 'gif', 'photo.png', 'image/png'],
    ['GIF', gif, 'gif', 'a"b\r\n.exe', ''],
    ['GIF', gif, 'gif', ' ', 'application/octet-stream'],
  ];
  for (const [kind, make, extension, name, type] of NAMED) {
    test(`a ${kind} named ${JSON.stringify(name)} of type ${JSON.stringify(type)} is a ${kind} [M1 M3]`, async () => {
      const picture = make();
      await assertSaved({ avatar: { bytes: picture, name, type } }, {}, { picture, extension });
    });
  }

  test('the same picture twice is stored once, and is the same avatar [M3 D7]', async () => {
    const picture = png();
    await assertSaved({ avatar: picture }, {}, { picture });
    const before = await worker.dump();
    await assertSaved({ avatar: picture }, {}, { picture, cost: AGAIN });
    const [tables, stored] = JSON.parse(await worker.dump());
    assert.deepEqual(stored, JSON.parse(before)[1]);
    assert.equal(tables[3].find(({ id }) => id === 42).image, keyOf(42, picture));
  });
  test('two files that differ only in their metadata are one picture [M2 M3]', async () => {
    const picture = png({ size: 500 });
    await assertSaved({ avatar: picture }, {}, { picture: picture.stored });
    const [first] = await worker.bucket.list();
    await assertSaved({ avatar: picture.stored }, {}, { picture: picture.stored, cost: AGAIN });
    assert.deepEqual(await worker.bucket.list(), [first]);
  });
  test('a picture that one account shows twice is one object, and other accounts have their own [M3 P5]', async () => {
    const picture = png();
    const uploads = [
      ['/api/profile/6/update/', 6, 'avatar'],
      [FOTO, 6, 'foto'],
      ['/api/personas/5/foto', 5, 'foto'],
      [PROFILE, 42, 'avatar'],
    ];
    for (const [target, as, part] of uploads)
      assert.equal((await worker.put(target, { as, form: formOf({ [part]: picture }) })).status, 200);
    assert.deepEqual(await keys(worker), [keyOf(42, picture), keyOf(5, picture), keyOf(6, picture)]);
  });
  const goneTitle =
    'a picture whose object was removed is stored again, with one more call if the removal is recent ' + '[M3 M5 D7]';
  test(goneTitle, async () => {
    const [first, second] = [png(), png()];
    await assertSaved({ avatar: first }, {}, { picture: first });
    await assertAccepted(
      worker,
      PROFILE,
      { as: 42, form: formOf({ avatar: second }) },
      alice({ avatar: `/media/${keyOf(42, second)}` }),
      NEW,
    );
    await worker.idle();
    assert.deepEqual(await keys(worker), [keyOf(42, second)]);
    await assertAccepted(
      worker,
      PROFILE,
      { as: 42, form: formOf({ avatar: first }) },
      alice({ avatar: `/media/${keyOf(42, first)}` }),
      { d1: 3, r2: [1, 2] },
    );
    await worker.idle();
    assert.deepEqual(await objects(worker), [objectOf(keyOf(42, first), first)]);
  });
});

describe("an invalid form to the caller's own profile", () => {
  const refuses = (options, body) =>
    assertRefused(worker, PROFILE, { as: 42, ...options }, 400, body, { d1: 0, r2: [0, 0] });
  const noPicture = {
    'an empty file': [{ avatar: Buffer.alloc(0) }, EMPTY],
    'a text part': [{ avatar: 'null' }, NOT_FILE],
    'a path': [{ avatar: '/media/avatars/42/a.png' }, NOT_FILE],
    'white space': [{ avatar: ' ' }, NOT_FILE],
    'a picture as text': [{ avatar: gif().toString('latin1') }, NOT_FILE],
    'a file of text': [{ avatar: { bytes: Buffer.from('GIF89a'), name: 'a.gif', type: 'image/gif' } }, NOT_IMAGE],
    'one byte': [{ avatar: Buffer.from([0xff]) }, NOT_IMAGE],
  };
  for (const [what, [parts, message]] of Object.entries(noPicture)) {
    test(`${what} is not an avatar [D5 R7]`, () => refuses({ form: formOf(parts) }, { avatar: [message] }));
  }

  test('all invalid fields are reported together, the avatar last [D4 D5 R7]', () =>
    refuses(
      {
        form: formOf({
          avatar: Buffer.alloc(0),
          number_phone: '12345678901',
          first_name: 'x'.repeat(201),
          last_name: 'a\u0000b',
          email: 'alice',
          username: 'a b',
        }),
      },
      {
        username: ['Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.'],
        email: ['This field must be a valid email address.'],
        first_name: ['Ensure this field has no more than 200 characters.'],
        last_name: ['Control characters are not allowed.'],
        number_phone: ['Ensure this field has no more than 10 characters.'],
        avatar: [EMPTY],
      },
    ));
  const others = {
    'a blank e-mail': [{ email: '' }, { email: [BLANK] }],
    'a blank username': [{ username: '  ' }, { username: [BLANK] }],
    'a control character': [{ first_name: 'a\u0000b' }, { first_name: ['Control characters are not allowed.'] }],
    'a text of 60,000 characters': [
      { last_name: 'x'.repeat(60_000) },
      { last_name: ['Ensure this field has no more than 200 characters.'] },
    ],
    'a file in place of text': [{ first_name: png() }, { first_name: ['Not a valid string.'] }],
  };
  for (const [what, [parts, body]] of Object.entries(others)) {
    test(`${what} prevents a good picture from being stored [D4 D5 R7]`, () =>
      refuses({ form: formOf({ avatar: png(), ...parts }) }, body));
  }
  const malformed = { detail: 'Multipart form parse error' };
  test('text that is not UTF-8 makes the form malformed, and is not stored in another form [R2 R5 R7]', async () => {
    await refuses(raw(multipart(textPart('first_name', Buffer.from([0x41, 0xff, 0x42]))), TYPE), malformed);
    await refuses(
      raw(multipart(filePart('avatar', png()), textPart('note', Buffer.from([0xc0, 0xaf]))), TYPE),
      malformed,
    );
  });
  test('a picture without a file name, which counts as text, makes the form malformed [D5 R7]', () =>
    refuses({ form: formOf({ avatar: { bytes: gif(), name: '' } }) }, malformed));
  const textsTitle =
    'texts and other files of more than 64 KiB in total are too large, with or without a picture [R3 R7]';
  test(textsTitle, async () => {
    const tooLarge = (parts) =>
      assertRefused(
        worker,
        PROFILE,
        { as: 42, form: formOf(parts) },
        413,
        { detail: 'Request body too large.' },
        { d1: 0, r2: [0, 0] },
      );
    await tooLarge({ note: 'x'.repeat(66_000) });
    await tooLarge({ avatar: png(), note: 'x'.repeat(66_000) });
    await tooLarge({ avatar: png(), other: png({ size: 66_000 }) });
    await tooLarge(Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`part-${at}`, ''])));
  });
});

describe('an invalid form to a persona', () => {
  const cases = {
    'a form without the photo': [{}, FOTO_REQUIRED],
    'a form with a foto_url and no photo': [{ foto_url: 'https://example.com/a.jpg' }, FOTO_REQUIRED],
    'a form with the photo under another name': [{ avatar: png(), Foto: png() }, FOTO_REQUIRED],
    'a text part': [{ foto: 'https://example.com/a.jpg' }, FOTO_NOT_FILE],
    'white space': [{ foto: ' ' }, FOTO_NOT_FILE],
    'an empty text part': [{ foto: '' }, FOTO_EMPTY],
    'an empty file': [{ foto: Buffer.alloc(0) }, FOTO_EMPTY],
    'an empty file without a name': [
      { foto: { bytes: Buffer.alloc(0), name: '', type: 'application/octet-stream' } },
      FOTO_EMPTY,
    ],
    'a file of text': [{ foto: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') }, FOTO_NOT_IMAGE],
  };
  for (const [what, [parts, body]] of Object.entries(cases)) {
    test(`${what} is refused [P5 R7]`, () =>
      assertRefused(worker, FOTO, { as: 6, form: formOf(parts) }, 400, body, { d1: 0, r2: [0, 0] }));
  }
});

for (const route of UPLOADS) {
  const { name, refusals, upload } = route;
  const target = route.path();
  const refuses = (options, status, body, expected) =>
    assertRefused(worker, target, { as: 6, ...options }, status, body, { d1: 0, r2: [0, 0], ...expected });
  const takes = async (options, picture) => {
    const response = await worker.put(target, { as: 6, ...options });
    assert.equal(response.status, 200, response.text);
    await assertResponse(worker, response, 200, response.json, NEW);
    assert.ok((await keys(worker)).includes(keyOf(6, picture)));
  };

  describe(`the form to ${name}`, () => {
    const good = multipart(filePart(upload, png()));
    const file = filePart(upload, png());
    const broken = {
      'a body that is not a form': raw('hello', TYPE),
      'text before the first boundary': raw(Buffer.concat([Buffer.from('hello\r\n'), good]), TYPE),
      'JSON declared as a form': raw('{}', TYPE),
      'another boundary': raw(good, 'multipart/form-data; boundary=y'),
      'no boundary': raw(good, 'multipart/form-data'),
      'an empty boundary': raw(good, 'multipart/form-data; boundary='),
      'a form without its end': raw(good.subarray(0, -6), TYPE),
      'a form cut off within its picture': raw(good.subarray(0, -20), TYPE),
      'a form cut off within its headers': raw(good.subarray(0, 40), TYPE),
      'a part without a name': raw(multipart(['Content-Disposition: form-data', 'x'], file), TYPE),
      'a part without headers': raw(Buffer.concat([Buffer.from('--x\r\n\r\nhello\r\n'), good]), TYPE),
    };
    const repeated = {
      'two pictures': raw(multipart(file, filePart(upload, png())), TYPE),
      'the same picture twice': raw(multipart(file, file), TYPE),
      'a picture and a text part of the same name': raw(multipart(file, textPart(upload, '')), TYPE),
      'a known field twice': raw(multipart(file, textPart('first_name', 'a'), textPart('first_name', 'a')), TYPE),
      'an unknown field twice': raw(multipart(textPart('x', 'a'), file, textPart('x', 'b')), TYPE),
    };
    // For django, only the last part of each name counts (D9).
    if (route.dialect !== 'django') Object.assign(broken, repeated);
    for (const [what, options] of Object.entries(broken)) {
      test(`${what} cannot be parsed for ${name} [R2 R7]`, () => refuses(options, 400, refusals.badForm()));
    }
    test(`line breaks before the first boundary are ignored by ${name} [R2]`, async () => {
      for (const breaks of ['\r\n', '\r\n\r\n']) {
        const picture = png();
        await takes(raw(Buffer.concat([Buffer.from(breaks), multipart(filePart(upload, picture))]), TYPE), picture);
      }
    });
    for (const type of ['multipart/form-data; boundary="x"', 'Multipart/Form-Data; charset=utf-8; BOUNDARY=x']) {
      test(`the content type ${type} is a form for ${name} [R2]`, async () => {
        const picture = png();
        await takes(raw(multipart(filePart(upload, picture)), type), picture);
      });
    }
  });

  describe(`the sizes of ${name}`, () => {
    const withLimit = (limit, options) => ({ ...options, vars: { AVATAR_MAX_BYTES: String(limit) } });

    test(`a picture of exactly 10 MiB is accepted by ${name}, and one a byte longer is too large [R3 R7]`, async () => {
      const picture = png({ size: DEFAULT_LIMIT });
      await takes({ form: formOf({ [upload]: picture }) }, picture.stored);
      await refuses({ form: formOf({ [upload]: png({ size: DEFAULT_LIMIT + 1 }) }) }, 413, refusals.tooLarge());
    });
    test(`AVATAR_MAX_PIXELS sets the pixel limit of ${name}, and an invalid value is a failure [M1 R7]`, async () => {
      const withPixels = (pixels, picture) => ({
        form: formOf({ [upload]: picture }),
        vars: { AVATAR_MAX_PIXELS: String(pixels) },
      });
      const picture = png({ width: 20, height: 10 });
      await refuses(withPixels(199, picture), 400, upload === 'foto' ? FOTO_NOT_IMAGE : { avatar: [NOT_IMAGE] });
      await takes(withPixels(200, picture), picture);
      for (const nonsense of ['0', '-1', '1.5', 'many', '268435457'])
        await refuses(withPixels(nonsense, picture), 500, route.failure);
    });
    test(`AVATAR_MAX_BYTES lowers and raises the limit of ${name} [R3 R7]`, async () => {
      const [small, other, large] = [png({ size: 1000 }), png({ size: 1000 }), png({ size: DEFAULT_LIMIT + 1 })];
      await takes(withLimit(1000, { form: formOf({ [upload]: small }) }), small.stored);
      await refuses(withLimit(999, { form: formOf({ [upload]: small }) }), 413, refusals.tooLarge());
      await refuses(withLimit(1, { form: formOf({ [upload]: gif() }) }), 413, refusals.tooLarge());
      await takes(withLimit(DEFAULT_LIMIT + 1, { form: formOf({ [upload]: large }) }), large.stored);
      await takes(withLimit('', { form: formOf({ [upload]: other }) }), other.stored);
    });
    test(`${name} does not parse a picture that is too large [R1 R3]`, () =>
      refuses(withLimit(10, { form: formOf({ [upload]: Buffer.alloc(11) }) }), 413, refusals.tooLarge()));
    const lengthTitle =
      `a body may be up to 64 KiB longer than a picture for ${name}, with its length or without ` + '[R3 R7]';
    test(lengthTitle, async () => {
      for (const sent of [(body) => body, chunked]) {
        const picture = png();
        await takes(raw(sent(formOfSize(route, picture, picture.length + OVERHEAD)), TYPE), picture);
        await refuses(
          raw(sent(formOfSize(route, picture, picture.length + OVERHEAD + 1)), TYPE),
          413,
          refusals.tooLarge(),
        );
      }
    });
    test(`a length that is too large is refused by ${name} before any of the body arrives [R3]`, {
      timeout: 30_000,
    }, async () => {
      for (const length of [DEFAULT_LIMIT + OVERHEAD + 1, 5_000_000_000, Number.MAX_SAFE_INTEGER]) {
        const response = await startPut(worker, target, { 'content-type': TYPE, 'content-length': String(length) });
        await assertResponse(worker, response, 413, refusals.tooLarge(), { d1: 0, r2: [0, 0] });
      }
    });
    test(`a body without a length is refused by ${name} at the first byte too many, before its end [R3]`, {
      timeout: 30_000,
    }, async () => {
      const response = await startPut(
        worker,
        target,
        { 'content-type': TYPE, 'x-test-variables': JSON.stringify({ AVATAR_MAX_BYTES: '1000' }) },
        Buffer.alloc(1000 + OVERHEAD + 1, '-'),
      );
      await assertResponse(worker, response, 413, refusals.tooLarge(), { d1: 0, r2: [0, 0] });
    });
    test(`a form longer than its announced length is cut off there by ${name}, and stores nothing [R3 R7]`, {
      timeout: 30_000,
    }, async () => {
      const body = multipart(filePart(upload, png()));
      const response = await startPut(
        worker,
        target,
        { 'content-type': TYPE, 'content-length': String(body.length - 10) },
        body,
        { end: true },
      );
      await assertResponse(worker, response, 400, refusals.badForm(), { d1: 0, r2: [0, 0] });
      assert.deepEqual(await keys(worker), []);
    });
    test(`a form in many small chunks is accepted by ${name} [R3]`, async () => {
      const picture = png({ size: 20_000 });
      const body = multipart(filePart(upload, picture));
      const stream = new ReadableStream({
        start(controller) {
          for (let at = 0; at < body.length; at += 37) controller.enqueue(body.subarray(at, at + 37));
          controller.close();
        },
      });
      await takes(raw(stream, TYPE), picture.stored);
    });
    const hangUpTitle =
      `a client that hangs up in the middle of its picture is not a failure of ${name}, and stores nothing ` +
      '[R9 O2 R7 M5]';
    test(hangUpTitle, {
      timeout: 30_000,
    }, async () => {
      const before = await worker.dump();
      const body = multipart(filePart(upload, png({ size: 5000 })));
      for (const framing of [{ 'content-length': String(body.length + 10) }, { 'transfer-encoding': 'chunked' }]) {
        const requestId = `hung-up-${randomUUID()}`;
        await startPut(
          worker,
          target,
          { 'content-type': TYPE, 'x-request-id': requestId, ...framing },
          body.subarray(0, 4000),
          { hangUp: true },
        );
        const line = await worker.logOf({ requestId });
        assert.deepEqual([line.status, line.cause, line.d1_calls], [400, undefined, 0]);
        assert.equal(await worker.dump(), before);
      }
    });

    for (const limit of ['0', '-1', '16777217', '1.5', '1e6', '5MB', '99999999999999999999']) {
      const title =
        `an AVATAR_MAX_BYTES of ${limit} fails uploads to ${name} with the cause in the log, ` +
        'and nothing else [R3 R9]';
      test(title, async () => {
        const { line } = await refuses(withLimit(limit, { form: formOf({ [upload]: png() }) }), 500, route.failure);
        assert.match(line.cause, /AVATAR_MAX_BYTES/);
        assert.equal((await worker.put(target, withLimit(limit, { as: 6, json: route.good }))).status, 200);
        await assertRefused(
          worker,
          target,
          withLimit(limit, { form: formOf({ [upload]: png() }) }),
          401,
          refusals.noToken(),
          {
            d1: 0,
            challenge: 'Bearer',
          },
        );
      });
    }
    test(`16 MiB is the highest limit of ${name} [R3]`, async () => {
      const picture = png();
      await takes(withLimit(16_777_216, { form: formOf({ [upload]: picture }) }), picture);
    });
  });

  describe(`the order of checks of a form to ${name}`, () => {
    const bodies = () => [
      { form: formOf({ [upload]: png() }) },
      raw('{', TYPE),
      raw('x', 'multipart/form-data'),
      { ...raw(formOfSize(route, png(), 10 + OVERHEAD + 1), TYPE), vars: { AVATAR_MAX_BYTES: '10' } },
      { form: formOf({ [upload]: '' }) },
    ];
    test(`without a good token ${name} reports nothing else [R1 A8 R7]`, async () => {
      for (const [credential, challenge, body] of [
        [{}, 'Bearer', refusals.noToken()],
        [{ token: 'x.y.z' }, INVALID_TOKEN, refusals.badToken()],
      ]) {
        for (const options of bodies()) {
          for (const path of [target, route.path('abc')])
            await assertRefused(worker, path, { ...credential, ...options }, 401, body, {
              d1: 0,
              r2: [0, 0],
              challenge,
            });
        }
      }
    });
    const orderTitle =
      'an invalid id in the path, and another method, ' + `come before the form for ${name} [R1 R8 R7]`;
    test(orderTitle, async () => {
      for (const options of bodies()) {
        const { status, d1Calls, r2Writes } = await worker.put(route.path('abc'), { as: 6, ...options });
        assert.deepEqual([status, d1Calls, r2Writes], [404, 0, 0]);
        await assertResponse(
          worker,
          await worker.send('POST', target, { as: 6, ...options }),
          405,
          refusals.wrongMethod('POST'),
          { d1: 0, r2: [0, 0] },
        );
      }
      assert.deepEqual(await keys(worker), []);
    });
    const precedenceTitle =
      'too large comes before unparseable, a bad form before the picture, ' +
      `and a bad picture before the account for ${name} [R1 R7]`;
    test(precedenceTitle, async () => {
      await refuses(
        { ...raw(Buffer.alloc(10 + OVERHEAD + 1), TYPE), vars: { AVATAR_MAX_BYTES: '10' } },
        413,
        refusals.tooLarge(),
      );
      await refuses(raw(multipart(filePart(upload, ''), ['X-Nameless: part', '']), TYPE), 400, refusals.badForm());
      const bad = route === foto ? FOTO_EMPTY : { avatar: [EMPTY] };
      for (const as of [43, 4711, 7])
        await assertRefused(worker, route.path(4712), { as, form: formOf({ [upload]: Buffer.alloc(0) }) }, 400, bad, {
          d1: 0,
          r2: [0, 0],
        });
    });
  });
}

describe('a form that the database refuses', () => {
  const NOT_FOUND = { detail: 'Not found.' };
  const cases = [
    ['an inactive account', profile, 43, 43, {}, 401, INACTIVE, INVALID_TOKEN],
    ['a deleted account', profile, 4711, 4711, {}, 401, GONE, INVALID_TOKEN],
    ['an inactive account, for another id', profile, 42, 43, {}, 401, INACTIVE, INVALID_TOKEN],
    ['a caller, for another profile', profile, 1, 42, {}, 403, { error: 'Not authorized' }],
    ['an admin, for another profile', profile, 42, 6, {}, 403, { error: 'Not authorized' }],
    ['a caller, for an unknown profile', profile, 4711, 42, {}, 404, NOT_FOUND],
    ['a caller, for an id beyond the largest', profile, '9007199254740993', 42, {}, 404, NOT_FOUND],
    [
      'a caller, for a taken username',
      profile,
      42,
      42,
      { username: 'MARIA_g' },
      400,
      { username: ['A user with that username already exists.'] },
    ],
    [
      'a caller, for a taken username and e-mail',
      profile,
      42,
      42,
      { username: 'luis_p', email: 'bob@example.com' },
      400,
      { username: ['A user with that username already exists.'], email: ['A user with that email already exists.'] },
    ],
    ['an inactive account', foto, 6, 43, {}, 401, { message: 'Token inválido o expirado' }, INVALID_TOKEN],
    ['a deleted account', foto, 6, 4711, {}, 401, { message: 'Token inválido o expirado' }, INVALID_TOKEN],
    [
      'an editor, even for their own persona',
      foto,
      7,
      7,
      {},
      403,
      { message: 'No tienes permisos para acceder a este recurso' },
    ],
    [
      'an editor, for an unknown persona',
      foto,
      4711,
      7,
      {},
      403,
      { message: 'No tienes permisos para acceder a este recurso' },
    ],
    ['an admin, for an unknown persona', foto, 4711, 6, {}, 404, { message: 'Persona no encontrada' }],
    [
      'an admin, for an id beyond the largest',
      foto,
      '9007199254740993',
      6,
      {},
      404,
      { message: 'Persona no encontrada' },
    ],
  ];
  for (const [who, route, id, as, fields, status, body, challenge] of cases) {
    test(`${who}, leaves nothing behind at ${route.name} [R1 R7 M5 A7 D3 D4 P2 P3]`, async () => {
      const options = (picture) => ({ as, form: formOf({ [route.upload]: picture, ...fields }) });
      await assertRefused(worker, route.path(id), options(png()), status, body, { ...REFUSED, challenge });
      // This request must not remove an object that was there before.
      const there = png();
      await worker.bucket.put(keyOf(as, there), there, { contentType: 'image/png' });
      await assertRefused(worker, route.path(id), options(there), status, body, { ...REFUSED, challenge });
    });
  }

  test('its object is removed before the response [R7 M5]', async () => {
    for (const [route, id, as] of [
      [profile, 1, 42],
      [foto, 4711, 6],
    ]) {
      const { status } = await worker.put(route.path(id), { as, form: formOf({ [route.upload]: png() }) });
      assert.deepEqual([status, await keys(worker)], [route === profile ? 403 : 404, []]);
    }
  });

  test('a refused form with the currently shown picture does not remove it [R7 M5]', async () => {
    const picture = png();
    await assertSaved({ avatar: picture }, {}, { picture });
    await assertRefused(
      worker,
      PROFILE,
      { as: 42, form: formOf({ avatar: picture, username: 'maria_g' }) },
      400,
      { username: ['A user with that username already exists.'] },
      REFUSED,
    );
    await assertRefused(
      worker,
      '/api/profile/1/update/',
      { as: 42, form: formOf({ avatar: picture }) },
      403,
      { error: 'Not authorized' },
      REFUSED,
    );
  });

  test('the same form without a picture takes one database call and none to the bucket [R7 D4]', async () => {
    await assertRefused(
      worker,
      PROFILE,
      { as: 42, form: formOf({ username: 'maria_g' }) },
      400,
      { username: ['A user with that username already exists.'] },
      { d1: 1, r2: [0, 0] },
    );
    await assertRefused(
      worker,
      '/api/profile/1/update/',
      { as: 42, form: formOf({}) },
      403,
      { error: 'Not authorized' },
      { d1: 1, r2: [0, 0] },
    );
  });
});
