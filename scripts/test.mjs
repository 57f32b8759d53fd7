// npm test: everything that must hold before a change lands, in the order in which it fails fastest.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { noBrowser } from '../tests/support/browser.mjs';
import { root, run, step } from './lib.mjs';
import { installChecks, installPackages, installToolchain } from './setup.mjs';

const TARGET = ['--target', 'wasm32-unknown-unknown', '--package', 'perfil'];
const STRICT = ['--', '-D', 'warnings'];

async function check(title, program, args) {
  step(title);
  const started = Date.now();
  await run(program, args);
  console.log(`  ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

await installPackages();
await installToolchain();
await installChecks();
await check('Format', 'cargo', ['fmt', '--all', '--check']);
await check('Clippy, native', 'cargo', ['clippy', '--workspace', '--all-targets', ...STRICT]);
await check('Clippy, WebAssembly', 'cargo', ['clippy', ...TARGET, ...STRICT]);
await check('Native tests', 'cargo', ['test', '--workspace']);
await check('Build', 'node', ['scripts/build.mjs']);
const tests = ['tests/import', 'tests/http'].flatMap((folder) =>
  fs
    .readdirSync(path.join(root, folder))
    .filter((file) => file.endsWith('.test.mjs'))
    .map((file) => `${folder}/${file}`),
);
const processes = Math.max(2, os.availableParallelism() - 1);
await check('HTTP and import tests', 'node', [
  '--test',
  '--test-reporter=dot',
  `--test-concurrency=${processes}`,
  ...tests,
]);
if (noBrowser) console.log(`\nLeft out: ${noBrowser}.`);
