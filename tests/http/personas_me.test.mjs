// PUT /api/personas/me: the caller's own persona.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { assertAccepted, assertRefused, assertResponse, raw, withoutTable } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const ME = '/api/personas/me';
const MARIA = {
  id: 5,
  nombres: 'María',
  apellidos: 'González',
  telefono: '+1234567890',
  dni: '12345678',
  foto_url: null,
  created_at: '2024-03-01T08:00:00.000Z',
};

const NOT_FOUND = { message: 'Persona no encontrada' };
const FORBIDDEN = { message: 'No tienes permisos para acceder a este recurso' };
const FAILED = { message: 'Error al actualizar perfil' };
const MALFORMED = { message: 'El cuerpo de la petición debe ser un objeto JSON válido' };
const UNSUPPORTED = { message: 'Tipo de contenido no soportado' };
const format = (field) => `El campo '${field}' tiene un formato inválido`;
const length = (field) => `El campo '${field}' debe tener entre 1 y 100 caracteres`;
const control = (field) => `El campo '${field}' contiene caracteres no permitidos`;
const notText = (field) => `El campo '${field}' debe ser un texto`;
const notNull = (field) => `El campo '${field}' no puede ser nulo`;

let worker;
let demo;
before(async () => {
  worker = await startWorker();
  demo = await worker.sql('SELECT * FROM personas ORDER BY id');
});
after(() => worker?.stop());
// All DNIs are replaced first, so that restoring one cannot conflict with another row.
beforeEach(async () => {
  await worker.sql("UPDATE personas SET dni = 'parked-' || id");
  for (const p of demo)
    await worker.sql(
      'UPDATE personas SET nombres = ?, apellidos = ?, telefono = ?, dni = ?, foto_url = ? WHERE id = ?',
      p.nombres,
      p.apellidos,
      p.telefono,
      p.dni,
      p.foto_url,
      p.id,
    );
});

const personas = () => worker.sql('SELECT * FROM personas ORDER BY id');

