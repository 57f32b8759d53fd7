// The files in docs/testing.md that show how another project's tests use Perfil. They run unchanged.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { read, root } from '../support/project.mjs';
import { copyProject, run, temporaryFolder } from './support.mjs';

const DEADLINE = { timeout: 180_000 };
const FILES = Object.fromEntries(
  [...read('docs/testing.md').matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name, text]) => [name, text]),
);
const PACKAGES = ['wrangler', 'miniflare', 'vitest', 'vite', '@cloudflare'];

const folder = temporaryFolder({ after });
const perfil = copyProject(path.join(folder, 'perfil'));
const project = { folder, bin: folder };

/** Runs a command of the page in the folder of the project that uses Perfil. */
const runInProject = (program, ...args) =>
  run(project, program, args, { env: { CLOUDFLARE_CF_FETCH_ENABLED: 'false' } });

before(async () => {
  for (const [name, text] of Object.entries(FILES)) fs.writeFileSync(path.join(folder, name), text);
  fs.mkdirSync(path.join(folder, 'node_modules'));
  for (const name of PACKAGES)
    fs.symlinkSync(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name));
  const [, build] = /^npm --prefix perfil run (deploy -- .*)$/m.exec(read('docs/testing.md'));
  const { code, output } = await run(perfil, 'npm', ['run', ...build.split(' ')]);
  assert.equal(code, 0, output);
}, DEADLINE);

test('the page has these files, with the current compatibility date', () => {
  assert.deepEqual(Object.keys(FILES), [
    'harness.test.mjs',
    'vitest.config.mjs',
    'vitest.test.mjs',
    'miniflare.test.mjs',
  ]);
  const [, date] = /^compatibility_date = "(.*)"$/m.exec(read('wrangler.toml'));
  assert.ok(FILES['miniflare.test.mjs'].includes(`compatibilityDate: '${date}'`));
});

for (const name of ['harness.test.mjs', 'miniflare.test.mjs'])
  test(`${name} passes`, DEADLINE, async () => {
    const { code, output } = await runInProject('node', '--test', name);
    assert.equal(code, 0, output);
    assert.match(output, /^ℹ pass 1$|^# pass 1$/m);
  });

test('vitest.test.mjs passes', DEADLINE, async () => {
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const { code, output } = await runInProject('node', vitest, 'run', '--no-color');
  assert.equal(code, 0, output);
  assert.match(output, /Tests {2}1 passed/);
});
