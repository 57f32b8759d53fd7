// `npm run changes`: who changed what in the local and in the deployed database, as a table and as JSON.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startProject } from '../scripts/commands.mjs';
import { token } from '../support/tokens.mjs';

const JANE = 'account 7 (falcon 7, seam 1007)';
/** The changes of account 7 below. */
const TABLE = [
  ['ID', 'When (UTC)', 'Who', 'Whose', 'Fields', 'Route', 'Request'],
  ['1', '2026-11-01 08:30:00', 'account 1 (seam 1001)', JANE, 'email, full_name', 'PUT /api/v1/users/:id', 'request-1'],
  ['2', '2026-11-02 08:30:00', 'account 7 (falcon 7)', JANE, 'full_name', 'PUT /users', 'request-2'],
  ['4', '2026-11-04 08:30:00', 'account 1 (seam 1001)', JANE, 'role_id', 'PUT /api/v1/users/:id', 'request-4'],
  ['6', '2026-11-06 08:30:00', 'account 5', 'persona 7', 'foto_url', 'PUT /api/personas/:id/foto', 'request-6'],
];
let project, worker;
before(async () => {
  project = await startProject();
  ({ worker } = project);
});
after(() => project?.stop());

const command = (args, environment) => project.run('scripts/changes.mjs', args, environment);

/** Runs the command, which must succeed, and returns the objects that it printed. */
async function listed(...args) {
  const { code, out, err } = await command([...args, '--json']);
  assert.deepEqual([code, err], [0, '']);
  return JSON.parse(out);
}

describe('the deployed database', () => {
  before(async () => {
    await worker.sql("UPDATE identities SET id = id + 1000 WHERE back_end = 'seam'");
    await worker.sql("DELETE FROM identities WHERE back_end = 'django' AND account_id = 7");
    const foto = { foto_url: 'https://example.com/a.jpg' };
    for (const [n, target, layout, id, json] of /** @type {any[]} */ ([
      [1, '/api/v1/users/1007', 'seam', 1001, { email: 'jane@example.net', full_name: 'Jane' }],
      [2, '/users', 'falcon', 7, { name: 'Jane' }],
      [3, '/api/personas/me', 'plain', 5, { telefono: '+123456789' }],
      [4, '/api/v1/users/1007', 'seam', 1001, { roleId: 3 }],
      [5, '/api/profile/42/update/', 'django', 42, { first_name: 'Alicia' }],
      [6, '/api/personas/7/foto', 'plain', 5, foto],
    ])) {
      const headers = { 'x-request-id': `request-${n}` };
      const response = await worker.put(target, { token: await token(id, { layout }), json, headers });
      assert.equal(response.status, 200, response.text);
    }
    await worker.sql("UPDATE changes SET at = '2026-11-0' || id || 'T08:30:00.000Z'");
  });

  test('is shown as a table that a person can read, the latest change last [C5]', async () => {
    const { code, out, err } = await command(['--remote', '--account', '7']);
    assert.deepEqual([code, err], [0, '']);
    const lines = out.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => line.split(/ {2,}/)),
      TABLE,
    );
    const starts = TABLE[0].map((head) => lines[0].indexOf(head));
    for (const [n, line] of lines.entries())
      for (const [at, cell] of TABLE[n].entries()) assert.ok(line.startsWith(cell, starts[at]), line);
  });
  test('is shown as JSON [C5]', async () => {
    const changes = await listed('--remote');
    assert.deepEqual(changes.slice(0, 3), [
      {
        id: 1,
        at: '2026-11-01T08:30:00.000Z',
        request_id: 'request-1',
        route: 'PUT /api/v1/users/:id',
        actor: { account: 1, back_end: 'seam', id: 1001 },
        subject: { account: 7, ids: { falcon: 7, seam: 1007 } },
        fields: ['email', 'full_name'],
      },
      {
        id: 2,
        at: '2026-11-02T08:30:00.000Z',
        request_id: 'request-2',
        route: 'PUT /users',
        actor: { account: 7, back_end: 'falcon', id: 7 },
        subject: { account: 7, ids: { falcon: 7, seam: 1007 } },
        fields: ['full_name'],
      },
      {
        id: 3,
        at: '2026-11-03T08:30:00.000Z',
        request_id: 'request-3',
        route: 'PUT /api/personas/me',
        actor: { account: 5 },
        subject: { persona: 5 },
        fields: ['telefono'],
      },
    ]);
    assert.equal(changes.length, 6);
  });
  for (const [what, args, requests] of /** @type {[string, string[], number[]][]} */ ([
    ['an account and its persona', ['--account', '7'], [1, 2, 4, 6]],
    ['caller, since a day', ['--by', '5', '--since', '2026-11-04'], [6]],
    ['a time', ['--since', '2026-11-02T08:31'], [3, 4, 5, 6]],
  ]))
    test(`is filtered by ${what} [C5]`, async () => {
      const changes = await listed('--remote', ...args);
      assert.deepEqual(
        changes.map(({ request_id }) => request_id),
        requests.map((n) => `request-${n}`),
      );
    });
  test('shows the newest thousand, and reports that there are more [C5]', async () => {
    const more =
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001) ' +
      'INSERT INTO changes (request_id, route, actor_id, account_id, fields) ' +
      "SELECT 'many-' || i, 'PUT /users', 900, 900, '[\"full_name\"]' FROM n";
    await worker.sql(more);
    const { code, out, err } = await command(['--remote', '--by', '900', '--json']);
    const changes = JSON.parse(out);
    assert.deepEqual([code, changes.length, changes[0].request_id], [0, 1000, 'many-2']);
    assert.match(err, /^perfil: only the newest 1,000 changes are shown/);
    await worker.sql('DELETE FROM changes WHERE actor_id = 900');
  });
});

