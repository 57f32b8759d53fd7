// Compiles the worker to WebAssembly and writes build/, and the reference page beside it: what wrangler deploys and
// what the tests run. wrangler.toml calls it too, so that `wrangler dev` and `wrangler deploy` work by themselves.
import fs from 'node:fs';
import path from 'node:path';
import { output, root, run } from './lib.mjs';
import { writePage } from './page.mjs';

const TARGET = 'wasm32-unknown-unknown';
const modified = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;

await run('cargo', ['build', '--release', '--target', TARGET, '--package', 'perfil']);
await run('cargo', ['build', '--package', 'perfil-bindgen']);

const { target_directory: target } = JSON.parse(
  await output('cargo', ['metadata', '--no-deps', '--format-version', '1']),
);
const compiled = path.join(target, TARGET, 'release/perfil.wasm');
const bindgen = path.join(target, 'debug', process.platform === 'win32' ? 'perfil-bindgen.exe' : 'perfil-bindgen');
const entry = path.join(root, 'src/edge/index.js');
const build = path.join(root, 'build');
const made = path.join(build, 'index.js');

if ([compiled, bindgen, entry].every((file) => modified(file) <= modified(made))) {
  console.log('build/ is up to date');
} else {
  fs.rmSync(build, { recursive: true, force: true });
  await run(bindgen, [compiled, build]);
  fs.copyFileSync(entry, made);
  const bytes = fs.statSync(path.join(build, 'perfil_bg.wasm')).size;
  console.log(`build/ is made: ${Math.ceil(bytes / 1024)} KiB of WebAssembly`);
}
writePage(path.join(build, 'page'));
