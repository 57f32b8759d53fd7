// Checks that apply to every JSON response, so that tests only state what is specific to them.
import assert from 'node:assert/strict';

/** Options for `worker.put` that send `body` byte for byte, with or without (null) a content type. */
export const raw = (body, type = 'application/json') => ({
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
  headers: type === null ? {} : { 'content-type': type },
});

/** The content type of JSON at a path, which is that of the original's framework (R10). */
export const jsonType = (target) =>
  /^\/(users|api\/(personas|v1))\b/i.test(target) ? 'application/json; charset=utf-8' : 'application/json';

/**
 * Checks a whole response: its status, the relevant headers, the exact text of its body, and the number of D1 calls,
 * both as counted outside the worker and as logged by the worker. `r2` contains the bucket's reads and writes. Returns
 * the log line, for further checks.
 */
export async function assertResponse(worker, response, status, body, { d1, r2, challenge = null }) {
  const header = (name) => response.headers.get(name);
  assert.deepEqual(
    {
      status: response.status,
      body: response.text,
      type: header('content-type'),
      challenge: header('www-authenticate'),
      cache: header('cache-control'),
      sniff: header('x-content-type-options'),
      d1: response.d1Calls,
      r2: r2 && [response.r2Reads, response.r2Writes],
    },
    {
      status,
      body: JSON.stringify(body),
      type: jsonType(response.target),
      challenge,
      cache: 'no-store',
      sniff: 'nosniff',
      d1,
      r2,
    },
  );
  assert.match(response.requestId, /^[A-Za-z0-9._:-]{1,128}$/);
  const line = await worker.logOf(response);
  assert.deepEqual({ status: line.status, d1_calls: line.d1_calls }, { status, d1_calls: d1 });
  return line;
}

/**
 * Sends a PUT that must be refused, and checks the whole response and that no row of any table and no object has
 * changed (R7).
 */
export async function assertRefused(worker, target, options, status, body, expected) {
  const before = await worker.dump();
  const response = await worker.put(target, options);
  const line = await assertResponse(worker, response, status, body, expected);
  assert.equal(await worker.dump(), before);
  return { response, line };
}

/** Sends a PUT that must be accepted with one D1 call, and checks the whole response. */
export async function assertAccepted(worker, target, options, body, expected = {}) {
  /** @type {{d1?: number, r2?: [number, number]}} */
  const { d1 = 1, r2 } = expected;
  const response = await worker.put(target, options);
  const line = await assertResponse(worker, response, 200, body, { d1, r2 });
  return { response, line };
}

/** Hides a table from the worker while `during` runs, so that statements on it fail. */
export async function withoutTable(worker, table, during) {
  const before = await worker.dump();
  await worker.sql(`ALTER TABLE ${table} RENAME TO hidden`);
  try {
    await during();
  } finally {
    await worker.sql(`ALTER TABLE hidden RENAME TO ${table}`);
  }
  assert.equal(await worker.dump(), before);
}
