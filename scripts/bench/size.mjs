// Measures the size of the worker as it is uploaded.
import { output, Trouble } from '../lib.mjs';

/** Maximum size of a worker that starts quickly everywhere, gzipped, in KiB. */
export const BUDGET = 350;

/**
 * Returns the size of the bundled, minified and gzipped worker in KiB, as reported by wrangler. Needs no account and no
 * network.
 */
export async function size() {
  const printed = await output('wrangler', ['deploy', '--dry-run']);
  const [, kib] = /gzip: ([\d.]+) KiB/.exec(printed) ?? [];
  if (kib === undefined) throw new Trouble(`wrangler did not report a size: ${printed.slice(-500)}`);
  return Number(kib);
}
