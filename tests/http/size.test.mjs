// What every start of the worker in every place has to load.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGET, size } from '../../scripts/bench/size.mjs';

test('what is uploaded is at most 350 KiB, gzipped', { timeout: 120_000 }, async (context) => {
  const kib = await size();
  context.diagnostic(`${kib} KiB`);
  assert.equal(BUDGET, 350);
  assert.ok(kib <= BUDGET, `${kib} KiB, ${BUDGET} allowed: what has come in, and is it worth it?`);
});
