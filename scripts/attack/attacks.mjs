// The attacks of npm run attack. Each runs on its own worker and is measured.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { identify } from '../../tests/support/accounts.mjs';
import { png } from '../../tests/support/avatars.mjs';
import { token } from '../../tests/support/tokens.mjs';
import { startWorker } from '../../tests/support/worker.mjs';
import { median, quantile } from '../statistics.mjs';

const MIB = 2 ** 20;
const FORM = 'multipart/form-data; boundary=x';
const PROFILE = '/api/profile/6/update/';

const part = (name, content, more = '') =>
  Buffer.concat([
    Buffer.from(`--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
const form = (...parts) => Buffer.concat([...parts, Buffer.from('--x--\r\n')]);
const upload = (bytes) => form(part('avatar', bytes, '; filename="a.png"'));

/** Opens a connection and sends the head of a PUT. `text` of the result is the response so far. */
async function connect(worker, target, as, headers) {
  const { hostname, port } = new URL(worker.url);
  const bearer = await token(as);
  const head = [`PUT ${target} HTTP/1.1`, `Host: ${hostname}`, `Authorization: Bearer ${bearer}`, ...headers];
  const socket = net.connect(Number(port), hostname);
  const connection = { socket, text: '' };
  socket.on('data', (data) => {
    connection.text += data;
  });
  // A response before the end of the body may be followed by a reset.
  socket.on('error', () => undefined);
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return connection;
}

const statusOf = ({ text }) => /^HTTP\/1.1 (\d+)/.exec(text)?.[1];

async function replied(connections) {
  const over = () => connections.every((one) => statusOf(one) || one.socket.destroyed);
  for (let n = 0; !over() && n < 12_000; n++) await setTimeout(5);
}

const inSingleBytes = (body) =>
  Buffer.concat([...Array.from(body, (byte) => Buffer.from([0x31, 13, 10, byte, 13, 10])), Buffer.from('0\r\n\r\n')]);

async function send(worker, target, type, body, isChunked) {
  const length = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const bytes = isChunked ? inSingleBytes(body) : body;
  const connection = await connect(worker, target, 6, [`Content-Type: ${type}`, length]);
  connection.socket.write(bytes);
  await replied([connection]);
  connection.socket.destroy();
  return [statusOf(connection)];
}

/** Starts 60 uploads by 30 accounts, without their last byte, then completes those that were not refused. */
async function holdUploads(worker) {
  const body = upload(png({ size: 10 * MIB }));
  const all = [];
  for (let n = 0; n < 60; n++) {
    const as = 1000 + (n % 30);
    const headers = [`Content-Type: ${FORM}`, `Content-Length: ${body.length}`];
    all.push(await connect(worker, `/api/profile/${as}/update/`, as, headers));
    all.at(-1).socket.write(body.subarray(0, -1));
  }
  await setTimeout(5000);
  for (const one of all) if (!statusOf(one)) one.socket.write(body.subarray(-1));
  await Promise.race([replied(all), setTimeout(5000)]);
  for (const one of all) one.socket.destroy();
  return all.map((one) => statusOf(one) ?? 'reset');
}

async function hashPasswords(worker, count) {
  const change = (n) => worker.put('/api/v1/users/7', { as: 6, json: { password: `a-new-password-${n}` } });
  const replies = await Promise.all(Array.from({ length: count }, (_, n) => change(n)));
  return replies.map(({ status }) => String(status));
}

const pad = (json, size) => Buffer.from(JSON.stringify(json).padEnd(size));
const ATTACKS = {
  'nothing, for a second': async () => {
    await setTimeout(1000);
    return [];
  },
  '64 KiB of JSON in chunks of one byte': (worker) =>
    send(worker, '/users', 'application/json', pad({ name: 'Luis' }, 65_536), true),
  '512 KiB of a form in chunks of one byte': (worker) =>
    send(worker, PROFILE, FORM, upload(png({ size: 512 * 1024 })), true),
  'a form of 80,000 parts': (worker) => send(worker, PROFILE, FORM, form(...Array(80_000).fill(part('a', ''))), false),
  'a part header of 5 MB': (worker) =>
    send(worker, PROFILE, FORM, Buffer.concat([Buffer.from('--x\r\nX-Pad: '), Buffer.alloc(5_000_000, 97)]), false),
  '10 MiB of noise as a picture': (worker) => send(worker, PROFILE, FORM, upload(randomBytes(10 * MIB)), false),
  '60 uploads of 10 MiB, held and released': holdUploads,
  'one password': (worker) => hashPasswords(worker, 1),
  '20 passwords at once': (worker) => hashPasswords(worker, 20),
};

const resident = ({ pid }) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

const counted = (values) =>
  Object.entries(Object.groupBy(values, String))
    .map(([value, all]) => `${all.length} × ${value}`)
    .join(', ');

/** Measures the growth of workerd's memory during an attack, and the latency of small updates of another account. */
async function measure(worker, attack) {
  const others = [];
  let isOver = false;
  const small = async () => {
    for (let n = 0; !isOver; n++) {
      const started = performance.now();
      await worker.put('/users', { as: 7, json: { name: `Jane ${n}` } });
      others.push(performance.now() - started);
      await setTimeout(10);
    }
  };
  // Warms up until the engine's own memory no longer grows.
  for (let n = 0; n < 500; n++) await worker.put('/users', { as: 7, json: { name: `Jane ${n}` } });
  const before = resident(worker);
  let highest = before;
  const watch = setInterval(() => {
    highest = Math.max(highest, resident(worker));
  }, 5);
  const running = small();
  const started = performance.now();
  const replies = await attack(worker);
  const seconds = (performance.now() - started) / 1000;
  isOver = true;
  await running;
  clearInterval(watch);
  const [p50, p99] = [median(others), quantile(others, 0.99)].map((ms) => ms.toFixed(1));
  return { replies: counted(replies), grown: (highest - before) / MIB, seconds, others: `${p50} / ${p99}` };
}

export async function* attacks() {
  for (const [name, attack] of Object.entries(ATTACKS)) {
    const worker = await startWorker();
    for (let id = 1000; id < 1030; id++) {
      await worker.sql(
        "INSERT INTO users (id, username, email) VALUES (?1, 'u' || ?1, 'u' || ?1 || '@example.com')",
        id,
      );
      await identify(worker, id);
    }
    yield { name, ...(await measure(worker, attack)) };
    await worker.stop();
  }
}
