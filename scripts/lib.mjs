// Shared by the scripts: the project's folder, and functions to run programs. Needs only Node, no installed packages.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** An error for the user, printed without a stack: one line with the problem and what to do about it. */
export class Trouble extends Error {}

process.on('uncaughtException', (error) => {
  console.error(error instanceof Trouble ? `perfil: ${error.message}` : error);
  process.exit(1);
});

// Each script imports this module before the others, so an old Node is refused before it fails at something else.
const MIN_NODE = [20, 12];
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1]))
  throw new Trouble(
    `this is Node ${process.versions.node}, and Perfil needs ${MIN_NODE.join('.')} or newer: ` +
      'install a current version from https://nodejs.org',
  );

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Puts the programs of the installed packages first on PATH, among them a Node that can run wrangler. */
const environment = {
  ...process.env,
  PATH: [path.join(root, 'node_modules/.bin'), process.env.PATH].join(path.delimiter),
  // No requests to Cloudflare for metrics, reports or request metadata.
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
};

/** Starts a program in the project's folder. `env` is added to its environment. */
export const start = (program, args, { env = {}, ...options } = /** @type {any} */ ({})) =>
  spawn(program, args, {
    cwd: root,
    env: { ...environment, ...env },
    ...options,
    // On Windows, npm's programs are .cmd files, which only a shell can start.
    shell: process.platform === 'win32',
  });

/** @returns {Promise<void>} */
const ended = (child, program, args) =>
  new Promise((resolve, reject) => {
    child.on('error', () => reject(new Trouble(`cannot start '${program}': is it installed and on your PATH?`)));
    child.on('close', (code, signal) =>
      code === 0
        ? resolve()
        : reject(
            new Trouble(
              `'${[program, ...args].join(' ')}' ended with ${signal ?? `exit code ${code}`}; its output is above`,
            ),
          ),
    );
  });

/** Runs a program and shows its output. Throws if it fails. */
export const run = (program, args, options = {}) =>
  ended(start(program, args, { stdio: 'inherit', ...options }), program, args);

function collect(stream, texts) {
  stream.setEncoding('utf8').on('data', (text) => texts.push(text));
}

/** Runs a program and returns its output. Throws if it fails. */
export async function output(program, args, options = {}) {
  const child = start(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  const texts = [];
  collect(child.stdout, texts);
  await ended(child, program, args);
  return texts.join('');
}

/**
 * Runs a program without showing its output. Returns `{error, printed, all}`: the error if it failed, its standard
 * output, and its standard output and error combined.
 */
export async function attempt(program, args, options = {}) {
  const child = start(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const [printed, all] = [[], []];
  collect(child.stdout, printed);
  for (const stream of [child.stdout, child.stderr]) collect(stream, all);
  const error = await ended(child, program, args).catch((reason) => reason);
  return { error, printed: printed.join(''), all: all.join('') };
}

/** Like `output`, but also hides error messages. If the program fails, everything that it printed is shown. */
export async function quietly(program, args, options = {}) {
  const { error, printed, all } = await attempt(program, args, options);
  if (!error) return printed;
  process.stderr.write(all);
  throw error;
}

/** Throws if npm treated an option of the script as one of its own, because `--` was missing before it. */
export function assertNotTakenByNpm(script, names) {
  const option = names.find((name) => process.env[`npm_config_${name.replaceAll('-', '_')}`] !== undefined);
  if (option)
    throw new Trouble(
      `npm treated --${option} as one of its own options: put \`--\` before the options, as in ` +
        `\`npm run ${script} -- --${option} …\``,
    );
}

/** Runs a program and returns its exit code and its output, even if it fails. */
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

export const step = (text) => console.log(`\n▸ ${text}`);
