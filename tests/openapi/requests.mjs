// The request behind each example of public/openapi.json, by operation, status and the example's name: what one has to
// send to a fresh worker with the demo accounts to be answered with it. In order: each sees what those before have
// changed.
import fs from 'node:fs';
import path from 'node:path';

const pictures = path.resolve(import.meta.dirname, '../fixtures/pictures');
const file = (name) => new Blob([fs.readFileSync(path.join(pictures, name))], { type: 'image/jpeg' });
const form = (parts) => {
  const made = new FormData();
  for (const [name, value] of Object.entries(parts))
    made.append(name, value, ...(value instanceof Blob ? ['phone.jpg'] : []));
  return made;
};
const text = (body, type) => ({ body: new TextEncoder().encode(body), headers: { 'content-type': type } });

/**
 * What an error is asked for alike on every endpoint, by the account that may call it; `example` is a body that changes
 * something.
 */
const common = (as, example) => ({
  401: { noToken: {}, badToken: { token: 'eyJhbGciOiJIUzI1NiJ9.e30.bm90IHRoZSBzaWduYXR1cmU' } },
  405: { methodNotAllowed: { as, method: 'PATCH' } },
  // Timers run faster for it; its body never ends.
  408: {
    tooSlow: {
      as,
      headers: { 'content-type': 'application/json' },
      body: new ReadableStream({ start: (body) => body.enqueue(new TextEncoder().encode('{')) }),
      faults: { pace: 100 },
    },
  },
  413: { tooLarge: { as, ...text(`{"a":"${'a'.repeat(65536)}"}`, 'application/json') } },
  415: { unsupportedMediaType: { as, ...text('name=Jane', 'text/plain') } },
  429: { tooManyRequests: {} },
  // A secret that is too short is a failure on our side (contract A2).
  500: { failed: { as, vars: { JWT_SECRET: 'short' } } },
  // The database is waited for, but not for ever.
  503: { unavailable: { as, example, faults: { batch: 'hold:unavailable' } } },
});

/** What puts the picture there that the documents' path leads to; `npm run dev` does the same at its first start. */
export const PICTURE = ['PUT', '/api/profile/6/update/', { as: 6, form: form({ avatar: file('phone.jpg') }) }];
const NO_PICTURE = `/media/avatars/42/${'0'.repeat(64)}.jpg`;

/**
 * A request is a method (the operation's), a path (the operation's, its parameters replaced by their examples) and the
 * options of `worker.send`. `example` names the body among the operation's own examples.
 */
export const REQUESTS = {
  updatePersonaFoto: {
    ...common(5, 'url'),
    200: { url: { as: 5, example: 'url' }, upload: { as: 5, form: form({ foto: file('phone.jpg') }) } },
    400: {
      missing: { as: 5, json: {} },
      notAUrl: { as: 5, json: { foto_url: 'photo.jpg' } },
      notAPicture: { as: 5, form: form({ foto: new Blob(['%PDF-1.7']) }) },
    },
    403: { forbidden: { as: 42, example: 'url' } },
    404: { notFound: { as: 5, path: '/api/personas/999/foto', example: 'url' } },
  },
  updateOwnPersona: {
    ...common(5, 'phoneAndPhoto'),
    200: {
      phoneAndPhoto: { as: 5, example: 'phoneAndPhoto' },
      clear: { as: 5, example: 'clear' },
      nothing: { as: 5, example: 'nothing' },
    },
    400: {
      phone: { as: 5, json: { telefono: '12' } },
      several: { as: 5, json: { nombres: '', apellidos: null, dni: 12345678 } },
      malformed: { as: 5, json: [] },
    },
    403: { forbidden: { as: 42, json: {} } },
    404: { notFound: { as: 1, json: {} } },
    409: { conflict: { as: 5, json: { dni: '87654321' } } },
  },
  updateUser: {
    ...common(1, 'nameAndEmail'),
    200: {
      nameAndEmail: { as: 1, example: 'nameAndEmail' },
      role: { as: 1, example: 'role' },
      password: { as: 1, example: 'password' },
    },
    400: {
      email: { as: 1, json: { email: 'jane.smith' } },
      several: { as: 1, json: { full_name: 'J', roleId: '2' } },
      id: { as: 1, path: '/api/v1/users/seven', json: {} },
      noSuchRole: { as: 1, json: { roleId: 99 } },
      malformed: { as: 1, ...text('{"full_name": ', 'application/json') },
    },
    403: { forbidden: { as: 42, example: 'nameAndEmail' } },
    404: { notFound: { as: 1, path: '/api/v1/users/999', example: 'nameAndEmail' } },
    409: { conflict: { as: 1, json: { email: 'alice@example.com' } } },
  },
  updateOwnUser: {
    ...common(1, 'nameAndEmail'),
    200: { nameAndEmail: { as: 1, example: 'nameAndEmail' }, defaultPicture: { as: 1, example: 'defaultPicture' } },
    400: {
      nothing: { as: 1, json: {} },
      email: { as: 1, json: { email: 'jane' } },
      unknown: { as: 1, json: { password: 'secret' } },
      several: { as: 1, json: { name: '', image_path: '../secret' } },
      malformed: { as: 1, ...text('name=Jane', 'application/json') },
    },
    409: {
      emailTaken: { as: 1, json: { email: 'alice@example.com' } },
      usernameTaken: { as: 1, json: { username: 'alice_wonder' } },
    },
  },
  updateProfile: {
    ...common(42, 'names'),
    200: {
      names: { as: 42, example: 'names' },
      clear: { as: 42, example: 'clear' },
      upload: { as: 42, form: form({ avatar: file('phone.jpg'), first_name: 'Alice' }) },
    },
    400: {
      fields: { as: 42, json: { email: 'alice', number_phone: '01234567890' } },
      taken: { as: 42, json: { username: 'janedoe_123' } },
      notAPicture: { as: 42, form: form({ avatar: new Blob(['%PDF-1.7']) }) },
      list: { as: 42, json: [] },
      malformed: { as: 42, ...text('{"first_name": ', 'application/json') },
    },
    403: { forbidden: { as: 7, example: 'names' } },
    404: { notFound: { as: 42, path: '/api/profile/999/update/', example: 'names' } },
  },
  getHealth: {
    200: { ok: {} },
    405: { problem: { method: 'POST' } },
    503: { unavailable: { faults: { batch: 'refuse', ahead: 5 } } },
  },
  headHealth: {
    200: { head: {} },
    503: { head: { faults: { batch: 'refuse', ahead: 10 } } },
  },
  getPicture: {
    200: { picture: {} },
    206: { part: { headers: { range: 'bytes=0-499' } } },
    304: { same: { headers: { 'if-none-match': '*' } } },
    404: { problem: { path: NO_PICTURE } },
    405: { problem: { method: 'DELETE' } },
    412: { problem: { headers: { 'if-match': '"another"' } } },
    416: { problem: { headers: { range: 'bytes=1000000-' } } },
    500: { problem: { path: NO_PICTURE, faults: { get: 'refuse' } } },
  },
  headPicture: {
    200: { picture: {} },
    304: { same: { headers: { 'if-none-match': '*' } } },
    404: { problem: { path: NO_PICTURE } },
    412: { problem: { headers: { 'if-match': '"another"' } } },
    500: { problem: { path: NO_PICTURE, faults: { head: 'refuse' } } },
  },
};
