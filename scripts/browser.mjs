// npm run browser: the test of the reference page alone, in a real Chromium. `npm test` leaves it out where there is
// none.
import { noBrowser } from '../tests/support/browser.mjs';
import { run, Trouble } from './lib.mjs';

if (noBrowser) throw new Trouble(noBrowser);
await run('node', ['scripts/test.mjs', 'tests/http/browser.test.mjs', ...process.argv.slice(2)]);
