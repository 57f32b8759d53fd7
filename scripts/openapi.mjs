// npm run openapi
// Renders public/openapi.json from tests/facts.json, wrangler.toml, the built worker's replies and what a person has
// written in scripts/openapi, and prints what has changed. It also records what the reference page shows of the worker
// at work (scripts/page/record.mjs). `npm test` fails while these files are not what this writes.
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
// Only now: they need the packages.
const { startAsked } = await import('./openapi/ask.mjs');
const { render, written } = await import('./openapi/render.mjs');
const { differences } = await import('./openapi/differences.mjs');
const { recordAll } = await import('./page/record.mjs');
const worker = await startAsked();
try {
  const { document } = await render(worker);
  const before = fs.existsSync(FILE) ? JSON.parse(fs.readFileSync(FILE, 'utf8')) : {};
  for (const line of differences(before, document)) console.log(line);
  fs.writeFileSync(FILE, written(document));
} finally {
  await worker.stop();
}
step('Recording what the page shows');
await recordAll();
await writePage(path.join(root, 'build/page'));
