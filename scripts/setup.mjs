// Prepares a fresh machine: installs the packages of package-lock.json and the missing parts of the Rust toolchain. If
// everything is installed, this takes next to no time.
import fs from 'node:fs';
import path from 'node:path';
import { output, root, run, step, Trouble } from './lib.mjs';

const TARGET = 'wasm32-unknown-unknown';

/** Returns the packages of a lock file, by their folder. */
function packagesOf(file) {
  const lock = path.join(root, file);
  return fs.existsSync(lock) ? JSON.parse(fs.readFileSync(lock, 'utf8')).packages : undefined;
}

/**
 * Checks whether a folder's node_modules has the packages of its package-lock.json. npm keeps a lock file of the
 * installed packages in node_modules. Packages for other platforms are optional and missing from it.
 */
export function packagesAreInstalled(folder = '.') {
  const installed = packagesOf(path.join(folder, 'node_modules/.package-lock.json'));
  if (!installed) return false;
  const all = packagesOf(path.join(folder, 'package-lock.json'));
  const wanted = Object.entries(all).filter(([name]) => name.includes('node_modules/'));
  return wanted.every(([name, { version, optional }]) =>
    name in installed
      ? installed[name].version === version && fs.existsSync(path.join(root, folder, name))
      : optional === true,
  );
}

export async function installPackages() {
  if (!packagesAreInstalled()) {
    step('Installing the npm packages of package-lock.json');
    // Shows only errors: some packages warn that they need a newer Node, but one of them is that Node.
    await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  if (!fs.existsSync(path.join(root, 'node_modules/node/bin')))
    throw new Trouble(
      "npm did not run the packages' install scripts, so the version of Node that wrangler needs is missing: run " +
        '`npm rebuild --ignore-scripts=false`, then run this again',
    );
}

/** Installs the parts of rust-toolchain.toml that rustup has not installed by itself. */
export async function installToolchain() {
  // The first call on a machine may install the toolchain; rustup prints a message then.
  await output('cargo', ['--version']).catch(() => {
    throw new Trouble('Rust is missing: install rustup from https://rustup.rs, then run this again');
  });
  const installed = (await output('rustc', ['--print', 'target-libdir', '--target', TARGET])).trim();
  if (fs.existsSync(installed)) return;
  step(`Installing the Rust target ${TARGET}`);
  await run('rustup', ['target', 'add', TARGET]).catch(() => {
    throw new Trouble(
      `the Rust target ${TARGET} is missing, and rustup did not install it: install rustup from https://rustup.rs, ` +
        'or add the target in the way in which you installed Rust (Debian and Ubuntu: the package ' +
        'libstd-rust-dev-wasm32), then run this again',
    );
  });
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
