// npm run openapi
// Renders public/openapi.json from tests/facts.json, wrangler.toml, the replies of the built worker and the texts that
// are written by hand in scripts/openapi, and prints the differences. It also records the worker's replies that the
// reference page shows (scripts/page/record.mjs). `npm test` fails if these files are out of date.
import fs from 'node:fs';
import path from 'node:path';
import { root, run, step } from './lib.mjs';
import { writePage } from './page.mjs';
import { installPackages, installToolchain } from './setup.mjs';

const FILE = path.join(root, 'public/openapi.json');

await installPackages();
await installToolchain();
step('Building the worker');
await run('node', ['scripts/build.mjs']);
step('Rendering public/openapi.json');
// Imported late, because they need the installed packages.
const { startExampleWorker } = await import('./openapi/collect.mjs');
const { render, written } = await import('./openapi/render.mjs');
const { differences } = await import('./openapi/differences.mjs');
const { recordAll } = await import('./page/record.mjs');
const worker = await startExampleWorker();
try {
  const { document } = await render(worker);
  const before = fs.existsSync(FILE) ? JSON.parse(fs.readFileSync(FILE, 'utf8')) : {};
  for (const line of differences(before, document)) console.log(line);
  fs.writeFileSync(FILE, written(document));
} finally {
  await worker.stop();
}
step('Recording replies for the reference page');
await recordAll();
await writePage(path.join(root, 'build/page'));
