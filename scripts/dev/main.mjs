// What `npm run dev` does, step by step. dev.mjs starts it and stops it.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { root, run, start, step } from '../lib.mjs';
import { CHANGES, writeDemoPage } from '../page.mjs';
import { checkSecrets, ensureSecret, mint, secretsText } from '../secret.mjs';
import { installPackages, installToolchain } from '../setup.mjs';
import { startDemoBackEnd } from './back_end.mjs';
import { databaseIsThere, migrations, prepareDatabase } from './database.mjs';
import { killGroup } from './processes.mjs';
import { startServer } from './server.mjs';

const DAY = 24 * 60 * 60;
const MADE_SECRET = '\n.dev.vars now holds a random JWT_SECRET.';
const [port, option] = process.argv.slice(2);
const url = `http://localhost:${port}`;
/** The reference page with its demo accounts: apart from what is deployed, and git ignores it. */
const page = path.join(root, '.wrangler/page');

// dev.mjs holds the other end of this pipe, which closes when it is gone, however it ended.
process.stdin.on('end', () => killGroup(process.pid)).resume();

/** What to try with the demo back end. */
const TO_TRY = `A demo back end runs behind Perfil. It gets the requests that Perfil does not handle,
and their log lines have "origin":true.

curl ${url}/api/v1/users
curl -X POST ${url}/api/v1/users -d '{"full_name": "New Person"}'

The second request signs up a new person. Perfil does not know her yet, so it passes her updates on as well:

curl -X PUT ${url}/api/v1/users/1001 -H 'Authorization: Bearer <the token that was returned>' \\
  -H 'Content-Type: application/json' -d '{"full_name": "Newer Person"}'

Perfil posts its own changes to the demo back end, so its list shows them too:

curl -X PUT ${url}/api/v1/users/7 -H "Authorization: Bearer $(npm run -s token -- 1 --layout seam)" \\
  -H 'Content-Type: application/json' -d '{"full_name": "Jane Miller"}'
curl ${url}/api/v1/users/7

`;

/** Writes the page again after an edit. */
function watchPage() {
  let isDue = false;
  fs.watch(path.join(root, 'public'), { recursive: true }, async () => {
    if (isDue) return;
    // An editor's save is several events.
    isDue = true;
    await setTimeout(200);
    isDue = false;
    await writeDemoPage(page).catch((error) =>
      console.error(`perfil: the reference page was not written: ${error.message}`),
    );
  });
}

/** Gives Luis a picture, so that the page has one to ask for; no documented reply shows his. */
async function givePicture() {
  const form = new FormData();
  form.append('avatar', new Blob([fs.readFileSync(path.join(root, 'tests/fixtures/pictures/phone.jpg'))]));
  const { ok, status } = await fetch(`${url}/api/profile/6/update/`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${await mint(6, 'plain', 60)}` },
    body: form,
  });
  if (!ok)
    console.error(`perfil: account 6 has no demo picture, because the upload failed with ${status}; see the log above`);
}

async function announce() {
  console.log(`
Perfil is up on ${url}: open it, it has demo accounts to act as. Or here:

curl -X PUT ${url}/api/profile/42/update/ \\
  -H 'Authorization: Bearer ${await mint(42, 'plain', DAY)}' \\
  -H 'Content-Type: application/json' \\
  -d '{"first_name": "Alice", "number_phone": "5559876543"}'

${vars.ORIGIN ? TO_TRY : ''}Another account's token: npm run -s token -- 1        Stop: Ctrl-C
`);
}

let server;
/** Variables in addition to those of wrangler.toml and .dev.vars. */
let vars = /** @type {Record<string, string>} */ ({});

/** Prepares what the server reads, and starts it. */
async function serve() {
  const isFresh = await prepareDatabase();
  await writeDemoPage(page);
  server = await startServer({ port, page, vars }, (code) => process.exit(code));
  if (isFresh) await givePicture();
}

async function restart(why) {
  console.log(`\nperfil: ${why}, so the server starts again`);
  await server.stop();
  checkSecrets();
  await serve();
  console.log(`\nPerfil is up again on ${url}`);
}

/** Starts the server again with the edited secrets, unless the worker would refuse them. */
async function takeSecrets() {
  try {
    checkSecrets();
  } catch (error) {
    console.error(`\nperfil: ${error.message}\nperfil: the server keeps running with what .dev.vars held before`);
    return;
  }
  // The file changes once more then.
  if (ensureSecret()) console.log(MADE_SECRET);
  else await restart('.dev.vars was edited');
}

/** Notices what wrangler does not: a removed database, edited secrets, and migrations that are new or edited. */
async function keepWatch() {
  const look = () => ({ there: databaseIsThere(), secrets: secretsText(), migrations: migrations() });
  for (let before = look(); ; await setTimeout(1000)) {
    const now = look();
    if (!now.there) await restart('the local database was removed');
    else if (now.secrets !== before.secrets) await takeSecrets();
    else if (now.migrations !== before.migrations)
      await prepareDatabase().catch((error) => console.error(`perfil: ${error.message}`));
    before = now;
  }
}

await installPackages();
await installToolchain();
step('Building the worker');
await run('node', ['scripts/build.mjs']);
if (ensureSecret()) console.log(MADE_SECRET);
if (option === '--origin') vars = await startDemoBackEnd();
await serve();
watchPage();
start('node', ['--disable-warning=ExperimentalWarning', 'scripts/dev/changes.mjs', `${page}/${CHANGES}`], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
await announce();
await keepWatch();
