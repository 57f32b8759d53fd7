// The reference page: what is served without the worker, and what is not.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
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
