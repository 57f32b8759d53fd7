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
  // Ctrl-C and Ctrl-D close the terminal, and the question would otherwise stay open, or fail with a stack.
  const cancel = () => process.exit(130);
  terminal.on('close', cancel);
  const answer = await terminal.question('> ');
  terminal.off('close', cancel);
  terminal.close();
  if (hidden) console.log();
  return answer.trim();
}
