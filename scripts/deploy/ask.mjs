// Questions to whoever deploys from a terminal.
import readline from 'node:readline/promises';
import { Writable } from 'node:stream';

export const canAsk = Boolean(process.stdin.isTTY && process.stdout.isTTY);

/** Asks a question and returns the line that is typed; a `hidden` one is not shown. */
export async function ask(question, { hidden = false } = {}) {
  console.log(question);
  if (hidden) process.stdout.write('> ');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = readline.createInterface({
    input: process.stdin,
    output: hidden ? nowhere : process.stdout,
    terminal: true,
  });
  // Ctrl-C would otherwise leave the question open for ever.
  terminal.on('SIGINT', () => process.exit(130));
  const answer = await terminal.question('> ');
  terminal.close();
  if (hidden) console.log();
  return answer.trim();
}
