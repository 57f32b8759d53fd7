// Makes a copy of the project in which scripts can run without changing the project itself. The copy's packages are
// links, and cargo runs in the project itself, so that nothing is compiled twice.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { root } from '../support/project.mjs';

const NOT_COPIED = ['node_modules', 'target', '.git', '.wrangler', '.import', '.dev.vars'];

/** Writes a program into the copy's first folder on PATH, where it replaces an installed program of that name. */
export function writeProgram(copy, name, script) {
  const file = path.join(copy.bin, name);
  fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Links each package separately, so that `npm ci` in the copy would only remove the links. */
function linkPackages(folder) {
  const from = path.join(root, 'node_modules');
  fs.mkdirSync(path.join(folder, 'node_modules'));
  for (const name of fs.readdirSync(from))
    fs.symlinkSync(path.join(from, name), path.join(folder, 'node_modules', name));
  const client = 'tests/openapi/client/node_modules';
  if (fs.existsSync(path.join(root, client))) fs.symlinkSync(path.join(root, client), path.join(folder, client));
}

/** Creates a folder, which is removed at the end of the test or suite `t`. */
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
    filter: (file) => !NOT_COPIED.includes(path.basename(file)),
  });
  linkPackages(folder);
  const bin = path.join(folder, '.bin');
  fs.mkdirSync(bin);
  const copy = { folder, bin };
  writeProgram(copy, 'cargo', `cd '${root}' && PATH=\${PATH#*:} exec cargo "$@"`);
  return copy;
}

/** Returns a port that is free now. */
export const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, 'localhost', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });

/** Checks whether a program listens on a port. */
export const isServed = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, 'localhost', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

/**
 * Returns the processes whose working folder is the given one, as `{pid, command}`. Only Linux has /proc; on other
 * systems, the list is empty.
 * @returns {{pid: number, command: string}[]}
 */
export function processesIn(folder) {
  if (!fs.existsSync('/proc/self/cwd')) return [];
  const found = [];
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (fs.readlinkSync(`/proc/${pid}/cwd`) !== folder) continue;
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      // A zombie (a process that has ended, but whose parent has not read its exit code) has no command.
      if (command) found.push({ pid: Number(pid), command });
    } catch {
      /* The process has ended, or belongs to another user. */
    }
  }
  return found;
}

/** Waits until a condition holds. If it does not hold in time, throws an error with the message from `problem`. */
export async function until(condition, problem, seconds = 60) {
  for (const limit = Date.now() + seconds * 1000; !(await condition()); await setTimeout(50))
    if (Date.now() > limit) throw new Error(problem());
}

/**
 * Starts a program in the copy. `output()` of the result is what it has printed so far, `waitFor(text)` waits until it
 * has printed a text, and `ended` is a promise of its exit code.
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
    output: () => text,
    ended,
    waitFor: (expected, seconds) =>
      until(
        () => {
          if (child.exitCode !== null && !text.includes(expected)) throw new Error(`the program ended: ${text}`);
          return text.includes(expected);
        },
        () => `the program did not print ${JSON.stringify(expected)}: ${text}`,
        seconds,
      ),
  };
}

/** Runs a program in the copy, and returns its exit code and its output. */
export async function run(copy, program, args, options) {
  const { output, ended } = start(copy, program, args, options);
  return { code: await ended, output: output() };
}
