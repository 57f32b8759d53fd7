// Runs `cargo build` and shows the compiler's messages. Instead of the names of the crates, it shows how many were
// started: in a terminal in one line that is overwritten, otherwise in a new line every 20 seconds.
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { start, Trouble } from './lib.mjs';

const LINE_INTERVAL_MS = 20_000;
/** cargo's status lines: a verb, right-aligned in twelve columns. */
const STATUS =
  /^ *(Adding|Blocking|Compiling|Downloaded|Downloading|Finished|Fresh|Locking|Unpacking|Updating|Waiting) /;
const isTerminal = process.stderr.isTTY;

/**
 * Shows the progress of a build. `crate` counts a crate, `message` prints a line of the compiler, and `end` removes the
 * progress line.
 */
function progress(name) {
  const started = Date.now();
  let count = 0;
  let shown = started;
  const clear = () => isTerminal && process.stderr.write('\r\x1b[K');
  return {
    crate: () => {
      count += 1;
      const seconds = Math.round((Date.now() - started) / 1000);
      const text = `  compiling ${name}: ${count} ${count === 1 ? 'crate' : 'crates'}, ${seconds} s`;
      if (isTerminal) process.stderr.write(`\r${text}\x1b[K`);
      else if (Date.now() - shown > LINE_INTERVAL_MS) {
        shown = Date.now();
        console.log(text);
      }
    },
    message: (line) => {
      clear();
      console.error(line);
    },
    end: clear,
  };
}

/**
 * Compiles a package, and throws if that fails.
 * @param {string} name the package's name for the progress line
 * @param {string[]} args arguments of `cargo build`
 */
export async function compile(name, args) {
  const env = isTerminal ? { CARGO_TERM_COLOR: 'always', CARGO_TERM_PROGRESS_WHEN: 'never' } : {};
  const child = start('cargo', ['build', ...args], { stdio: ['ignore', 'inherit', 'pipe'], env });
  const { crate, message, end } = progress(name);
  createInterface(child.stderr).on('line', (line) => {
    const [, verb] = STATUS.exec(stripVTControlCharacters(line)) ?? [];
    if (!verb) message(line);
    else if (verb === 'Compiling') crate();
    // Another cargo holds the lock on the target folder. The message explains the wait.
    else if (verb === 'Blocking') message(line);
  });
  const code = await new Promise((resolve) => child.on('error', () => resolve(1)).on('close', resolve));
  end();
  if (code !== 0) throw new Trouble(`${name} could not be compiled; cargo's messages are above`);
}
