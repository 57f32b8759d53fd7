// npm run soak [-- --seconds 600] [--clients 8] [--seed n]
// Minutes of mixed load on the built worker in Miniflare, measured every second: it must not fail, not grow, not slow
// down. tests/http/soak.test.mjs runs the same for 20 seconds.
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const MiB = 1024 * 1024;
const ACCOUNTS = 5;
/**
 * How high the last third may be, for the middle third: no noise of the machine's is above these, and what leaks or
 * slows down soon is.
 */
const LIMITS = {
  // The worker's own heap, its garbage collected before it is measured, in the second with the least requests under
  // way: what is left is in use, or leaks.
  heap: (middle) => middle + Math.max(middle * 0.05, MiB),
  // workerd's whole process, with the simulators of database and bucket in it, which are workers too. They take tens of
  // thousands of requests until they grow no more, and so does a worker of three lines on them: a short run only has a
  // ceiling. In a long one, what a leak adds from first to last comes to 67 %.
  rss: (middle, seconds) => (seconds < 200 ? 512 * MiB : middle * 1.25),
  // WebAssembly's memory never shrinks: a new height is uploads that met as they had not before. Two of the largest.
  memory: (middle) => middle + 2 * MiB,
  // Handles of JavaScript's objects come by 128, as more requests meet.
  handles: (middle) => middle + 128,
  // A p99 is the median of the seconds' own, so that one second of somebody else's compiler is not our slowness; nor is
  // below 50 ms anything at all.
  p99: (middle) => 3 * Math.max(middle, 50),
};
/** How often each kind of request is made, in a hundred. */
const MIX = {
  name: 19,
  email: 10,
  profile: 17,
  persona: 17,
  username: 4,
  form: 3,
  taken: 4,
  invalid: 4,
  stranger: 2,
  upload: 7,
  photo: 3,
  clear: 2,
  look: 6,
  health: 1,
  nowhere: 1,
};

const sorted = (values) => [...values].sort((a, b) => a - b);
const quantile = (values, q) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? NaN;
const median = (values) => quantile(values, 0.5);

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What workerd holds of the machine's memory, in bytes; not known where there is no /proc. */
function residentOf(pid) {
  const status = `/proc/${pid}/status`;
  return fs.existsSync(status) ? Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(status, 'utf8'))[1]) * 1024 : NaN;
}

/**
 * Loads a worker for so many seconds with so many requests at a time. Answers what was measured, by seconds and by
 * thirds (the first is the warm-up), and `faults`: what must not be, in words. `report` is called with every second.
 */
