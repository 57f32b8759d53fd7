// PUT /api/v1/users/:id: any account, changed by a caller with the permission.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { assertAccepted, assertRefused, assertResponse, raw, withoutTable } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const USER = '/api/v1/users/7';
const JANE = {
  idUser: 7,
  full_name: 'Jane Smith',
  email: 'jane.smith@example.com',
  roleId: 2,
  roleName: 'editor',
  roleDescription: 'Can read and edit content',
};

const ok = (change = {}) => ({
  success: true,
  message: 'Usuario actualizado exitosamente',
  data: { ...JANE, ...change },
});
const no = (message) => ({ success: false, message, data: null });
const fault = {
  id: "El campo 'id' debe ser numérico",
  name: "El campo 'full_name' debe tener entre 2 y 100 caracteres",
  email: "El campo 'email' debe tener un formato de correo válido",
  role: "El campo 'roleId' debe ser un número",
  noRole: "El campo 'roleId' no corresponde a un rol existente",
  password: "El campo 'password' debe tener entre 6 y 100 caracteres",
};
const text = (field) => `El campo '${field}' debe ser un texto`;
const notNull = (field) => `El campo '${field}' no puede ser nulo`;
const control = (field) => `El campo '${field}' contiene caracteres no permitidos`;
const FORBIDDEN = no('No tienes permisos para acceder a este recurso');
const TAKEN = no('El correo ya está en uso por otro usuario');
const MISSING = no('Usuario con id 9999 no encontrado');
const MALFORMED = no('El cuerpo de la petición debe ser un objeto JSON válido');
const UNSUPPORTED = no('Tipo de contenido no soportado');

let worker;
let demo;
const jane = async () => (await worker.sql('SELECT * FROM users WHERE id = 7'))[0];
before(async () => {
  worker = await startWorker();
  demo = await jane();
});
after(() => worker?.stop());
beforeEach(() =>
  worker.sql(
    'UPDATE users SET full_name = ?, email = ?, role_id = ?, password_hash = ?, updated_at = ? WHERE id = 7',
    demo.full_name,
    demo.email,
    demo.role_id,
    demo.password_hash,
    demo.updated_at,
  ),
);

describe('changing an account', () => {
  test("the documentation's curl example returns the response as printed [S1 O2]", async () => {
    const body = `{
    "full_name": "Jane Smith",
    "email": "jane.smith@example.com"
  }`;
    const { line } = await assertAccepted(
      worker,
      USER,
      { as: 6, ...raw(body) },
      {
        success: true,
        message: 'Usuario actualizado exitosamente',
        data: {
          idUser: 7,
          full_name: 'Jane Smith',
          email: 'jane.smith@example.com',
          roleId: 2,
          roleName: 'editor',
          roleDescription: 'Can read and edit content',
        },
      },
    );
    assert.deepEqual(
      { method: line.method, route: line.route, account: line.account },
      { method: 'PUT', route: 'PUT /api/v1/users/:id', account: 6 },
    );
  });

  for (const [field, value] of Object.entries({ full_name: 'Zoë 🌸 李', email: 'jane+new@mail.example.org' })) {
    test(`${field} alone changes nothing else [S1 R4 R5]`, async () => {
      await assertAccepted(worker, USER, { as: 6, json: { [field]: value } }, ok({ [field]: value }));
      const row = await jane();
      assert.deepEqual(row, { ...demo, [field]: value, updated_at: row.updated_at });
    });
  }

  test('a new role comes back with its name and description [S1]', async () => {
    const [role] = await worker.sql('SELECT name, description FROM roles WHERE id = 3');
    assert.equal(role.name, 'asistente');
    await assertAccepted(
      worker,
      USER,
      { as: 6, json: { roleId: 3 } },
      ok({ roleId: 3, roleName: role.name, roleDescription: role.description }),
    );
    const row = await jane();
    assert.deepEqual(row, { ...demo, role_id: 3, updated_at: row.updated_at });
  });

  const nothing = {
    'an empty object': { json: {} },
    'no body': {},
    'only unknown fields': {
      json: { idUser: 6, role_id: 1, username: 'x', is_active: 0, FULL_NAME: 'X', nada: [null] },
    },
  };
  for (const [name, options] of Object.entries(nothing)) {
    test(`${name} returns the record as it stands and changes no row, not even updated_at [S1 R2 R4]`, async () => {
      const rows = await worker.dump();
      await assertAccepted(worker, USER, { as: 6, ...options }, ok());
      assert.equal(await worker.dump(), rows);
    });
  }

  test('an inactive account can be changed, too [S1]', async () => {
    await assertAccepted(
      worker,
      '/api/v1/users/43',
      { as: 6, json: { full_name: 'Bob Inactive' } },
      {
        success: true,
        message: 'Usuario actualizado exitosamente',
        data: {
          idUser: 43,
          full_name: 'Bob Inactive',
          email: 'bob@example.com',
          roleId: 2,
          roleName: 'editor',
          roleDescription: 'Can read and edit content',
        },
      },
    );
  });
  test('an account without a role is shown without one, and can be given one [S1]', async () => {
    await worker.sql('UPDATE users SET role_id = NULL WHERE id = 7');
    await assertAccepted(
      worker,
      USER,
      { as: 6, json: { full_name: 'Jane New' } },
      ok({ full_name: 'Jane New', roleId: null, roleName: null, roleDescription: null }),
    );
    await assertAccepted(worker, USER, { as: 6, json: { roleId: 2 } }, ok({ full_name: 'Jane New' }));
  });
  test('a leading zero in the id is fine [S2]', () => assertAccepted(worker, '/api/v1/users/007', { as: 6 }, ok()));
  test('the path with a trailing slash is the same route [R8]', () =>
    assertAccepted(worker, `${USER}/`, { as: 6 }, ok()));
  test('simultaneous changes of different fields all persist [R6]', async () => {
    const change = { full_name: 'Uno Dos', email: 'uno@example.com', roleId: 3 };
    const answers = await Promise.all(
      Object.entries(change).map(([field, value]) => worker.put(USER, { as: 6, json: { [field]: value } })),
    );
    assert.deepEqual(
      answers.map((a) => a.status),
      [200, 200, 200],
    );
    const row = await jane();
    assert.deepEqual(row, {
      ...demo,
      full_name: 'Uno Dos',
      email: 'uno@example.com',
      role_id: 3,
      updated_at: row.updated_at,
    });
  });
});

