// The request for each example of public/openapi.json, by operation, status and name of the example. The requests are
// sent in this order to a fresh worker with the demo accounts, so each sees the changes of the previous ones. `summary`
// is the summary of the example. A request with `example` uses the body and the summary of that example in prose.json.
import fs from 'node:fs';
import path from 'node:path';

const pictures = path.resolve(import.meta.dirname, '../../tests/fixtures/pictures');
const file = (name) => new Blob([fs.readFileSync(path.join(pictures, name))], { type: 'image/jpeg' });
const form = (parts) => {
  const made = new FormData();
  for (const [name, value] of Object.entries(parts))
    made.append(name, value, ...(value instanceof Blob ? ['phone.jpg'] : []));
  return made;
};
const text = (body, type) => ({ body: new TextEncoder().encode(body), headers: { 'content-type': type } });

/**
 * Requests for the errors that every endpoint has. `as` is an account that may call the endpoint, `example` a body that
 * changes something.
 */
const common = (as, example) => ({
  401: {
    noToken: { summary: 'The token is missing' },
    badToken: {
      summary: 'The token is malformed, forged or expired, or its account is inactive or does not exist',
      token: 'eyJhbGciOiJIUzI1NiJ9.e30.bm90IHRoZSBzaWduYXR1cmU',
    },
  },
  405: { methodNotAllowed: { summary: 'The method is PATCH', as, method: 'PATCH' } },
  // The body never ends. Timers run faster for this request.
  408: {
    tooSlow: {
      summary: 'The body did not arrive in time',
      as,
      headers: { 'content-type': 'application/json' },
      body: new ReadableStream({ start: (body) => body.enqueue(new TextEncoder().encode('{')) }),
      faults: { pace: 100 },
    },
  },
  413: {
    tooLarge: { summary: 'The body exceeds {{json}}', as, ...text(`{"a":"${'a'.repeat(65536)}"}`, 'application/json') },
  },
  415: { unsupportedMediaType: { summary: 'The body is text/plain', as, ...text('name=Jane', 'text/plain') } },
  429: { tooManyRequests: { summary: 'The limit is exceeded' } },
  // A secret that is too short is a server-side failure (contract A2).
  500: { failed: { summary: 'A server-side failure', as, vars: { JWT_SECRET: 'short' } } },
  // The database does not respond before the deadline. Timers run faster for this request.
  503: {
    unavailable: { summary: 'No response in time', as, example, faults: { batch: 'hold:unavailable', pace: 100 } },
  },
});

/** The upload of the picture at the path in the document's example; `npm run dev` sends the same at its first start. */
export const PICTURE = ['PUT', '/api/profile/6/update/', { as: 6, form: form({ avatar: file('phone.jpg') }) }];
const NO_PICTURE = `/media/avatars/42/${'0'.repeat(64)}.jpg`;

/**
 * A request has the options of `worker.send`. Its method and path are the operation's by default, with the parameters
 * replaced by their examples. `example` names the body among the operation's own examples. `faults` are explained in
 * tests/support/counting.mjs.
 */
