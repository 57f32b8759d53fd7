// node scripts/bench/pass_through.mjs
// Measures the time that passing a request on adds. An origin alone, the origin behind a worker of one line, and the
// origin behind Perfil take turns. Build the worker first: `node scripts/build.mjs`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { median, quantile } from '../statistics.mjs';
import { caller } from './requests.mjs';
import { serve } from './serve.mjs';

const ROUNDS = 12;
const TURN = 400;
const CONNECTIONS = [1, 16];
const BODY = Buffer.alloc(10_000, 'x');
const LARGE = Buffer.alloc(1_000_000, 'y');

const CASES = [
  { name: 'GET', status: 200, request: () => ({ path: '/small', method: 'GET' }) },
  { name: 'POST of 10 KB', status: 200, request: () => ({ path: '/small', method: 'POST', body: BODY }) },
  { name: 'GET of 1 MB', status: 200, request: () => ({ path: '/large', method: 'GET' }) },
];

/** Serves the origin in its own process, because this one is busy sending requests. */
async function serveOrigin() {
  const server = http.createServer(async (request, response) => {
    for await (const _ of request);
    const body = request.url === '/large' ? LARGE : '{"ok":true}';
    response.setHeader('content-length', body.length);
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send(/** @type {import('node:net').AddressInfo} */ (server.address()).port);
  // The channel closes when the parent process ends.
  process.on('disconnect', () => process.exit());
}

async function compare() {
  const origin = fork(import.meta.filename, ['origin']);
  const [port] = await once(origin, 'message');
  const url = `http://127.0.0.1:${port}`;

  const line = `export default { fetch: (request) => fetch('${url}' + new URL(request.url).pathname, request) };`;
  const worker = await serve({ counted: false, onLog: () => {}, vars: { ORIGIN: url }, extraWorkers: { line } });
  const maxConnections = Math.max(...CONNECTIONS);
  const callers = {
    'origin alone': caller(url, maxConnections),
    'behind one line': caller(worker.urls.line, maxConnections),
    'behind Perfil': caller(worker.urls.perfil, maxConnections),
  };

  for (const one of CASES) {
    for (const connections of CONNECTIONS) {
      const all = Object.fromEntries(Object.keys(callers).map((name) => [name, { times: [], rates: [] }]));
      for (let round = 0; round <= ROUNDS; round++) {
        for (const [name, each] of Object.entries(callers)) {
          const started = performance.now();
          const times = await each.load(connections, () => (performance.now() - started < TURN ? one : undefined));
          if (round === 0) continue;
          all[name].times.push(...times);
          all[name].rates.push((times.length / (performance.now() - started)) * 1000);
        }
      }
      for (const [name, { times, rates }] of Object.entries(all))
        console.log(
          [
            one.name.padEnd(14),
            `${connections} connections`.padEnd(15),
            name.padEnd(16),
            `p50 ${median(times).toFixed(2)} ms`,
            `p99 ${quantile(times, 0.99).toFixed(2)} ms`,
            `${median(rates).toFixed(0)}/s`,
          ].join('  '),
        );
    }
  }
  await Promise.all(Object.values(callers).map((each) => each.close()));
  await worker.stop();
  origin.disconnect();
}

await (process.argv[2] === 'origin' ? serveOrigin() : compare());
