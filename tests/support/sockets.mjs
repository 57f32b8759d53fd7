// Requests that fetch would not send: bodies whose length lies, that have none, or that never end.
import http from 'node:http';
import net from 'node:net';
import { countsOf } from './client.mjs';
import { token } from './tokens.mjs';

/** A PUT by an account whose body is announced by `headers`: the request, and what `worker.send` would return. */
async function open(worker, target, headers, as) {
  const bearer = await token(as);
  const url = worker.url + target;
  const request = http.request(url, {
    method: 'PUT',
    agent: false,
    headers: { authorization: `Bearer ${bearer}`, ...headers },
  });
  const response = new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (data) => chunks.push(data));
      response.on('end', () => {
        request.destroy();
        const headers = new Headers(/** @type {Record<string, string>} */ (response.headers));
        resolve({
          target,
          status: response.statusCode,
          text: Buffer.concat(chunks).toString(),
          headers,
          requestId: headers.get('x-request-id'),
          ...countsOf((name) => headers.get(name)),
        });
      });
    });
  });
  request.flushHeaders();
  return { request, response };
}

/**
 * A PUT by account 6, or `as`, whose body is announced by `headers` and begun with `chunk`, and finished only if `end`
 * says so; `hangUp` closes the connection once the chunk is sent. Returns what `worker.send` does, or null after
 * hanging up.
 */
export async function begin(worker, target, headers, chunk, { end = false, as = 6, hangUp = false } = {}) {
  const { request, response } = await open(worker, target, headers, as);
  if (chunk) request.write(chunk, () => hangUp && request.destroy(new Error('gone')));
  if (end) request.end();
  return hangUp ? response.catch(() => null) : response;
}

/** A PUT as with `begin` whose body stays unfinished until `hangUp` is called; `status` is that of an early reply. */
export async function hold(worker, target, headers, chunk, { as = 6 } = {}) {
  const { request, response } = await open(worker, target, headers, as);
  const held = {
    status: undefined,
    hangUp: async () => {
      request.destroy(new Error('gone'));
      await response.catch(() => undefined);
    },
  };
  response.then(
    ({ status }) => {
      held.status = status;
    },
    () => undefined,
  );
  await new Promise((resolve) => request.write(chunk, resolve));
  return held;
}

/** A PUT by account 6 whose body comes in chunks of one byte each, written at once. Returns the response as it came. */
export async function inSingleBytes(worker, target, type, body) {
  const bearer = await token(6);
  const { hostname, port } = new URL(worker.url);
  const head = [
    `PUT ${target} HTTP/1.1`,
    `Host: ${hostname}`,
    `Authorization: Bearer ${bearer}`,
    `Content-Type: ${type}`,
    'Transfer-Encoding: chunked',
    'Connection: close',
  ];
  const chunks = Array.from(body, (byte) => Buffer.from([0x31, 13, 10, byte, 13, 10]));
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(Number(port), hostname, () => {
      socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), ...chunks, Buffer.from('0\r\n\r\n')]));
    });
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}
