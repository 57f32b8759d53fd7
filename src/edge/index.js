// The worker's entry module, and the only handwritten JavaScript in it. It passes the platform's events to the compiled
// worker, and fails the pending calls if the compiled worker's instance crashes.
import * as perfil from './perfil.js';

// The platform's own queueMicrotask enters native code for each step of a Rust future. A settled promise does the same
// in a tenth of the time.
const settled = Promise.resolve();
globalThis.queueMicrotask = (step) => {
  settled.then(step);
};

// A panic takes down the compiled worker's instance, and none of its pending calls will ever settle. The next call gets
// a fresh instance.
const waiting = new Set();
const gone = ({ error, reason }) => {
  const cause = error ?? reason;
  if (cause instanceof WebAssembly.RuntimeError) waiting.forEach((reject) => reject(cause));
};
addEventListener('error', gone);
addEventListener('unhandledrejection', gone);

/** Returns the result of `call`, or rejects with the cause if the instance crashes before the call settles. */
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
