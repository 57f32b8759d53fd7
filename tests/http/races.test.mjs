// Simultaneous requests: changes of different fields all persist, and a unique value goes to one caller.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { createAdmins } from '../support/accounts.mjs';
import { falcon, seam } from '../support/dialects.mjs';
import { startWorker } from '../support/worker.mjs';

const RACERS = Array.from({ length: 8 }, (_, at) => 101 + at);
const [FIRST] = RACERS;
const ROUNDS = [1, 2, 3, 4, 5];

let worker;
before(async () => {
  worker = await startWorker();
  // Eight admins, each with a persona: any of them may call every route.
  await createAdmins(worker, RACERS, 'racer');
});
after(() => worker?.stop());

/** Ways to claim a value: the request, and the refusal if another account has the value. */
const conflict = (message) => falcon(409, 'Conflict', message);
const byFalcon = (id, field, value, message) => ({
  as: id,
  target: '/users',
  json: { [field]: value },
  refusal: [409, conflict(message)],
});
const byDjango = (id, field, value) => ({
  as: id,
  target: `/api/profile/${id}/update/`,
  json: { [field]: value },
  refusal: [400, { [field]: [`A user with that ${field} already exists.`] }],
});
const bySeam = (id, email) => ({
  as: 6,
  target: `/api/v1/users/${id}`,
  json: { email },
  refusal: [409, seam('El correo ya está en uso por otro usuario')],
});
const byPersonas = (id, dni) => ({
  as: id,
  target: '/api/personas/me',
  json: { dni },
  refusal: [409, { message: 'Error al actualizar perfil' }],
});

/** Sends all claims at once, and checks that one is granted and the others are refused in their dialects' formats. */
async function oneWins(claims) {
  const answers = await Promise.all(
    claims.map(async (claim) => ({ claim, response: await worker.put(claim.target, claim) })),
  );
  const [won, lost] = [
    answers.filter(({ response }) => response.status === 200),
    answers.filter(({ response }) => response.status !== 200),
  ];
  assert.equal(won.length, 1, JSON.stringify(answers.map(({ response }) => [response.status, response.text])));
  assert.deepEqual(
    lost.map(({ response }) => [response.status, response.text, response.d1Calls]),
    lost.map(
      ({
        claim: {
          refusal: [status, body],
        },
      }) => [status, JSON.stringify(body), 1],
    ),
  );
}

