// Requests per second of every case, beside a yardstick in the same runtime. A machine has other things to do, now
// more, now less: worker and yardstick take turns, a quarter of a second each, so that both see the same, and only what
// one is of the other is compared with other days.
import { setTimeout } from 'node:timers/promises';
import { Trouble } from '../lib.mjs';
import { median, quantile } from '../statistics.mjs';
import { caller, cases } from './requests.mjs';
import { serve } from './serve.mjs';

const ROUNDS = 9;
const TURN = 200;
export const CONNECTIONS = [1, 16];

/** What each kind of request costs at the very least: the platform's work for it, and one line of our own. */
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

/** One turn: requests per second, and how long each took. */
async function turn(server, connections, one) {
  const begun = performance.now();
  const times = await server.load(connections, () => (performance.now() - begun < TURN ? one : undefined));
  return { rate: (times.length / (performance.now() - begun)) * 1000, times };
}

/** What the turns of a case come to. */
function summary(turns) {
  const times = (who) => turns.flatMap((each) => each[who].times);
  return {
    rate: median(turns.map(({ ours }) => ours.rate)),
    p50: median(times('ours')),
    // Neighbours and disks only ever add: the quickest tenth is what a request takes when they don't.
    factor: quantile(times('ours'), 0.1) / quantile(times('least'), 0.1),
  };
}

/** How many D1 calls each case makes, as the worker's log has it. */
async function countCalls(server, all, logged) {
  for (const [at, one] of all.entries()) await server.ask(one, `bench-${at}`);
  // The log comes by another way than the answers, perhaps after them.
  for (let tries = 0; logged.size < all.length; tries++) {
    if (tries === 500) throw new Trouble('the worker has not logged every request: `npm test` should say why');
    await setTimeout(10);
  }
  return all.map((one, at) => logged.get(`bench-${at}`));
}

/**
 * Measures every case: `{name, status, d1Calls, at: {connections: {rate, p50, factor}}}`; `factor` is how many times
 * the yardstick's time it takes. `report` is told what is being done.
 */
export async function load(report) {
  const logged = new Map();
  const worker = await serve({
    counted: false,
    beside: { yardstick: YARDSTICK },
    heard({ message }) {
      const [, id] = /^{"request_id":"(bench-\d+)"/.exec(message) ?? [];
      if (id) logged.set(id, JSON.parse(message).d1_calls);
    },
  });
  const most = Math.max(...CONNECTIONS);
  const [ours, yardstick] = [worker.urls.perfil, worker.urls.yardstick].map((url) => caller(url, most));
  try {
    const all = await cases(ours.ask);
    const calls = await countCalls(ours, all, logged);
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
        const least = {
          name: `the yardstick of '${one.name}'`,
          status: 200,
          request: (n) => ({ ...one.request(n), path: `/${one.yardstick}` }),
        };
        for (const [index, connections] of CONNECTIONS.entries()) {
          const turns = {};
          // Who goes first goes second in the next round: what a turn leaves to do after its answers falls on both.
          for (const who of round % 2 ? ['ours', 'least'] : ['least', 'ours'])
            turns[who] = await turn(who === 'ours' ? ours : yardstick, connections, who === 'ours' ? one : least);
          if (round > 0) measured[at].turns[index].push(turns);
        }
      }
    }
    return measured.map(({ turns, ...rest }) => ({
      ...rest,
      at: Object.fromEntries(CONNECTIONS.map((connections, index) => [connections, summary(turns[index])])),
    }));
  } finally {
    await Promise.all([ours.close(), yardstick.close()]);
    await worker.stop();
  }
}
