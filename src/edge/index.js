// The worker's entry module, and all of its JavaScript that is written by hand: it hands the platform's events to
// the compiled worker.
import * as perfil from './perfil.js';

export default {
  fetch: (request, env, ctx) => perfil.fetch(request, env, ctx),
  scheduled: (event, env, ctx) => perfil.scheduled(event, env, ctx),
};
