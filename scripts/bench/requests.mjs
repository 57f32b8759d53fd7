// The requests that are measured, and the loop that sends them.
import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { Client } from 'undici';
import { chunk } from '../../tests/support/avatars.mjs';
import { token } from '../../tests/support/tokens.mjs';
import { Trouble } from '../lib.mjs';

const SIDE = 146;
const HEADER = Buffer.from([0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 2, 0, 0, 0]);
const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
// A filter byte, and three bytes for each pixel of a row. The pixels are noise, like the compressed data of a photo,
// and are stored uncompressed.
const pixels = Buffer.concat(
  Array.from({ length: SIDE }, () => Buffer.concat([Buffer.alloc(1), randomBytes(SIDE * 3)])),
);

/** Returns a PNG of 64 KB without metadata, a different one for each `n`. */
function picture(n) {
  pixels.writeUIntBE(n % 2 ** 24, 1, 3);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', HEADER),
    chunk('IDAT', deflateSync(pixels, { level: 0 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const FORM_START = Buffer.from(
  '--boundary\r\nContent-Disposition: form-data; name="avatar"; filename="photo.png"\r\n' +
    'Content-Type: image/png\r\n\r\n',
);
const FORM_END = Buffer.from('\r\n--boundary--\r\n');
const JSON_TYPE = { 'content-type': 'application/json' };

/** Returns PUT requests of an account with JSON, each with a different value. */
async function update(target, account, body) {
  const headers = { ...JSON_TYPE, authorization: `Bearer ${await token(account)}` };
  return (n) => ({ method: 'PUT', path: target, headers, body: JSON.stringify(body(n)) });
}

async function upload(account, bytes) {
  const headers = {
    'content-type': 'multipart/form-data; boundary=boundary',
    authorization: `Bearer ${await token(account)}`,
  };
  return (n) => ({
    method: 'PUT',
    path: `/api/profile/${account}/update/`,
    headers,
    body: Buffer.concat([FORM_START, bytes(n), FORM_END]),
  });
}

let sent = 0;

/** Sends one request of a case and returns the body. Any status other than the expected one is an error. */
function send(client, { name, status, request }, id) {
  const made = request(++sent);
  if (id) made.headers = { ...made.headers, 'x-request-id': id };
  return new Promise((resolve, reject) => {
    const chunks = [];
    let code;
    client.dispatch(made, {
      onRequestStart() {},
      onResponseStart(controller, statusCode) {
        code = statusCode;
      },
      onResponseData(controller, bytes) {
        chunks.push(bytes);
      },
      onResponseEnd() {
        if (code === status) resolve(Buffer.concat(chunks));
        else
          reject(
            new Trouble(
              `'${name}' returned ${code} instead of ${status}: ${Buffer.concat(chunks).toString().slice(0, 200)}`,
            ),
          );
      },
      onResponseError(controller, error) {
        reject(new Trouble(`'${name}' got no response: ${error.message}`));
      },
    });
  });
}

/** Returns a client of the worker at `url`. Its connections stay open until `close`. */
export function caller(url, connections) {
  const clients = Array.from({ length: connections }, () => new Client(url));
  return {
    /** Sends one request with an id, and returns the body. */
    ask: (one, id) => send(clients[0], one, id),
    /**
     * Sends requests on the first `parallel` connections, one after another on each, until `next` returns none. Returns
     * the time of each request in milliseconds.
     */
    async load(parallel, next) {
      const times = [];
      await Promise.all(
        clients.slice(0, parallel).map(async (client) => {
          for (let one = next(); one; one = next()) {
            const started = performance.now();
            await send(client, one);
            times.push(performance.now() - started);
          }
        }),
      );
      return times;
    },
    close: () => Promise.all(clients.map((client) => client.destroy())),
  };
}

/**
 * Returns all cases, each with the path of the yardstick that it is compared to (see load.mjs). `ask` sends a request
 * to the worker. The accounts are those of tests/fixtures/demo.sql.
 */
export async function cases(ask) {
  const same = picture(0);
  const again = {
    name: 'avatar of 64 KB, the same again',
    status: 200,
    yardstick: 'avatar',
    request: await upload(7, () => same),
  };
  const { avatar } = JSON.parse(await ask(again));
  const stranger = `Bearer ${await token(1, { secret: 'not the secret that the worker knows' })}`;
  return [
    {
      name: 'PUT /api/personas/:id/foto',
      status: 200,
      yardstick: 'update',
      request: await update('/api/personas/5/foto', 5, (n) => ({ foto_url: `https://example.com/${n}.jpg` })),
    },
    {
      name: 'PUT /api/personas/me',
      status: 200,
      yardstick: 'update',
      request: await update('/api/personas/me', 5, (n) => ({ telefono: `+${1e9 + n}` })),
    },
    {
      name: 'PUT /api/v1/users/:id',
      status: 200,
      yardstick: 'update',
      request: await update('/api/v1/users/7', 1, (n) => ({
        full_name: `Jane Smith ${n}`,
        email: `jane${n}@example.com`,
      })),
    },
    {
      name: 'PUT /users',
      status: 200,
      yardstick: 'update',
      request: await update('/users', 1, (n) => ({ name: `Jane Doe ${n}` })),
    },
    {
      name: 'PUT /api/profile/:id/update/',
      status: 200,
      yardstick: 'update',
      request: await update('/api/profile/42/update/', 42, (n) => ({
        first_name: `Alice ${n}`,
        number_phone: String(n),
      })),
    },
    {
      name: 'a forged token',
      status: 401,
      yardstick: 'constant',
      request: () => ({
        method: 'PUT',
        path: '/users',
        headers: { ...JSON_TYPE, authorization: stranger },
        body: '{"name":"Jane Doe"}',
      }),
    },
    {
      name: 'an invalid e-mail',
      status: 400,
      yardstick: 'constant',
      request: await update('/users', 1, () => ({ email: 'nobody' })),
    },
    {
      name: 'a role without the permission',
      status: 403,
      yardstick: 'update',
      request: await update('/api/v1/users/7', 42, (n) => ({ full_name: `Jane Smith ${n}` })),
    },
    { name: 'avatar of 64 KB, a new one', status: 200, yardstick: 'avatar', request: await upload(42, picture) },
    again,
    {
      name: 'GET a picture of 64 KB',
      status: 200,
      yardstick: 'picture',
      request: () => ({ method: 'GET', path: avatar }),
    },
    { name: 'GET /health', status: 200, yardstick: 'select', request: () => ({ method: 'GET', path: '/health' }) },
  ];
}
