// Runs mixed load on the built worker in Miniflare, measured every second. It must not fail, grow or slow down.
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { assertConsistent, shown } from '../../tests/support/avatars.mjs';
import { startWorker } from '../../tests/support/worker.mjs';
import { median, quantile } from '../statistics.mjs';
import { ACCOUNTS, client, MIX } from './client.mjs';
import { growth, thirdsOf } from './growth.mjs';

/** Returns a generator of numbers from 0 to 1 that is determined by a seed (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Returns the resident memory of workerd in bytes, or NaN without /proc. */
function residentOf(pid) {
  const status = `/proc/${pid}/status`;
  if (!fs.existsSync(status)) return Number.NaN;
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(status, 'utf8'))[1]) * 1024;
}

/** Creates the record of the load's results. */
function tally() {
  const faults = [];
  return {
    faults,
    fail(what) {
      if (faults.push(what) > 20) faults.length = 20;
    },
    /** Times of the responses since the last measurement, in milliseconds. */
    latencies: [],
    counts: {},
    sent: 0,
    logged: 0,
    over: false,
  };
}

/** Counts the worker's log lines. A line about a problem is a fault. */
const listener =
  (found) =>
  (/** @type {{level: string, message: string}} */ { level, message }) => {
    const line = message.startsWith('{') ? JSON.parse(message) : {};
    if (line.request_id && line.event === undefined) found.logged++;
    if (level !== 'log' || line.event === 'leftover' || line.cause !== undefined)
      found.fail(`the log has a line of level ${level}: ${message}`);
  };

/** Sends requests and times them. A response must have the given status and contain the given text. */
const sender = (worker, found) =>
  async function send(kind, method, target, options, status, text = '') {
    const started = performance.now();
    try {
      const response = await worker.send(method, target, options);
      found.latencies.push(performance.now() - started);
      if (response.status !== status || !response.text.includes(text))
        found.fail(`${kind}: ${method} ${target} returned ${response.status} ${response.text.slice(0, 200)}`);
      found.counts[kind] = (found.counts[kind] ?? 0) + 1;
      found.sent++;
      return response;
    } catch (error) {
      found.fail(`${kind}: ${method} ${target} got no response: ${error.cause ?? error}`);
      await setTimeout(100);
    }
  };

/** Changes a password every few seconds. */
async function passwords({ send, isOver }) {
  for (let n = 1; !isOver(); n++) {
    await setTimeout(4000, undefined, { ref: false });
    if (isOver()) return;
    await send('password', 'PUT', '/api/v1/users/7', { as: 6, json: { password: `a-soaked-password-${n}` } }, 200);
  }
}

async function sweeps({ worker, fail, isOver }) {
  while (!isOver()) {
    await setTimeout(5000, undefined, { ref: false });
    const { level, complete, cause } = await worker.sweep({ AVATAR_GRACE_HOURS: '0' });
    if (level !== 'log' || !complete) fail(`a sweep was not completed: ${cause}`);
  }
}

/** Appends a measurement to `measured` every second. */
async function measure(worker, found, { seconds, report }, measured) {
  const started = performance.now();
  for (let second = 1; second <= seconds; second++) {
    await setTimeout(Math.max(0, started + second * 1000 - performance.now()));
    const times = found.latencies.splice(0);
    const now = {
      second,
      requests: times.length,
      p50: median(times),
      p99: quantile(times, 0.99),
      rss: residentOf(worker.pid),
      ...(await worker.usage()),
    };
    measured.push(now);
    report({ ...now, faults: found.faults.length });
  }
}

/** Checks what must hold after the load. */
async function checkEnd(worker, found) {
  await assertConsistent(worker);
  if ((await shown(worker)).length === 0) found.fail('no picture was shown at the end');
  for (let tries = 0; found.logged < found.sent && tries < 500; tries++) await setTimeout(10);
  if (found.logged !== found.sent) found.fail(`${found.sent} requests wrote ${found.logged} lines to the log`);
}

/**
 * @typedef {object} SoakOptions
 * @property {number} seconds duration of the load
 * @property {number} [clients] number of requests at a time
 * @property {number} [seed]
 * @property {Record<string, number>} [mix] frequency of each kind of request
 * @property {(measured: any) => void} [report] called every second with the measurement
 */

/**
 * Runs the load on a worker. Returns the figures by seconds and by thirds (the first is the warm-up), and `faults`: a
 * description of each violation.
 */
export async function soak(/** @type {SoakOptions} */ options) {
  const { seconds, clients = 8, seed = randomInt(2 ** 31), mix = MIX, report = () => {} } = options;
  const found = tally();
  const worker = await startWorker({ inspected: true, onLog: listener(found) });
  const chance = random(seed);
  const randomBelow = (n) => Math.floor(chance() * n);
  const load = { worker, mix, randomBelow, send: sender(worker, found), fail: found.fail, isOver: () => found.over };
  const measured = [];
  let running = [];
  try {
    const callers = Array.from({ length: clients }, (_, at) => client(load, 1001 + at * ACCOUNTS));
    running = [...callers, passwords(load), sweeps(load)];
    await measure(worker, found, { seconds, report }, measured);
    found.over = true;
    await Promise.all(running);
    await checkEnd(worker, found);
  } catch (error) {
    found.fail(error.message);
  } finally {
    found.over = true;
    await Promise.allSettled(running);
    await worker.stop();
  }
  const thirds = thirdsOf(measured);
  growth(thirds, seconds).forEach(found.fail);
  return { seed, seconds: measured, thirds, counts: found.counts, requests: found.sent, faults: found.faults };
}
