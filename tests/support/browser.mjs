// A real browser, if this machine has one.
import fs from 'node:fs';

/** The path of Debian's Chromium, or the path in CHROMIUM. */
export const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** The reason why tests in a browser are skipped, or false if they are not. */
export const noBrowser =
  !fs.existsSync(chromium) &&
  `there is no Chromium at ${chromium}: install it (apt-get install chromium), or set CHROMIUM to its path, ` +
    'to test the reference page and pages of other origins';

/** Test files that need a browser. */
export const BROWSER_TESTS = ['tests/http/browser.test.mjs', 'tests/http/cross_origin.test.mjs'];

// With these flags, the browser makes no requests of its own, and also runs as root.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function launch() {
  const { chromium: browsers } = await import('playwright-core');
  return browsers.launch({ executablePath: chromium, args: FLAGS });
}
