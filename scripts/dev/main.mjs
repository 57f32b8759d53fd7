// The steps of `npm run dev`. dev.mjs starts and stops this process.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { root, run, start, step } from '../lib.mjs';
import { CHANGES, writeDemoPage } from '../page.mjs';
import { checkSecrets, ensureSecret, mint, secretsText } from '../secret.mjs';
import { installPackages, installToolchain } from '../setup.mjs';
import { startDemoBackEnd } from './back_end.mjs';
import { databaseExists, migrationsVersion, prepareDatabase } from './database.mjs';
import { killGroup } from './processes.mjs';
import { startServer } from './server.mjs';

const DAY_SECONDS = 24 * 60 * 60;
const SECRET_WRITTEN = '\nWrote a random JWT_SECRET to .dev.vars.';
const [port, option] = process.argv.slice(2);
const url = `http://localhost:${port}`;
/** Folder of the reference page with its demo accounts. The page in build/, which is deployed, does not have them. */
const page = path.join(root, '.wrangler/page');

// dev.mjs has the other end of this pipe, which is closed when dev.mjs ends in any way.
process.stdin.on('end', () => killGroup(process.pid)).resume();

/** Instructions for the demo back end. */
const ORIGIN_EXAMPLES = `A demo back end runs behind Perfil. It gets the requests that Perfil does not handle,
and their log lines have "origin":true.

curl ${url}/api/v1/users
curl -X POST ${url}/api/v1/users -d '{"full_name": "New Person"}'

The second request signs up a new person. Perfil does not know the new account, so it passes on its updates, too:

curl -X PUT ${url}/api/v1/users/1001 -H 'Authorization: Bearer <the token that was returned>' \\
  -H 'Content-Type: application/json' -d '{"full_name": "Newer Person"}'

Perfil posts the changes that it makes to the demo back end, which then shows them, too:

curl -X PUT ${url}/api/v1/users/7 -H "Authorization: Bearer $(npm run -s token -- 1 --layout seam)" \\
  -H 'Content-Type: application/json' -d '{"full_name": "Jane Miller"}'
curl ${url}/api/v1/users/7

`;

/** Writes the page again after every edit. */
function watchPage() {
  let isDue = false;
  fs.watch(path.join(root, 'public'), { recursive: true }, async () => {
    if (isDue) return;
    // Saving a file causes several events.
    isDue = true;
    await setTimeout(200);
    isDue = false;
    await writeDemoPage(page).catch((error) =>
      console.error(`perfil: the reference page was not written: ${error.message}`),
    );
  });
}

/** Uploads a picture for Luis, so that the example of `GET /media/avatars/…` on the page finds one. */
async function uploadDemoPicture() {
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
Perfil is up on ${url}. Open this page in a browser to send requests as one of the demo accounts.
You can also send a request from a shell:

curl -X PUT ${url}/api/profile/42/update/ \\
  -H 'Authorization: Bearer ${await mint(42, 'plain', DAY_SECONDS)}' \\
  -H 'Content-Type: application/json' \\
  -d '{"first_name": "Alice", "number_phone": "5559876543"}'

${vars.ORIGIN ? ORIGIN_EXAMPLES : ''}To print a token for another account, run: npm run -s token -- 1
To stop Perfil, press Ctrl-C.
`);
}

let server;
/** Settings in addition to those in wrangler.toml and .dev.vars. */
let vars = /** @type {Record<string, string>} */ ({});

/** Prepares the database and the page, and starts the server. */
async function serve() {
  const isFresh = await prepareDatabase();
  await writeDemoPage(page);
  server = await startServer({ port, page, vars }, (code) => process.exit(code));
  if (isFresh) await uploadDemoPicture();
}

async function restart(reason) {
  console.log(`\nperfil: ${reason}; restarting the server`);
  await server.stop();
  checkSecrets();
  await serve();
  console.log(`\nPerfil is up again on ${url}`);
}

/** Restarts the server with the edited secrets, unless the worker would reject them. */
async function reloadSecrets() {
  try {
    checkSecrets();
  } catch (error) {
    console.error(`\nperfil: ${error.message}\nperfil: the server keeps running with the previous .dev.vars`);
    return;
  }
  // Writing a secret is another edit of the file, after which the server is restarted.
  if (ensureSecret()) console.log(SECRET_WRITTEN);
  else await restart('.dev.vars was edited');
}

/** Handles changes that wrangler does not notice: a removed database, edited secrets, and new or edited migrations. */
async function watchFiles() {
  const readState = () => ({ exists: databaseExists(), secrets: secretsText(), migrations: migrationsVersion() });
  for (let before = readState(); ; await setTimeout(1000)) {
    const now = readState();
    if (!now.exists) await restart('the local database was removed');
    else if (now.secrets !== before.secrets) await reloadSecrets();
    else if (now.migrations !== before.migrations)
      await prepareDatabase().catch((error) => console.error(`perfil: ${error.message}`));
    before = now;
  }
}

await installPackages();
await installToolchain();
step('Building the worker');
await run('node', ['scripts/build.mjs']);
if (ensureSecret()) console.log(SECRET_WRITTEN);
if (option === '--origin') vars = await startDemoBackEnd();
await serve();
watchPage();
start('node', ['--disable-warning=ExperimentalWarning', 'scripts/dev/changes.mjs', `${page}/${CHANGES}`], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
await announce();
await watchFiles();