describe('rules of the fields', () => {
  const host = (last) => `${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(last)}.com`;
  const longest = `${'a'.repeat(64)}@${host(57)}`;

  const good = {
    full_name: ['Al', 'x'.repeat(100), '😀😀', '😀'.repeat(100), 'e\u0301'.repeat(50)],
    email: ['a@b.co', 'josé@example.com', "o'neil+tag_1%x@sub-domain.example.museum", longest],
  };
  for (const [field, values] of Object.entries(good)) {
    values.forEach((value, index) =>
      test(`${field} may be ${value.slice(0, 24)} (good value ${index + 1}) [S1 R5]`, () =>
        assertAccepted(worker, USER, { as: 6, json: { [field]: value } }, ok({ [field]: value }))),
    );
  }
  test('text is trimmed before its length is checked [S1 R5]', () =>
    assertAccepted(
      worker,
      USER,
      { as: 6, json: { full_name: `\n${'x'.repeat(100)}\u3000`, email: ` ${longest}\t` } },
      ok({ full_name: 'x'.repeat(100), email: longest }),
    ));

  const bad = {
    full_name: [
      ['', fault.name],
      ['x', fault.name],
      ['😀', fault.name],
      [' x \n', fault.name],
      ['x'.repeat(101), fault.name],
      ['😀'.repeat(101), fault.name],
      ['Ja\u0000ne', control('full_name')],
      ['Ja\nne', control('full_name')],
      ['Ja\u0085ne', control('full_name')],
      [7, text('full_name')],
      [true, text('full_name')],
      [[], text('full_name')],
      [{}, text('full_name')],
      [null, notNull('full_name')],
    ],
    email: [
      ...[
        '',
        'jane',
        'jane@host',
        '@example.com',
        'jane@',
        'ja ne@example.com',
        'jane@@example.com',
        'jane@example..com',
        'jane@.example.com',
        'jane@example.com.',
        'jane@-example.com',
        'jane@[127.0.0.1]',
        'Jane <jane@example.com>',
        'ja\u0000ne@example.com',
        'jane@example.com\nx',
        `${'a'.repeat(64)}@${host(58)}`,
      ].map((value) => [value, fault.email]),
      [7, text('email')],
      [false, text('email')],
      [['a@b.co'], text('email')],
      [{}, text('email')],
      [null, notNull('email')],
    ],
    roleId: [
      ['2', fault.role],
      ['', fault.role],
      ['2.0', fault.role],
      [true, fault.role],
      [[2], fault.role],
      [{}, fault.role],
      [null, notNull('roleId')],
    ],
    password: [
      ['', fault.password],
      ['12345', fault.password],
      ['🔑'.repeat(5), fault.password],
      ['x'.repeat(101), fault.password],
      ['🔑'.repeat(101), fault.password],
      ['123\u0000456', control('password')],
      ['123\n456', control('password')],
      [123456, text('password')],
      [true, text('password')],
      [['123456'], text('password')],
      [{}, text('password')],
      [null, notNull('password')],
    ],
  };
  for (const [field, cases] of Object.entries(bad)) {
    cases.forEach(([value, message], index) =>
      test(`${field} may not be ${JSON.stringify(value).slice(0, 24)} (bad value ${index + 1}) [S2 R4 R5 R7]`, () =>
        assertRefused(worker, USER, { as: 6, json: { [field]: value } }, 400, no(message), { d1: 0 })),
    );
  }

  const title =
    'several faults are reported together, in the order of the contract, and the valid fields are not written [S2 R7]';
  test(title, async () => {
    await assertRefused(
      worker,
      '/api/v1/users/abc',
      { as: 6, json: { password: '', roleId: 'x', email: 'x', full_name: 'x' } },
      400,
      no([fault.id, fault.name, fault.email, fault.role, fault.password].join('. ')),
      { d1: 0 },
    );
    await assertRefused(
      worker,
      USER,
      { as: 6, json: { full_name: 'Jane Good', roleId: '3', password: 'long-enough' } },
      400,
      no(fault.role),
      { d1: 0 },
    );
  });
});

