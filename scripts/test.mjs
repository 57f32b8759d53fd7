// npm test: runs every check that a change must pass, the fastest first.
// npm test -- tests/http/health.test.mjs tests/native/rules.rs [--test-name-pattern="…"]: runs only these tests.
// Folders can be specified too. Options are those of `node --test`.
import os from 'node:os';
import { RECEIVER_TESTS, skippedReceivers } from '../tests/support/available_examples.mjs';
import { BROWSER_TESTS, noBrowser } from '../tests/support/browser.mjs';
import { run, step } from './lib.mjs';
import { installChecks, installPackages, installToolchain } from './setup.mjs';
import { allTests, select } from './test/select.mjs';

const TARGET = ['--target', 'wasm32-unknown-unknown', '--package', 'perfil'];
const STRICT = ['--', '-D', 'warnings'];

async function check(title, program, args) {
  step(title);
  const started = Date.now();
  await run(program, args);
  console.log(`  ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

const build = () => check('Build', 'node', ['scripts/build.mjs']);

function testNode(files, options) {
  const processes = Math.max(2, os.availableParallelism() - 1);
  return check('HTTP and import tests', 'node', ['--test', `--test-concurrency=${processes}`, ...options, ...files]);
}

async function testAll() {
  await installChecks();
  await check('Format, Rust', 'cargo', ['fmt', '--all', '--check']);
  await check('Format, JavaScript', 'biome', ['check', '--linter-enabled=false']);
  await check('Lint, JavaScript', 'biome', ['lint', '--error-on-warnings']);
  await check('Types, JavaScript', 'tsc', []);
  await check('Clippy, native', 'cargo', ['clippy', '--workspace', '--all-targets', ...STRICT]);
  await check('Clippy, WebAssembly', 'cargo', ['clippy', ...TARGET, ...STRICT]);
  await check('Native tests', 'cargo', ['test', '--workspace']);
  await build();
  await testNode(allTests(), ['--test-reporter=dot']);
}

async function testSome({ files, native, modules, options }) {
  if (native) await check('Native tests', 'cargo', ['test', '--test', 'native', '--', ...modules]);
  if (files.length === 0) return;
  await build();
  await testNode(files, options);
}

const args = process.argv.slice(2);
const named = args.length > 0 ? select(args) : undefined;
await installPackages();
await installToolchain();
await (named ? testSome(named) : testAll());
const files = named?.files ?? allTests();
const skipped = [
  files.some((file) => BROWSER_TESTS.includes(file)) && noBrowser,
  files.some((file) => RECEIVER_TESTS.includes(file)) && skippedReceivers(),
];
for (const reason of skipped.filter(Boolean)) console.log(`\nSkipped tests: ${reason}.`);
