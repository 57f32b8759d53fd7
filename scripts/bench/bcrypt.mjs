// Compares a password change with the same crate compiled natively and with bcryptjs in workerd, interleaved.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { startWorker } from '../../tests/support/worker.mjs';
import { output, root, run } from '../lib.mjs';
import { median } from '../statistics.mjs';

const ROUNDS = 25;
const PASSWORD = 'correct horse battery staple';
/** cargo's default release profile, which the worker's profile overrides. */
const DEFAULTS = ['opt-level=3', 'lto=false', 'codegen-units=16'].flatMap((setting) => [
  '--config',
  `profile.release.${setting}`,
]);

const ratio = (times, others) => median(times.map((ms, round) => ms / others[round]));

/** Builds and starts a native program that hashes a password for each line. */
async function native(folder, settings) {
  const { target_directory: target } = JSON.parse(
    await output('cargo', ['metadata', '--no-deps', '--format-version', '1']),
  );
  const built = path.join(target, folder);
  await run('cargo', [
    'build',
    '--release',
    '--quiet',
    '--package',
    'perfil-bench',
    '--target-dir',
    built,
    ...settings,
  ]);
  const program = spawn(
    path.join(built, process.platform === 'win32' ? 'release/perfil-bench.exe' : 'release/perfil-bench'),
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: program.stdout });
  return {
    hash: async () => {
      const hashed = once(lines, 'line');
      program.stdin.write(`${PASSWORD}\n`);
      await hashed;
    },
    stop: () => program.stdin.end(),
  };
}

/** Starts a worker that only hashes with bcryptjs. */
async function bcryptjs() {
  const source = fs
    .readFileSync(path.join(root, 'node_modules/bcryptjs/index.js'), 'utf8')
    .replace(/^import nodeCrypto from "crypto";$/m, 'const nodeCrypto = undefined;');
  const worker =
    "import bcrypt from './bcryptjs.js';\n" +
    'export default { fetch: async (request) => new Response(bcrypt.hashSync(await request.text(), 12)) };';
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      workers: [
        {
          name: 'bcryptjs',
          modulesRoot: root,
          compatibilityDate: '2026-10-01',
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
          modules: [
            { type: 'ESModule', path: path.join(root, 'worker.js'), contents: worker },
            { type: 'ESModule', path: path.join(root, 'bcryptjs.js'), contents: source },
          ],
        },
      ],
    }),
  );
  const url = await miniflare.unsafeGetDirectURL('bcryptjs');
  return {
    hash: async () => (await fetch(url, { method: 'POST', body: PASSWORD })).text(),
    stop: () => miniflare.dispose(),
  };
}

/** Starts the built worker, which makes a complete password change, including its database calls. */
async function perfil() {
  const worker = await startWorker();
  return {
    hash: async () => {
      const { status, text } = await worker.put('/api/v1/users/7', { as: 6, json: { password: PASSWORD } });
      if (status !== 200) throw new Error(`a password change returned ${status}: ${text}`);
    },
    stop: () => worker.stop(),
  };
}

/**
 * Returns medians of the times in milliseconds and of the ratios in each round. `native` is the crate as cargo builds
 * it by default, `native_tuned` the crate with the worker's profile. The first round is not counted, because V8 still
 * compiles the loop while it hashes.
 */
export async function bcrypt() {
  const hashers = {
    worker: await perfil(),
    native: await native('bench-defaults', DEFAULTS),
    native_tuned: await native('bench', []),
    bcryptjs: await bcryptjs(),
  };
  const times = Object.fromEntries(Object.keys(hashers).map((name) => [name, []]));
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, { hash }] of Object.entries(hashers)) {
        const started = performance.now();
        await hash();
        if (round > 0) times[name].push(performance.now() - started);
      }
    }
  } finally {
    await Promise.all(Object.values(hashers).map(({ stop }) => stop()));
  }
  return {
    ...Object.fromEntries(Object.entries(times).map(([name, ms]) => [`${name}_ms`, median(ms)])),
    ...Object.fromEntries(
      Object.keys(times)
        .slice(1)
        .map((name) => [`ratio_${name}`, ratio(times.worker, times[name])]),
    ),
  };
}
