// WebAssembly's memory never shrinks: memory that a request does not release is lost for the lifetime of the instance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memory } from '../../scripts/bench/memory.mjs';

test('after every kind of request, ten thousand more do not enlarge linear memory', {
  timeout: 120_000,
}, async (context) => {
  const { before, after, requests } = await memory(() => {}, { seconds: 20 });
  context.diagnostic(`${before} bytes, ${after} after ${requests} requests`);
  assert.equal(after, before, `after ${requests} requests`);
});