describe("changing one's own persona", () => {
  test("the documentation's curl example returns the response as printed [P6 O2]", async () => {
    const body = `{
    "telefono": "+9876543210",
    "foto_url": "https://example.com/new-photo.jpg"
  }`;
    const { line } = await assertAccepted(
      worker,
      ME,
      { as: 5, ...raw(body) },
      {
        id: 5,
        nombres: 'María',
        apellidos: 'González',
        telefono: '+9876543210',
        dni: '12345678',
        foto_url: 'https://example.com/new-photo.jpg',
        created_at: '2024-03-01T08:00:00.000Z',
      },
    );
    assert.deepEqual(
      { method: line.method, route: line.route, account: line.account },
      { method: 'PUT', route: 'PUT /api/personas/me', account: 5 },
    );
    assert.deepEqual(
      await personas(),
      demo.map((p) =>
        p.id === 5 ? { ...p, telefono: '+9876543210', foto_url: 'https://example.com/new-photo.jpg' } : p,
      ),
    );
  });

  test('all fields can be changed in one request, and every value is returned as sent [P6 R5]', async () => {
    const change = {
      nombres: 'Zoë 🌸',
      apellidos: "O'Ñandú-李",
      telefono: '+34 600-123-456',
      dni: 'AB.12-z',
      foto_url: 'https://example.com/é/📷.png',
    };
    await assertAccepted(worker, ME, { as: 5, json: change }, { ...MARIA, ...change });
    assert.deepEqual(
      await personas(),
      demo.map((p) => (p.id === 5 ? { ...p, ...change } : p)),
    );
  });

  for (const [field, value] of Object.entries({
    nombres: 'Ana',
    apellidos: 'Ruiz',
    telefono: '600123456',
    dni: '99887766',
    foto_url: 'http://example.com/a',
  })) {
    test(`${field} alone changes nothing else [P6 R4]`, async () => {
      await assertAccepted(worker, ME, { as: 5, json: { [field]: value } }, { ...MARIA, [field]: value });
      assert.deepEqual(
        await personas(),
        demo.map((p) => (p.id === 5 ? { ...p, [field]: value } : p)),
      );
    });
  }

  const nothing = {
    'an empty object': { json: {} },
    'no body': {},
    'only unknown fields': {
      json: { id: 6, user_id: 6, created_at: '2000-01-01T00:00:00.000Z', Nombres: 'X', nada: { a: [null] } },
    },
  };
  for (const [name, options] of Object.entries(nothing)) {
    test(`${name} returns the record as it stands and changes no row [P6 R2 R4]`, async () => {
      const rows = await worker.dump();
      await assertAccepted(worker, ME, { as: 5, ...options }, MARIA);
      assert.equal(await worker.dump(), rows);
    });
  }

  test('null clears telefono and foto_url [P6 R4]', async () => {
    await assertAccepted(
      worker,
      ME,
      { as: 5, json: { foto_url: 'https://example.com/a.jpg' } },
      { ...MARIA, foto_url: 'https://example.com/a.jpg' },
    );
    await assertAccepted(
      worker,
      ME,
      { as: 5, json: { telefono: null, foto_url: null } },
      { ...MARIA, telefono: null, foto_url: null },
    );
    await assertAccepted(worker, ME, { as: 5, json: {} }, { ...MARIA, telefono: null, foto_url: null });
  });

  test('text is trimmed before its length is checked [P9 R5]', async () => {
    const nombres = 'x'.repeat(100);
    await assertAccepted(
      worker,
      ME,
      {
        as: 5,
        json: {
          nombres: `\n ${nombres}\u3000`,
          apellidos: '\tDe la  Cruz ',
          telefono: ' 123456 ',
          dni: '\u00a0abcde\r\n',
        },
      },
      { ...MARIA, nombres, apellidos: 'De la  Cruz', telefono: '123456', dni: 'abcde' },
    );
  });

  test('the path with a trailing slash is the same route [R8]', () =>
    assertAccepted(worker, `${ME}/`, { as: 5 }, MARIA));
  test('each caller changes their own persona and no other [P6]', async () => {
    await assertAccepted(
      worker,
      ME,
      { as: 6, json: { telefono: '666666' } },
      {
        id: 6,
        nombres: 'Luis',
        apellidos: 'Pérez',
        telefono: '666666',
        dni: '87654321',
        foto_url: null,
        created_at: '2024-03-02T09:30:00.000Z',
      },
    );
    assert.deepEqual(
      await personas(),
      demo.map((p) => (p.id === 6 ? { ...p, telefono: '666666' } : p)),
    );
  });
});