describe('the id', () => {
  for (const id of ['abc', '-1', '+7', '1.5', '7e0', '0x7', '%00', '7%20', '%EF%BC%97']) {
    test(`the id ${id} is not numeric [S2 R7]`, () =>
      assertRefused(worker, `/api/v1/users/${id}`, { as: 6, json: { full_name: 'Nobody' } }, 400, no(fault.id), {
        d1: 0,
      }));
  }
  test('an account that does not exist is not found [S4 R7]', () =>
    assertRefused(worker, '/api/v1/users/9999', { as: 6, json: { full_name: 'Nobody' } }, 404, MISSING, { d1: 1 }));
  for (const id of ['0', '99999999999999999999']) {
    test(`the id ${id} is numeric, but belongs to no account [S2 S4]`, () =>
      assertRefused(
        worker,
        `/api/v1/users/${id}`,
        { as: 6, json: { full_name: 'Nobody' } },
        404,
        no(`Usuario con id ${id} no encontrado`),
        { d1: 1 },
      ));
  }
});

describe('refusals by the database', () => {
  test('a taken e-mail is a conflict [S4 R7]', () =>
    assertRefused(worker, USER, { as: 6, json: { full_name: 'Jane New', email: 'alice@example.com' } }, 409, TAKEN, {
      d1: 1,
    }));
  test('a taken e-mail is a conflict in any letter case [S4 R7]', () =>
    assertRefused(worker, USER, { as: 6, json: { email: ' ALICE@Example.com ' } }, 409, TAKEN, { d1: 1 }));
  test("sending an account's own e-mail again, even in another case, is not a conflict [S4]", async () => {
    await assertAccepted(worker, USER, { as: 6, json: { email: 'jane.smith@example.com' } }, ok());
    await assertAccepted(
      worker,
      USER,
      { as: 6, json: { email: 'Jane.Smith@Example.com' } },
      ok({ email: 'Jane.Smith@Example.com' }),
    );
  });
  test('of two accounts that are given one e-mail at the same time, one gets it [S4 R7]', async () => {
    const answers = await Promise.all(
      [7, 43].map((id) => worker.put(`/api/v1/users/${id}`, { as: 6, json: { email: 'one@example.com' } })),
    );
    assert.deepEqual(answers.map((a) => a.status).sort(), [200, 409]);
    assert.equal(answers.find((a) => a.status === 409).text, JSON.stringify(TAKEN));
    await worker.sql("UPDATE users SET email = 'bob@example.com' WHERE id = 43");
  });
  for (const roleId of [999, 0, -1, 1.5, 1e300]) {
    test(`no role has the id ${roleId} [S2 R7]`, () =>
      assertRefused(worker, USER, { as: 6, json: { full_name: 'Jane New', roleId } }, 400, no(fault.noRole), {
        d1: 1,
      }));
  }
});

