// npm run bench [-- --update]
// What the worker costs: D1 calls, requests per second, size, start-up, memory and hashing, beside a baseline
// (scripts/bench/baseline.json) that holds only what does not depend on the machine. What is worse than there is
// marked, and is an exit code of 1; --update makes what was measured the baseline.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root, run, step, Trouble } from './lib.mjs';
import { installPackages, installToolchain } from './setup.mjs';

const USAGE = 'usage: npm run bench [-- --update]';
const BASELINE = path.join(root, 'scripts/bench/baseline.json');
/**
 * How many times the baseline is a regression. What is counted is exact. Of what is timed, no two of several runs on
 * two cores with four to six programs at work differed by as much; several requests at a time are the least steady.
 */
const TOLERANCE = { count: 1, size: 1.02, memory: 1.1, hash: 1.25, start: 1.25, alone: 1.3, together: 1.5 };

const terminal = process.stdout.isTTY;
let reported;

/** What is being done now: one line over and over, or a line for each thing where nobody looks on. */
function report(what, detail) {
  if (terminal) process.stdout.write(`\r${what}: ${detail}\x1b[K`);
  else if (what !== reported) console.log(what);
  reported = what;
}

const rounded = (value) => Math.round(value * 1000) / 1000;

/** What was measured before, and a cell that shows a figure beside it: `1.3 (1.2)`, with a mark where that is worse. */
function comparison(baseline) {
  const measured = {};
  const worse = [];
  return {
    measured,
    worse,
    compare(name, value, kind, digits = 2) {
      measured[name] = rounded(value);
      const was = baseline[name];
      if (was === undefined) return `${value.toFixed(digits)} (new)`;
      const isWorse = measured[name] > was * TOLERANCE[kind];
      if (isWorse) worse.push(name);
      return `${isWorse ? '▲ ' : ''}${value.toFixed(digits)} (${was.toFixed(digits)})`;
    },
  };
}

/** Rows as a table in Markdown that can be read as it is; all but the first column are figures. */
function table([head, ...rows]) {
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => String(row[at]).length)));
  const padded = (cell, at) => (at === 0 ? String(cell).padEnd(widths[at]) : String(cell).padStart(widths[at]));
  const line = (cells) => `| ${cells.map(padded).join(' | ')} |`;
  return [
    line(head),
    line(widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))),
    ...rows.map(line),
  ].join('\n');
}

async function measure() {
  const { load } = await import('./bench/load.mjs');
  const { size } = await import('./bench/size.mjs');
  const { startup } = await import('./bench/startup.mjs');
  const { memory } = await import('./bench/memory.mjs');
  const { bcrypt } = await import('./bench/bcrypt.mjs');
  report('size', 'what wrangler would upload');
  const kib = await size();
  const started = await startup(report);
  report('bcrypt', 'here, natively and in JavaScript');
  const hash = await bcrypt();
  const taken = await memory(report);
  const loads = await load(report);
  if (terminal) process.stdout.write('\r\x1b[K');
  return { kib, started, hash, taken, loads };
}

/** Both tables; `compare` has seen every figure that the baseline holds. */
async function tables({ kib, started, hash, taken, loads }, compare) {
  const { CONNECTIONS } = await import('./bench/load.mjs');
  const size = await import('./bench/size.mjs');
  const startup = await import('./bench/startup.mjs');
  const { PAGE } = await import('./bench/memory.mjs');
  const requests = loads.map(({ name, status, d1Calls, at }) => [
    name,
    status,
    compare(`${name}: D1 calls`, d1Calls, 'count', 0),
    ...CONNECTIONS.flatMap((connections) => {
      const { rate, p50, factor } = at[connections];
      return [
        rate.toFixed(0),
        p50.toFixed(2),
        compare(`${name}: × yardstick, ${connections} at a time`, factor, connections === 1 ? 'alone' : 'together'),
      ];
    }),
  ]);
  const whole = [
    ['uploaded, gzipped', `${kib} KiB of at most ${size.BUDGET}`, compare('uploaded KiB', kib, 'size', 1)],
    [
      'start-up, instantiating to first reply',
      `${started.ms.toFixed(1)} ms of at most ${startup.BUDGET}`,
      compare('start-up: × an isolate that only compiles it', started.factor, 'start'),
    ],
    [
      `linear memory after ${taken.requests} requests, pages`,
      `${(taken.after / 2 ** 20).toFixed(1)} MiB`,
      compare('linear memory: pages', taken.after / PAGE, 'memory', 0),
    ],
    [
      'of these, after the first 500',
      '',
      compare('linear memory: pages grown', (taken.after - taken.before) / PAGE, 'count', 0),
    ],
    [
      'bcrypt, cost 12: × native',
      `${hash.worker_ms.toFixed(0)} ms to ${hash.native_ms.toFixed(0)}`,
      compare('bcrypt: × native', hash.ratio_native, 'hash'),
    ],
    [
      'bcrypt, cost 12: × bcryptjs',
      `${hash.worker_ms.toFixed(0)} ms to ${hash.bcryptjs_ms.toFixed(0)}`,
      compare('bcrypt: × bcryptjs', hash.ratio_bcryptjs, 'hash'),
    ],
  ];
  return [
    table([
      [
        'request',
        'status',
        'D1 calls',
        ...CONNECTIONS.flatMap((connections) => [`${connections} at a time: req/s`, 'p50 ms', '× yardstick']),
      ],
      ...requests,
    ]),
    table([['the whole', 'here', 'compared (baseline)'], ...whole]),
  ].join('\n\n');
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
const begun = performance.now();
const { measured, worse, compare } = comparison(
  fs.existsSync(BASELINE) ? JSON.parse(fs.readFileSync(BASELINE, 'utf8')) : {},
);
console.log(
  `\n${await tables(await measure(), compare)}\n\nIn brackets, ` +
    `the baseline. Measured in ${((performance.now() - begun) / 1000).toFixed(0)} s.`,
);
if (update) {
  fs.writeFileSync(BASELINE, `${JSON.stringify(measured, undefined, 2)}\n`);
  console.log('This is the baseline now.');
} else if (worse.length > 0) {
  throw new Trouble(
    `worse than the baseline: ${worse.join('; ')}. Run it again on a quieter machine if these are times; ` +
      `if it is meant, \`npm run bench -- --update\``,
  );
}
