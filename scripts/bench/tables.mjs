// Renders the output of `npm run bench`: each figure next to the baseline's.
import { CONNECTIONS } from './load.mjs';
import { PAGE } from './memory.mjs';
import * as size from './size.mjs';
import * as startup from './startup.mjs';

/**
 * The factor above which a figure counts as a regression from the baseline. Counts are exact. The factors for times are
 * larger than the differences between several runs on two cores with four to six programs at work. Figures with several
 * requests at a time vary most.
 */
const TOLERANCE = { count: 1, size: 1.02, memory: 1.1, hash: 1.25, start: 1.25, alone: 1.3, together: 1.5 };

const rounded = (value) => Math.round(value * 1000) / 1000;

/** Compares figures with the baseline. `compare` returns a cell such as `1.3 (1.2)`, marked if it is a regression. */
export function comparison(baseline) {
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

/** Renders rows as an aligned Markdown table. All columns but the first are figures. */
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

const requestsTable = (loads, compare) =>
  table([
    [
      'request',
      'status',
      'D1 calls',
      ...CONNECTIONS.flatMap((connections) => [`${connections} at a time: req/s`, 'p50 ms', '× yardstick']),
    ],
    ...loads.map(({ name, status, d1Calls, at }) => [
      name,
      status,
      compare(`${name}: D1 calls`, d1Calls, 'count', 0),
      ...CONNECTIONS.flatMap((connections) => {
        const { rate, p50, factor } = at[connections];
        const kind = connections === 1 ? 'alone' : 'together';
        const factors = compare(`${name}: × yardstick, ${connections} at a time`, factor, kind);
        return [rate.toFixed(0), p50.toFixed(2), factors];
      }),
    ]),
  ]);

const wholeTable = ({ kib, started, hash, memoryUse }, compare) =>
  table([
    ['worker', 'measured', 'compared (baseline)'],
    ['uploaded, gzipped', `${kib} KiB of at most ${size.BUDGET}`, compare('uploaded KiB', kib, 'size', 1)],
    [
      'start-up, instantiating to first reply',
      `${started.ms.toFixed(1)} ms of at most ${startup.BUDGET}`,
      compare('start-up: × an isolate that only compiles it', started.factor, 'start'),
    ],
    [
      `linear memory after ${memoryUse.requests} requests, pages`,
      `${(memoryUse.after / 2 ** 20).toFixed(1)} MiB`,
      compare('linear memory: pages', memoryUse.after / PAGE, 'memory', 0),
    ],
    [
      'of these, after the first 500',
      '',
      compare('linear memory: pages grown', (memoryUse.after - memoryUse.before) / PAGE, 'count', 0),
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
  ]);

/** Renders both tables. `compare` is called with every figure of the baseline. */
export const tables = (all, compare) => `${requestsTable(all.loads, compare)}\n\n${wholeTable(all, compare)}`;
