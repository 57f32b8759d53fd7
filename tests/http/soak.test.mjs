// A short version of `npm run soak`, which runs for ten minutes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { table } from '../../scripts/soak/growth.mjs';
import { soak } from '../../scripts/soak/run.mjs';

const title =
  'twenty seconds of mixed load cause no error, no slowdown ' + 'and no growth of WebAssembly memory [R6 R9 M5 O2]';
test(title, {
  timeout: 120_000,
}, async (context) => {
  const result = await soak({ seconds: 20 });
  context.diagnostic(`seed ${result.seed}, ${result.requests} requests\n${table(result)}`);
  assert.deepEqual(result.faults, [], `seed ${result.seed}\n${table(result)}`);
});
