// npm run receivers: installs the packages of the receivers in examples/ and runs their tests. `npm test` does not
// install these packages, and only runs the tests of those receivers whose packages are installed.
import { python, RECEIVER_TESTS, skippedReceivers } from '../tests/support/available_examples.mjs';
import { attempt, run, step } from './lib.mjs';
import { packagesAreInstalled } from './setup.mjs';

if (!packagesAreInstalled('examples')) {
  step('Installing the npm packages of examples/package-lock.json');
  await run('npm', ['ci', '--prefix', 'examples', '--no-audit', '--no-fund', '--loglevel=error']);
}
if (skippedReceivers()?.includes('django')) {
  step('Installing the Python packages of examples/django/requirements.txt');
  const { error } = await attempt('python3', ['-m', 'venv', 'examples/django/.venv']);
  // Without Python, the other receivers are tested, and the last line names the one that is not.
  if (!error) await run(python, ['-m', 'pip', 'install', '--quiet', '-r', 'examples/django/requirements.txt']);
}
await run('node', ['scripts/test.mjs', ...RECEIVER_TESTS, ...process.argv.slice(2)]);
