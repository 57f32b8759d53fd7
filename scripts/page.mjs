// Writes the reference page: the files of public/ and a rendered index.html, which the platform serves without the
// worker.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './lib.mjs';
import { renderPage } from './page/render.mjs';
import { mint } from './secret.mjs';

const pages = path.join(root, 'public');
const recorded = path.join(root, 'scripts/page/recorded.json');
const picture = path.join(root, 'tests/fixtures/pictures/phone.jpg');
const DAY = 24 * 60 * 60;

/** File with the newest rows of the local change feed, for the demo page; scripts/dev/changes.mjs writes it. */
export const CHANGES = 'reference/changes.json';

/** The fonts by the names that they are served under, with the licences that must be distributed with them. */
const FONTS = path.join(root, 'node_modules/@fontsource-variable');
const TYPEFACES = {
  'bricolage-grotesque.woff2': 'bricolage-grotesque/files/bricolage-grotesque-latin-wght-normal.woff2',
  'bricolage-grotesque.LICENSE.txt': 'bricolage-grotesque/LICENSE',
  'martian-mono.woff2': 'martian-mono/files/martian-mono-latin-wdth-normal.woff2',
  'martian-mono.LICENSE.txt': 'martian-mono/LICENSE',
};

/** The accounts that a user of the demo page can act as; tests/fixtures/demo.sql creates them. */
const ACCOUNTS = [
  { id: 1, name: 'Jane Doe', role: 'admin' },
  { id: 5, name: 'María González', role: 'asistente' },
  { id: 6, name: 'Luis Pérez', role: 'admin' },
  { id: 7, name: 'Jane Smith', role: 'editor' },
  { id: 42, name: 'Alice Wonderland', role: 'editor' },
];

/**
 * Writes files below a folder, and removes all others. Files with the right contents are not touched, because other
 * processes may be reading them.
 */
function write(folder, files) {
  for (const [name, contents] of Object.entries(files)) {
    const file = path.join(folder, name);
    if (fs.existsSync(file) && fs.readFileSync(file).equals(contents)) continue;
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, contents);
  }
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(folder, name);
    if (!(name.replaceAll(path.sep, '/') in files) && fs.statSync(file).isFile()) fs.rmSync(file);
  }
}

/** Returns every file of the page, by the path that it is served under. */
async function page(isDemo = false) {
  const ours = fs
    .readdirSync(pages, { recursive: true, encoding: 'utf8' })
    .map((name) => [name.replaceAll(path.sep, '/'), path.join(pages, name)])
    .filter(([, file]) => fs.statSync(file).isFile());
  const fonts = Object.entries(TYPEFACES).map(([name, file]) => [`reference/${name}`, path.join(FONTS, file)]);
  const files = [...ours, ...fonts, ['reference/before.jpg', picture]];
  const parse = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));
  const index = await renderPage({
    document: parse(path.join(pages, 'openapi.json')),
    recorded: parse(recorded),
    isDemo,
  });
  return {
    ...Object.fromEntries(files.map(([name, file]) => [name, fs.readFileSync(file)])),
    'index.html': Buffer.from(index),
  };
}

/** Writes the page as it is deployed, to build/page (see wrangler.toml). */
export const writePage = async (folder) => write(folder, await page());

/**
 * Writes the page with demo accounts, for local development only. `sign` makes the token of an account. The folder must
 * not be below build/, which is deployed.
 */
export async function writeDemoPage(folder, sign = (id) => mint(id, 'plain', DAY)) {
  const accounts = await Promise.all(ACCOUNTS.map(async (account) => ({ ...account, token: await sign(account.id) })));
  const changes = path.join(folder, CHANGES);
  write(folder, {
    ...(await page(true)),
    // The server only knows the files that exist when it starts.
    [CHANGES]: fs.existsSync(changes) ? fs.readFileSync(changes) : Buffer.from('[]'),
    'reference/demo.js': fs.readFileSync(path.join(root, 'scripts/page/demo.js')),
    'reference/demo.json': Buffer.from(JSON.stringify(accounts)),
  });
}