describe('rules of the fields', () => {
  const good = {
    nombres: ['x', 'x'.repeat(100), '😀'.repeat(100), 'e\u0301'.repeat(50)],
    apellidos: ['ñ', 'ñ'.repeat(100), '😀'.repeat(100)],
    telefono: ['123456', '+123456', '123456789012345', '+123456789012345', '+1 234-567 89', '1-2-3-4-5-6'],
    dni: ['12345', 'a'.repeat(20), 'X-1.2', 'ABCdef123.-.-'],
    foto_url: [null, 'http://example.com/', `https://example.com/${'📷'.repeat(2028)}`],
  };
  for (const [field, values] of Object.entries(good)) {
    values.forEach((value, index) =>
      test(`${field} may be ${String(value).slice(0, 24)} (good value ${index + 1}) [P9 R5]`, () =>
        assertAccepted(worker, ME, { as: 5, json: { [field]: value } }, { ...MARIA, [field]: value })),
    );
  }

  const bad = {
    nombres: [
      ['', length],
      [' \t\n', length],
      ['x'.repeat(101), length],
      ['😀'.repeat(101), length],
      ['A\u0000na', control],
      ['A\nna', control],
      ['A\u007fna', control],
      ['A\u0085na', control],
      [null, notNull],
    ],
    apellidos: [
      ['', length],
      ['\u00a0', length],
      ['x'.repeat(101), length],
      ['😀'.repeat(101), length],
      ['\u0000', control],
      ['A\tB', control],
      [null, notNull],
    ],
    telefono: [
      '',
      '+',
      '12345',
      '+12345',
      '1234567890123456',
      '++123456',
      '123456+',
      '123-456-',
      '-123456',
      '(123)456',
      '123.456',
      '12a4567',
      '١٢٣٤٥٦',
      '１２３４５６',
      '123\u0000456',
      '123\n456',
      `1${'-'.repeat(60)}23456`,
    ].map((value) => [value, format]),
    dni: [
      ['', format],
      ['1234', format],
      ['1'.repeat(21), format],
      ['1234 5678', format],
      ['ñañañ', format],
      ['12345😀', format],
      ['12345_6', format],
      ['1234\u00005', format],
      [null, notNull],
    ],
    foto_url: [
      ['', format],
      ['<string>', format],
      ['ftp://example.com/a', format],
      ['/a.jpg', format],
      [`https://example.com/${'a'.repeat(2029)}`, format],
      [`https://example.com/${'📷'.repeat(2029)}`, format],
      ['https://example.com/\u0007', format],
    ],
  };
  for (const [field, cases] of Object.entries(bad)) {
    cases.forEach(([value, rule], index) =>
      test(`${field} may not be ${JSON.stringify(value).slice(0, 24)} (bad value ${index + 1}) [P9 R4 R5 R7]`, () =>
        assertRefused(worker, ME, { as: 5, json: { [field]: value } }, 400, { message: rule(field) }, { d1: 0 })),
    );
    for (const value of [7, 1.5, true, [], {}]) {
      test(`${field} may not be of another type: ${JSON.stringify(value)} [P9 R7]`, () =>
        assertRefused(worker, ME, { as: 5, json: { [field]: value } }, 400, { message: notText(field) }, { d1: 0 }));
    }
  }

  const title =
    'several faults are reported together, in the order of the record, and the valid fields are not written [P9 R7]';
  test(title, async () => {
    const json = { foto_url: 'x', dni: null, telefono: 'x', apellidos: 7, nombres: '' };
    await assertRefused(
      worker,
      ME,
      { as: 5, json },
      400,
      {
        message: [length('nombres'), notText('apellidos'), format('telefono'), notNull('dni'), format('foto_url')].join(
          '. ',
        ),
      },
      { d1: 0 },
    );
    await assertRefused(
      worker,
      ME,
      { as: 5, json: { nombres: 'Ana', telefono: '1', dni: '99887766' } },
      400,
      { message: format('telefono') },
      { d1: 0 },
    );
  });
});

describe('the DNI is unique', () => {
  test("another user's DNI is a conflict [P8 R7]", () =>
    assertRefused(worker, ME, { as: 5, json: { nombres: 'Ana', dni: '87654321' } }, 409, FAILED, { d1: 1 }));
  test('the DNI of a persona without an account is a conflict, too [P8 R7]', () =>
    assertRefused(worker, ME, { as: 5, json: { dni: ' 55667788 ' } }, 409, FAILED, { d1: 1 }));
  test("sending one's own DNI again is not a conflict [P8]", () =>
    assertAccepted(worker, ME, { as: 5, json: { dni: '12345678' } }, MARIA));
  test('of two callers who claim one DNI at the same time, one gets it [P8 R7]', async () => {
    const responses = await Promise.all([5, 6].map((as) => worker.put(ME, { as, json: { dni: 'ONE-DNI' } })));
    assert.deepEqual(responses.map((a) => a.status).sort(), [200, 409]);
    assert.equal(responses.find((a) => a.status === 409).text, JSON.stringify(FAILED));
    assert.deepEqual((await worker.sql("SELECT id FROM personas WHERE dni = 'ONE-DNI'")).length, 1);
  });
});

test('simultaneous changes of different fields all persist [R6]', async () => {
  const change = {
    nombres: 'Uno',
    apellidos: 'Dos',
    telefono: '333333',
    dni: '44444',
    foto_url: 'https://example.com/5',
  };
  const responses = await Promise.all(
    Object.entries(change).map(([field, value]) => worker.put(ME, { as: 5, json: { [field]: value } })),
  );
  assert.deepEqual(
    responses.map((a) => a.status),
    [200, 200, 200, 200, 200],
  );
  await assertAccepted(worker, ME, { as: 5 }, { ...MARIA, ...change });
});

