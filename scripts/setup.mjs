// Makes a fresh machine ready: the packages of package-lock.json and the parts of the Rust toolchain that are
// missing. A second call finds everything there and costs next to nothing.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { output, root, run, step, Trouble } from './lib.mjs';

const TARGET = 'wasm32-unknown-unknown';

/** Installs the npm packages unless those of this very lock file are there. */
export async function installPackages() {
  const lock = createHash('sha256')
    .update(fs.readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = path.join(root, 'node_modules/.perfil');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === lock) return;
  step('Installing the npm packages of package-lock.json');
  // Errors only: these packages want a newer Node than the one that installs them, and one of them is that Node.
  await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  fs.writeFileSync(stamp, lock);
}

/** Installs what rust-toolchain.toml names and rustup has not installed by itself. */
export async function installToolchain() {
  // The first call on a machine may install the toolchain: rustup says so itself.
  await output('cargo', ['--version']).catch(() => {
    throw new Trouble('Rust is missing: install rustup from https://rustup.rs, then run this again');
  });
  const installed = (await output('rustc', ['--print', 'target-libdir', '--target', TARGET])).trim();
  if (!fs.existsSync(installed)) {
    step(`Installing the Rust target ${TARGET}`);
    await run('rustup', ['target', 'add', TARGET]);
  }
}

/** Installs the two tools that only `npm test` needs. */
export async function installChecks() {
  const sysroot = (await output('rustc', ['--print', 'sysroot'])).trim();
  const missing = ['clippy', 'rustfmt'].filter(
    (tool) =>
      !fs
        .readdirSync(path.join(sysroot, 'bin'))
        .some((file) => file.startsWith(tool === 'clippy' ? 'cargo-clippy' : 'rustfmt')),
  );
  if (missing.length === 0) return;
  step(`Installing ${missing.join(' and ')}`);
  await run('rustup', ['component', 'add', ...missing]);
}
