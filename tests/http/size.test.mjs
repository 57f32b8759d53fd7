// Size of the upload, which every cold start of the worker has to load.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGET, size } from '../../scripts/bench/size.mjs';

test('the upload has at most 350 KiB, gzipped', { timeout: 120_000 }, async (context) => {
  const kib = await size();
  context.diagnostic(`${kib} KiB`);
  assert.equal(BUDGET, 350);
  assert.ok(kib <= BUDGET, `${kib} KiB, but ${BUDGET} is the limit: what was added, and is it worth it?`);
});
