// Collects the worker's own replies, from which the examples and headers in public/openapi.json are taken.
import assert from 'node:assert/strict';
import { startWorker } from '../../tests/support/worker.mjs';
import { UNDECLARED } from './headers.mjs';
import { PICTURE, REQUESTS } from './requests.mjs';

/** Starts a worker that sends every optional header, and allows one bad token. */
export const startExampleWorker = () => startWorker({ limits: { RATE_FAILED_AUTH: 1 }, vars: { SERVER_TIMING: 'on' } });

/** Replaces the values that differ from run to run: the port, and the time of a record's last change. */
const constant = (value, url) =>
  JSON.parse(JSON.stringify(value).replaceAll(url, 'http://localhost:8787'), (key, part) =>
    key === 'updated_at' ? '2026-01-31T12:00:00.000Z' : part,
  );

const bodyOf = (response, url) =>
  /json/.test(response.headers.get('content-type')) && response.text !== '' ? constant(response.json, url) : undefined;

/**
 * Sends every request of requests.mjs. `operations` are `{id, method, path, examples}`; the replies are
 * `{id, status, name, summary, headers, type, body, response}`.
 */
export async function collectReplies(worker, operations) {
  let clients = 0;
  // Every request comes from another network unless `client` is given, because bad tokens are counted per network.
  const send = (
    operation,
    { method = operation.method, path = operation.path, example, summary, ...options },
    client,
  ) =>
    worker.send(method, path, {
      ...options,
      json: example === undefined ? options.json : operation.examples[example].value,
      headers: {
        'cf-connecting-ip': client ?? `2001:db8:0:${(clients++).toString(16)}::1`,
        ...options.headers,
      },
    });
  const [method, path, options] = PICTURE;
  assert.equal((await worker.send(method, path, options)).status, 200);
  const replies = [];
  for (const operation of operations) {
    for (const [status, requests] of Object.entries(REQUESTS[operation.id] ?? {})) {
      for (const [name, request] of Object.entries(requests)) {
        const client = status === '429' ? operation.id : undefined;
        // One bad token is allowed per network; the second one exceeds the limit.
        if (client) await send(operation, request, client);
        const response = await send(operation, request, client);
        assert.equal(response.status, Number(status), `${operation.id} ${status} ${name}: ${response.text}`);
        const headers = [...response.headers].filter(([header]) => !UNDECLARED.test(header));
        replies.push({
          id: operation.id,
          status,
          name,
          summary: request.summary ?? operation.examples?.[request.example]?.summary,
          headers: Object.fromEntries(headers),
          body: bodyOf(response, worker.url),
          response,
        });
      }
    }
  }
  // The requests for a 503 hold a call of the database or the bucket under this name.
  await worker.release('unavailable');
  return replies;
}
