// What the scripts share: where the project is, and how they run a program. Node alone, nothing installed.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** The installed packages' programs come first on PATH: among them a Node that wrangler can run on. */
const environment = {
  ...process.env,
  PATH: [path.join(root, 'node_modules/.bin'), process.env.PATH].join(path.delimiter),
  // Quick and quiet: nothing is asked of or sent to anybody while developing.
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
};

/** An error that is told in its own words, without a stack: one line that says what is wrong and what to do. */
export class Trouble extends Error {}

process.on('uncaughtException', (error) => {
  console.error(error instanceof Trouble ? `perfil: ${error.message}` : error);
  process.exit(1);
});

/** Starts a program in the project's folder. */
export const start = (program, args, options) =>
  spawn(program, args, {
    cwd: root,
    env: environment,
    ...options,
    // npm's programs are .cmd files on Windows, which only a shell can start.
    shell: process.platform === 'win32',
  });

/** @returns {Promise<void>} */
const ended = (child, program, args) =>
  new Promise((resolve, reject) => {
    child.on('error', () => reject(new Trouble(`cannot start '${program}': is it installed and on your PATH?`)));
    child.on('exit', (code, signal) =>
      code === 0
        ? resolve()
        : reject(
            new Trouble(
              `'${[program, ...args].join(' ')}' ended with ${signal ?? `exit code ${code}`}; its output is above`,
            ),
          ),
    );
  });

/** Runs a program, its output shown; throws when it fails. */
export const run = (program, args, options) =>
  ended(start(program, args, { stdio: 'inherit', ...options }), program, args);

/** Runs a program and returns what it printed; throws when it fails. */
export async function output(program, args) {
  const child = start(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  await ended(child, program, args);
  return text;
}

/** Runs a program and returns its exit code and what it printed, also when it fails. */
export async function capture(program, args) {
  const child = start(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const code = await new Promise((resolve, reject) => {
    child.on('error', () => reject(new Trouble(`cannot start '${program}': is it installed and on your PATH?`)));
    child.on('close', resolve);
  });
  return { code, text };
}

/** Says what is being done now. */
export const step = (text) => console.log(`\n▸ ${text}`);
