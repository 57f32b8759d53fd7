// How large the worker is as it is uploaded.
import { output, Trouble } from '../lib.mjs';

/** What a worker that starts quickly everywhere may weigh, in KiB, gzipped. */
export const BUDGET = 350;

/**
 * What wrangler would upload, bundled, minified and gzipped, in KiB: its own figure, without an account or a network.
 */
export async function size() {
  const said = await output('wrangler', ['deploy', '--dry-run']);
  const [, kib] = /gzip: ([\d.]+) KiB/.exec(said) ?? [];
  if (kib === undefined) throw new Trouble(`wrangler says nothing of a size: ${said.slice(-500)}`);
  return Number(kib);
}
