// PUT /api/personas/:id/foto: the photo of any persona, set by a caller with the permission.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { assertAccepted, assertRefused, assertResponse, raw, withoutTable } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const FOTO = '/api/personas/5/foto';
const URL_A = 'https://example.com/photos/a.jpg';
const maria = (foto_url) => ({
  id: 5,
  nombres: 'María',
  apellidos: 'González',
  telefono: '+1234567890',
  dni: '12345678',
  foto_url,
  created_at: '2024-03-01T08:00:00.000Z',
});

const NOT_FOUND = { message: 'Persona no encontrada' };
const FORBIDDEN = { message: 'No tienes permisos para acceder a este recurso' };
const REQUIRED = { message: "El campo 'foto_url' es requerido" };
const FORMAT = { message: "El campo 'foto_url' tiene un formato inválido" };
const NOT_TEXT = { message: "El campo 'foto_url' debe ser un texto" };
const MALFORMED = { message: 'El cuerpo de la petición debe ser un objeto JSON válido' };
const TOO_LARGE = { message: 'El cuerpo de la petición es demasiado grande' };
const UNSUPPORTED = { message: 'Tipo de contenido no soportado' };

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(() => worker.sql('UPDATE personas SET foto_url = NULL'));

/** A URL of exactly `length` Unicode scalar values. */
const urlOf = (length, filler) => `https://example.com/${filler.repeat(length - 20)}`;

describe('setting the photo', () => {
  test("the documentation's curl example returns the response as printed [P1 R10 O2]", async () => {
    const body = `{
    "foto_url": "https://example.com/photos/updated-photo.jpg"
  }`;
    const { line } = await assertAccepted(
      worker,
      FOTO,
      { as: 5, ...raw(body) },
      {
        id: 5,
        nombres: 'María',
        apellidos: 'González',
        telefono: '+1234567890',
        dni: '12345678',
        foto_url: 'https://example.com/photos/updated-photo.jpg',
        created_at: '2024-03-01T08:00:00.000Z',
      },
    );
    assert.deepEqual(
      { method: line.method, route: line.route, account: line.account },
      { method: 'PUT', route: 'PUT /api/personas/:id/foto', account: 5 },
    );
    assert.deepEqual(await worker.sql('SELECT id, foto_url FROM personas WHERE foto_url IS NOT NULL'), [
      { id: 5, foto_url: 'https://example.com/photos/updated-photo.jpg' },
    ]);
  });

  test("an admin sets the photo of another account's persona [P1 P2]", async () => {
    await assertAccepted(worker, FOTO, { as: 6, json: { foto_url: URL_A } }, maria(URL_A));
  });

  test('an asistente sets the photo of a persona without an account [P1 P2]', async () => {
    await assertAccepted(
      worker,
      '/api/personas/8/foto',
      { as: 5, json: { foto_url: URL_A } },
      {
        id: 8,
        nombres: 'Ana',
        apellidos: 'Rojas',
        telefono: null,
        dni: '55667788',
        foto_url: URL_A,
        created_at: '2024-03-04T11:00:00.000Z',
      },
    );
  });

  test('only the photo changes, whatever else is sent [P1 R4]', async () => {
    const all = () =>
      worker.sql('SELECT id, user_id, nombres, apellidos, telefono, dni, created_at FROM personas ORDER BY id');
    const before = await all();
    await assertAccepted(
      worker,
      FOTO,
      { as: 5, json: { nombres: 'Otra', dni: '99999999', id: 6, nada: [1], foto_url: URL_A } },
      maria(URL_A),
    );
    assert.deepEqual(await all(), before);
  });

  test('setting the same photo twice is accepted [P1]', async () => {
    await assertAccepted(worker, FOTO, { as: 5, json: { foto_url: URL_A } }, maria(URL_A));
    await assertAccepted(worker, FOTO, { as: 5, json: { foto_url: URL_A } }, maria(URL_A));
  });

  const good = {
    'http is fine': 'http://example.com/a.jpg',
    'a port, a query and a fragment are fine': 'https://example.com:8443/a.jpg?size=2&x=%20#top',
    'case is kept as sent': 'HTTPS://Example.COM/A.JPG',
    'accents and emoji come back as sent': 'https://example.com/ñandú-📷.jpg',
    '2048 characters are allowed': urlOf(2048, 'a'),
    '2048 emoji count as scalar values, not bytes': urlOf(2048, '📷'),
  };
  for (const [name, foto_url] of Object.entries(good)) {
    test(`${name} [P1 R5]`, () => assertAccepted(worker, FOTO, { as: 5, json: { foto_url } }, maria(foto_url)));
  }

  test('surrounding white space is trimmed before the limit is checked [P1 R5]', async () => {
    const foto_url = urlOf(2048, 'a');
    await assertAccepted(
      worker,
      FOTO,
      { as: 5, json: { foto_url: ` \t\r\n\u00a0${foto_url}\u3000\n ` } },
      maria(foto_url),
    );
  });

  test('the path with a trailing slash is the same route [R8]', () =>
    assertAccepted(worker, `${FOTO}/`, { as: 5, json: { foto_url: URL_A } }, maria(URL_A)));

  test('a leading zero in the id is fine [P3]', async () => {
    await assertAccepted(
      worker,
      '/api/personas/007/foto',
      { as: 5, json: { foto_url: URL_A } },
      {
        id: 7,
        nombres: 'Jane',
        apellidos: 'Smith',
        telefono: null,
        dni: '11223344',
        foto_url: URL_A,
        created_at: '2024-03-03T10:00:00.000Z',
      },
    );
  });
});

