// A copy of the project in which scripts can be tried: what they write stays in the copy. The packages are linked, and
// cargo runs in the project itself, so that nothing is compiled twice.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { root } from '../support/project.mjs';

const LEFT_OUT = ['node_modules', 'target', '.git', '.wrangler', '.import', '.dev.vars'];

/** Writes a program into the copy that comes first on its PATH. */
export function writeProgram(copy, name, script) {
  const file = path.join(copy.bin, name);
  fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Links each package, so that an `npm ci` in the copy would remove the links alone. */
function linkPackages(folder) {
  const from = path.join(root, 'node_modules');
  fs.mkdirSync(path.join(folder, 'node_modules'));
  for (const name of fs.readdirSync(from))
    fs.symlinkSync(path.join(from, name), path.join(folder, 'node_modules', name));
  const client = 'tests/openapi/client/node_modules';
  if (fs.existsSync(path.join(root, client))) fs.symlinkSync(path.join(root, client), path.join(folder, client));
}

/** A new folder; `t` is the test or suite that removes it when it ends. */
export function temporaryFolder(t) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-copy-')));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** Copies the project into a folder. */
export function copyProject(folder) {
  fs.cpSync(root, folder, {
    recursive: true,
    preserveTimestamps: true,
    filter: (file) => !LEFT_OUT.includes(path.basename(file)),
  });
  linkPackages(folder);
  const bin = path.join(folder, '.bin');
  fs.mkdirSync(bin);
  const copy = { folder, bin };
  writeProgram(copy, 'cargo', `cd '${root}' && PATH=\${PATH#*:} exec cargo "$@"`);
  return copy;
}

/** A port that was free a moment ago. */
export const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, 'localhost', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });

/** Whether something listens on a port. */
export const isServed = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, 'localhost', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

/**
 * The processes that work in a folder, as `{pid, command}`. It reads /proc, so it finds none where there is none.
 * @returns {{pid: number, command: string}[]}
 */
export function processesIn(folder) {
  if (!fs.existsSync('/proc/self/cwd')) return [];
  const found = [];
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (fs.readlinkSync(`/proc/${pid}/cwd`) !== folder) continue;
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      // A process that has ended and that nobody has asked about yet has no command.
      if (command) found.push({ pid: Number(pid), command });
    } catch {
      /* It is gone, or another user's. */
    }
  }
  return found;
}

/** Waits until a condition holds, and throws what `problem` returns if it does not in time. */
export async function until(condition, problem, seconds = 60) {
  for (const limit = Date.now() + seconds * 1000; !(await condition()); await setTimeout(50))
    if (Date.now() > limit) throw new Error(problem());
}

/**
 * Starts a program in the copy: `said()` is what it has printed so far, `says(text)` waits for it, `ended` is its exit
 * code.
 */
export function start(copy, program, args, { env = {}, input = undefined, PATH = process.env.PATH } = {}) {
  const { NODE_TEST_CONTEXT, ...environment } = process.env;
  const child = spawn(program, args, {
    cwd: copy.folder,
    env: { ...environment, ...env, PATH: `${copy.bin}${path.delimiter}${PATH}` },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(input);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
  const ended = once(child, 'close').then(([code]) => code);
  return {
    child,
    said: () => text,
    ended,
    says: (words, seconds) =>
      until(
        () => {
          if (child.exitCode !== null && !text.includes(words)) throw new Error(`it ended: ${text}`);
          return text.includes(words);
        },
        () => `it did not say ${JSON.stringify(words)}: ${text}`,
        seconds,
      ),
  };
}

/** Runs a program in the copy to its end. */
export async function run(copy, program, args, options) {
  const { said, ended } = start(copy, program, args, options);
  return { code: await ended, said: said() };
}
