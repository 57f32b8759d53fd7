// A real browser, where this machine has one.
import fs from 'node:fs';

/** Debian's Chromium, or the one that CHROMIUM names. */
export const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why a test in a browser is left out; false where it is not. */
export const noBrowser =
  !fs.existsSync(chromium) &&
  `there is no Chromium at ${chromium}: install it (apt-get install chromium), or let CHROMIUM name one, ` +
    'and the reference page and pages of other origins are tested in it';

/** The files of tests that need one. */
export const IN_BROWSER = ['tests/http/browser.test.mjs', 'tests/http/cross_origin.test.mjs'];

// It asks nobody for anything but our page, and runs as root too.
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
