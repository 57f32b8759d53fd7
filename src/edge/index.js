// The worker's entry module, and all of its JavaScript that is written by hand: it hands the platform's events to the
// compiled worker, and tells whoever waits for it when it is gone.
import * as perfil from './perfil.js';

// The platform's own crosses into native code and back for each of our steps; a settled promise does the same in a
// tenth of the time.
const settled = Promise.resolve();
globalThis.queueMicrotask = (step) => {
  settled.then(step);
};

// A panic takes the compiled worker's instance down, and nothing that it had begun comes to an end any more. The next
// call finds a fresh instance.
const waiting = new Set();
const gone = ({ error, reason }) => {
  const cause = error ?? reason;
  if (cause instanceof WebAssembly.RuntimeError) waiting.forEach((reject) => reject(cause));
};
addEventListener('error', gone);
addEventListener('unhandledrejection', gone);

/** What `call` answers, or why it never will. */
const answer = (call) =>
  new Promise((resolve, reject) => {
    const answered = call();
    const over = (settle) => (value) => {
      waiting.delete(reject);
      settle(value);
    };
    waiting.add(reject);
    answered.then(over(resolve), over(reject));
  });

export default {
  fetch: (request, env, ctx) =>
    answer(() => perfil.fetch(request, env, ctx)).catch((cause) => perfil.failed(request, env, String(cause))),
  scheduled: (event, env, ctx) => answer(() => perfil.scheduled(event, env, ctx)),
};