describe('an invalid photo', () => {
  const bad = {
    'an empty string': ['', FORMAT],
    'only white space': [' \t ', FORMAT],
    'the placeholder of the document': ['<string>', FORMAT],
    'a relative path': ['/photos/a.jpg', FORMAT],
    'a host without a scheme': ['example.com/a.jpg', FORMAT],
    'a URL relative to the scheme': ['//example.com/a.jpg', FORMAT],
    'a URL without a host': ['https://', FORMAT],
    'another scheme': ['ftp://example.com/a.jpg', FORMAT],
    'a script': ['javascript:alert(1)', FORMAT],
    'a data URL': ['data:image/png;base64,AAAA', FORMAT],
    'a file URL': ['file:///etc/passwd', FORMAT],
    'white space within the host': ['https://exa mple.com/a.jpg', FORMAT],
    '2049 characters': [urlOf(2049, 'a'), FORMAT],
    '2049 characters, including emoji': [urlOf(2049, '📷'), FORMAT],
    'NUL within': ['https://example.com/\u0000.jpg', FORMAT],
    'a line break within': ['https://example.com/\n.jpg', FORMAT],
    'DEL within': ['https://example.com/\u007f.jpg', FORMAT],
    'a C1 control within': ['https://example.com/\u0085.jpg', FORMAT],
    null: [null, REQUIRED],
    'a number': [1, NOT_TEXT],
    'a boolean': [true, NOT_TEXT],
    'a list': [[URL_A], NOT_TEXT],
    'an object': [{ url: URL_A }, NOT_TEXT],
  };
  for (const [name, [foto_url, body]] of Object.entries(bad)) {
    test(`${name} is refused [P1 R5 R7]`, () =>
      assertRefused(worker, FOTO, { as: 5, json: { foto_url } }, 400, body, { d1: 0 }));
  }

  const missing = {
    'an empty object': { json: {} },
    'no body': {},
    'a body of other fields': { json: { nombres: 'Ana', Foto_url: URL_A } },
    'no body, but a content type': { headers: { 'content-type': 'application/json' } },
  };
  for (const [name, options] of Object.entries(missing)) {
    test(`${name} lacks the photo [P1 R2 R7]`, () =>
      assertRefused(worker, FOTO, { as: 5, ...options }, 400, REQUIRED, { d1: 0 }));
  }
});

