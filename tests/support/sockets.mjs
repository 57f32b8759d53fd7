// Requests that fetch would not send: bodies with a wrong length or none, and bodies that never end.
import http from 'node:http';
import net from 'node:net';
import { countsOf } from './client.mjs';
import { token } from './tokens.mjs';

/**
 * Starts a PUT by an account, with a body announced by `headers`. Returns the request and a response like that of
 * `worker.send`.
 */
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
 * Sends a PUT by account 6, or `as`, with a body that `headers` announce and that starts with `chunk`. The body is only
 * finished with `end`; `hangUp` closes the connection once the chunk is sent. Returns a response like that of
 * `worker.send`, or null after hanging up.
 */
export async function startPut(worker, target, headers, chunk, { end = false, as = 6, hangUp = false } = {}) {
  const { request, response } = await open(worker, target, headers, as);
  if (chunk) request.write(chunk, () => hangUp && request.destroy(new Error('gone')));
  if (end) request.end();
  return hangUp ? response.catch(() => null) : response;
}

/**
 * Starts a PUT like `startPut`, with a body that stays unfinished until `hangUp` is called; `status` is that of an
 * early response.
 */
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

/** Sends a PUT by account 6 with a body in one-byte chunks, written in one piece. Returns the raw response. */
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
