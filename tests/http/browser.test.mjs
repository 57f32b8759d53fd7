// The reference page in a real browser: a reader who has just run `npm run dev`, and one of a deployed worker.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { writeDemoPage } from '../../scripts/page.mjs';
import { operations } from '../openapi/document.mjs';
import { launch, noBrowser } from '../support/browser.mjs';
import { root } from '../support/project.mjs';
import { startSite } from '../support/site.mjs';
import { token } from '../support/tokens.mjs';

const options = { skip: noBrowser, timeout: 120_000 };
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

let browser, demo, deployed, folder;
before(async () => {
  if (noBrowser) return;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-page-'));
  await writeDemoPage(folder, token);
  [browser, demo, deployed] = await Promise.all([launch(), startSite({ files: folder }), startSite()]);
  // As `npm run dev` does at its first start.
  const form = new FormData();
  form.append('avatar', new Blob([fs.readFileSync(path.join(root, 'tests/fixtures/pictures/phone.jpg'))]));
  const given = await fetch(`${demo.url}/api/profile/6/update/`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${await token(6)}` },
    body: form,
  });
  assert.equal(given.status, 200);
});
after(async () => {
  await Promise.all([browser?.close(), demo?.stop(), deployed?.stop()]);
  if (folder) fs.rmSync(folder, { recursive: true });
});

/**
 * Opens the page. `faults` are what the console complains of (what the policy forbids, too) and requests to anybody
 * else.
 */
async function open(site, { viewport = DESKTOP, colorScheme = 'light' } = {}) {
  const page = await browser.newPage({ viewport, colorScheme });
  const faults = [];
  page.on(
    'console',
    (message) =>
      ['error', 'warning'].includes(message.type()) && faults.push(`${message.text()} ${message.location().url}`),
  );
  page.on('pageerror', (error) => faults.push(error.message));
  page.on(
    'request',
    (request) =>
      !request.url().startsWith(`${site.url}/`) && !/^(data|blob):/.test(request.url()) && faults.push(request.url()),
  );
  await page.goto(site.url);
  await page
    .locator('.opblock')
    .nth(operations.length - 1)
    .waitFor();
  return { page, faults };
}

/** Unfolds an operation, as far as its body, if it has one. */
async function unfold(page, { id, operation }) {
  const block = page.locator(`#operations-${operation.tags[0]}-${id}`);
  await block.locator('.opblock-summary-control').click();
  await block.locator(operation.requestBody ? 'textarea' : '.execute').waitFor();
  return block;
}

/** Presses "Execute"; returns the status and the body that the page shows. */
async function execute(block) {
  await block.locator('.btn.execute').click();
  const shown = block.locator('.live-responses-table .response');
  await shown.waitFor();
  const body = shown.locator('.highlight-code pre').first();
  return {
    status: (await shown.locator('.response-col_status').innerText()).trim(),
    body: (await body.count()) ? (await body.innerText()).trim() : undefined,
  };
}

/** The size of the picture that an answer shows, once it is there. */
async function pictureOf(block) {
  const picture = block.locator('.live-responses-table img');
  await picture.waitFor();
  return picture.evaluate(async (image) => {
    await image.decode();
    return [image.naturalWidth, image.naturalHeight];
  });
}

const operationOf = (id) => operations.find((each) => each.id === id);
const sendForm = (block) => block.getByLabel('Request content type').selectOption('multipart/form-data');

test('in local development every endpoint answers at the first click', options, async () => {
  const { page, faults } = await open(demo);
  const statuses = {};
  for (const operation of operations) {
    const block = await unfold(page, operation);
    const { status, body } = await execute(block);
    statuses[operation.id] = status;
    if (operation.operation.requestBody) assert.equal(typeof JSON.parse(body), 'object', operation.id);
    if (operation.id === 'getPicture') assert.deepEqual(await pictureOf(block), [64, 96]);
  }
  assert.deepEqual(statuses, Object.fromEntries(operations.map(({ id }) => [id, '200'])));
  assert.deepEqual(faults, []);
  await page.close();
});

test('an upload has its picture ready, and the answer shows what was stored', options, async () => {
  for (const [id, shown] of [
    ['updateProfile', 'avatar'],
    ['updatePersonaFoto', 'foto_url'],
  ]) {
    const { page, faults } = await open(demo);
    const block = await unfold(page, operationOf(id));
    await sendForm(block);
    await block.locator('input[type=file]').evaluate(async (input) => {
      while (input.files.length === 0) await new Promise(requestAnimationFrame);
    });
    const { status, body } = await execute(block);
    assert.equal(status, '200');
    const { pathname, origin } = new URL(JSON.parse(body)[shown], demo.url);
    assert.match(pathname, /^\/media\/avatars\/(42|5)\/[0-9a-f]{64}\.jpg$/);
    assert.equal(origin, demo.url);
    assert.deepEqual(await pictureOf(block), [64, 96]);
    assert.deepEqual(faults, []);
    await page.close();
  }
});

test('one acts as the account that one chooses', options, async () => {
  const { page } = await open(demo);
  const block = await unfold(page, operationOf('updatePersonaFoto'));
  const answers = [];
  for (const id of ['', '6', '7', '0']) {
    await page.getByLabel('Act as').selectOption(id);
    answers.push((await execute(block)).status);
    await block.locator('.btn-clear').click();
  }
  assert.deepEqual(answers, ['200', '200', '403', '401']);
  await page.close();
});

test('a deployed page has no accounts to act as, and takes a token', options, async () => {
  const { page, faults } = await open(deployed);
  assert.equal(await page.locator('.demo').count(), 0);
  const block = await unfold(page, operationOf('updateOwnUser'));
  assert.equal((await execute(block)).status, '401');
  await page.locator('.btn.authorize').click();
  await page.locator('.modal-ux input').fill(await token(1));
  await page.locator('.modal-btn.authorize').click();
  await page.locator('.btn-done').click();
  await block.locator('.btn-clear').click();
  const { status, body } = await execute(block);
  assert.deepEqual([status, JSON.parse(body).name], ['200', 'Jane Doe']);
  // The browser's own line about the 401.
  assert.deepEqual(
    faults.filter((fault) => !fault.includes('401')),
    [],
  );
  await page.close();
});

test('nothing is wider than the screen, in a phone and in the dark', options, async () => {
  for (const [viewport, colorScheme] of [
    [PHONE, 'light'],
    [PHONE, 'dark'],
    [DESKTOP, 'dark'],
  ]) {
    const { page, faults } = await open(demo, { viewport, colorScheme });
    const block = await unfold(page, operationOf('updateProfile'));
    await sendForm(block);
    await execute(block);
    assert.equal(
      await page.evaluate(() => document.documentElement.scrollWidth),
      viewport.width,
      `${viewport.width} ${colorScheme}`,
    );
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(background, colorScheme === 'dark' ? 'rgb(28, 32, 34)' : 'rgb(255, 255, 255)');
    assert.deepEqual(faults, []);
    await page.close();
  }
});
