// Runs `wrangler dev` as a child process. Its output from before it is ready is shown only if it does not become ready.
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { start, step, Trouble } from '../lib.mjs';

/** If wrangler is not ready after this time, its output is shown. */
const SHOW_OUTPUT_AFTER_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;
/** wrangler's prefix of the lines that the build prints, with or without colours. */
const BUILD = /^\S*\[custom build\]\S* /;

/** @typedef {{port: string, page: string, vars: Record<string, string>}} Options `page` is the page's folder */

/** @param {Options} options */
function spawnWrangler({ port, page, vars }) {
  const settings = Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`]);
  const args = ['--port', port, '--assets', page, '--show-interactive-dev-session=false', ...settings];
  return start('wrangler', ['dev', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: process.stdout.isTTY ? { FORCE_COLOR: '1', CARGO_TERM_COLOR: 'always' } : {},
  });
}

/**
 * Shows the lines that a child prints after the first one for which `isReady(line)` is true. The lines before it are
 * buffered, and shown only if `showBuffered` is called.
 */
function showLines(child, isReady) {
  let buffered = [];
  const showBuffered = () => {
    for (const line of buffered ?? []) console.log(line);
    buffered = undefined;
  };
  const ready = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream).on('line', (line) => {
        if (isReady(stripVTControlCharacters(line))) resolve((buffered = undefined));
        else if (buffered) buffered.push(line);
        else console.log(line.replace(BUILD, ''));
      });
  });
  return { ready, showBuffered };
}

/**
 * Starts the server, and returns once it accepts requests. `stop` of the result ends it. `onEnd` is called with the
 * exit code if it ends by itself.
 * @param {Options} options
 */
export async function startServer(options, onEnd) {
  step('Starting wrangler dev');
  const child = spawnWrangler(options);
  let isStopping = false;
  const ended = new Promise((resolve) => child.on('error', () => resolve(1)).on('exit', resolve));
  const { ready, showBuffered } = showLines(child, (line) => line.includes('Ready on http'));
  const timer = setTimeout(showBuffered, SHOW_OUTPUT_AFTER_MS);
  ended.then((code) => {
    showBuffered();
    if (!isStopping) onEnd(code ?? 1);
  });
  await Promise.race([ready, ended]);
  clearTimeout(timer);
  return {
    stop: async () => {
      isStopping = true;
      child.kill('SIGINT');
      const timeout = setTimeout(() => {
        throw new Trouble('wrangler dev did not stop');
      }, STOP_DEADLINE_MS);
      await ended;
      clearTimeout(timeout);
    },
  };
}
