// npm run browser: runs only the tests in a real Chromium, which `npm test` skips if none is installed.
import { IN_BROWSER, noBrowser } from '../tests/support/browser.mjs';
import { run, Trouble } from './lib.mjs';

if (noBrowser) throw new Trouble(noBrowser);
await run('node', ['scripts/test.mjs', ...IN_BROWSER, ...process.argv.slice(2)]);
