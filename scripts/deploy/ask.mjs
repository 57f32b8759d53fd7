// Asks questions in the terminal.
import readline from 'node:readline/promises';
import { Writable } from 'node:stream';

export const canAsk = Boolean(process.stdin.isTTY && process.stdout.isTTY);

/** Asks a question and returns the line that the user types. A `hidden` line is not shown. */
export async function ask(question, { hidden = false } = {}) {
  console.log(question);
  if (hidden) process.stdout.write('> ');
  const discarded = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = readline.createInterface({
    input: process.stdin,
    output: hidden ? discarded : process.stdout,
    terminal: true,
  });
  // Ctrl-C and Ctrl-D close the interface. Without this, the question would wait forever, or fail with a stack trace.
  const cancel = () => process.exit(130);
  terminal.on('close', cancel);
  const answer = await terminal.question('> ');
  terminal.off('close', cancel);
  terminal.close();
  if (hidden) console.log();
  return answer.trim();
}
