// Requests that fetch would not send: bodies whose length lies, that have none, or that never end.
import http from 'node:http';
import { countsOf } from './client.mjs';
import { token } from './tokens.mjs';

/**
 * A PUT by account 6, or `as`, whose body is announced by `headers` and begun with `chunk`, and finished only if `end`
 * says so; `hangUp` closes the connection once the chunk is sent. Returns what `worker.send` does, or null after
 * hanging up.
 */
export async function begin(worker, target, headers, chunk, { end = false, as = 6, hangUp = false } = {}) {
  const bearer = await token(as);
  return new Promise((resolve, reject) => {
    const request = http.request(
      worker.url + target,
      { method: 'PUT', agent: false, headers: { authorization: `Bearer ${bearer}`, ...headers } },
      (response) => {
        const chunks = [];
        response.on('data', (data) => chunks.push(data));
        response.on('end', () => {
          request.destroy();
          const headers = new Headers(/** @type {Record<string, string>} */ (response.headers));
          resolve({
            status: response.statusCode,
            text: Buffer.concat(chunks).toString(),
            headers,
            requestId: headers.get('x-request-id'),
            ...countsOf((name) => headers.get(name)),
          });
        });
      },
    );
    request.on('error', hangUp ? () => resolve(null) : reject);
    request.flushHeaders();
    if (chunk) request.write(chunk, () => hangUp && request.destroy(new Error('gone')));
    if (end) request.end();
  });
}
