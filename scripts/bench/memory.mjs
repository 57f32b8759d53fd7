// Whether WebAssembly's memory, which never shrinks, stops growing.
import { caller, cases } from './requests.mjs';
import { serve } from './serve.mjs';

export const PAGE = 65536;
const CONNECTIONS = 8;
/** How often each kind of request is made: the ones that carry a picture seldom. */
const SHARES = { avatar: 1, picture: 2, select: 2, constant: 3, update: 4 };

/**
 * Sends so many mixed requests, or as many as fit into the seconds. Returns the bytes of WebAssembly's memory after the
 * first of them, `before`, and after the last, and how many there were.
 */
export async function memory(report, { requests = 10_000, warmUp = 500, seconds = Infinity } = {}) {
  const worker = await serve({ heard() {} });
  const server = caller(worker.url, CONNECTIONS);
  try {
    const all = await cases(server.ask);
    const mix = all.flatMap((one) => Array(SHARES[one.yardstick]).fill(one));
    let deadline = Infinity;
    let sent = 0;
    // The same order each time, in which what is alike does not come together: 7 has no divisor in common with the
    // mix's length.
    const upTo = (many) => () => {
      if (sent >= many || performance.now() > deadline) return undefined;
      if (sent % 100 === 0) report('linear memory', `${sent} of ${requests} requests`);
      return mix[(sent++ * 7) % mix.length];
    };
    // The most that can meet: it is what memory has to have room for.
    const uploads = all.filter(({ yardstick }) => yardstick === 'avatar');
    let left = 10 * CONNECTIONS;
    await server.load(CONNECTIONS, () => (left-- > 0 ? uploads[0] : undefined));
    await server.load(CONNECTIONS, upTo(warmUp));
    const { memory: before } = await worker.taken();
    deadline = performance.now() + seconds * 1000;
    await server.load(CONNECTIONS, upTo(requests));
    return { before, after: (await worker.taken()).memory, requests: sent };
  } finally {
    await server.close();
    await worker.stop();
  }
}
