// The reference page: public/, and index.html rendered from it, as files that the platform serves without the worker.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './lib.mjs';
import { renderPage } from './page/render.mjs';
import { mint } from './secret.mjs';

const pages = path.join(root, 'public');
const recorded = path.join(root, 'scripts/page/recorded.json');
const picture = path.join(root, 'tests/fixtures/pictures/phone.jpg');
const DAY = 24 * 60 * 60;

/** The newest rows of the local change feed, for the demo page; scripts/dev/changes.mjs writes them. */
export const CHANGES = 'reference/changes.json';

/** The typefaces, by the names that they are served under, with the licence that asks to go along. */
const FONTS = path.join(root, 'node_modules/@fontsource-variable');
const TYPEFACES = {
  'bricolage-grotesque.woff2': 'bricolage-grotesque/files/bricolage-grotesque-latin-wght-normal.woff2',
  'bricolage-grotesque.LICENSE.txt': 'bricolage-grotesque/LICENSE',
  'martian-mono.woff2': 'martian-mono/files/martian-mono-latin-wdth-normal.woff2',
  'martian-mono.LICENSE.txt': 'martian-mono/LICENSE',
};

/** Whom a reader of the page may act as; tests/fixtures/demo.sql makes them. */
const ACCOUNTS = [
  { id: 1, name: 'Jane Doe', role: 'admin' },
  { id: 5, name: 'María González', role: 'asistente' },
  { id: 6, name: 'Luis Pérez', role: 'admin' },
  { id: 7, name: 'Jane Smith', role: 'editor' },
  { id: 42, name: 'Alice Wonderland', role: 'editor' },
];

/**
 * Writes files below a folder, and leaves nothing else there. What is there already is not touched: others may be
 * reading it.
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

/** Every file of the page, by the path that it is served under. */
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

/** The page as it is deployed: build/page, which wrangler.toml names. */
export const writePage = async (folder) => write(folder, await page());

/**
 * The page with demo accounts to act as, for local development alone. Never below build/: what is deployed comes from
 * there, and this lies elsewhere, with tokens that `sign` makes for an account.
 */
export async function writeDemoPage(folder, sign = (id) => mint(id, 'plain', DAY)) {
  const accounts = await Promise.all(ACCOUNTS.map(async (account) => ({ ...account, token: await sign(account.id) })));
  const changes = path.join(folder, CHANGES);
  write(folder, {
    ...(await page(true)),
    // The server knows the files that are there when it starts.
    [CHANGES]: fs.existsSync(changes) ? fs.readFileSync(changes) : Buffer.from('[]'),
    'reference/demo.js': fs.readFileSync(path.join(root, 'scripts/page/demo.js')),
    'reference/demo.json': Buffer.from(JSON.stringify(accounts)),
  });
}
