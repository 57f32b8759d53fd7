// What `npm run soak` does for ten minutes, for as long as one waits for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { table } from '../../scripts/soak/growth.mjs';
import { soak } from '../../scripts/soak/run.mjs';

const title =
  'twenty seconds of mixed load end without an error, as fast as they began, ' +
  'and without WebAssembly taking more and more memory [R6 R9 M5 O2]';
test(title, {
  timeout: 120_000,
}, async (context) => {
  const result = await soak({ seconds: 20 });
  context.diagnostic(`seed ${result.seed}, ${result.requests} requests\n${table(result)}`);
  assert.deepEqual(result.faults, [], `seed ${result.seed}\n${table(result)}`);
});
