// `wrangler dev` as a child. What it prints before it is ready is shown only if it does not become ready.
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { start, step, Trouble } from '../lib.mjs';

const PATIENCE_MS = 30_000;
/** wrangler's prefix of what the build prints, with or without colours. */
const BUILD = /^\S*\[custom build\]\S* /;

/** @typedef {{port: string, page: string, vars: Record<string, string>}} Options the page's folder, and variables */

/** @param {Options} options */
function spawnWrangler({ port, page, vars }) {
  const set = Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`]);
  const args = ['--port', port, '--assets', page, '--show-interactive-dev-session=false', ...set];
  return start('wrangler', ['dev', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: process.stdout.isTTY ? { FORCE_COLOR: '1', CARGO_TERM_COLOR: 'always' } : {},
  });
}

/** Shows a child's lines, but holds them back until `isReady(line)`, or until `release` is called. */
function showLines(child, isReady) {
  let held = [];
  const release = () => {
    for (const line of held ?? []) console.log(line);
    held = undefined;
  };
  const ready = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream).on('line', (line) => {
        if (isReady(stripVTControlCharacters(line))) resolve((held = undefined));
        else if (held) held.push(line);
        else console.log(line.replace(BUILD, ''));
      });
  });
  return { ready, release };
}

/**
 * Starts the server, and returns once it accepts requests: `stop` ends it, and `onEnd` is called if it ends by itself.
 * @param {Options} options
 */
export async function startServer(options, onEnd) {
  step('Starting wrangler dev');
  const child = spawnWrangler(options);
  let asked = false;
  const ended = new Promise((resolve) => child.on('error', () => resolve(1)).on('exit', resolve));
  const { ready, release } = showLines(child, (line) => line.includes('Ready on http'));
  const timer = setTimeout(release, PATIENCE_MS);
  ended.then((code) => {
    release();
    if (!asked) onEnd(code ?? 1);
  });
  await Promise.race([ready, ended]);
  clearTimeout(timer);
  return {
    stop: async () => {
      asked = true;
      child.kill('SIGINT');
      const timeout = setTimeout(() => {
        throw new Trouble('wrangler dev did not stop');
      }, 10_000);
      await ended;
      clearTimeout(timeout);
    },
  };
}