describe('permission', () => {
  const json = { full_name: 'Jane New' };
  for (const [as, role] of [
    [7, 'an editor'],
    [5, 'an asistente'],
  ]) {
    test(`${role} has none [S3 R7]`, () => assertRefused(worker, USER, { as, json }, 403, FORBIDDEN, { d1: 1 }));
  }
  test('an account without a role has none [S3 R7]', async () => {
    await worker.sql('UPDATE users SET role_id = NULL WHERE id = 7');
    await assertRefused(worker, USER, { as: 7, json }, 403, FORBIDDEN, { d1: 1 });
  });
  test("the permission's name is compared without regard to case [S3]", async () => {
    await worker.sql(
      "UPDATE permissions SET nameUri = 'put /API/V1/Users/:ID' WHERE nameUri = 'PUT /api/v1/users/:id'",
    );
    await assertAccepted(worker, USER, { as: 6, json }, ok(json));
    await worker.sql(
      "UPDATE permissions SET nameUri = 'PUT /api/v1/users/:id' WHERE nameUri = 'put /API/V1/Users/:ID'",
    );
  });
  test('no token: Token requerido [S3 A1 A8]', () =>
    assertRefused(worker, USER, { json }, 401, no('Token requerido'), { d1: 0, challenge: 'Bearer' }));
  test('a bad token: Token inválido o expirado [S3 A3 A8]', () =>
    assertRefused(worker, USER, { token: 'garbage', json }, 401, no('Token inválido o expirado'), {
      d1: 0,
      challenge: 'Bearer error="invalid_token"',
    }));
});

describe('the order of checks', () => {
  test('the token comes before the id and the body [R1]', () =>
    assertRefused(worker, '/api/v1/users/abc', raw('{', 'text/plain'), 401, no('Token requerido'), {
      d1: 0,
      challenge: 'Bearer',
    }));
  test('an invalid body comes before the permission [R1]', () =>
    assertRefused(worker, USER, { as: 7, json: { email: 'x' } }, 400, no(fault.email), { d1: 0 }));
  test('the permission comes before the missing account [R1 S3]', () =>
    assertRefused(worker, '/api/v1/users/9999', { as: 7, json: {} }, 403, FORBIDDEN, { d1: 1 }));
  test('the permission comes before the taken e-mail [R1 S3]', () =>
    assertRefused(worker, USER, { as: 5, json: { email: 'alice@example.com' } }, 403, FORBIDDEN, { d1: 1 }));
  test('the missing account comes before the taken e-mail [R1 S4]', () =>
    assertRefused(worker, '/api/v1/users/9999', { as: 6, json: { email: 'alice@example.com' } }, 404, MISSING, {
      d1: 1,
    }));
  test('the permission comes before the unknown role [R1 S3]', () =>
    assertRefused(worker, USER, { as: 7, json: { roleId: 999 } }, 403, FORBIDDEN, { d1: 1 }));
  test('the missing account comes before the unknown role [R1 S4]', () =>
    assertRefused(worker, '/api/v1/users/9999', { as: 6, json: { roleId: 999 } }, 404, MISSING, { d1: 1 }));
  test('the content type comes before the JSON [R1 R2]', () =>
    assertRefused(worker, USER, { as: 6, ...raw('{', 'text/plain') }, 415, UNSUPPORTED, { d1: 0 }));
  test('a body without a content type is refused [R2]', () =>
    assertRefused(worker, USER, { as: 6, ...raw('{}', null) }, 415, UNSUPPORTED, { d1: 0 }));
  test('the size of a body comes before its content type [R1 R3]', () =>
    assertRefused(
      worker,
      USER,
      { as: 6, ...raw(' '.repeat(65537), 'text/plain') },
      413,
      no('El cuerpo de la petición es demasiado grande'),
      { d1: 0 },
    ));
  for (const body of ['{', '[]', 'null', '"x"', '{"roleId": 3, "roleId": 3}', '{"full_name": "\\udc00 \\ud800"}']) {
    test(`malformed: ${body} [R2 R7]`, () =>
      assertRefused(worker, USER, { as: 6, ...raw(body) }, 400, MALFORMED, { d1: 0 }));
  }
});

