// The reference page: public/ and the page's viewer, as files that the platform serves without the worker.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './lib.mjs';
import { mint } from './secret.mjs';

const pages = path.join(root, 'public');
const viewer = path.join(root, 'node_modules/swagger-ui-dist');
const DAY = 24 * 60 * 60;

/** What is served of the viewer, below /reference/viewer/. */
const VIEWER = ['swagger-ui.css', 'swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'LICENSE', 'NOTICE'];

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

/** Every file of the page, by the path that it is served under: public/ as it lies there, and the viewer. */
function page() {
  const ours = fs
    .readdirSync(pages, { recursive: true })
    .map((name) => [name.replaceAll(path.sep, '/'), path.join(pages, name)])
    .filter(([, file]) => fs.statSync(file).isFile());
  const theirs = VIEWER.map((name) => [`reference/viewer/${name}`, path.join(viewer, name)]);
  return Object.fromEntries([...ours, ...theirs].map(([name, file]) => [name, fs.readFileSync(file)]));
}

/** The page as it is deployed: build/page, which wrangler.toml names. */
export const writePage = (folder) => write(folder, page());

/**
 * The page with demo accounts to act as, for local development alone. Never below build/: what is deployed comes from
 * there, and this lies elsewhere, with tokens that `sign` makes for an account.
 */
export async function writeDemoPage(folder, sign = (id) => mint(id, 'plain', DAY)) {
  const files = page();
  const accounts = await Promise.all(ACCOUNTS.map(async (account) => ({ ...account, token: await sign(account.id) })));
  const script = '<script src="/reference/reference.js">';
  write(folder, {
    ...files,
    'index.html': Buffer.from(
      files['index.html'].toString().replace(script, `<script src="/reference/demo.js"></script>\n${script}`),
    ),
    'reference/demo.js': fs.readFileSync(path.join(root, 'scripts/page/demo.js')),
    'reference/demo.json': Buffer.from(JSON.stringify(accounts)),
    'reference/demo.jpg': fs.readFileSync(path.join(root, 'tests/fixtures/pictures/phone.jpg')),
  });
}
