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
const pending = new Set();
const rejectPending = ({ error, reason }) => {
  const cause = error ?? reason;
  if (cause instanceof WebAssembly.RuntimeError) pending.forEach((reject) => reject(cause));
};
addEventListener('error', rejectPending);
addEventListener('unhandledrejection', rejectPending);

/** Returns the result of `call`, or rejects with the cause if the instance crashes before the call settles. */
const rejectOnCrash = (call) =>
  new Promise((resolve, reject) => {
    const result = call();
    const finishWith = (settle) => (value) => {
      pending.delete(reject);
      settle(value);
    };
    pending.add(reject);
    result.then(finishWith(resolve), finishWith(reject));
  });

export default {
  fetch: (request, env, ctx) =>
    rejectOnCrash(() => perfil.fetch(request, env, ctx)).catch((cause) => perfil.failed(request, env, String(cause))),
  scheduled: (event, env, ctx) => rejectOnCrash(() => perfil.scheduled(event, env, ctx)),
};