describe('bodies', () => {
  const json = JSON.stringify({ foto_url: URL_A });
  const padded = (bytes) => json + ' '.repeat(bytes - json.length);

  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'application/merge-patch+json',
  ]) {
    test(`the content type ${type} is read [R2]`, () =>
      assertAccepted(worker, FOTO, { as: 5, ...raw(json, type) }, maria(URL_A)));
  }
  for (const type of [null, 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'text/json-ish']) {
    test(`the content type ${type} is refused [R2 R7]`, () =>
      assertRefused(worker, FOTO, { as: 5, ...raw(json, type) }, 415, UNSUPPORTED, { d1: 0 }));
  }

  const malformed = {
    'half an object': '{"foto_url": "https',
    'text after the object': `${json} x`,
    'white space alone': '  ',
    'a list': '[]',
    'a string': '"https://example.com"',
    'a number': '1',
    null: 'null',
    'a duplicate key': `{"foto_url": "${URL_A}", "foto_url": "${URL_A}"}`,
    'a duplicate key further down': `{"foto_url": "${URL_A}", "x": [{"a": 1, "a": 2}]}`,
    'a duplicate key, written differently': `{"foto_url": "${URL_A}", "foto\\u005furl": "${URL_A}"}`,
    'a lone surrogate': '{"foto_url": "https://example.com/\\ud800"}',
    'extreme nesting': `{"foto_url": "${URL_A}", "x": ${'['.repeat(5000)}${']'.repeat(5000)}}`,
    'invalid UTF-8': Buffer.concat([
      Buffer.from('{"foto_url": "https://example.com/'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]),
  };
  for (const [name, body] of Object.entries(malformed)) {
    test(`${name} is malformed [R2 R7]`, () =>
      assertRefused(worker, FOTO, { as: 5, ...raw(body) }, 400, MALFORMED, { d1: 0 }));
  }

  test('a body of exactly 64 KiB is read [R3]', () =>
    assertAccepted(worker, FOTO, { as: 5, ...raw(padded(65536)) }, maria(URL_A)));
  test('a body one byte longer is too large [R3 R7]', () =>
    assertRefused(worker, FOTO, { as: 5, ...raw(padded(65537)) }, 413, TOO_LARGE, { d1: 0 }));
  test('a body that is too large is detected without Content-Length, too [R3 R7]', async () => {
    const body = new Blob([padded(70000)]).stream();
    await assertRefused(worker, FOTO, { as: 5, ...raw(body) }, 413, TOO_LARGE, { d1: 0 });
  });
});

describe('permission', () => {
  test('an editor has none, not even for their own persona [P2 R7]', () =>
    assertRefused(worker, '/api/personas/7/foto', { as: 7, json: { foto_url: URL_A } }, 403, FORBIDDEN, { d1: 1 }));
  test('a caller without it does not learn which personas exist [P2 R1]', () =>
    assertRefused(worker, '/api/personas/9999/foto', { as: 7, json: { foto_url: URL_A } }, 403, FORBIDDEN, { d1: 1 }));
  test('the permission of another route does not allow this one [P2 R7]', async () => {
    await worker.sql(
      'INSERT INTO permissionXRole (permissionId, roleId) SELECT id, 2 FROM permissions ' +
        "WHERE nameUri = 'PUT /api/personas/me'",
    );
    await assertRefused(worker, FOTO, { as: 7, json: { foto_url: URL_A } }, 403, FORBIDDEN, { d1: 1 });
    await worker.sql('DELETE FROM permissionXRole WHERE roleId = 2');
  });
  test('a permission granted with SQL takes effect immediately [P2 A7]', async () => {
    await worker.sql(
      'INSERT INTO permissionXRole (permissionId, roleId) SELECT id, 2 FROM permissions ' +
        "WHERE nameUri = 'PUT /api/personas/:id/foto'",
    );
    await assertAccepted(worker, FOTO, { as: 7, json: { foto_url: URL_A } }, maria(URL_A));
    await worker.sql('DELETE FROM permissionXRole WHERE roleId = 2');
    await assertRefused(worker, FOTO, { as: 7, json: { foto_url: URL_A } }, 403, FORBIDDEN, { d1: 1 });
  });

  test('no token: Token requerido [P10 A1 A8]', () =>
    assertRefused(
      worker,
      FOTO,
      { json: { foto_url: URL_A } },
      401,
      { message: 'Token requerido' },
      { d1: 0, challenge: 'Bearer' },
    ));
  test('a bad token: Token inválido o expirado [P10 A3 A8]', () =>
    assertRefused(
      worker,
      FOTO,
      { token: 'garbage', json: { foto_url: URL_A } },
      401,
      { message: 'Token inválido o expirado' },
      { d1: 0, challenge: 'Bearer error="invalid_token"' },
    ));
});

