// npm run dev [-- --port 9000] [--origin]: from a fresh clone to a worker that replies on http://localhost:8787 (PORT
// sets another port too). A second start finds everything there. Ctrl-C stops everything.
//
// The work is done by dev/main.mjs in a process group of its own, so that all that it starts can be stopped at once:
// by this process when it is asked to end, and by main.mjs itself when this process is gone.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stopGroup } from './dev/processes.mjs';
import { assertNotTakenByNpm, root, start, Trouble } from './lib.mjs';
import { checkSecrets } from './secret.mjs';

const USAGE = `usage: npm run dev [-- options]
  --port <1 to 65535>  where it serves; otherwise 8787
  --origin             in front of a demo back end, which gets the requests that Perfil does not handle and the changes
                       that Perfil makes`;
/** Outside the project: .wrangler may be removed while this runs. */
const running = path.join(
  os.tmpdir(),
  `perfil-dev-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.json`,
);

function readOptions() {
  assertNotTakenByNpm('dev', ['port', 'origin']);
  let port, origin;
  try {
    const options = /** @type {const} */ ({ port: { type: 'string' }, origin: { type: 'boolean', default: false } });
    const { values } = parseArgs({ options });
    port = values.port ?? process.env.PORT ?? '8787';
    origin = values.origin;
  } catch {
    throw new Trouble(USAGE);
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)
    throw new Trouble(`the port is '${port}': it has to be a number from 1 to 65535`);
  return { port: Number(port), origin };
}

/** Whether a process is this script. After a crash or a restart of the machine, another may have got its number. */
const isThisScript = (pid) =>
  process.platform !== 'linux' || fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('dev.mjs');

/** Throws if another `npm run dev` serves this folder: two would write the same files. */
function assertFirst() {
  let other;
  try {
    other = JSON.parse(fs.readFileSync(running, 'utf8'));
    process.kill(other.pid, 0);
    if (!isThisScript(other.pid)) return;
  } catch {
    return;
  }
  throw new Trouble(
    `npm run dev runs in this folder already (process ${other.pid}) and serves on http://localhost:${other.port}: ` +
      'use that one, or stop it first',
  );
}

/** @returns {Promise<void>} */
const assertFree = (port) =>
  new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      reject(
        new Trouble(
          error.code === 'EADDRINUSE'
            ? `port ${port} is in use: stop what listens there, or choose another: npm run dev -- --port ${port + 1}`
            : `cannot listen on port ${port}: ${error.message}`,
        ),
      ),
    );
    server.listen(port, 'localhost', () => server.close(() => resolve()));
  });

/**
 * The processes above this one: npm, and the shell that npm starts. When npm gets a SIGTERM, the shell dies without
 * passing it on; when npm is killed, the shell lives on.
 */
function ancestors() {
  const shell = process.ppid;
  if (process.platform !== 'linux') return String(shell);
  const stat = `/proc/${shell}/stat`;
  // The name in brackets may contain anything; after it come the state and the parent.
  const npm = fs.existsSync(stat)
    ? fs
        .readFileSync(stat, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1]
    : undefined;
  return `${shell} ${npm}`;
}

function supervise({ port, origin }) {
  const above = ancestors();
  const child = start('node', ['scripts/dev/main.mjs', String(port), ...(origin ? ['--origin'] : [])], {
    // main.mjs reads its standard input to notice that this process is gone.
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  });
  fs.writeFileSync(running, JSON.stringify({ pid: process.pid, port }));
  let isEnding = false;
  const end = async (code) => {
    if (isEnding) return;
    isEnding = true;
    await stopGroup(child.pid);
    fs.rmSync(running, { force: true });
    process.exit(code);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => end(0));
  setInterval(() => ancestors() !== above && end(0), 500).unref();
  child.on('exit', (code) => end(code ?? 1));
}

const options = readOptions();
assertFirst();
await assertFree(options.port);
checkSecrets();
supervise(options);