describe('permission', () => {
  test('an editor has none [P2 R7]', () =>
    assertRefused(worker, ME, { as: 7, json: { telefono: '666666' } }, 403, FORBIDDEN, { d1: 1 }));
  test('an editor without a persona does not learn that it is missing [P2 R1]', () =>
    assertRefused(worker, ME, { as: 42, json: {} }, 403, FORBIDDEN, { d1: 1 }));
  test('an admin without a persona: Persona no encontrada [P7 R7]', () =>
    assertRefused(worker, ME, { as: 1, json: { telefono: '666666' } }, 404, NOT_FOUND, { d1: 1 }));
  test('the same for a request that changes nothing [P6 P7]', () =>
    assertRefused(worker, ME, { as: 1 }, 404, NOT_FOUND, { d1: 1 }));
  test('granting and revoking the permission with SQL take effect immediately [P2 A7]', async () => {
    await worker.sql(
      'INSERT INTO permissionXRole (permissionId, roleId) SELECT id, 2 FROM permissions ' +
        "WHERE nameUri = 'PUT /api/personas/me'",
    );
    await assertAccepted(
      worker,
      ME,
      { as: 7, json: { telefono: '777777' } },
      {
        id: 7,
        nombres: 'Jane',
        apellidos: 'Smith',
        telefono: '777777',
        dni: '11223344',
        foto_url: null,
        created_at: '2024-03-03T10:00:00.000Z',
      },
    );
    await assertRefused(
      worker,
      '/api/personas/7/foto',
      { as: 7, json: { foto_url: 'https://example.com/a' } },
      403,
      FORBIDDEN,
      { d1: 1 },
    );
    await worker.sql('DELETE FROM permissionXRole WHERE roleId = 2');
    await assertRefused(worker, ME, { as: 7, json: { telefono: '888888' } }, 403, FORBIDDEN, { d1: 1 });
  });

  test('no token: Token requerido [P10 A1 A8]', () =>
    assertRefused(worker, ME, { json: {} }, 401, { message: 'Token requerido' }, { d1: 0, challenge: 'Bearer' }));
  test('a bad token: Token inválido o expirado [P10 A3 A8]', () =>
    assertRefused(
      worker,
      ME,
      { token: 'garbage', json: {} },
      401,
      { message: 'Token inválido o expirado' },
      { d1: 0, challenge: 'Bearer error="invalid_token"' },
    ));
});

describe('the order of checks', () => {
  test('an invalid body comes before the permission [R1]', () =>
    assertRefused(worker, ME, { as: 7, json: { telefono: 'x' } }, 400, { message: format('telefono') }, { d1: 0 }));
  test('an invalid body comes before the missing persona [R1]', () =>
    assertRefused(worker, ME, { as: 1, json: { telefono: 'x' } }, 400, { message: format('telefono') }, { d1: 0 }));
  test('the missing persona comes before the taken DNI [R1 P7]', () =>
    assertRefused(worker, ME, { as: 1, json: { dni: '87654321' } }, 404, NOT_FOUND, { d1: 1 }));
  test('the permission comes before the taken DNI [R1 P2]', () =>
    assertRefused(worker, ME, { as: 7, json: { dni: '87654321' } }, 403, FORBIDDEN, { d1: 1 }));
  test('the content type comes before the JSON [R1 R2]', () =>
    assertRefused(worker, ME, { as: 5, ...raw('{', 'text/plain') }, 415, UNSUPPORTED, { d1: 0 }));
  test('a body without a content type is refused [R2]', () =>
    assertRefused(worker, ME, { as: 5, ...raw('{}', null) }, 415, UNSUPPORTED, { d1: 0 }));
  for (const body of ['{', '[]', 'null', '"x"', '{"dni": "99887766", "dni": "99887766"}']) {
    test(`malformed: ${body} [R2 R7]`, () =>
      assertRefused(worker, ME, { as: 5, ...raw(body) }, 400, MALFORMED, { d1: 0 }));
  }
});

test('a failure of the database has the message of this route, and its cause only in the log [P8 R9 O2]', () =>
  withoutTable(worker, 'personas', async () => {
    const response = await worker.put(ME, { as: 5, json: { telefono: '666666' } });
    const line = await assertResponse(worker, response, 500, FAILED, { d1: 1 });
    assert.match(line.cause, /personas/);
  }));
