// The worker and its static files, combined as in wrangler.toml, on a fresh database with the demo accounts.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createTestHarness } from 'wrangler';
import { demoAccounts, read, root } from './project.mjs';
import { SECRET } from './tokens.mjs';

// Prevents a request for the location of this machine.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false';

/** `files` is the folder of the static files; by default, the one that is deployed. */
export async function startSite({ files = path.join(root, 'build/page') } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-site-'));
  const config = read('wrangler.toml')
    // `npm test` has built it.
    .replace(/^\[build\]\n(?:.+\n)*/m, '')
    .replace('"build/index.js"', JSON.stringify(path.join(root, 'build/index.js')))
    .replace('"build/page"', JSON.stringify(files))
    .replace('"migrations"', JSON.stringify(path.join(root, 'migrations')));
  fs.writeFileSync(path.join(folder, 'wrangler.toml'), config);
  const harness = createTestHarness({
    root: folder,
    workers: [{ configPath: 'wrangler.toml', secrets: { JWT_SECRET: SECRET } }],
  });
  const { url } = await harness.listen();
  const worker = harness.getWorker();
  await worker.applyD1Migrations('DB');
  const { DB } = await worker.getEnv();
  await DB.batch(demoAccounts().map((sql) => DB.prepare(sql)));
  return {
    url: url.origin,
    /** Runs SQL directly against the database and returns its rows. */
    sql: async (query) => (await DB.prepare(query).all()).results,
    stop: async () => {
      await harness.close();
      fs.rmSync(folder, { recursive: true });
    },
  };
}
