// Front ends on other origins, in a real browser that sends its own preflights and forms.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { alice, resetAlice } from '../support/accounts.mjs';
import { clearPictures } from '../support/avatars.mjs';
import { launch, noBrowser } from '../support/browser.mjs';
import { root } from '../support/project.mjs';
import { token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

const options = { skip: noBrowser, timeout: 60_000 };
const PROFILE = '/api/profile/42/update/';
const FORM = `<!doctype html><link rel="icon" href="data:,"><form>
<input name="first_name" value="Zoë 🐇"><input name="last_name"><input type="file" name="avatar"></form>`;

let browser, pages, worker, page;
before(async () => {
  if (noBrowser) return;
  pages = http.createServer((_, response) => response.setHeader('content-type', 'text/html;charset=utf-8').end(FORM));
  await once(pages.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${pages.address().port}`;
  [browser, worker] = await Promise.all([launch(), startWorker({ vars: { CORS_ALLOWED_ORIGINS: origin } })]);
  page = await browser.newPage();
  await page.goto(origin);
});
after(async () => {
  await Promise.all([browser?.close(), worker?.stop()]);
  pages?.close();
});
beforeEach(async () => {
  if (noBrowser) return;
  await clearPictures(worker);
  await resetAlice(worker);
});

/** Sends a PUT from a page. The body is a JSON value, the fields of a URL-encoded form, or else the page's own form. */
async function put(from, target, as, { json, fields, headers = {}, ...init } = {}) {
  const type = json === undefined ? {} : { 'content-type': 'application/json' };
  const all = { authorization: `Bearer ${await token(as)}`, ...type, ...headers };
  return from.evaluate(
    async ([url, sent, given, pairs]) => {
      const form = () => (pairs ? new URLSearchParams(pairs) : new FormData(document.forms[0]));
      try {
        const response = await fetch(url, { method: 'PUT', ...sent, body: given ?? form() });
        return { status: response.status, id: response.headers.get('x-request-id'), json: await response.json() };
      } catch (error) {
        return { failed: error.name };
      }
    },
    [worker.url + target, { ...init, headers: all }, json && JSON.stringify(json), fields],
  );
}

test('a page of a listed origin may send any headers and read every response [R11 S1 S2]', options, async () => {
  const headers = { 'x-socket-id': 'Zk3-abc', 'x-requested-with': 'XMLHttpRequest', 'x-csrftoken': 'a' };
  for (const credentials of ['omit', 'include']) {
    const good = await put(page, '/api/v1/users/7', 1, { json: { full_name: 'Jane Smith' }, headers, credentials });
    assert.deepEqual([good.status, good.json.data.full_name], [200, 'Jane Smith'], JSON.stringify(good));
    assert.match(good.id, /^[0-9a-f]{32}$/);
    const bad = await put(page, '/api/v1/users/7', 1, { json: { full_name: 'x' }, headers, credentials });
    assert.deepEqual([bad.status, bad.json.message], [400, "El campo 'full_name' debe tener entre 2 y 100 caracteres"]);
  }
});

test("a browser's form, with its file input left empty and with a picture [D9 D8 D1 R11]", options, async () => {
  const names = { first_name: 'Zoë 🐇', last_name: '' };
  assert.deepEqual((await put(page, PROFILE, 42)).json, alice(names));
  await page.setInputFiles('input[type=file]', path.join(root, 'tests/fixtures/pictures/phone.jpg'));
  const { status, json } = await put(page, PROFILE, 42);
  assert.equal(status, 200, JSON.stringify(json));
  assert.match(json.avatar, /^\/media\/avatars\/42\/[0-9a-f]{64}\.jpg$/);
  await page.setInputFiles('input[type=file]', []);
  assert.deepEqual((await put(page, PROFILE, 42)).json, alice({ ...names, avatar: json.avatar }));
});

test("a browser's URL-encoded form to falcon and to django [F7 D1 R11]", options, async () => {
  const name = 'Zoë & Ñandú = 100 % +1 🐇';
  assert.equal((await put(page, '/users', 42, { fields: { name } })).json.name, name);
  assert.equal((await put(page, PROFILE, 42, { fields: { first_name: name } })).json.first_name, name);
});

test('a page of another origin changes nothing and reads nothing [R11 R7]', options, async () => {
  const other = await browser.newPage();
  await other.goto(page.url().replace('127.0.0.1', 'localhost'));
  const before = await worker.dump();
  for (const init of [{ json: { first_name: 'Mallory' } }, { fields: { first_name: 'Mallory' } }, {}])
    assert.deepEqual(await put(other, PROFILE, 42, init), { failed: 'TypeError' });
  assert.equal(await worker.dump(), before);
  await other.close();
});