export const REQUESTS = {
  updatePersonaFoto: {
    ...common(5, 'url'),
    200: {
      url: { as: 5, example: 'url' },
      upload: { summary: 'A form with a picture', as: 5, form: form({ foto: file('phone.jpg') }) },
    },
    400: {
      missing: { summary: '`foto_url` is missing', as: 5, json: {} },
      notAUrl: { summary: '`foto_url` is not a URL', as: 5, json: { foto_url: 'photo.jpg' } },
      notAPicture: { summary: 'The file is not a picture', as: 5, form: form({ foto: new Blob(['%PDF-1.7']) }) },
    },
    403: { forbidden: { summary: 'Not allowed for this account', as: 42, example: 'url' } },
    404: { notFound: { summary: 'The record does not exist', as: 5, path: '/api/personas/999/foto', example: 'url' } },
  },
  updateOwnPersona: {
    ...common(5, 'phoneAndPhoto'),
    200: {
      phoneAndPhoto: { as: 5, example: 'phoneAndPhoto' },
      clear: { as: 5, example: 'clear' },
      nothing: { as: 5, example: 'nothing' },
    },
    400: {
      phone: { summary: 'Not a telephone number', as: 5, json: { telefono: '12' } },
      several: { summary: 'Several invalid fields', as: 5, json: { nombres: '', apellidos: null, dni: 12345678 } },
      malformed: { summary: 'Not a JSON object', as: 5, json: [] },
    },
    403: { forbidden: { summary: 'Not allowed for this account', as: 42, json: {} } },
    404: { notFound: { summary: 'The record does not exist', as: 1, json: {} } },
    409: { conflict: { summary: 'The `dni` is taken', as: 5, json: { dni: '87654321' } } },
  },
  updateUser: {
    ...common(1, 'nameAndEmail'),
    200: {
      nameAndEmail: { as: 1, example: 'nameAndEmail' },
      role: { as: 1, example: 'role' },
      password: { as: 1, example: 'password' },
    },
    400: {
      email: { summary: 'Not an e-mail address', as: 1, json: { email: 'jane.smith' } },
      several: { summary: 'Several invalid fields', as: 1, json: { full_name: 'J', roleId: '2' } },
      id: { summary: 'The ID is not a number', as: 1, path: '/api/v1/users/seven', json: {} },
      noSuchRole: { summary: 'The role does not exist', as: 1, json: { roleId: 99 } },
      malformed: { summary: 'Not a JSON object', as: 1, ...text('{"full_name": ', 'application/json') },
    },
    403: { forbidden: { summary: 'Not allowed for this account', as: 42, example: 'nameAndEmail' } },
    404: {
      notFound: { summary: 'The record does not exist', as: 1, path: '/api/v1/users/999', example: 'nameAndEmail' },
    },
    409: { conflict: { summary: 'The e-mail address is taken', as: 1, json: { email: 'alice@example.com' } } },
  },
  updateOwnUser: {
    ...common(1, 'nameAndEmail'),
    200: { nameAndEmail: { as: 1, example: 'nameAndEmail' }, defaultPicture: { as: 1, example: 'defaultPicture' } },
    400: {
      nothing: { summary: 'No fields', as: 1, json: {} },
      email: { summary: 'Not an e-mail address', as: 1, json: { email: 'jane' } },
      unknown: { summary: 'A field that cannot be changed', as: 1, json: { password: 'secret' } },
      several: { summary: 'Several invalid fields', as: 1, json: { name: '', image_path: '../secret' } },
      malformed: { summary: 'Not a JSON object', as: 1, ...text('name=Jane', 'application/json') },
    },
    409: {
      emailTaken: { summary: 'The e-mail address is taken', as: 1, json: { email: 'alice@example.com' } },
      usernameTaken: { summary: 'The user name is taken', as: 1, json: { username: 'alice_wonder' } },
    },
  },
  updateProfile: {
    ...common(42, 'names'),
    200: {
      names: { as: 42, example: 'names' },
      clear: { as: 42, example: 'clear' },
      upload: {
        summary: 'A form with a picture',
        as: 42,
        form: form({ avatar: file('phone.jpg'), first_name: 'Alice' }),
      },
    },
    400: {
      fields: { summary: 'Several invalid fields', as: 42, json: { email: 'alice', number_phone: '01234567890' } },
      taken: { summary: 'The user name is taken', as: 42, json: { username: 'janedoe_123' } },
      notAPicture: { summary: 'The file is not a picture', as: 42, form: form({ avatar: new Blob(['%PDF-1.7']) }) },
      list: { summary: 'Not a JSON object', as: 42, json: [] },
      malformed: { summary: 'Not valid JSON', as: 42, ...text('{"first_name": ', 'application/json') },
    },
    403: { forbidden: { summary: 'Not allowed for this account', as: 7, example: 'names' } },
    404: {
      notFound: { summary: 'The record does not exist', as: 42, path: '/api/profile/999/update/', example: 'names' },
    },
  },
  getHealth: {
    200: { ok: { summary: 'The database responds' } },
    405: { problem: { method: 'POST' } },
    // The clock is set ahead, because an instance queries the database at most once a second (contract O3).
    503: { unavailable: { summary: 'The database does not respond', faults: { batch: 'refuse', ahead: 5 } } },
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
    503: { problem: { path: NO_PICTURE, faults: { get: 'hold:unavailable', pace: 100 } } },
  },
  headPicture: {
    200: { picture: {} },
    304: { same: { headers: { 'if-none-match': '*' } } },
    404: { problem: { path: NO_PICTURE } },
    412: { problem: { headers: { 'if-match': '"another"' } } },
    500: { problem: { path: NO_PICTURE, faults: { head: 'refuse' } } },
  },
};
