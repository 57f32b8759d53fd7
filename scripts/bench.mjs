// npm run bench [-- --update]
// Measures D1 calls, requests per second, size, start-up, memory and hashing, and compares them with a baseline
// (scripts/bench/baseline.json), which has only figures that do not depend on the machine. Regressions are marked and
// set the exit code to 1. --update makes the new figures the baseline.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root, run, step, Trouble } from './lib.mjs';
import { installPackages, installToolchain } from './setup.mjs';

const USAGE = 'usage: npm run bench [-- --update]';
const BASELINE = path.join(root, 'scripts/bench/baseline.json');
const terminal = process.stdout.isTTY;
let reported;

/** Reports progress: one line that is overwritten in a terminal, otherwise one line for each measurement. */
function report(what, detail) {
  if (terminal) process.stdout.write(`\r${what}: ${detail}\x1b[K`);
  else if (what !== reported) console.log(what);
  reported = what;
}

async function measure() {
  const { load } = await import('./bench/load.mjs');
  const { size } = await import('./bench/size.mjs');
  const { startup } = await import('./bench/startup.mjs');
  const { memory } = await import('./bench/memory.mjs');
  const { bcrypt } = await import('./bench/bcrypt.mjs');
  report('size', 'bundling with wrangler');
  const kib = await size();
  const started = await startup(report);
  report('bcrypt', 'in the worker, natively and in JavaScript');
  const hash = await bcrypt();
  const memoryUse = await memory(report);
  const loads = await load(report);
  if (terminal) process.stdout.write('\r\x1b[K');
  return { kib, started, hash, memoryUse, loads };
}

let values;
try {
  ({ values } = parseArgs({ options: { update: { type: 'boolean', default: false } } }));
} catch {
  throw new Trouble(USAGE);
}
const { update } = values;
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.exit(1));

await installPackages();
await installToolchain();
step('Building the worker');
await run('node', ['scripts/build.mjs']);
step('Measuring');
const startedAt = performance.now();
// Imported late, because they need the installed packages.
const { comparison, tables } = await import('./bench/tables.mjs');
const baseline = fs.existsSync(BASELINE) ? JSON.parse(fs.readFileSync(BASELINE, 'utf8')) : {};
const { measured, worse, compare } = comparison(baseline);
console.log(`\n${tables(await measure(), compare)}\n`);
console.log(`The baseline is in brackets. Measured in ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`);
if (update) {
  fs.writeFileSync(BASELINE, `${JSON.stringify(measured, undefined, 2)}\n`);
  console.log('These figures are the new baseline.');
} else if (worse.length > 0) {
  throw new Trouble(
    `worse than the baseline: ${worse.join('; ')}. If these are times, run it again on a less busy machine; ` +
      'if the change is intended, run `npm run bench -- --update`',
  );
}
