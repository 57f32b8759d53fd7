// The packages and tools that the scripts install, and their messages if that fails.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { read } from '../support/project.mjs';
import { copyProject, run, temporaryFolder, writeProgram } from './support.mjs';

const copy = copyProject(temporaryFolder({ after }));

test('every script refuses an old Node before it does anything else', async () => {
  const old = "Object.defineProperty(process.versions, 'node', { value: '18.20.8' })";
  const scripts = Object.values(JSON.parse(read('package.json')).scripts);
  for (const script of scripts) {
    const [, file] = /^node (scripts\/\w+\.mjs)$/.exec(script);
    const { code, output } = await run(copy, 'node', ['--import', `data:text/javascript,${old}`, file]);
    assert.deepEqual(
      [code, output.split(':').slice(0, 2)],
      [1, ['perfil', ' this is Node 18.20.8, and Perfil needs 20.12 or newer']],
      file,
    );
  }
});

test('an option that npm treated as its own, because -- was missing, is reported', async () => {
  for (const [script, name, args] of /** @type {[string, string, string[]][]} */ ([
    ['dev', 'port', []],
    ['token', 'layout', ['42']],
    ['deactivate', 'remote', ['seam', '42']],
    ['changes', 'remote', []],
    ['import', 'prune', ['--from', 'seam', 'dump.sql']],
    ['deploy', 'dry-run', []],
  ])) {
    const env = { [`npm_config_${name.replace('-', '_')}`]: 'true' };
    const { code, output } = await run(copy, 'node', [`scripts/${script}.mjs`, ...args], { env });
    const expected = `perfil: npm treated --${name} as one of its own options: put \`--\` before the options`;
    assert.deepEqual([code, output.slice(0, expected.length)], [1, expected]);
  }
});

test('cargo without rustup: the message names the missing target and how to install it', async () => {
  const bin = path.join(copy.folder, '.without-rustup');
  fs.mkdirSync(bin);
  for (const name of ['node', 'npm', 'sh']) {
    const [found] = process.env.PATH.split(path.delimiter).filter((folder) => fs.existsSync(path.join(folder, name)));
    fs.symlinkSync(path.join(found, name), path.join(bin, name));
  }
  // The real compiler, with a sysroot that has no libraries.
  const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
  writeProgram({ bin }, 'cargo', `exec '${sysroot}/bin/cargo' "$@"`);
  writeProgram({ bin }, 'rustc', `exec '${sysroot}/bin/rustc' --sysroot '${copy.folder}' "$@"`);
  const { code, output } = await run({ ...copy, bin }, 'node', ['scripts/dev.mjs'], { PATH: '' });
  assert.equal(code, 1);
  assert.match(output, /\nperfil: the Rust target wasm32-unknown-unknown is missing, and rustup did not install it: /);
});

test('npm ci runs only if a package of the lock file is missing', async () => {
  writeProgram(copy, 'npm', 'echo "npm $*"; exit 1');
  const install = () => run(copy, 'node', ['--eval', "import('./scripts/setup.mjs').then((s) => s.installPackages())"]);
  assert.deepEqual(await install(), { code: 0, output: '' });
  for (const [name, contents] of [
    ['package-lock.json', read('package-lock.json').replace('"version": "4.156.0"', '"version": "4.156.1"')],
    ['node_modules/.package-lock.json', '{"packages":{}}'],
  ]) {
    const file = path.join(copy.folder, name);
    const before = fs.readFileSync(file);
    fs.rmSync(file);
    fs.writeFileSync(file, contents);
    const { code, output } = await install();
    assert.equal(code, 1);
    assert.match(output, /^\n▸ Installing the npm packages of package-lock\.json\nnpm ci /);
    fs.writeFileSync(file, before);
  }
  fs.rmSync(path.join(copy.folder, 'node_modules/jose'));
  assert.equal((await install()).code, 1);
});