export async function soak({ seconds, clients = 8, seed = randomInt(2 ** 31), mix = MIX, report = () => {} }) {
  const { startWorker } = await import('../tests/support/worker.mjs');
  const { endsInStep, formOf, keyOf, png, shown } = await import('../tests/support/avatars.mjs');
  const faults = [];
  const fails = (what) => {
    if (faults.push(what) > 20) faults.length = 20;
  };
  let [logged, sent] = [0, 0];
  const worker = await startWorker({
    inspected: true,
    heard({ level, message }) {
      const line = message.startsWith('{') ? JSON.parse(message) : {};
      if (line.request_id && line.event === undefined) logged++;
      if (level !== 'log' || line.event === 'leftover' || line.cause !== undefined)
        fails(`the log says ${level}: ${message}`);
    },
  });
  const chance = random(seed);
  const under = (n) => Math.floor(chance() * n);
  const latencies = [];
  const counts = {};
  let over = false;

  /** A request with its time; its answer must have that status and hold that text. */
  async function asks(kind, method, target, options, status, text = '') {
    const started = performance.now();
    try {
      const response = await worker.send(method, target, options);
      latencies.push(performance.now() - started);
      if (response.status !== status || !response.text.includes(text))
        fails(`${kind}: ${method} ${target} is answered ${response.status} ${response.text.slice(0, 200)}`);
      counts[kind] = (counts[kind] ?? 0) + 1;
      sent++;
      return response;
    } catch (error) {
      fails(`${kind}: ${method} ${target} is not answered: ${error.cause ?? error}`);
      await setTimeout(100);
    }
  }

  /** A file of a few kilobytes, seldom one of a megabyte, most of it what is not stored. */
  const picture = () =>
    png({ size: [200, 20_000, 60_000, 200_000][under(4)] + under(2000) + (under(40) === 0 ? MiB : 0) });

  /** One client, whose accounts are its own, so that it knows what they show; each is an admin with a persona. */
  async function client(first) {
    const own = Array.from({ length: ACCOUNTS }, (_, at) => ({ id: first + at, pictures: [], avatar: null }));
    for (const { id } of own) {
      await worker.sql(
        'INSERT INTO users (id, username, email, full_name, role_id) ' +
          "VALUES (?1, 'soak_' || ?1, 'soak' || ?1 || '@example.com', 'Soak', 1)",
        id,
      );
      await worker.sql(
        "INSERT INTO personas (id, user_id, nombres, apellidos, dni) VALUES (?1, ?1, 'Soak', 'Soak', 'SOAK-' || ?1)",
        id,
      );
    }
    const kinds = Object.entries(mix).flatMap(([kind, share]) => Array(share).fill(kind));
    const does = {
      name: ({ id }, n) =>
        asks('name', 'PUT', '/users', { as: id, json: { name: `Ñame 📷 ${n}` } }, 200, `Ñame 📷 ${n}`),
      email: ({ id }, n) =>
        asks(
          'email',
          'PUT',
          `/api/v1/users/${id}`,
          { as: own[0].id, json: { full_name: `Full ${n}`, email: `soak${id}-${n}@example.com`, roleId: 1 } },
          200,
          `soak${id}-${n}@`,
        ),
      profile: ({ id }, n) =>
        asks(
          'profile',
          'PUT',
          `/api/profile/${id}/update/`,
          {
            as: id,
            json: { first_name: `First ${n}`, last_name: 'L'.repeat(1 + under(200)), number_phone: String(n % 1e9) },
          },
          200,
          `First ${n}`,
        ),
      persona: ({ id }, n) =>
        asks(
          'persona',
          'PUT',
          '/api/personas/me',
          { as: id, json: { nombres: `Nombre ${n}`, telefono: `+${100000 + (n % 1e9)}`, dni: `S-${id}-${n % 1e9}` } },
          200,
          `Nombre ${n}`,
        ),
      username: ({ id }, n) =>
        asks(
          'username',
          'PUT',
          '/users',
          { as: id, json: { username: `soak_${id}_${n}`, image_path: null } },
          200,
          `soak_${id}_${n}`,
        ),
      form: ({ id }, n) =>
        asks(
          'form',
          'PUT',
          `/api/profile/${id}/update/`,
          { as: id, form: formOf({ last_name: `Last ${n}` }) },
          200,
          `Last ${n}`,
        ),
      taken: ({ id }) =>
        asks(
          'taken',
          'PUT',
          '/users',
          { as: id, json: { name: 'never', email: 'ALICE@example.com' } },
          409,
          'Email already exists',
        ),
      invalid: ({ id }) =>
        asks(
          'invalid',
          'PUT',
          `/api/v1/users/${id}`,
          { as: id, json: { full_name: 'x', email: 'nobody', password: '' } },
          400,
        ),
      stranger: ({ id }) =>
        asks('stranger', 'PUT', '/api/personas/me', { token: `${'x'.repeat(under(4000))}.${id}`, json: {} }, 401),
      async upload(account) {
        const bytes = account.pictures.length > 2 && under(2) ? account.pictures[under(3)] : picture();
        account.pictures = [bytes, ...account.pictures.filter((each) => each !== bytes)].slice(0, 3);
        const key = keyOf(account.id, bytes.stored ?? bytes);
        const response = await asks(
          'upload',
          'PUT',
          `/api/profile/${account.id}/update/`,
          { as: account.id, form: formOf({ avatar: bytes }) },
          200,
          key,
        );
        if (response) account.avatar = { key, size: (bytes.stored ?? bytes).length };
      },
      photo: ({ id }) =>
        asks(
          'photo',
          'PUT',
          `/api/personas/${id}/foto`,
          { as: id, form: formOf({ foto: picture() }) },
          200,
          `/media/avatars/${id}/`,
        ),
      clear: (account) =>
        asks(
          'clear',
          'PUT',
          `/api/profile/${account.id}/update/`,
          { as: account.id, json: { avatar: null } },
          200,
          '"avatar":null',
        ),
      async look({ avatar }) {
        if (!avatar) return;
        const response = await asks('look', under(2) ? 'GET' : 'HEAD', `/media/${avatar.key}`, {}, 200);
        if (response && Number(response.headers.get('content-length')) !== avatar.size)
          fails(`look: ${avatar.key} is not as long as it was`);
      },
      health: () => asks('health', 'GET', '/health', {}, 200, '{"status":"ok"}'),
      nowhere: ({ id }, n) => asks('nowhere', 'GET', `/media/avatars/${id}/${n}.png`, {}, 404),
    };
    for (let n = 1; !over; n++) {
      const [kind, account] = [kinds[under(kinds.length)], own[under(ACCOUNTS)]];
      await does[kind](account, n);
      if (kind === 'clear' || kind === 'username') account.avatar = null;
    }
  }

  /** A password every few seconds: while one is hashed, a third of a second, nobody else's request is worked on. */
  async function passwords() {
    for (let n = 1; !over; n++) {
      await setTimeout(4000, undefined, { ref: false });
      if (!over)
        await asks('password', 'PUT', '/api/v1/users/7', { as: 6, json: { password: `a-soaked-password-${n}` } }, 200);
    }
  }
  async function sweeps() {
    while (!over) {
      await setTimeout(5000, undefined, { ref: false });
      const { level, complete, cause } = await worker.sweep({ AVATAR_GRACE_HOURS: '0' });
      if (level !== 'log' || !complete) fails(`a sweep did not come to its end: ${cause}`);
    }
  }

  const measured = [];
  let running = [];
  try {
    running = [...Array.from({ length: clients }, (_, at) => client(1001 + at * ACCOUNTS)), passwords(), sweeps()];
    const started = performance.now();
    for (let second = 1; second <= seconds; second++) {
      await setTimeout(Math.max(0, started + second * 1000 - performance.now()));
      const times = latencies.splice(0);
      measured.push({
        second,
        requests: times.length,
        p50: median(times),
        p99: quantile(times, 0.99),
        rss: residentOf(worker.pid),
        ...(await worker.taken()),
      });
      report({ ...measured.at(-1), faults: faults.length });
    }
    over = true;
    await Promise.all(running);
    await endsInStep(worker);
    if ((await shown(worker)).length === 0) fails('no picture was shown at the end');
    for (let tries = 0; logged < sent && tries < 500; tries++) await setTimeout(10);
    if (logged !== sent) fails(`${sent} requests have left ${logged} lines in the log`);
  } catch (error) {
    fails(error.message);
  } finally {
    over = true;
    await Promise.allSettled(running);
    await worker.stop();
  }

  const third = Math.floor(measured.length / 3);
  const thirds = ['first', 'middle', 'last'].map((name, at) => {
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
  const [, middle, last] = thirds;
  for (const [what, limit] of Object.entries(LIMITS)) {
    // NaN, where something is not known, is not above anything.
    if (last[what] > limit(middle[what], seconds))
      fails(
        `${what} does not level off: ${Math.round(middle[what])} in the middle third, ` +
          `${Math.round(last[what])} in the last`,
      );
  }
  return { seed, seconds: measured, thirds, counts, requests: sent, faults };
}

const mib = (bytes) => (Number.isNaN(bytes) ? '?' : (bytes / MiB).toFixed(1));
const ms = (time) => time.toFixed(1);

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

async function main() {
  const { Trouble, run, step } = await import('./lib.mjs');
  const { installPackages, installToolchain } = await import('./setup.mjs');
  const whole = (text) => {
    if (!/^[1-9]\d{0,8}$/.test(text))
      throw new Trouble('usage: npm run soak [-- --seconds 600] [--clients 8] [--seed n]');
    return Number(text);
  };
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '600' },
      clients: { type: 'string', default: '8' },
      seed: { type: 'string' },
    },
  });
  const [seconds, clients, seed] = [whole(values.seconds), whole(values.clients), values.seed && whole(values.seed)];
  await installPackages();
  await installToolchain();
  step('Building the worker');
  await run('node', ['scripts/build.mjs']);
  step(`${seconds} seconds of load, ${clients} requests at a time`);
  const terminal = process.stdout.isTTY;
  const result = await soak({
    seconds,
    clients,
    seed,
    report({ second, requests, p50, p99, heap, rss, memory, handles, faults }) {
      const line =
        `${String(second).padStart(4)} s  ${String(requests).padStart(4)} requests  p50 ${ms(p50)} ms  p99 ` +
        `${ms(p99)} ms  heap ${mib(heap)} MiB  RSS ${mib(rss)} MiB  WebAssembly ${mib(memory)} MiB, ` +
        `${handles} handles  faults ${faults}`;
      if (terminal) process.stdout.write(`\r${line}\x1b[K`);
      else if (second % 10 === 0) console.log(line);
    },
  });
  console.log(
    `\n\n${table(result)}\n\n${result.requests} requests, seed ${result.seed}: ${Object.entries(result.counts)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ')}`,
  );
  for (const fault of result.faults) console.error(`\n${fault}`);
  process.exitCode = result.faults.length > 0 ? 1 : 0;
}

if (process.argv[1] === import.meta.filename) await main();
