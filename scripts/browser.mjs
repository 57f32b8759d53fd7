// npm run browser: the tests in a real Chromium alone. `npm test` leaves them out where there is none.
import { IN_BROWSER, noBrowser } from '../tests/support/browser.mjs';
import { run, Trouble } from './lib.mjs';

if (noBrowser) throw new Trouble(noBrowser);
await run('node', ['scripts/test.mjs', ...IN_BROWSER, ...process.argv.slice(2)]);
