// The reference page: which paths the platform serves without the worker, and which it does not.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { metadataOf, record } from '../../scripts/page/record.mjs';
import { operations, resolve } from '../openapi/document.mjs';
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
  'reference/after.jpg',
  'reference/before.jpg',
  'reference/bricolage-grotesque.LICENSE.txt',
  'reference/bricolage-grotesque.woff2',
  'reference/form.css',
  'reference/head.css',
  'reference/icon.svg',
  'reference/martian-mono.LICENSE.txt',
  'reference/martian-mono.woff2',
  'reference/operations.css',
  'reference/page.css',
  'reference/page.js',
  'reference/reply.js',
  'reference/request.js',
  'reference/stories.css',
];
/** Maximum total size of all files, in bytes and uncompressed; the platform compresses most of them. */
const BUDGET = 500_000;
/** The policy of the page: no other origins, and nothing inline. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A value as the page shows it, except for quotes. */
const escaped = (value) =>
  JSON.stringify(value, undefined, 2).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

let site;
before(async () => {
  site = await startSite();
});
after(() => site?.stop());

/** Sends a request and tells who served it: only the worker's responses have a request id. */
async function send(method, target) {
  const response = await fetch(site.url + target, { method, redirect: 'manual' });
  return {
    status: response.status,
    headers: response.headers,
    text: await response.text(),
    by: response.headers.has('x-request-id') ? 'worker' : 'platform',
  };
}

test('the page, the document and their files are served without the worker, under a strict policy', async () => {
  assert.deepEqual(filesBelow(path.join(root, 'build/page')), DEPLOYED);
  for (const file of DEPLOYED.slice(1)) {
    const target = `/${file.replace('index.html', '')}`;
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, text, by } = await send(method, target);
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
  const sizes = DEPLOYED.map((file) => fs.statSync(path.join(root, 'build/page', file)).size);
  const total = sizes.reduce((sum, size) => sum + size);
  assert.ok(total < BUDGET, `the page has ${total} bytes`);
  const { headers, text } = await send('GET', '/openapi.json');
  assert.equal(headers.get('content-type'), 'application/json');
  assert.equal(text, read('public/openapi.json'));
});

test('every other path goes to the worker, whatever the method', async () => {
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
      const { status, by, headers } = await send(method, target);
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
      assert.equal((await send(method, target)).by, 'worker', `${method} ${target}`);
    // The platform does not look for a file first, as configured in wrangler.toml.
    const first = /^run_worker_first = (.*)$/m.exec(read('wrangler.toml'))[1];
    assert.ok(
      JSON.parse(first).some((rule) => (rule.endsWith('/*') ? target.startsWith(rule.slice(0, -1)) : target === rule)),
      `${target} matches no rule of run_worker_first`,
    );
  }
  // Handled by the platform: the page under its other name, and a method that files do not support.
  assert.deepEqual(
    await send('GET', '/index.html').then(({ status, headers, by }) => [status, headers.get('location'), by]),
    [307, '/', 'platform'],
  );
  assert.deepEqual(await send('PUT', '/').then(({ status, text, by }) => [status, text, by]), [405, '', 'platform']);
});

const page = () => read('build/page/index.html');

test('nothing on the page is inline, and every link and reference has a target', () => {
  assert.doesNotMatch(page(), /<style|\sstyle=|\son\w+=|<script(?![^>]* src=)/);
  const ids = [...page().matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length, 'an id occurs twice');
  const references = [...page().matchAll(/\s(?:for|aria-labelledby|aria-describedby|href)="#?([\w-]+)"/g)];
  assert.ok(references.length > 50);
  for (const [, id] of references) assert.ok(ids.includes(id), `${id} does not exist`);
  for (const [, file] of page().matchAll(/\s(?:src|href)="\/([^"]+)"/g)) assert.ok(DEPLOYED.includes(file), file);
});

test('the page shows what the document says about every operation', () => {
  const shown = page().replaceAll('<wbr>', '').replaceAll('&quot;', '"').replaceAll('&#39;', "'");
  for (const { id, method, path: target, operation } of operations) {
    const section = shown.split('<article class="operation" id="').find((each) => each.startsWith(`${id}"`));
    assert.ok(section.includes(`<b>${method}</b> <code>${target}</code>`), id);
    for (const [status, reference] of Object.entries(operation.responses)) {
      assert.ok(section.includes(`data-status="${status}"`), `${id} ${status}`);
      for (const { examples = {} } of Object.values(resolve(reference).content ?? {}))
        for (const { value } of Object.values(examples))
          assert.ok(section.includes(escaped(value)), `${id} ${status} ${JSON.stringify(value)}`);
    }
  }
});

test('the recorded requests on the page match the behaviour of the worker', async () => {
  const { recorded, after } = await record();
  const hint = 'if this is intended, run `npm run openapi` and commit scripts/page/recorded.json and after.jpg';
  assert.deepEqual(JSON.parse(read('scripts/page/recorded.json')), recorded, hint);
  assert.ok(after.equals(fs.readFileSync(path.join(root, 'public/reference/after.jpg'))), hint);
  const before = await metadataOf(fs.readFileSync(path.join(root, 'build/page/reference/before.jpg')));
  assert.ok(before.some(({ name, value }) => name === 'GPSLatitude' && value.startsWith('48.858')));
  assert.deepEqual(
    (await metadataOf(after)).filter(({ group, value }) => group === 'Position' || value.includes('SECRET')),
    [],
  );
});
