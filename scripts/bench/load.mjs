// Measures requests per second for every case, together with a yardstick: a minimal worker in the same runtime. The
// load of the machine varies, so worker and yardstick take short turns and see the same load. Only their ratio is
// compared with the baseline.
import { setTimeout } from 'node:timers/promises';
import { Trouble } from '../lib.mjs';
import { median, quantile } from '../statistics.mjs';
import { caller, cases } from './requests.mjs';
import { serve } from './serve.mjs';

const ROUNDS = 9;
const TURN = 200;
export const CONNECTIONS = [1, 16];

/** The minimal worker: the platform's work for each kind of request, and one line of code. */
const YARDSTICK = `
const UPDATE = 'UPDATE users SET full_name = ?1 WHERE id = 6 RETURNING id, full_name';
const save = async (env, text) => Response.json(await env.DB.prepare(UPDATE).bind(text).first());
const DOES = {
  '/constant': () => Response.json({ ok: true }),
  '/select': async (request, env) => Response.json(await env.DB.prepare('SELECT id FROM users LIMIT 1').first()),
  '/update': async (request, env) => save(env, await request.text()),
  '/avatar': async (request, env) => {
    await env.AVATARS.put('yardstick', await request.arrayBuffer());
    return save(env, 'avatar');
  },
  '/picture': async (request, env) => new Response((await env.AVATARS.get('yardstick')).body),
};
export default { fetch: (request, env) => DOES[new URL(request.url).pathname](request, env) };
`;

/** Runs one turn. Returns requests per second and the time of each request. */
async function turn(server, connections, one) {
  const started = performance.now();
  const times = await server.load(connections, () => (performance.now() - started < TURN ? one : undefined));
  return { rate: (times.length / (performance.now() - started)) * 1000, times };
}

/** Summarizes the turns of a case. */
function summary(turns) {
  const times = (who) => turns.flatMap((each) => each[who].times);
  return {
    rate: median(turns.map(({ perfil }) => perfil.rate)),
    p50: median(times('perfil')),
    // Other programs and disks only ever add time, so the fastest tenth shows a request without them.
    factor: quantile(times('perfil'), 0.1) / quantile(times('yardstick'), 0.1),
  };
}

/** Counts the D1 calls of each case, from the worker's log. */
async function countCalls(server, all, logged) {
  for (const [at, one] of all.entries()) await server.ask(one, `bench-${at}`);
  // The log arrives separately from the responses, and possibly later.
  for (let tries = 0; logged.size < all.length; tries++) {
    if (tries === 500) throw new Trouble('the worker has not logged every request: run `npm test` to find the reason');
    await setTimeout(10);
  }
  return all.map((one, at) => logged.get(`bench-${at}`));
}

/**
 * Measures every case: `{name, status, d1Calls, at: {connections: {rate, p50, factor}}}`. `factor` is its time divided
 * by the yardstick's. `report` is called with the progress.
 */
export async function load(report) {
  const logged = new Map();
  const worker = await serve({
    counted: false,
    extraWorkers: { yardstick: YARDSTICK },
    onLog({ message }) {
      const [, id] = /^{"request_id":"(bench-\d+)"/.exec(message) ?? [];
      if (id) logged.set(id, JSON.parse(message).d1_calls);
    },
  });
  const maxConnections = Math.max(...CONNECTIONS);
  const [perfil, yardstick] = [worker.urls.perfil, worker.urls.yardstick].map((url) => caller(url, maxConnections));
  try {
    const all = await cases(perfil.ask);
    const calls = await countCalls(perfil, all, logged);
    const measured = all.map((one, at) => ({
      name: one.name,
      status: one.status,
      d1Calls: calls[at],
      turns: CONNECTIONS.map(() => []),
    }));
    // The first round warms up.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [at, one] of all.entries()) {
        report(
          round === 0 ? 'requests per second: warming up' : `requests per second: round ${round} of ${ROUNDS}`,
          one.name,
        );
        const minimal = {
          name: `the yardstick of '${one.name}'`,
          status: 200,
          request: (n) => ({ ...one.request(n), path: `/${one.yardstick}` }),
        };
        for (const [index, connections] of CONNECTIONS.entries()) {
          const turns = {};
          // The order alternates, so that work left over from a turn affects both equally.
          for (const who of round % 2 ? ['perfil', 'yardstick'] : ['yardstick', 'perfil'])
            turns[who] = await turn(
              who === 'perfil' ? perfil : yardstick,
              connections,
              who === 'perfil' ? one : minimal,
            );
          if (round > 0) measured[at].turns[index].push(turns);
        }
      }
    }
    return measured.map(({ turns, ...rest }) => ({
      ...rest,
      at: Object.fromEntries(CONNECTIONS.map((connections, index) => [connections, summary(turns[index])])),
    }));
  } finally {
    await Promise.all([perfil.close(), yardstick.close()]);
    await worker.stop();
  }
}
