// npm run dev: from a fresh clone to a worker that answers on http://localhost:8787 (PORT sets another port).
// A second start finds everything there. Ctrl-C stops everything that it started.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { output, root, run, start, step, Trouble } from './lib.mjs';
import { writeDemoPage } from './page.mjs';
import { ensureSecret, mint } from './secret.mjs';
import { installPackages, installToolchain } from './setup.mjs';

const DAY = 24 * 60 * 60;
// npm hands a SIGTERM to the shell between us, which dies of it without a word: we notice that it is gone.
const parent = process.ppid;
const port = process.env.PORT ?? '8787';
const url = `http://localhost:${port}`;
/** The reference page with its demo accounts: apart from what is deployed, and git ignores it. */
const page = path.join(root, '.wrangler/page');

async function assertPortIsFree() {
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)
    throw new Trouble(`PORT is '${port}': it has to be a number from 1 to 65535`);
  await new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      reject(
        new Trouble(
          error.code === 'EADDRINUSE'
            ? `port ${port} is in use: stop what listens there, or choose another with PORT=8788 npm run dev`
            : `cannot listen on port ${port}: ${error.message}`,
        ),
      ),
    );
    server.listen(Number(port), 'localhost', () => server.close(resolve));
  });
}

/**
 * Applies the migrations that the local database lacks, and fills it with the demo accounts when it holds nobody;
 * returns whether it did.
 */
async function prepareDatabase() {
  const folder = path.join(root, 'migrations');
  const hash = createHash('sha256');
  for (const file of fs.readdirSync(folder).sort()) hash.update(file).update(fs.readFileSync(path.join(folder, file)));
  const current = hash.digest('hex');
  // Inside wrangler's own state, so that it goes when the database goes.
  const stamp = path.join(root, '.wrangler/state/perfil-migrations');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === current) return false;
  step('Preparing the local database');
  await run('wrangler', ['d1', 'migrations', 'apply', 'DB', '--local'], { stdio: ['ignore', 'inherit', 'inherit'] });
  const counted = await output('wrangler', [
    'd1',
    'execute',
    'DB',
    '--local',
    '--json',
    '--command',
    'SELECT count(*) AS accounts FROM users',
  ]);
  const isEmpty = JSON.parse(counted)[0].results[0].accounts === 0;
  if (isEmpty) {
    await run('wrangler', ['d1', 'execute', 'DB', '--local', '--file', 'tests/fixtures/demo.sql'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    console.log('The demo accounts are in.');
  }
  fs.writeFileSync(stamp, current);
  return isEmpty;
}

/** Makes the page now, and again after an edit. */
async function preparePage() {
  await writeDemoPage(page);
  let again;
  fs.watch(path.join(root, 'public'), { recursive: true }, () => {
    clearTimeout(again);
    again = setTimeout(
      () =>
        writeDemoPage(page).catch((error) => console.error(`perfil: the reference page is not made: ${error.message}`)),
      200,
    );
  });
}

/** Starts the worker in a process group of its own, so that stopping it stops all that it has started. */
function serve() {
  const child = start('wrangler', ['dev', '--port', port, '--assets', page, '--show-interactive-dev-session=false'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: process.platform !== 'win32',
  });
  const signal = (name) => {
    try {
      if (process.platform === 'win32') child.kill(name);
      else process.kill(-child.pid, name);
    } catch {
      /* it is gone already */
    }
  };
  let asked = false;
  const stop = () => {
    asked = true;
    signal('SIGINT');
    setTimeout(() => signal('SIGKILL'), 5000).unref();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, stop);
  setInterval(() => process.ppid !== parent && !asked && stop(), 500).unref();
  child.on('error', () => {
    throw new Trouble('cannot start wrangler: remove node_modules and run `npm run dev` again');
  });
  child.on('exit', (code) => {
    signal('SIGKILL');
    process.exit(asked ? 0 : (code ?? 1));
  });
}

async function up() {
  while (
    !(await fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 200));
}

/** Gives Luis a picture, so that the page has one to ask for; no documented answer shows his. */
async function givePicture() {
  const form = new FormData();
  form.append('avatar', new Blob([fs.readFileSync(path.join(root, 'tests/fixtures/pictures/phone.jpg'))]));
  const answer = await fetch(`${url}/api/profile/6/update/`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${await mint(6, 'plain', 60)}` },
    body: form,
  });
  if (!answer.ok) throw new Trouble(`the demo picture was refused: ${await answer.text()}`);
}

async function announce() {
  console.log(`
Perfil is up on ${url}: open it, it has demo accounts to act as. Or here:

curl -X PUT ${url}/api/profile/42/update/ \\
  -H 'Authorization: Bearer ${await mint(42, 'plain', DAY)}' \\
  -H 'Content-Type: application/json' \\
  -d '{"first_name": "Alice", "number_phone": "5559876543"}'

Another account's token: npm run token -- 1        Stop: Ctrl-C
`);
}

await assertPortIsFree();
await installPackages();
await installToolchain();
step('Building the worker');
await run('node', ['scripts/build.mjs']);
if (ensureSecret()) console.log('\n.dev.vars now holds a random JWT_SECRET.');
const isFresh = await prepareDatabase();
await preparePage();
step('Starting wrangler dev');
serve();
await up();
if (isFresh) await givePicture();
await announce();
