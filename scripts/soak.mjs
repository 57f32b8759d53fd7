// npm run soak [-- --seconds 600] [--clients 8] [--seed n]
// Runs mixed load on the built worker in Miniflare for minutes, measured every second. The worker must not fail, grow
// or slow down. tests/http/soak.test.mjs runs the same load for 20 seconds.
import { parseArgs } from 'node:util';
import { run, step, Trouble } from './lib.mjs';
import { installPackages, installToolchain } from './setup.mjs';

const USAGE = 'usage: npm run soak [-- --seconds 600] [--clients 8] [--seed n]';
const OPTIONS = /** @type {const} */ ({
  seconds: { type: 'string', default: '600' },
  clients: { type: 'string', default: '8' },
  seed: { type: 'string' },
});

function parse() {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    if (Object.values(values).every((text) => /^[1-9]\d{0,8}$/.test(String(text))))
      return {
        seconds: Number(values.seconds),
        clients: Number(values.clients),
        seed: values.seed && Number(values.seed),
      };
  } catch {
    // An unknown option: the usage is shown.
  }
  throw new Trouble(USAGE);
}

/** Prints one line for each second, which is overwritten in a terminal; otherwise one line every ten seconds. */
const reporter = ({ mib, ms }) =>
  function report({ second, requests, p50, p99, heap, rss, memory, handles, faults }) {
    const line = [
      `${String(second).padStart(4)} s`,
      `${String(requests).padStart(4)} requests`,
      `p50 ${ms(p50)} ms`,
      `p99 ${ms(p99)} ms`,
      `heap ${mib(heap)} MiB`,
      `RSS ${mib(rss)} MiB`,
      `WebAssembly ${mib(memory)} MiB, ${handles} handles`,
      `faults ${faults}`,
    ].join('  ');
    if (process.stdout.isTTY) process.stdout.write(`\r${line}\x1b[K`);
    else if (second % 10 === 0) console.log(line);
  };

const { seconds, clients, seed } = parse();
await installPackages();
await installToolchain();
step('Building the worker');
await run('node', ['scripts/build.mjs']);
step(`Running ${seconds} seconds of load, ${clients} requests at a time`);
// Imported late, because they need the installed packages.
const { soak } = await import('./soak/run.mjs');
const { table, ...formats } = await import('./soak/growth.mjs');
const result = await soak({ seconds, clients, seed, report: reporter(formats) });
const counts = Object.entries(result.counts).map(([kind, count]) => `${count} ${kind}`);
console.log(`\n\n${table(result)}\n\n${result.requests} requests, seed ${result.seed}: ${counts.join(', ')}`);
for (const fault of result.faults) console.error(`\n${fault}`);
process.exitCode = result.faults.length > 0 ? 1 : 0;
