// Measures the time from instantiating the compiled worker to its first reply.
//
// A worker's clock does not advance while it computes, and the platform starts a worker before the first request. So
// another worker starts it with the platform's own loader, each time in a fresh isolate, and is timed from outside. The
// control is an isolate with the same WebAssembly, compiled but never instantiated. The difference excludes everything
// that both have in common: the isolate, the compilation (which the platform does at deployment), and the two hops.
import fs from 'node:fs';
import path from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { filesBelow, read, root } from '../../tests/support/project.mjs';
import { SECRET, token } from '../../tests/support/tokens.mjs';
import { Trouble } from '../lib.mjs';
import { median } from '../statistics.mjs';

const ROUNDS = 40;
/** Maximum start-up time, in milliseconds. */
export const BUDGET = 10;

const CONTROL = `import module from './perfil_bg.wasm';
export default { fetch: () => new Response(String(module), { status: 401 }) };`;

const LOADER = `
import bytes from './worker.bin';
import modules from './modules.mjs';

let loaded = 0;

/**
 * Returns the same WebAssembly with a unique section at its end, because the runtime caches compiled modules.
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

/** Returns the modules that the loader can start, by name. The WebAssembly is a module of the loader itself. */
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

/** Starts an isolate with a main module, and returns the time to its first reply in milliseconds. */
async function first(url, main, headers) {
  const started = performance.now();
  const target = new URL(`/users?main=${main}`, url);
  const response = await fetch(target, { method: 'PUT', headers, body: '{"name":"Jane Doe"}' });
  const text = await response.text();
  if (response.status !== 401)
    throw new Trouble(`a fresh ${main} returned ${response.status} instead of 401: ${text.slice(0, 500)}`);
  return performance.now() - started;
}

/** Returns the time from instantiation to the first reply in milliseconds, and its ratio to the control's time. */
export async function startup(report) {
  const miniflare = startLoader();
  try {
    const url = await miniflare.unsafeGetDirectURL('loader');
    // The most that works without a database: the token is parsed and its signature is computed.
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
    // The first round includes connecting.
    rounds.shift();
    return {
      ms: median(rounds.map(({ difference }) => difference)),
      factor: median(rounds.map(({ control, difference }) => difference / control)),
    };
  } finally {
    await miniflare.dispose();
  }
}
