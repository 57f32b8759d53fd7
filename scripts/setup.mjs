// Makes a fresh machine ready: the packages of package-lock.json and the parts of the Rust toolchain that are
// missing. A second call finds everything there and costs next to nothing.
import fs from 'node:fs';
import path from 'node:path';
import { output, root, run, step, Trouble } from './lib.mjs';

const TARGET = 'wasm32-unknown-unknown';

/** The packages of a lock file, by their folder. */
function packagesOf(file) {
  const lock = path.join(root, file);
  return fs.existsSync(lock) ? JSON.parse(fs.readFileSync(lock, 'utf8')).packages : undefined;
}

/**
 * Whether a folder's node_modules holds what its package-lock.json names. npm keeps its own account of node_modules
 * there, whoever started it. Packages for other platforms are optional and missing from it.
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

/** Installs the npm packages unless they are there already. */
export async function installPackages() {
  if (!packagesAreInstalled()) {
    step('Installing the npm packages of package-lock.json');
    // Errors only: these packages want a newer Node than the one that installs them, and one of them is that Node.
    await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  if (!fs.existsSync(path.join(root, 'node_modules/node/bin')))
    throw new Trouble(
      'npm did not run the install scripts of its packages, one of which is the Node that wrangler needs: run ' +
        '`npm rebuild --ignore-scripts=false`, then this again',
    );
}

/** Installs what rust-toolchain.toml names and rustup has not installed by itself. */
export async function installToolchain() {
  // The first call on a machine may install the toolchain: rustup says so itself.
  await output('cargo', ['--version']).catch(() => {
    throw new Trouble('Rust is missing: install rustup from https://rustup.rs, then run this again');
  });
  const installed = (await output('rustc', ['--print', 'target-libdir', '--target', TARGET])).trim();
  if (fs.existsSync(installed)) return;
  step(`Installing the Rust target ${TARGET}`);
  await run('rustup', ['target', 'add', TARGET]).catch(() => {
    throw new Trouble(
      `the Rust target ${TARGET} is missing, and rustup did not install it: install rustup from https://rustup.rs, ` +
        'or add the target to your Rust the way it was installed (Debian and Ubuntu: the package ' +
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