describe('the id', () => {
  test('an unknown persona is not found [P3 R7]', () =>
    assertRefused(worker, '/api/personas/9999/foto', { as: 5, json: { foto_url: URL_A } }, 404, NOT_FOUND, { d1: 1 }));
  for (const id of ['9007199254740993', '99999999999999999999']) {
    test(`the id ${id} exceeds every possible id, and is not found [P3 R7]`, () =>
      assertRefused(worker, `/api/personas/${id}/foto`, { as: 5, json: { foto_url: URL_A } }, 404, NOT_FOUND, {
        d1: 1,
      }));
  }
  for (const id of ['0', '000', '-1', '+5', '1.5', '5e0', '0x5', 'abc', '%00', '5%20', '%EF%BC%95']) {
    test(`the id ${id} is invalid, and is not found [P3 R1 R7]`, () =>
      assertRefused(worker, `/api/personas/${id}/foto`, { as: 5, json: { foto_url: URL_A } }, 404, NOT_FOUND, {
        d1: 0,
      }));
  }
});

describe('the order of checks', () => {
  test('the token comes before the id and the body [R1]', () =>
    assertRefused(
      worker,
      '/api/personas/abc/foto',
      raw('{', 'text/plain'),
      401,
      { message: 'Token requerido' },
      { d1: 0, challenge: 'Bearer' },
    ));
  test('the id comes before the content type [R1]', () =>
    assertRefused(worker, '/api/personas/abc/foto', { as: 5, ...raw('{', 'text/plain') }, 404, NOT_FOUND, { d1: 0 }));
  test('the size comes before the content type [R1]', () =>
    assertRefused(worker, FOTO, { as: 5, ...raw(' '.repeat(65537), 'text/plain') }, 413, TOO_LARGE, { d1: 0 }));
  test('the content type comes before the JSON [R1]', () =>
    assertRefused(worker, FOTO, { as: 5, ...raw('{', 'text/plain') }, 415, UNSUPPORTED, { d1: 0 }));
  test('an invalid body comes before the permission [R1]', () =>
    assertRefused(worker, FOTO, { as: 7, json: {} }, 400, REQUIRED, { d1: 0 }));
  test('an invalid body comes before an inactive account [R1]', () =>
    assertRefused(worker, FOTO, { as: 43, json: {} }, 400, REQUIRED, { d1: 0 }));
});

describe('failures and headers', () => {
  test('a failure of the database has the message of this route, and its cause only in the log [P4 R9 O2]', () =>
    withoutTable(worker, 'personas', async () => {
      const response = await worker.put(FOTO, { as: 5, json: { foto_url: URL_A } });
      const line = await assertResponse(worker, response, 500, { message: 'Error al actualizar foto' }, { d1: 1 });
      assert.match(line.cause, /personas/);
    }));

  test("the caller's request id is returned and logged [R10 O2]", async () => {
    const response = await worker.put(FOTO, {
      as: 5,
      json: { foto_url: URL_A },
      headers: { 'x-request-id': 'Caller:1.a_b-c' },
    });
    assert.equal(response.requestId, 'Caller:1.a_b-c');
    await assertResponse(worker, response, 200, maria(URL_A), { d1: 1 });
  });
  for (const id of ['a b', '"quoted"', 'ñ', 'x'.repeat(129)]) {
    test(`the request id ${id.slice(0, 10)} is replaced [R10]`, async () => {
      const headers = { 'x-request-id': Buffer.from(id).toString('latin1') };
      const response = await worker.put(FOTO, { as: 5, json: { foto_url: URL_A }, headers });
      assert.match(response.requestId, /^[0-9a-f]{32}$/);
      await assertResponse(worker, response, 200, maria(URL_A), { d1: 1 });
    });
  }
});
