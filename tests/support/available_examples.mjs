// Determines which receivers of examples/ can run on this machine. `npm test` imports this before anything is
// installed, with any Node that the project supports.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './project.mjs';

/** Test files that start receivers. */
export const RECEIVER_TESTS = ['tests/http/receivers.test.mjs', 'tests/http/receivers_live.test.mjs'];

/** The Python interpreter of the receiver for Django, with its packages. */
export const python = path.join(root, 'examples/django/.venv/bin/python');

/** Debian installs servers in a folder that is not on every user's PATH. */
export const environment = { ...process.env, PATH: [process.env.PATH, '/usr/sbin'].join(path.delimiter) };

const works = (program, args) => spawnSync(program, args, { stdio: 'ignore', env: environment }).status === 0;
const SERVER = ['mariadbd', 'mariadb', 'mariadb-install-db'];

/** For each receiver, the reason why it cannot run on this machine, or false if it can. */
export function reasonsToSkip() {
  const noPackages = !fs.existsSync(path.join(root, 'examples/node_modules/express')) && 'npm packages are missing';
  const noMariaDb = !SERVER.every((program) => works(program, ['--version'])) && 'MariaDB is missing';
  const noPython = !works(python, ['-c', 'import bcrypt, django, standardwebhooks']) && 'Python packages are missing';
  return { seam: noPackages || noMariaDb, falcon: noPackages || noMariaDb, personas: noPackages, django: noPython };
}

/** A line with the receivers whose tests are skipped and the reasons, or undefined if all of them can run. */
export function skippedReceivers() {
  const without = Object.entries(reasonsToSkip()).filter(([, why]) => why);
  const reasons = [...new Set(without.map(([, why]) => why))];
  const namesOf = (reason) => without.filter(([, why]) => why === reason).map(([name]) => name);
  if (reasons.length === 0) return undefined;
  const list = reasons.map((reason) => `${namesOf(reason).join(', ')} (${reason})`).join(', ');
  return `the receivers of ${list}: see docs/testing.md#the-receivers`;
}
