// WebAssembly's memory never shrinks: what a request fails to give back is there for as long as the instance lives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memory } from '../../scripts/bench/memory.mjs';

test('once it has seen every kind of request, ten thousand more make linear memory no larger', {
  timeout: 120_000,
}, async (context) => {
  const { before, after, requests } = await memory(() => {}, { seconds: 20 });
  context.diagnostic(`${before} bytes, ${after} after ${requests} requests`);
  assert.equal(after, before, `after ${requests} requests`);
});
