// Ids in tokens, paths and records belong to a back end. These tests use accounts that have the same ids in different
// back ends (support/colliding.mjs). secrets.test.mjs tests which key may sign which ids, and one_account.test.mjs what
// the tokens of one account share.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { identify } from '../support/accounts.mjs';
import {
  ACCOUNTS,
  accountOf,
  accountOfPersona,
  BACK_ENDS,
  changed,
  collide,
  NUMBERS,
  rowsOf,
} from '../support/colliding.mjs';
import { falcon, INVALID_TOKEN, REFUSALS, ROUTES, seam } from '../support/dialects.mjs';
import { assertRefused, assertResponse } from '../support/responses.mjs';
import { LAYOUTS, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

/** Starts a worker with the accounts of support/colliding.mjs. */
async function colliding(t, options) {
  const worker = await startWorker(options);
  t.after(() => worker.stop());
  await collide(worker);
  return worker;
}
/** The expected log fields about the caller. An account's own ID has no back end. */
const callerIn = (layout, number, account) =>
  layout === 'plain'
    ? { back_end: undefined, subject: undefined, account: number }
    : { back_end: layout, subject: number, account };
const logged = ({ back_end, subject, account }) => ({ back_end, subject, account });
const NOT_FOUND = { message: 'Persona no encontrada' };
const mayAll = (account) => ACCOUNTS[account].role === 1;
const mayPersonas = (account) => ACCOUNTS[account].role !== 2;
const roleIn = (backEnd, account) => (backEnd === 'falcon' && ACCOUNTS[account].falconRole) || ACCOUNTS[account].role;

/**
 * Every endpoint: the request, with an id in its path if it takes one, and the outcome that the model expects for the
 * calling account. That is either the row that changes and the ids that the record shows, or the refusal.
 */
const ENDPOINTS = {
  'PUT /api/v1/users/:id': {
    path: (number) => `/api/v1/users/${number}`,
    json: (text) => ({ full_name: text }),
    outcome(caller, number) {
      const target = accountOf('seam', number);
      if (!mayAll(caller)) return { refusal: [403, REFUSALS.seam.forbidden()] };
      if (!target) return { refusal: [404, seam(`Usuario con id ${number} no encontrado`)] };
      return { row: `users ${target}`, shows: { idUser: number, roleId: roleIn('seam', target) } };
    },
    shown: ({ data: { idUser, roleId } }) => ({ idUser, roleId }),
  },
  'PUT /users': {
    path: () => '/users',
    json: (text) => ({ name: text }),
    outcome(caller) {
      const id = ACCOUNTS[caller].falcon;
      if (!id) return { refusal: [401, REFUSALS.falcon.badToken()] };
      return { row: `users ${caller}`, shows: { id: String(id), role_id: roleIn('falcon', caller) } };
    },
    shown: ({ id, role_id }) => ({ id, role_id }),
  },
  'PUT /api/profile/:id/update/': {
    path: (number) => `/api/profile/${number}/update/`,
    json: (text) => ({ first_name: text }),
    outcome(caller, number) {
      const target = accountOf('django', number);
      if (!target) return { refusal: [404, { detail: 'Not found.' }] };
      if (target !== caller) return { refusal: [403, { error: 'Not authorized' }] };
      return { row: `users ${caller}`, shows: { id: number } };
    },
    shown: ({ id }) => ({ id }),
  },
  'PUT /api/personas/me': {
    path: () => '/api/personas/me',
    json: (text) => ({ nombres: text }),
    outcome(caller) {
      if (!mayPersonas(caller)) return { refusal: [403, REFUSALS.personas.forbidden()] };
      const id = ACCOUNTS[caller].persona;
      return { row: `personas ${id}`, shows: { id } };
    },
    shown: ({ id }) => ({ id }),
  },
  'PUT /api/personas/:id/foto': {
    path: (number) => `/api/personas/${number}/foto`,
    json: (text) => ({ foto_url: `https://example.com/${text.replace(' ', '-')}` }),
    outcome(caller, number) {
      if (!mayPersonas(caller)) return { refusal: [403, REFUSALS.personas.forbidden()] };
      const isThere = accountOfPersona(number) || number === 8;
      if (!isThere) return { refusal: [404, NOT_FOUND] };
      return { row: `personas ${number}`, shows: { id: number } };
    },
    shown: ({ id }) => ({ id }),
  },
};

describe('accounts that have the same id in different back ends', () => {
  let worker, rows;
  let written = 0;
  before(async () => {
    worker = await startWorker();
    await collide(worker);
    rows = await rowsOf(worker);
  });
  after(() => worker?.stop());

  /** Sends one request and compares the response, the log and the changed rows with the model. */
  async function tried(name, layout, number, named) {
    const { path, json, outcome, shown } = ENDPOINTS[name];
    const { refusals } = ROUTES.find((route) => route.name === name);
    const account = accountOf(layout, number);
    const expected = account ? outcome(account, named) : { refusal: [401, refusals.gone()] };
    const where = `${layout}'s ${number} at ${path(named)}`;
    const response = await worker.put(path(named), {
      token: await token(number, { layout }),
      json: json(`text ${++written}`),
    });
    const [status, body] = expected.refusal ?? [200, response.json];
    const challenge = status === 401 ? INVALID_TOKEN : null;
    const line = await assertResponse(worker, response, status, body, { d1: 1, challenge }).catch((error) => {
      throw new Error(`${where}: ${error.message}`, { cause: error });
    });
    assert.deepEqual([line.route, logged(line)], [name, callerIn(layout, number, account)], where);
    if (expected.shows) assert.deepEqual(shown(response.json), expected.shows, where);
    const later = await rowsOf(worker);
    assert.deepEqual(changed(rows, later), expected.row ? [expected.row] : [], where);
    if (expected.row) assert.match(later.get(expected.row), new RegExp(`text.${written}"`), where);
    rows = later;
    return expected.row;
  }

  for (const layout of Object.keys(LAYOUTS)) {
    for (const [name, { path }] of Object.entries(ENDPOINTS)) {
      const title = `${name}: every id in the ${layout} layout × every id in the path`;
      test(`${title}: the right account acts, and only the right row changes [I1 I2 I3 I4]`, async () => {
        const named = path(1) === path(2) ? [undefined] : NUMBERS;
        const reached = new Set();
        for (const number of NUMBERS)
          for (const target of named) reached.add(await tried(name, layout, number, target));
        assert.ok(reached.size > 1, 'every request was refused');
      });
    }
  }

  const sixes = [
    ['seam', 1001],
    ['falcon', 1002],
    ['django', 1003],
    ['plain', 6],
  ];
  test('of the four accounts with the id 6, only administrators may change others [I1 I2 A7]', async () => {
    for (const [layout, account] of sixes) {
      const bearer = await token(6, { layout });
      const response = await worker.put('/api/v1/users/7', { token: bearer, json: {} });
      assert.equal(response.status, mayAll(account) ? 200 : 403, layout);
      assert.equal((await worker.logOf(response)).account, account);
    }
  });
  test('falcon’s role id neither grants nor revokes a permission [I4 A7]', async () => {
    // In falcon, 1002 has the id of the administrators' role, and 1004 one that no role has in Perfil.
    for (const id of [1002, 1004])
      for (const backEnd of BACK_ENDS.filter((name) => ACCOUNTS[id][name])) {
        const bearer = await token(ACCOUNTS[id][backEnd], { layout: backEnd });
        const refusal = [403, REFUSALS.seam.forbidden()];
        await assertRefused(worker, '/api/v1/users/6', { token: bearer, json: {} }, ...refusal, { d1: 1 });
      }
    const { json } = await worker.put('/users', {
      token: await token(1002, { layout: 'falcon' }),
      json: { name: 'x' },
    });
    assert.equal(json.role_id, 1, 'falcon’s id of the role');
    await worker.sql('UPDATE identities SET role_id = 2 WHERE account_id = 1001');
    const response = await worker.put('/api/v1/users/7', { token: await token(6, { layout: 'seam' }), json: {} });
    assert.deepEqual([response.status, response.json.data.roleId], [200, 2]);
    assert.deepEqual((await worker.put('/api/v1/users/6', { as: 6, json: {} })).json.data.roleId, 1);
    await worker.sql('UPDATE identities SET role_id = NULL WHERE account_id = 1001');
    rows = await rowsOf(worker);
  });
  test('roleId of seam’s endpoint is a role’s own ID, and falcon’s role ID is unchanged [I4 S1]', async (t) => {
    t.after(async () => {
      await worker.sql('UPDATE users SET role_id = 2 WHERE id = 1004');
      rows = await rowsOf(worker);
    });
    const bearer = await token(6, { layout: 'seam' });
    const { status, json } = await worker.put('/api/v1/users/7', { token: bearer, json: { roleId: 3 } });
    assert.deepEqual([status, json.data.roleId, json.data.roleName], [200, 3, 'asistente']);
    const own = await worker.put('/users', { token: await token(8, { layout: 'falcon' }), json: { name: 'x' } });
    assert.equal(own.json.role_id, 77);
  });
  test('an inactive account is refused in every back end; others with the same ids are not [A7 I2]', async (t) => {
    await worker.sql('UPDATE users SET is_active = 0 WHERE id = 1004');
    t.after(() => worker.sql('UPDATE users SET is_active = 1 WHERE id = 1004'));
    for (const backEnd of BACK_ENDS) {
      const bearer = await token(ACCOUNTS[1004][backEnd], { layout: backEnd });
      const refusal = [401, falcon(401, 'Unauthorized', 'Invalid token')];
      await assertRefused(worker, '/users', { token: bearer, json: { name: 'x' } }, ...refusal, {
        d1: 1,
        challenge: INVALID_TOKEN,
      });
    }
    assert.equal(
      (await worker.put('/users', { token: await token(6, { layout: 'falcon' }), json: { name: 'x' } })).status,
      200,
    );
    assert.equal((await worker.put('/api/v1/users/6', { as: 7, json: {} })).status, 403);
  });
});

describe('an identity', () => {
  let worker;
  before(async () => {
    worker = await startWorker();
  });
  after(() => worker?.stop());

  const IDENTITY = 'INSERT INTO identities (back_end, id, account_id) VALUES (?, ?, ?)';
  const broken = {
    'a second id of one account in a back end': ['seam', 60, 6],
    'an id that another account has': ['seam', 6, 7],
    'an unknown back end': ['personas', 6, 6],
    'an unknown account': ['seam', 4711, 4711],
    'the id 0': ['seam', 0, 6],
    'an id beyond 2^53 − 1': ['seam', Number.MAX_SAFE_INTEGER + 1, 6],
    'null as the id': ['seam', null, 6],
    'text as the id': ['seam', 'six', 6],
  };
  for (const [name, row] of Object.entries(broken)) {
    test(`with ${name} is refused by the database [I1]`, async () => {
      const before = await worker.dump();
      // Without these rows, an insert for 7 can only fail because 6 has the id.
      await worker.sql("DELETE FROM identities WHERE back_end = 'seam' AND account_id IN (7, 42)");
      await assert.rejects(() => worker.sql(IDENTITY, ...row), /constraint|cannot store/i);
      for (const id of [7, 42]) await identify(worker, id, { seam: id });
      assert.equal(await worker.dump(), before);
    });
  }
  test('exists in every back end for each demo account, with the account’s own ID [I6]', async () => {
    for (const id of [1, 5, 6, 7, 42]) {
      for (const layout of Object.keys(LAYOUTS)) {
        const bearer = await token(id, { layout });
        const falcons = await worker.put('/users', { token: bearer, json: { image_path: null } });
        const djangos = await worker.put(`/api/profile/${id}/update/`, { token: bearer, json: {} });
        const seams = await worker.put(`/api/v1/users/${id}`, { as: 6, json: {} });
        assert.deepEqual([falcons.json.id, djangos.json.id, seams.json.data.idUser], [String(id), id, id]);
        assert.deepEqual(logged(await worker.logOf(falcons)), callerIn(layout, id, id));
      }
    }
    const rows = await worker.sql('SELECT back_end, id, account_id FROM identities WHERE account_id = 43');
    assert.deepEqual(
      rows.map(({ back_end, id }) => `${back_end} ${id}`),
      ['django 43', 'falcon 43', 'seam 43'],
    );
  });
  test('is deleted with its account, whose tokens end and whose own ID is not reused [I1 I2 A7]', async (t) => {
    const world = await colliding(t);
    const tokens = await Promise.all([
      token(7, { layout: 'seam' }),
      token(8, { layout: 'falcon' }),
      token(9, { layout: 'django' }),
      token(1004),
    ]);
    const use = async (bearer) => (await world.put('/users', { token: bearer, json: { name: 'x' } })).status;
    assert.deepEqual(await Promise.all(tokens.map(use)), [200, 200, 200, 200]);
    const before = await rowsOf(world);
    await world.sql('DELETE FROM users WHERE id = 1004');
    assert.deepEqual(changed(before, await rowsOf(world)), [
      'identities django 9',
      'identities falcon 8',
      'identities seam 7',
      'personas 1002',
      'users 1004',
    ]);
    assert.deepEqual(await Promise.all(tokens.map(use)), [401, 401, 401, 401]);
    for (const statement of ['INSERT', 'INSERT OR REPLACE'])
      await assert.rejects(
        () => world.sql(`${statement} INTO users (id, username, email) VALUES (1004, 'new', 'new@example.com')`),
        /users\.id: a removed account had this id, and ids are never reused/,
      );
    // A back end may assign the id again; its token then acts as the new account.
    await identify(world, 1002, { seam: 7 });
    const heir = await world.put('/users', { token: tokens[0], json: { name: 'Heir' } });
    assert.deepEqual([heir.status, heir.json.id, (await world.logOf(heir)).account], [200, '6', 1002]);
    assert.deepEqual(await Promise.all(tokens.slice(1).map(use)), [401, 401, 401]);
  });
});
