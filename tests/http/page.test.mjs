// The reference page: what is served without the worker, what is not, and what never leaves this machine.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { output } from '../../scripts/lib.mjs';
import { operations } from '../openapi/document.mjs';
import { read, root } from '../support/project.mjs';
import { startSite } from '../support/site.mjs';

const filesBelow = (folder) =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .sort();

const DEPLOYED = [
  '_headers',
  'index.html',
  'openapi.json',
  'reference/icon.svg',
  'reference/reference.css',
  'reference/reference.js',
  'reference/viewer/LICENSE',
  'reference/viewer/NOTICE',
  'reference/viewer/swagger-ui-bundle.js',
  'reference/viewer/swagger-ui-bundle.js.LICENSE.txt',
  'reference/viewer/swagger-ui.css',
];
/** What the page may do: nothing with anybody else, and nothing that does not stand in a file of its own. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let site;
before(async () => {
  site = await startSite();
});
after(() => site?.stop());

/** Every answer of the worker has an id, and none of the platform's own. */
async function ask(method, target) {
  const answer = await fetch(site.url + target, { method, redirect: 'manual' });
  return {
    status: answer.status,
    headers: answer.headers,
    text: await answer.text(),
    by: answer.headers.has('x-request-id') ? 'worker' : 'platform',
  };
}

test('the page, the document and what they need are served without the worker, under a strict policy', async () => {
  assert.deepEqual(filesBelow(path.join(root, 'build/page')), DEPLOYED);
  for (const file of DEPLOYED.slice(1)) {
    const target = `/${file.replace('index.html', '')}`;
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, text, by } = await ask(method, target);
      assert.deepEqual(
        [
          status,
          by,
          headers.get('content-security-policy'),
          headers.get('x-content-type-options'),
          headers.get('cache-control'),
        ],
        [200, 'platform', POLICY, 'nosniff', 'no-cache'],
        `${method} ${target}`,
      );
      assert.ok(method === 'HEAD' ? text === '' : text === read('build/page', file), `${method} ${target}`);
    }
  }
  const { headers, text } = await ask('GET', '/openapi.json');
  assert.equal(headers.get('content-type'), 'application/json');
  assert.equal(text, read('public/openapi.json'));
});

test('every other path is the worker’s, whatever the method', async () => {
  for (const target of [
    '/nowhere',
    '/_headers',
    '/reference',
    '/reference/',
    '/reference/demo.json',
    '/reference/demo.js',
    '/api',
    '/wrangler.toml',
  ]) {
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS']) {
      const { status, by, headers } = await ask(method, target);
      assert.deepEqual(
        [status, by, headers.get('content-type')],
        [404, 'worker', 'application/problem+json'],
        `${method} ${target}`,
      );
    }
  }
  for (const { path: pattern } of operations) {
    const target = pattern
      .replace('{account}', '42')
      .replace('{file}', `${'0'.repeat(64)}.png`)
      .replace('{id}', '7');
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])
      assert.equal((await ask(method, target)).by, 'worker', `${method} ${target}`);
    // Nobody looks for a file first: it stands in wrangler.toml.
    const first = /^run_worker_first = (.*)$/m.exec(read('wrangler.toml'))[1];
    assert.ok(
      JSON.parse(first).some((rule) => (rule.endsWith('/*') ? target.startsWith(rule.slice(0, -1)) : target === rule)),
      `${target} is in no rule of run_worker_first`,
    );
  }
  // The platform's own: the page at another name of it, and a method that no file takes.
  assert.deepEqual(
    await ask('GET', '/index.html').then(({ status, headers, by }) => [status, headers.get('location'), by]),
    [307, '/', 'platform'],
  );
  assert.deepEqual(await ask('PUT', '/').then(({ status, text, by }) => [status, text, by]), [405, '', 'platform']);
});

/** A port that was free a moment ago. */
const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, 'localhost', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** `npm run dev`, until it says that it is up; `stop` ends it as Ctrl-C does. */
async function develop() {
  const port = await freePort();
  const child = spawn('node', ['scripts/dev.mjs'], {
    cwd: root,
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      said += chunk;
    });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (!said.includes('Perfil is up') && child.exitCode === null) await setTimeout(50);
  assert.equal(child.exitCode, null, said);
  return {
    url: `http://localhost:${port}`,
    stop: async () => {
      child.kill('SIGINT');
      await ended;
    },
  };
}

test('local development offers tokens, and nothing of them is ever deployed', { timeout: 120_000 }, async () => {
  const development = await develop();
  const accounts = await (await fetch(`${development.url}/reference/demo.json`)).json().finally(development.stop);
  assert.deepEqual(
    accounts.map(({ id }) => id),
    [1, 5, 6, 7, 42],
  );
  const [secret] = /(?<=^JWT_SECRET=")[^"]+/m.exec(read('.dev.vars'));
  const forbidden = [secret, ...accounts.map(({ token }) => token), 'demo.js', 'demo.jpg'];

  const bundle = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-bundle-'));
  try {
    const said = await output('wrangler', ['deploy', '--dry-run', '--outdir', bundle]);
    const [, files] = /from the assets directory (\S+)/.exec(said);
    assert.equal(path.resolve(files), path.join(root, 'build/page'), said);
    assert.deepEqual(filesBelow(files), DEPLOYED);
    for (const folder of [bundle, files]) {
      const names = filesBelow(folder);
      assert.ok(names.length > 0);
      for (const name of names) {
        const contents = fs.readFileSync(path.join(folder, name));
        // reference.js takes what demo.js says, and says so in a comment.
        const found = forbidden.filter(
          (text) => contents.includes(text) && !(name === 'reference/reference.js' && text === 'demo.js'),
        );
        assert.deepEqual(found, [], `${folder}/${name}`);
      }
    }
  } finally {
    fs.rmSync(bundle, { recursive: true });
  }
});
