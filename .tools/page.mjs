// The reference page: src/reference with its viewer, as files that the platform serves without the worker.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './lib.mjs';
import { mint } from './secret.mjs';

const reference = path.join(root, 'src/reference');
const viewer = path.join(root, 'node_modules/swagger-ui-dist');
const DAY = 24 * 60 * 60;

/** Where everything comes from, by the path that it is served under. */
const FILES = {
  'index.html': [reference, 'index.html'],
  'openapi.json': [reference, 'openapi.json'],
  _headers: [reference, '_headers'],
  'reference/icon.svg': [reference, 'icon.svg'],
  'reference/reference.css': [reference, 'reference.css'],
  'reference/reference.js': [reference, 'reference.js'],
  'reference/viewer/swagger-ui.css': [viewer, 'swagger-ui.css'],
  'reference/viewer/swagger-ui-bundle.js': [viewer, 'swagger-ui-bundle.js'],
  'reference/viewer/swagger-ui-bundle.js.LICENSE.txt': [viewer, 'swagger-ui-bundle.js.LICENSE.txt'],
  'reference/viewer/LICENSE': [viewer, 'LICENSE'],
  'reference/viewer/NOTICE': [viewer, 'NOTICE'],
};

/** Whom a reader of the page may act as; tests/fixtures/demo.sql makes them. */
const ACCOUNTS = [
  { id: 1, name: 'Jane Doe', role: 'admin' },
  { id: 5, name: 'María González', role: 'asistente' },
  { id: 6, name: 'Luis Pérez', role: 'admin' },
  { id: 7, name: 'Jane Smith', role: 'editor' },
  { id: 42, name: 'Alice Wonderland', role: 'editor' },
];

/** Writes files below a folder, and leaves nothing else there. What is there already is not touched: others may be reading it. */
function write(folder, files) {
  for (const [name, contents] of Object.entries(files)) {
    const file = path.join(folder, name);
    if (fs.existsSync(file) && fs.readFileSync(file).equals(contents)) continue;
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, contents);
  }
  for (const name of fs.readdirSync(folder, { recursive: true })) {
    const file = path.join(folder, name);
    if (!(name.replaceAll(path.sep, '/') in files) && fs.statSync(file).isFile()) fs.rmSync(file);
  }
}

const page = () => Object.fromEntries(Object.entries(FILES).map(([name, source]) => [name, fs.readFileSync(path.join(...source))]));

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
    'index.html': Buffer.from(files['index.html'].toString().replace(script, `<script src="/reference/demo.js"></script>\n${script}`)),
    'reference/demo.js': fs.readFileSync(path.join(reference, 'demo.js')),
    'reference/demo.json': Buffer.from(JSON.stringify(accounts)),
    'reference/demo.jpg': fs.readFileSync(path.join(root, 'tests/fixtures/pictures/phone.jpg')),
  });
}