describe('passwords', () => {
  /** Checks that no log line and no response contains the password or a hash. */
  const unseen = (response, password) => {
    const seen = response.text + JSON.stringify([...response.headers]) + JSON.stringify(worker.lines);
    assert.equal(
      seen.includes(password) || seen.includes(JSON.stringify(password).slice(1, -1)) || seen.includes('$2b$'),
      false,
    );
  };

  const good = {
    'of six characters': 'secr3t',
    'of six emoji': '🔑🗝🔒🔓🔐🧿',
    'of 72 bytes': 'p'.repeat(71) + '!',
    'of 100 characters': 'q'.repeat(99) + '!',
    'of 100 emoji': '🔑'.repeat(100),
    'whose 72nd byte is half a character': `${'r'.repeat(71)}é-and-more`,
    'with white space around, which is kept': '  spaced out  ',
  };
  for (const [name, password] of Object.entries(good)) {
    test(`a password ${name} is hashed with twelve rounds [S1 S5]`, async () => {
      const { response } = await assertAccepted(worker, USER, { as: 6, json: { password } }, ok(), { d1: 2 });
      const row = await jane();
      assert.match(row.password_hash, /^\$2b\$12\$[./A-Za-z0-9]{53}$/);
      assert.deepEqual(
        [bcrypt.compareSync(password, row.password_hash), bcrypt.compareSync('demo-password', row.password_hash)],
        [true, false],
      );
      assert.deepEqual(row, {
        ...demo,
        password_hash: row.password_hash,
        tokens_valid_after: row.tokens_valid_after,
        updated_at: row.updated_at,
      });
      unseen(response, password);
    });
  }

  test('only the first 72 bytes of a password count, as in the existing services [S5]', async () => {
    const first = 's'.repeat(72);
    await assertAccepted(worker, USER, { as: 6, json: { password: `${first}-tail` } }, ok(), { d1: 2 });
    const { password_hash } = await jane();
    assert.deepEqual(
      [first, `${first}-other`, 's'.repeat(71)].map((p) => bcrypt.compareSync(p, password_hash)),
      [true, true, false],
    );
  });
  test('white space around a password is part of it [S5 R5]', async () => {
    await assertAccepted(worker, USER, { as: 6, json: { password: ' padded-1 ' } }, ok(), { d1: 2 });
    const { password_hash } = await jane();
    assert.deepEqual(
      [' padded-1 ', 'padded-1'].map((p) => bcrypt.compareSync(p, password_hash)),
      [true, false],
    );
  });
  test('the same password twice gives two hashes [S5]', async () => {
    const hashes = [];
    for (let i = 0; i < 2; i++) {
      await assertAccepted(worker, USER, { as: 6, json: { password: 'salted-pw' } }, ok(), { d1: 2 });
      hashes.push((await jane()).password_hash);
    }
    assert.notEqual(hashes[0].slice(0, 29), hashes[1].slice(0, 29));
  });
  test('a password changes together with the other fields [S1 S5]', async () => {
    await assertAccepted(
      worker,
      USER,
      { as: 6, json: { password: 'together-1', full_name: 'Jane New', email: 'new@example.com' } },
      ok({ full_name: 'Jane New', email: 'new@example.com' }),
      { d1: 2 },
    );
    const row = await jane();
    assert.deepEqual(
      [row.full_name, row.email, bcrypt.compareSync('together-1', row.password_hash)],
      ['Jane New', 'new@example.com', true],
    );
  });

  // A single D1 call shows that the hash was not even started, because a second call would follow it.
  const password = 'never-hashed-1';
  const early = {
    'from a caller without the permission': [USER, { as: 7, json: { password } }, 403, FORBIDDEN, { d1: 1 }],
    'for an account that does not exist': [
      '/api/v1/users/9999',
      { as: 6, json: { password } },
      404,
      MISSING,
      { d1: 1 },
    ],
    'from an inactive account': [
      USER,
      { as: 43, json: { password } },
      401,
      no('Token inválido o expirado'),
      { d1: 1, challenge: 'Bearer error="invalid_token"' },
    ],
    'without a token': [USER, { json: { password } }, 401, no('Token requerido'), { d1: 0, challenge: 'Bearer' }],
    'alongside an invalid field': [USER, { as: 6, json: { password, email: 'x' } }, 400, no(fault.email), { d1: 0 }],
  };
  for (const [name, args] of Object.entries(early)) {
    test(`a password ${name} is not hashed, and not logged [S5 S6 R7]`, async () => {
      const { response } = await assertRefused(worker, ...args);
      unseen(response, password);
    });
  }
  const title =
    'a password alongside a taken e-mail or an unknown role is not hashed and changes nothing [S4 S5 S6 R7]';
  test(title, async () => {
    for (const [json, status, body] of [
      [{ email: 'alice@example.com' }, 409, TAKEN],
      [{ roleId: 999 }, 400, no(fault.noRole)],
    ]) {
      const { response } = await assertRefused(worker, USER, { as: 6, json: { ...json, password } }, status, body, {
        d1: 1,
      });
      unseen(response, password);
    }
  });
});

test('a failure of the database does not reveal its cause, which is in the log [R9 O2]', () =>
  withoutTable(worker, 'users', async () => {
    const response = await worker.put(USER, { as: 6, json: { full_name: 'Jane New' } });
    const line = await assertResponse(worker, response, 500, no('Error interno del servidor'), { d1: 1 });
    assert.match(line.cause, /users/);
  }));
