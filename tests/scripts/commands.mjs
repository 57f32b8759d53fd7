// Runs the project's commands as a user does, in a copy of the project with its own local database. An HTTP server in
// this process stands in for Cloudflare's API, and runs the SQL that wrangler posts to it in the database of a test
// worker, which stands in for the deployed database.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { read } from '../support/project.mjs';
import { startWorker } from '../support/worker.mjs';
import { copyProject, temporaryFolder } from './support.mjs';

const [DATABASE, EMPTY] = ['11111111-0000-0000-0000-000000000001', '11111111-0000-0000-0000-000000000002'];

/** The part of Cloudflare's API that `wrangler d1 execute --remote --command` uses. Accepts only the token `good`. */
const api = (worker) => async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const reply = (status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(value);
  const failed = (message) => JSON.stringify({ success: false, errors: [{ code: 7500, message }], messages: [] });
  const [, id] = /^\/accounts\/acc\/d1\/database\/([\w-]+)\/query$/.exec(request.url) ?? [];
  if (request.headers.authorization !== 'Bearer good')
    return reply(403, failed('The given account is not valid or is not authorized to access this service'));
  if (id === EMPTY) return reply(400, failed('no such table: changes: SQLITE_ERROR'));
  if (id !== DATABASE || request.method !== 'POST') return reply(404, failed(`${request.method} ${request.url}`));
  const { sql, params = [] } = JSON.parse(body);
  const result = [{ results: await worker.sql(sql, ...params), success: true, meta: { duration: 1 } }];
  return reply(200, JSON.stringify({ success: true, errors: [], messages: [], result }));
};

/**
 * Copies the project and adds three environments: the deployed database of `empty` has no migrations, that of
 * `undeployed` was never created, and `without` has no database binding.
 */
function copy(t) {
  const { folder } = copyProject(temporaryFolder(t));
  const database = (id) => `binding = "DB"\ndatabase_name = "perfil"\ndatabase_id = "${id}"\n`;
  const config =
    `${read('wrangler.toml').replace(/^database_name = "perfil"$/m, `$&\ndatabase_id = "${DATABASE}"`)}\n` +
    `[env.empty]\n[[env.empty.d1_databases]]\n${database(EMPTY)}\n` +
    '[env.undeployed]\n[[env.undeployed.d1_databases]]\nbinding = "DB"\ndatabase_name = "perfil-undeployed"\n\n' +
    '[env.without]\n';
  fs.writeFileSync(path.join(folder, 'wrangler.toml'), config);
  return folder;
}

/** Starts the worker with the deployed database, and copies the project. */
export async function startProject() {
  const worker = await startWorker();
  const server = http.createServer(api(worker)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${address.port}`;
  const cleanups = [];
  const folder = copy({ after: (cleanup) => cleanups.push(cleanup) });

  /** Runs a program of the project with Node, and returns its exit code and its output. */
  async function run(program, args, environment = {}) {
    const env = {
      ...process.env,
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_SEND_ERROR_REPORTS: 'false',
      WRANGLER_HIDE_BANNER: 'true',
      CLOUDFLARE_API_BASE_URL: url,
      CLOUDFLARE_API_TOKEN: 'good',
      CLOUDFLARE_ACCOUNT_ID: 'acc',
      ...environment,
    };
    const child = spawn(process.execPath, [program, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      printed.err += text;
    });
    const [code] = await once(child, 'close');
    return { code, ...printed };
  }

  return {
    worker,
    run,
    folder,
    /** URL of D1's query endpoint. */
    query: `${url}/accounts/acc/d1/database/${DATABASE}/query`,
    /** Runs `wrangler d1` on the local database. */
    local: async (...args) => {
      const { code, out, err } = await run('node_modules/wrangler/bin/wrangler.js', ['d1', ...args, '--local']);
      assert.equal(code, 0, out + err);
      return out;
    },
    stop: async () => {
      await worker.stop();
      server.close();
      for (const cleanup of cleanups) cleanup();
    },
  };
}
