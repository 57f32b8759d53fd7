// npm run browser: runs only the tests in a real Chromium, which `npm test` skips if none is installed.
import { BROWSER_TESTS, noBrowser } from '../tests/support/browser.mjs';
import { run, Trouble } from './lib.mjs';

if (noBrowser) throw new Trouble(noBrowser);
await run('node', ['scripts/test.mjs', ...BROWSER_TESTS, ...process.argv.slice(2)]);
