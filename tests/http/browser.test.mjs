// The reference page in a real browser, as served by `npm run dev` and by a deployed worker: with a mouse, with a
// keyboard, through the accessibility tree, and without JavaScript.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { CHANGES, writeDemoPage } from '../../scripts/page.mjs';
import { operations, resolve } from '../openapi/document.mjs';
import { launch, noBrowser } from '../support/browser.mjs';
import { read, root } from '../support/project.mjs';
import { startSite } from '../support/site.mjs';
import { token } from '../support/tokens.mjs';

const options = { skip: noBrowser, timeout: 120_000 };
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const NARROW = { width: 320, height: 568 };
/** A desktop of 1280 pixels, zoomed to 200 %. */
const ZOOMED = { width: 640, height: 450 };
const pictures = path.join(root, 'tests/fixtures/pictures');

let browser, demo, deployed, folder;
before(async () => {
  if (noBrowser) return;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-page-'));
  await writeDemoPage(folder, token);
  [browser, demo, deployed] = await Promise.all([launch(), startSite({ files: folder }), startSite()]);
  // The upload that `npm run dev` makes when it is first started.
  const form = new FormData();
  form.append('avatar', new Blob([fs.readFileSync(path.join(pictures, 'phone.jpg'))]));
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
 * Opens the page. `faults` collects errors and warnings of the console (including violations of the policy) and
 * requests to any other origin.
 */
async function open(site, settings = {}) {
  const page = await browser.newPage({ viewport: DESKTOP, colorScheme: 'light', reducedMotion: 'reduce', ...settings });
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
  // demo.js fetches the files for the forms last.
  await page.goto(site.url, { waitUntil: 'networkidle' });
  return { page, faults };
}

const operationOf = (page, id) => page.locator(`article#${id}`);
const chooseForm = (operation) => operation.getByLabel('Form with a picture').check();

/** Sends a request, waits for the reply, and returns the status and the body that the page shows. */
async function replyTo(operation, send) {
  const heading = operation.locator('.reply h4');
  await heading.evaluate((element) => element.replaceChildren());
  await send();
  await heading.locator('.stamp').waitFor();
  const body = operation.locator('.reply pre');
  return {
    status: Number((await heading.innerText()).slice(0, 3)),
    body: (await body.count()) ? await body.first().innerText() : undefined,
  };
}

const click = (operation) => replyTo(operation, () => operation.getByRole('button', { name: 'Send' }).click());

/** Waits for the picture that a reply shows, and returns its size. */
async function pictureOf(operation) {
  const picture = operation.locator('.reply img');
  await picture.waitFor();
  return picture.evaluate(async (image) => {
    await image.decode();
    return [image.naturalWidth, image.naturalHeight];
  });
}

test('in local development every endpoint returns 200 on the first click', options, async () => {
  const { page, faults } = await open(demo);
  const statuses = {};
  for (const { id, operation } of operations) {
    const shown = operationOf(page, id);
    const { status, body } = await click(shown);
    statuses[id] = status;
    assert.equal(await shown.getByLabel('Body').isVisible(), operation.requestBody !== undefined, id);
    if (operation.requestBody) assert.equal(typeof JSON.parse(body), 'object', id);
    if (id === 'getPicture') assert.deepEqual(await pictureOf(shown), [64, 96]);
  }
  assert.deepEqual(statuses, Object.fromEntries(operations.map(({ id }) => [id, 200])));
  assert.deepEqual(faults, []);
  await page.close();
});

test('the form of an upload has a picture ready, and the reply shows the stored one', options, async () => {
  const { page, faults } = await open(demo);
  for (const [id, shown] of [
    ['updateProfile', 'avatar'],
    ['updatePersonaFoto', 'foto_url'],
  ]) {
    const operation = operationOf(page, id);
    await chooseForm(operation);
    const { status, body } = await click(operation);
    assert.equal(status, 200);
    const { pathname, origin } = new URL(JSON.parse(body)[shown], demo.url);
    assert.match(pathname, /^\/media\/avatars\/(42|5)\/[0-9a-f]{64}\.jpg$/);
    assert.equal(origin, demo.url);
    assert.deepEqual(await pictureOf(operation), [64, 96]);
  }
  assert.deepEqual(faults, []);
  await page.close();
});

test('a request is sent as the account that is selected', options, async () => {
  const { page } = await open(demo);
  const operation = operationOf(page, 'updatePersonaFoto');
  const statuses = [(await click(operation)).status];
  for (const account of ['6', '7', '']) {
    await operation.getByLabel('Act as').selectOption(account);
    statuses.push((await click(operation)).status);
  }
  assert.deepEqual(statuses, [200, 200, 403, 401]);
  const { responses } = operations.find(({ id }) => id === 'updatePersonaFoto').operation;
  const expected = resolve(responses[401]).description.replaceAll('`', '');
  assert.equal(await operation.locator('.reply p').innerText(), expected);
  await page.close();
});

test('a token that the reader enters is used by the forms that ask for one, and by no other', options, async () => {
  const { page } = await open(demo);
  const [own, nobody, account] = ['updateProfile', 'updateUser', 'updateOwnUser'].map((id) => operationOf(page, id));
  await own.getByLabel('Act as').selectOption('other');
  await nobody.getByLabel('Act as').selectOption('');
  await own.getByLabel('Token').fill('not-a-token');
  const replies = await Promise.all([own, nobody, account].map(click));
  assert.deepEqual(
    replies.map(({ status }) => status),
    [401, 401, 200],
  );
  const challenge = (operation) => operation.locator('.reply dt', { hasText: 'www-authenticate' }).locator('+ dd');
  assert.equal(await challenge(own).textContent(), 'Bearer error="invalid_token"');
  assert.equal(await challenge(nobody).textContent(), 'Bearer');
  await page.close();
});

test('a deployed page offers no accounts, and one token entered there is used for all endpoints', options, async () => {
  const { page, faults } = await open(deployed);
  assert.equal(await page.getByLabel('Act as').count(), 0);
  const operation = operationOf(page, 'updateOwnUser');
  assert.equal((await click(operation)).status, 401);
  await operationOf(page, 'updateProfile')
    .getByLabel('Token')
    .fill(await token(1));
  const { status, body } = await click(operation);
  assert.deepEqual([status, JSON.parse(body).name], [200, 'Jane Doe']);
  // The browser itself logs the 401.
  assert.deepEqual(
    faults.filter((fault) => !fault.includes('401')),
    [],
  );
  await page.close();
});

test('the curl command sends the request that the form sends, to the origin of the page', options, async () => {
  const { page } = await open(deployed);
  const operation = operationOf(page, 'updateProfile');
  await operation.getByLabel('Token').fill(await token(42));
  const shown = operation.locator('.curl code');
  const check = async (expected) => {
    const { body } = await click(operation);
    const command = await shown.textContent();
    assert.ok(command.startsWith(`curl -X PUT '${deployed.url}/api/profile/42/update/'`), command);
    const { stdout } = await promisify(execFile)('sh', ['-c', `${command} --silent`], { cwd: pictures });
    assert.deepEqual(JSON.parse(stdout), JSON.parse(body));
    for (const [name, value] of Object.entries(expected)) assert.match(JSON.parse(stdout)[name], value);
  };
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await operation.locator('.curl > summary').click();
  await operation.getByRole('button', { name: 'Copy' }).click();
  await page.getByRole('status').getByText('Copied').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await shown.textContent());
  await operation.getByLabel('Body').fill('{"last_name": "O\'Neill $HOME \\"`id`\\""}');
  await check({ last_name: /^O'Neill \$HOME "`id`"$/ });
  await chooseForm(operation);
  await operation.getByLabel('avatar').setInputFiles(path.join(pictures, 'phone.jpg'));
  await operation.getByLabel('first_name').nth(0).fill('@file; "x"');
  await check({ first_name: /^@file; "x"$/, avatar: /\.jpg$/ });
  await operation.getByLabel('URL-encoded form').check();
  await operation.getByLabel('first_name').nth(1).fill('A&B=C é');
  await check({ first_name: /^A&B=C é$/ });
  await page.close();
});

/** The focused element: its tag, its text or name, and whether the focus is visible. */
const focused = (page) =>
  page.evaluate(() => {
    const { tagName, name, innerText, id } = document.activeElement;
    const text = (name || id || innerText || '').trim().split('\n')[0];
    const outline = getComputedStyle(document.activeElement);
    return { what: `${tagName.toLowerCase()} ${text}`, isVisible: outline.outlineStyle === 'solid' };
  });

/** Presses Tab until the wanted element has the focus, and returns every element that was focused on the way. */
async function tabTo(page, wanted) {
  const passed = [];
  for (let count = 0; count < 100; count++) {
    await page.keyboard.press('Tab');
    const { what, isVisible } = await focused(page);
    assert.ok(isVisible, `the focus on ${what} is not visible`);
    passed.push(what);
    if (what === wanted) return passed;
  }
  throw new Error(`Tab does not reach ${wanted}: ${passed.join(', ')}`);
}

test('the keyboard alone reaches a form, its reply, and the documented replies', options, async () => {
  const { page } = await open(demo);
  assert.deepEqual(await tabTo(page, 'a Skip to the content'), ['a Skip to the content']);
  await page.keyboard.press('Enter');
  const passed = await tabTo(page, 'input id');
  assert.deepEqual(passed.slice(-2), ['select updatePersonaFoto-token-account', 'input id']);
  assert.ok(
    passed.some((what) => what.startsWith('summary Documented replies')),
    passed.join(', '),
  );
  // The choice of the body is one Tab stop, and so is each of the controls after it.
  assert.deepEqual(await tabTo(page, 'button Send'), [
    'input type',
    'textarea json',
    'summary Request headers',
    'button Send',
  ]);
  const operation = operationOf(page, 'updatePersonaFoto');
  const { status } = await replyTo(operation, () => page.keyboard.press('Enter'));
  assert.equal(status, 200);
  assert.deepEqual(await focused(page), { what: 'h4 updatePersonaFoto-reply', isVisible: true });
  assert.ok(
    await operation.locator('.reply h4').evaluate((heading) => {
      const { top, bottom } = heading.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    }),
  );
  assert.match(await page.getByRole('status').innerText(), /^Reply: 200 OK, \d+ milliseconds$/);
  await tabTo(page, 'summary Response headers');
  await page.keyboard.press('Enter');
  await operation.locator('.reply').getByText('x-request-id').waitFor();
  // Continue from the reply to the next endpoint, whose documented replies are collapsed.
  const replies = operationOf(page, 'updateOwnPersona').locator('.replies');
  await tabTo(page, `summary ${await replies.locator('> summary').innerText()}`);
  assert.equal(await replies.getByText('El campo').first().isVisible(), false);
  await page.keyboard.press('Enter');
  await tabTo(page, 'summary 400 The body is malformed, or a field is invalid.');
  await page.keyboard.press('Enter');
  assert.ok(await replies.getByText('El campo').first().isVisible());
  await page.close();
});

test('a screen reader finds the endpoints by headings, names of controls, and the reply', options, async () => {
  const { page } = await open(demo);
  const operation = operationOf(page, 'updateOwnUser');
  await click(operation);
  const tree = await operation.ariaSnapshot();
  for (const line of [
    /heading "Change your own account" \[level=3\]/,
    /form "Try PUT \/users":/,
    /combobox "Act as":/,
    /group "Send as":/,
    /radio "JSON" \[checked\]/,
    /textbox "Body":/,
    /button "Send"/,
    /region "Reply to PUT \/users":/,
    /heading "200 OK \d+ ms" \[level=4\]/,
  ])
    assert.match(tree, line);
  await page.close();
});

/** Shows everything that the page can show: a reply, all collapsed sections, and every form. */
async function showAll(page) {
  const operation = operationOf(page, 'updateProfile');
  await chooseForm(operation);
  await click(operation);
  await click(operationOf(page, 'updateOwnPersona'));
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
    for (const fields of document.querySelectorAll('[data-type]')) fields.hidden = false;
  });
}

test('axe finds no violations, light and dark, on desktop and phone, with everything expanded', options, async () => {
  const axe = read('node_modules/axe-core/axe.min.js');
  for (const site of [demo, deployed])
    for (const viewport of site === demo ? [DESKTOP, PHONE] : [DESKTOP])
      for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
        const { page } = await open(site, { viewport, colorScheme });
        if (site === demo) await showAll(page);
        await page.evaluate(axe);
        const { violations, passes } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
        assert.ok(passes.some(({ id }) => id === 'color-contrast'));
        assert.deepEqual(
          violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(', ')}`),
          [],
          `${viewport.width} ${colorScheme}`,
        );
        await page.close();
      }
});

test('nothing is wider than the screen: on a phone, at 320 pixels, at 200 %', options, async () => {
  for (const viewport of [DESKTOP, PHONE, NARROW, ZOOMED]) {
    const { page, faults } = await open(demo, { viewport });
    await showAll(page);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width);
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll('pre, td, th, p, dd, dt, figure, summary')]
        .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1)
        .map((element) => element.textContent.slice(0, 60)),
    );
    assert.deepEqual(cut, [], `${viewport.width}`);
    assert.deepEqual(faults, []);
    await page.close();
  }
});

test('colours follow the preferred scheme, and nothing moves if reduced motion is preferred', options, async () => {
  const styles = [];
  for (const colorScheme of /** @type {const} */ (['light', 'dark']))
    for (const reducedMotion of /** @type {const} */ (['reduce', 'no-preference'])) {
      const { page } = await open(demo, { colorScheme, reducedMotion });
      const operation = operationOf(page, 'getHealth');
      await click(operation);
      const background = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      const animation = await operation.locator('.stamp').evaluate((stamp) => getComputedStyle(stamp).animationName);
      const scroll = await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior);
      styles.push([background, animation, scroll]);
      await page.close();
    }
  assert.deepEqual(styles, [
    ['rgb(233, 239, 232)', 'none', 'auto'],
    ['rgb(233, 239, 232)', 'stamp', 'smooth'],
    ['rgb(14, 21, 18)', 'none', 'auto'],
    ['rgb(14, 21, 18)', 'stamp', 'smooth'],
  ]);
});

test('the demo page shows who changed what, a moment after the reply', options, async () => {
  const { page } = await open(demo);
  const made = page.locator('#made-here');
  // Does what scripts/dev/changes.mjs does every 250 ms.
  const write = async () => {
    const rows = await demo.sql('SELECT * FROM changes ORDER BY id DESC LIMIT 10');
    const changes = rows.map((row) => ({ ...row, fields: JSON.parse(row.fields) }));
    fs.writeFileSync(path.join(folder, CHANGES), JSON.stringify(changes));
  };
  const operation = operationOf(page, 'updateUser');
  const sent = page.waitForResponse('**/api/v1/users/7');
  await click(operation);
  await write();
  const id = (await sent).headers()['x-request-id'];
  const row = made.locator('li', { hasText: id });
  await row.waitFor();
  assert.match(await row.innerText(), /^email, full_name of account 7\s+by account 1\s+PUT \/api\/v1\/users\/:id\s/);
  await page.close();
});

test('without JavaScript the page is readable and names what does not work', options, async () => {
  const { page } = await open(deployed, { javaScriptEnabled: false });
  assert.equal(await page.locator('form.try').first().isVisible(), false);
  assert.ok(await page.getByText('Sending a request from this page needs JavaScript.').first().isVisible());
  const replies = operationOf(page, 'updateOwnUser').locator('.replies');
  await replies.locator('> summary').click();
  await replies.locator('[data-status="400"] > summary').click();
  assert.ok(await replies.getByText('No fields provided to update').isVisible());
  await page.close();
});
