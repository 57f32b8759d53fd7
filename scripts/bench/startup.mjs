// How long it takes from instantiating the compiled worker to its first reply.
//
// A worker may not look at its own clock while it computes, and the platform starts it before anybody can ask. So
// another worker starts it, by the platform's own loader, each time in a fresh isolate, and is timed from outside. The
// control is an isolate with the same WebAssembly compiled, which it never instantiates: what both take (the isolate,
// the compilation, which the platform does when a worker is deployed, the two hops) falls out of the difference.
import fs from 'node:fs';
import path from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { filesBelow, read, root } from '../../tests/support/project.mjs';
import { SECRET, token } from '../../tests/support/tokens.mjs';
import { Trouble } from '../lib.mjs';
import { median } from '../statistics.mjs';

const ROUNDS = 40;
/** What it may take, in milliseconds. */
export const BUDGET = 10;

const CONTROL = `import module from './perfil_bg.wasm';
export default { fetch: () => new Response(String(module), { status: 401 }) };`;

const LOADER = `
import bytes from './worker.bin';
import modules from './modules.mjs';

let loaded = 0;

/**
 * The same WebAssembly with a section of its own at the end: the runtime keeps what it has compiled, and would find it.
 */
function another() {
  const name = new TextEncoder().encode('load ' + String(++loaded).padStart(10, '0'));
  const section = [0, name.length + 1, name.length, ...name];
  const longer = new Uint8Array(bytes.byteLength + section.length);
  longer.set(new Uint8Array(bytes));
  longer.set(section, bytes.byteLength);
  return longer.buffer;
}

export default {
  fetch(request, env) {
    const mainModule = new URL(request.url).searchParams.get('main');
    const code = {
      mainModule,
      modules: { ...modules, 'perfil_bg.wasm': { wasm: another() } },
      compatibilityDate: env.DATE,
      env: { JWT_SECRET: env.JWT_SECRET },
    };
    return env.LOADER.get(String(loaded), () => code).getEntrypoint().fetch(request);
  },
};`;

/** The modules that the loader may start, by name. The WebAssembly is a module of the loader's own. */
function scripts() {
  const files = filesBelow('build').filter((file) => /^(?!page).*\.js$/.test(file));
  const built = files.map((file) => [file.replaceAll(path.sep, '/'), read('build', file)]);
  return { ...Object.fromEntries(built), 'control.js': CONTROL };
}

function startLoader() {
  const [, date] = /^compatibility_date = "(.*)"$/m.exec(read('wrangler.toml'));
  const wasm = new Uint8Array(fs.readFileSync(path.join(root, 'build/perfil_bg.wasm')));
  const modules = `export default ${JSON.stringify(scripts())};`;
  return new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      handleStructuredLogs() {},
      workers: [
        {
          name: 'loader',
          modulesRoot: root,
          compatibilityDate: date,
          bindings: { JWT_SECRET: SECRET, DATE: date },
          workerLoaders: { LOADER: {} },
          modules: [
            { type: 'ESModule', path: path.join(root, 'loader.mjs'), contents: LOADER },
            { type: 'ESModule', path: path.join(root, 'modules.mjs'), contents: modules },
            { type: 'Data', path: path.join(root, 'worker.bin'), contents: wasm },
          ],
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
        },
      ],
    }),
  );
}

/** Starts an isolate with that main module, and returns the milliseconds to its first reply. */
async function first(url, main, headers) {
  const begun = performance.now();
  const target = new URL(`/users?main=${main}`, url);
  const response = await fetch(target, { method: 'PUT', headers, body: '{"name":"Jane Doe"}' });
  const text = await response.text();
  if (response.status !== 401)
    throw new Trouble(`a fresh ${main} answers ${response.status} where 401 is due: ${text.slice(0, 500)}`);
  return performance.now() - begun;
}

/** Milliseconds from instantiation to the first reply, and how many times what the control takes that is. */
export async function startup(report) {
  const miniflare = startLoader();
  try {
    const url = await miniflare.unsafeGetDirectURL('loader');
    // As far as one gets without a database: the token is read and its signature is computed.
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${await token(1, { secret: 'not the secret that the worker knows' })}`,
    };
    const rounds = [];
    for (let round = 0; round <= ROUNDS; round++) {
      report('start-up', `isolate ${round} of ${ROUNDS}`);
      const control = await first(url, 'control.js', headers);
      rounds.push({ control, difference: (await first(url, 'index.js', headers)) - control });
    }
    // The first has connected, too.
    rounds.shift();
    return {
      ms: median(rounds.map(({ difference }) => difference)),
      factor: median(rounds.map(({ control, difference }) => difference / control)),
    };
  } finally {
    await miniflare.dispose();
  }
}
