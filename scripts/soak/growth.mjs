// Whether what the soak test measures levels off: the last third of it against the middle one.
import { median } from '../statistics.mjs';

const MiB = 1024 * 1024;

/**
 * How high the last third may be, by the middle third. Noise of the machine stays below these; a leak or a slowdown
 * soon does not.
 */
const LIMITS = {
  // The worker's own heap, after a garbage collection, in the second with the fewest requests under way: what is left
  // is in use, or leaks.
  heap: (middle) => middle + Math.max(middle * 0.05, MiB),
  // workerd's whole process, with the simulators of database and bucket in it, which are workers too. They take tens of
  // thousands of requests until they grow no more, and so does a worker of three lines on them: a short run only has a
  // ceiling. In a long one, what a leak adds from first to last comes to 67 %.
  rss: (middle, seconds) => (seconds < 200 ? 512 * MiB : middle * 1.25),
  // WebAssembly's memory never shrinks: a new height is uploads that met as they had not before. Two of the largest.
  memory: (middle) => middle + 2 * MiB,
  // Handles of JavaScript objects come by 128, as more requests meet.
  handles: (middle) => middle + 128,
  // A p99 is the median of the seconds' own, so that one second of another program's work does not count as slowness;
  // neither does anything below 50 ms.
  p99: (middle) => 3 * Math.max(middle, 50),
};

/** What was measured, second by second, by thirds; the first is the warm-up. */
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

/** What does not level off, in words. */
export const growth = (/** @type {any[]} */ [, middle, last], seconds) =>
  Object.entries(LIMITS)
    // NaN, where something is not known, is not above anything.
    .filter(([what, limit]) => last[what] > limit(middle[what], seconds))
    .map(([what]) => {
      const [before, after] = [middle, last].map((third) => Math.round(third[what]));
      return `${what} does not level off: ${before} in the middle third, ${after} in the last`;
    });

export const mib = (bytes) => (Number.isNaN(bytes) ? '?' : (bytes / MiB).toFixed(1));
export const ms = (time) => time.toFixed(1);

/** What `soak` measured, as a table in Markdown. */
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
