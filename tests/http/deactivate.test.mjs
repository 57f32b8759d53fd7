// Two ways to deactivate an account in Perfil after its back end has deleted or deactivated it: the command, and the
// request that docs/moving-over.md shows.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startProject } from '../scripts/commands.mjs';
import { REFUSALS } from '../support/dialects.mjs';
import { read } from '../support/project.mjs';
import { assertRefused } from '../support/responses.mjs';
import { token } from '../support/tokens.mjs';

let project, worker;
before(async () => {
  project = await startProject();
  ({ worker } = project);
  await worker.sql("UPDATE identities SET id = id + 1000 WHERE back_end = 'seam'");
});
after(() => project?.stop());

const command = (args, environment) => project.run('scripts/deactivate.mjs', args, environment);
const isActive = async (id) => (await worker.sql('SELECT is_active FROM users WHERE id = ?', id))[0].is_active;

describe('an account becomes inactive immediately', () => {
  test('with the command and its id in the back end [X7]', async () => {
    const asJane = { token: await token(1007, { layout: 'seam' }), json: {} };
    assert.equal(
      (await worker.put('/api/v1/users/1007', asJane)).status,
      403,
      'the account exists, and holds no permission',
    );
    const { code, out, err } = await command(['seam', '1007', '--remote']);
    assert.deepEqual([code, out, err], [0, 'account 7 (seam 1007) is inactive\n', '']);
    assert.deepEqual([await isActive(7), await isActive(6), await isActive(42)], [0, 1, 1]);
    const challenge = 'Bearer error="invalid_token"';
    await assertRefused(worker, '/api/v1/users/1007', asJane, 401, REFUSALS.seam.inactive(), { d1: 1, challenge });
    const again = await command(['seam', '1007', '--remote']);
    assert.deepEqual([again.code, again.out], [0, 'account 7 (seam 1007) is inactive\n']);
  });

  test('with the documented request to D1’s HTTP interface [X7]', async () => {
    const guide = read('docs/moving-over.md');
    const [, body] = /d1\/database\/\$DATABASE_ID\/query"[^']*'Content-Type: application\/json' \\\n\s*-d '(.*)'/.exec(
      guide,
    );
    const statement = JSON.parse(body);
    assert.deepEqual(statement.params, ['seam', '7']);
    const headers = { authorization: 'Bearer good', 'content-type': 'application/json' };
    const params = ['seam', '1006'];
    const request = { method: 'POST', headers, body: JSON.stringify({ ...statement, params }) };
    const response = await fetch(project.query, request);
    assert.equal(response.status, 200);
    assert.deepEqual([await isActive(6), await isActive(5)], [0, 1]);
  });

  test('in the local database by default [X7]', async () => {
    await project.local('migrations', 'apply', 'DB');
    const insert =
      "INSERT INTO users (id, username, email) VALUES (9, 'nine', 'nine@example.com'); " +
      "INSERT INTO identities (back_end, id, account_id) VALUES ('django', 3, 9)";
    await project.local('execute', 'DB', '--command', insert);
    const { code, out } = await command(['django', '3']);
    assert.deepEqual([code, out], [0, 'account 9 (django 3) is inactive\n']);
    const rows = await project.local(
      'execute',
      'DB',
      '--json',
      '--command',
      'SELECT is_active FROM users WHERE id = 9',
    );
    assert.match(rows, /"is_active": 0/);
  });
});

describe('a failure is reported in one line', () => {
  for (const [name, args, expected] of /** @type {[string, string[], RegExp][]} */ ([
    ['no account has the id', ['falcon', '4711', '--remote'], /^perfil: no account has the ID 4711 in falcon; nothing/],
    ['another back end', ['personas', '7'], /^perfil: usage: npm run deactivate/],
    ['no id', ['seam'], /^perfil: usage: /],
    ['an invalid id', ['seam', "7' OR 1=1 --"], /^perfil: usage: /],
    ['an unknown option', ['seam', '7', '--force'], /^perfil: usage: /],
    [
      'an environment that does not exist',
      ['seam', '7', '--remote', '--env', 'nowhere'],
      /has no environment nowhere\n$/,
    ],
  ])) {
    test(`${name} [X7]`, async () => {
      const { code, out, err } = await command(args);
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, expected);
      assert.doesNotMatch(err, /^ +at /m);
    });
  }

  // `npm run deactivate seam 7 --remote`, without `--`: npm keeps the option, and the command sees only a variable.
  test('an option that npm treated as its own [X7]', async () => {
    const { code, out, err } = await command(['seam', '7'], { npm_config_remote: 'true' });
    assert.deepEqual([code, out], [1, '']);
    assert.match(
      err,
      /^perfil: npm treated --remote as one of its own options: .*`npm run deactivate -- --remote …`\n$/,
    );
  });
});
