// Checks whether the figures of the soak test level off, by comparing the last third with the middle one.
import { median } from '../statistics.mjs';

const MiB = 1024 * 1024;

/**
 * Maximum of each figure in the last third, given the middle third. Noise of the machine stays below these limits; a
 * leak or a slowdown soon exceeds them.
 */
const LIMITS = {
  // The worker's own heap after a garbage collection, in the second with the fewest requests in flight: what remains
  // is in use, or leaks.
  heap: (middle) => middle + Math.max(middle * 0.05, MiB),
  // workerd's whole process, including the simulators of database and bucket, which are workers too. They stop growing
  // only after tens of thousands of requests, even with a worker of three lines, so a short run only has a ceiling. In
  // a long one, what a leak adds from first to last comes to 67 %.
  rss: (middle, seconds) => (seconds < 200 ? 512 * MiB : middle * 1.25),
  // WebAssembly's memory never shrinks. It grows if uploads overlap as never before: two of the largest are allowed.
  memory: (middle) => middle + 2 * MiB,
  // Handles of JavaScript objects are allocated in steps of 128, when more requests overlap.
  handles: (middle) => middle + 128,
  // A p99 is the median of the p99s of all seconds, so that a second in which another program is busy does not count.
  // Values below 50 ms never count as slow.
  p99: (middle) => 3 * Math.max(middle, 50),
};

/** Summarizes the figures of each second by thirds. The first third is the warm-up. */
export function thirdsOf(measured) {
  const third = Math.floor(measured.length / 3);
  return ['first', 'middle', 'last'].map((name, at) => {
    const part = measured.slice(at * third, at === 2 ? undefined : (at + 1) * third);
    const of = (key) => part.map((each) => each[key]);
    return {
      name,
      requests: median(of('requests')),
      p50: median(of('p50')),
      p99: median(of('p99')),
      heap: Math.min(...of('heap')),
      rss: median(of('rss')),
      highest: Math.max(...of('rss')),
      memory: Math.max(...of('memory')),
      handles: Math.max(...of('handles')),
    };
  });
}

/** Describes the figures that do not level off. */
export const growth = (/** @type {any[]} */ [, middle, last], seconds) =>
  Object.entries(LIMITS)
    // An unknown figure is NaN, which exceeds no limit.
    .filter(([what, limit]) => last[what] > limit(middle[what], seconds))
    .map(([what]) => {
      const [before, after] = [middle, last].map((third) => Math.round(third[what]));
      return `${what} does not level off: ${before} in the middle third, ${after} in the last`;
    });

export const mib = (bytes) => (Number.isNaN(bytes) ? '?' : (bytes / MiB).toFixed(1));
export const ms = (time) => time.toFixed(1);

/** Renders the result of `soak` as a Markdown table. */
export function table({ thirds }) {
  const rows = [
    [
      'third',
      'requests/s',
      'p50 (ms)',
      'p99 (ms)',
      "the worker's heap, lowest (MiB)",
      'RSS of workerd (MiB)',
      'highest (MiB)',
      "WebAssembly's memory (MiB)",
      'handles',
    ],
    Array(9).fill('---'),
    ...thirds.map(({ name, requests, p50, p99, heap, rss, highest, memory, handles }) => [
      name,
      requests,
      ms(p50),
      ms(p99),
      mib(heap),
      mib(rss),
      mib(highest),
      mib(memory),
      handles,
    ]),
  ];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