describe('the local database', () => {
  test('is the default; without migrations, the command that applies them is printed [C5]', async () => {
    const unmigrated = await command([]);
    assert.equal(unmigrated.code, 1);
    assert.match(
      unmigrated.err,
      /^perfil: .*: run `npx wrangler d1 migrations apply DB --local` \(no such table: changes/,
    );
    await project.local('migrations', 'apply', 'DB');
    assert.deepEqual(await command([]), { code: 0, out: 'no changes\n', err: '' });
    const insert =
      'INSERT INTO changes (request_id, route, actor_id, actor_back_end, account_id, fields) ' +
      "VALUES ('r', 'PUT /users', 57, 'falcon', 57, '[\"username\"]')";
    await project.local('execute', 'DB', '--command', insert);
    const [{ at, ...change }] = await listed('--account', '57');
    assert.ok(Date.now() - Date.parse(at) < 60_000, at);
    // The account no longer exists, and neither do its identities.
    const actor = { account: 57, back_end: 'falcon', id: null };
    const subject = { account: 57, ids: {} };
    assert.deepEqual(change, { id: 1, request_id: 'r', route: 'PUT /users', actor, subject, fields: ['username'] });
    assert.match(
      (await command([])).out,
      /^1 .* {2}account 57 \(falcon\) {2}account 57 {2}username {2}PUT \/users {2}r$/m,
    );
  });
});

describe('a failure is reported in one line', () => {
  const fails = async (args, expected, environment) => {
    const { code, out, err } = await command(args, environment);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, expected);
    assert.doesNotMatch(err, /^ +at /m);
  };
  test('a deployed database without the migration [C5]', () =>
    fails(
      ['--remote', '--env', 'empty'],
      /^perfil: .*`npx wrangler d1 migrations apply DB --remote --env empty`.*no such table/m,
    ));
  test('an environment without a database, and one that does not exist [C5]', async () => {
    await fails(['--env', 'without'], /^perfil: wrangler.toml has no database DB in the environment without$/m);
    await fails(['--env', 'nobodys'], /^perfil: wrangler.toml has no environment nobodys\n$/);
  });
  test('an environment that is not deployed yet [C5]', () =>
    fails(
      ['--remote', '--env', 'undeployed'],
      /^perfil: your Cloudflare account has no database perfil-undeployed: `npm run deploy -- --env undeployed`/m,
    ));
  test('a Cloudflare account without access, and none [C5]', async () => {
    const bad = { CLOUDFLARE_API_TOKEN: 'bad' };
    await fails(['--remote'], /^perfil: wrangler could not query the database: .* is not authorized/m, bad);
    const none = { CLOUDFLARE_API_TOKEN: undefined, HOME: project.folder, XDG_CONFIG_HOME: project.folder };
    await fails(
      ['--remote'],
      /^perfil: wrangler could not query the database: In a non-interactive environment/m,
      none,
    );
  });
  test('an option that npm treated as its own [C5]', () =>
    fails([], /^perfil: npm treated --since as one of its own options: .*`npm run changes -- --since …`$/m, {
      npm_config_since: '2026-11-01',
    }));
  test('invalid options [C5]', async () => {
    for (const args of [
      ['--account', 'x'],
      ['--account', "1' OR 1"],
      ['--by', '0'],
      ['--since', 'yesterday'],
      ['--since', '2026-02-31'],
      ['--since', "2026-11-01'"],
      ['--env', 'a b'],
      ['--table'],
      ['42'],
    ])
      await fails(args, /^perfil: usage: npm run changes/);
  });
});
