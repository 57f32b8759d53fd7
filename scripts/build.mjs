// Compiles the worker to WebAssembly, and writes it and the reference page to build/, which wrangler deploys and the
// tests run. wrangler.toml specifies this script as its build command, so that `wrangler dev` and `wrangler deploy`
// build the worker themselves.
import fs from 'node:fs';
import path from 'node:path';
import { compile } from './compile.mjs';
import { output, root, run, Trouble } from './lib.mjs';
import { writePage } from './page.mjs';

const TARGET = 'wasm32-unknown-unknown';
const modified = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;

const { target_directory: target } = JSON.parse(
  await output('cargo', ['metadata', '--no-deps', '--format-version', '1']),
);
const compiled = path.join(target, TARGET, 'release/perfil.wasm');
const bindgen = path.join(target, 'debug', process.platform === 'win32' ? 'perfil-bindgen.exe' : 'perfil-bindgen');
const entry = path.join(root, 'src/edge/index.js');
const build = path.join(root, 'build');
const made = path.join(build, 'index.js');

/**
 * Whether a failed build may leave the previous one in place, because wrangler's development server stops replying if
 * its build command fails. wrangler sets WRANGLER_COMMAND.
 */
const mayKeepOld = process.env.WRANGLER_COMMAND === 'dev' && fs.existsSync(made);

async function compileAll() {
  if (!fs.existsSync(compiled))
    console.log(
      '  The first build compiles the worker, and then the tool that packages it. ' +
        'This takes about two minutes on two cores.',
    );
  await compile('the worker', ['--release', '--target', TARGET, '--package', 'perfil']);
  await compile('the packaging tool', ['--package', 'perfil-bindgen']);
}

async function writeBuild() {
  fs.rmSync(build, { recursive: true, force: true });
  await run(bindgen, [compiled, build]);
  fs.copyFileSync(entry, made);
  const bytes = fs.statSync(path.join(build, 'perfil_bg.wasm')).size;
  console.log(`  build/ was written, with ${Math.ceil(bytes / 1024)} KiB of WebAssembly`);
}

try {
  await compileAll();
} catch (error) {
  if (!(error instanceof Trouble && mayKeepOld)) throw error;
  console.error('perfil: the build failed (see above); the worker that was built before keeps running');
  process.exit(0);
}
if ([compiled, bindgen, entry].every((file) => modified(file) <= modified(made))) console.log('  build/ is up to date');
else await writeBuild();
await writePage(path.join(build, 'page'));