describe('different fields of one record', () => {
  /**
   * Changes of every writable field, many of them through several dialects at once; `round` makes the values unique.
   */
  const changes = (round) => {
    const users = {
      full_name: `Corredora ${round}`,
      email: `corre${round}@example.net`,
      username: `corre_${round}`,
      first_name: `First ${round}`,
      last_name: `Last ${round}`,
      number_phone: `555000${round}`,
      image: `runs/${round}.png`,
    };
    const personas = {
      nombres: `Nombre ${round}`,
      apellidos: `Apellido ${round}`,
      telefono: `+55500000${round}`,
      dni: `CORRE-${round}`,
      foto_url: `https://example.com/${round}.jpg`,
    };
    const password = `a-new-password-${round}`;
    const django = `/api/profile/${FIRST}/update/`;
    const byId = `/api/v1/users/${FIRST}`;
    const requests = [
      ['/users', { name: users.full_name }],
      [byId, { full_name: users.full_name }],
      ['/users', { email: users.email }],
      [byId, { email: users.email }],
      [django, { email: users.email }],
      ['/users', { username: users.username }],
      [django, { username: users.username }],
      ['/users', { image_path: users.image }],
      [django, { first_name: users.first_name }],
      [django, { last_name: users.last_name }],
      [django, { number_phone: users.number_phone }],
      [django, {}],
      [byId, { password }],
      [byId, { roleId: 1 }],
      ['/api/personas/me', { nombres: personas.nombres }],
      ['/api/personas/me', { apellidos: personas.apellidos }],
      ['/api/personas/me', { telefono: personas.telefono }],
      ['/api/personas/me', { dni: personas.dni }],
      ['/api/personas/me', { foto_url: personas.foto_url }],
      [`/api/personas/${FIRST}/foto`, { foto_url: personas.foto_url }],
    ];
    return { users, personas, password, requests };
  };

  for (const round of ROUNDS) {
    test(`twenty simultaneous changes through every dialect all persist, round ${round} [R6 S5]`, async () => {
      const { users, personas, password, requests } = changes(round);
      assert.equal(requests.length, 20);
      const responses = await Promise.all(requests.map(([target, json]) => worker.put(target, { as: FIRST, json })));
      assert.deepEqual(
        responses.map(({ status, text }) => (status === 200 ? status : text)),
        requests.map(() => 200),
      );
      assert.deepEqual(
        responses.map(({ d1Calls }) => d1Calls),
        requests.map(([, json]) => ('password' in json ? 2 : 1)),
      );
      const [{ password_hash, ...user }] = await worker.sql(
        'SELECT full_name, email, username, first_name, last_name, number_phone, image, password_hash FROM users ' +
          'WHERE id = ?',
        FIRST,
      );
      assert.deepEqual(user, users);
      assert.ok(await bcrypt.compare(password, password_hash));
      assert.deepEqual(
        await worker.sql('SELECT nombres, apellidos, telefono, dni, foto_url FROM personas WHERE id = ?', FIRST),
        [personas],
      );
    });
  }

  test('simultaneous changes of eight records each affect only their own record [R6]', async () => {
    await Promise.all(
      RACERS.flatMap((id) => [
        worker.put('/users', { as: id, json: { name: `Name of ${id}` } }),
        worker.put(`/api/profile/${id}/update/`, { as: id, json: { last_name: `Last of ${id}` } }),
        worker.put('/api/personas/me', { as: id, json: { apellidos: `Apellido de ${id}` } }),
      ]),
    );
    assert.deepEqual(
      await worker.sql(
        'SELECT u.id, full_name, last_name, apellidos FROM users u JOIN personas p ON p.user_id = u.id ' +
          'WHERE u.id >= ? ORDER BY u.id',
        FIRST,
      ),
      RACERS.map((id) => ({
        id,
        full_name: `Name of ${id}`,
        last_name: `Last of ${id}`,
        apellidos: `Apellido de ${id}`,
      })),
    );
  });
});

describe('one value claimed by many', () => {
  for (const round of ROUNDS) {
    const emailTitle =
      'an e-mail claimed by eight accounts through three dialects goes to one, ' + `round ${round} [R6 F4 S4 D4]`;
    test(emailTitle, async () => {
      const spellings = [`shared${round}@example.org`, `Shared${round}@Example.ORG`];
      await oneWins(
        RACERS.map((id, at) => {
          const email = spellings[at % 2];
          return [
            byFalcon(id, 'email', email, 'Email already exists'),
            byDjango(id, 'email', email),
            bySeam(id, email),
          ][(at + round) % 3];
        }),
      );
      assert.deepEqual(await worker.sql('SELECT count(*) AS holders FROM users WHERE lower(email) = ?', spellings[0]), [
        { holders: 1 },
      ]);
    });

    const usernameTitle =
      'a username claimed by eight accounts through two dialects goes to one, ' + `round ${round} [R6 F4 D4]`;
    test(usernameTitle, async () => {
      const spellings = [`shared_${round}`, `SHARED_${round}`];
      await oneWins(
        RACERS.map((id, at) => {
          const username = spellings[(at >> 1) % 2];
          return [byFalcon(id, 'username', username, 'Username already exists'), byDjango(id, 'username', username)][
            (at + round) % 2
          ];
        }),
      );
      assert.deepEqual(
        await worker.sql('SELECT count(*) AS holders FROM users WHERE lower(username) = ?', spellings[0]),
        [{ holders: 1 }],
      );
    });

    test(`a dni claimed by eight personas goes to one, round ${round} [R6 P8]`, async () => {
      const dni = `SHARED-${round}`;
      await oneWins(RACERS.map((id) => byPersonas(id, dni)));
      assert.deepEqual(await worker.sql('SELECT count(*) AS holders FROM personas WHERE dni = ?', dni), [
        { holders: 1 },
      ]);
    });
  }
});
