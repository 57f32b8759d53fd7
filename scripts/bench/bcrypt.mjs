// A password change against the same crate native and against bcryptjs in workerd, interleaved.
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
/** What cargo's release profile is where nobody has changed it; ours is another one. */
const DEFAULTS = ['opt-level=3', 'lto=false', 'codegen-units=16'].flatMap((setting) => [
  '--config',
  `profile.release.${setting}`,
]);

const ratio = (ours, theirs) => median(ours.map((ms, round) => ms / theirs[round]));

/** A native program that hashes a password for each line. */
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
      const answered = once(lines, 'line');
      program.stdin.write(`${PASSWORD}\n`);
      await answered;
    },
    stop: () => program.stdin.end(),
  };
}

/** A worker that does nothing but hash with bcryptjs. */
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

/** The built worker: a whole password change, with its way to the database and back. */
async function perfil() {
  const worker = await startWorker();
  return {
    hash: async () => {
      const { status, text } = await worker.put('/api/v1/users/7', { as: 6, json: { password: PASSWORD } });
      if (status !== 200) throw new Error(`a password change was answered ${status}: ${text}`);
    },
    stop: () => worker.stop(),
  };
}

/**
 * Medians of milliseconds, and of the rounds' own ratios. `native` is the crate as cargo builds it by default,
 * `native_tuned` with our own profile. The first round is not counted: V8 compiles the loop while it already hashes.
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
