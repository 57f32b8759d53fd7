// Measures whether WebAssembly's memory, which never shrinks, stops growing.
import { caller, cases } from './requests.mjs';
import { serve } from './serve.mjs';

export const PAGE = 65536;
const CONNECTIONS = 8;
/** Relative frequency of each kind of request. Requests with a picture are rare. */
const SHARES = { avatar: 1, picture: 2, select: 2, constant: 3, update: 4 };

/**
 * Sends mixed requests until `requests` is reached or `seconds` have passed. Returns the size of WebAssembly's memory
 * in bytes after the warm-up (`before`) and after the last request, and the number of requests.
 */
export async function memory(report, { requests = 10_000, warmUp = 500, seconds = Infinity } = {}) {
  const worker = await serve({ onLog() {} });
  const server = caller(worker.url, CONNECTIONS);
  try {
    const all = await cases(server.ask);
    const mix = all.flatMap((one) => Array(SHARES[one.yardstick]).fill(one));
    let deadline = Infinity;
    let sent = 0;
    // The order is the same each time, and similar requests are spread out: 7 and the length of the mix have no common
    // divisor.
    const upTo = (many) => () => {
      if (sent >= many || performance.now() > deadline) return undefined;
      if (sent % 100 === 0) report('linear memory', `${sent} of ${requests} requests`);
      return mix[(sent++ * 7) % mix.length];
    };
    // The largest requests on all connections at once, for which memory must have room.
    const uploads = all.filter(({ yardstick }) => yardstick === 'avatar');
    let left = 10 * CONNECTIONS;
    await server.load(CONNECTIONS, () => (left-- > 0 ? uploads[0] : undefined));
    await server.load(CONNECTIONS, upTo(warmUp));
    const { memory: before } = await worker.usage();
    deadline = performance.now() + seconds * 1000;
    await server.load(CONNECTIONS, upTo(requests));
    return { before, after: (await worker.usage()).memory, requests: sent };
  } finally {
    await server.close();
    await worker.stop();
  }
}
