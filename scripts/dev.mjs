// npm run dev [-- --port 9000] [--origin]
// Installs what a fresh clone lacks, builds the worker, and runs it on http://localhost:8787 until Ctrl-C. The
// environment variable PORT sets another port, too.
//
// dev/main.mjs does the work, in its own process group, so that everything that it starts can be stopped together: by
// this process when it receives a signal, and by main.mjs itself if this process has ended in any other way.
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
  --port <1 to 65535>  the port to listen on; default: the variable PORT, or 8787
  --origin             runs a demo back end behind Perfil, which gets the requests that Perfil does not handle and the
                       changes that Perfil makes`;
/**
 * File with the process ID and the port of the `npm run dev` of this folder. It is outside the project, because
 * .wrangler may be removed while the command runs.
 */
const pidFile = path.join(
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
    throw new Trouble(`'${port}' is not a valid port: use a number from 1 to 65535`);
  return { port: Number(port), origin };
}

/** Checks whether a process runs this script. After a crash or a reboot, another process may have its ID. */
const isThisScript = (pid) =>
  process.platform !== 'linux' || fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('dev.mjs');

/** Throws if another `npm run dev` is running in this folder, because both would write the same files. */
function assertNotRunning() {
  let other;
  try {
    other = JSON.parse(fs.readFileSync(pidFile, 'utf8'));
    process.kill(other.pid, 0);
    if (!isThisScript(other.pid)) return;
  } catch {
    return;
  }
  throw new Trouble(
    `npm run dev is already running in this folder (process ${other.pid}), on http://localhost:${other.port}: ` +
      'use it, or stop it first',
  );
}

/** @returns {Promise<void>} */
const assertPortIsFree = (port) =>
  new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      reject(
        new Trouble(
          error.code === 'EADDRINUSE'
            ? `port ${port} is in use: stop the program that uses it, or run \`npm run dev -- --port ${port + 1}\``
            : `cannot listen on port ${port}: ${error.message}`,
        ),
      ),
    );
    server.listen(port, 'localhost', () => server.close(() => resolve()));
  });

/**
 * Returns the IDs of the processes above this one: the shell that npm starts, and npm. Both are watched, because the
 * shell does not pass on a SIGTERM that ends it, and continues to run if npm is killed.
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
  const startedBy = ancestors();
  const child = start('node', ['scripts/dev/main.mjs', String(port), ...(origin ? ['--origin'] : [])], {
    // The end of its standard input tells main.mjs that this process has ended.
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  });
  fs.writeFileSync(pidFile, JSON.stringify({ pid: process.pid, port }));
  let isEnding = false;
  const end = async (code) => {
    if (isEnding) return;
    isEnding = true;
    await stopGroup(child.pid);
    fs.rmSync(pidFile, { force: true });
    process.exit(code);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => end(0));
  setInterval(() => ancestors() !== startedBy && end(0), 500).unref();
  child.on('exit', (code) => end(code ?? 1));
}

const options = readOptions();
assertNotRunning();
await assertPortIsFree(options.port);
checkSecrets();
supervise(options);
