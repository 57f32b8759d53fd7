// A typed client: openapi-typescript generates types from the document, and a strict program uses every operation with
// these types.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { generate } from '../openapi/client/generate.mjs';
import { document } from '../openapi/document.mjs';
import { root } from '../support/project.mjs';

const CONFIG = {
  compilerOptions: {
    noEmit: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    module: 'nodenext',
    target: 'esnext',
    lib: ['esnext', 'dom', 'dom.iterable'],
    types: [],
  },
  files: ['client.ts'],
};

/** Compiles the client with types generated from a document, and returns the compiler's errors. */
async function compile(description) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perfil-client-'));
  try {
    fs.writeFileSync(path.join(folder, 'schema.d.ts'), await generate(description));
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(CONFIG));
    fs.writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}');
    fs.copyFileSync(path.join(root, 'tests/openapi/client/client.ts'), path.join(folder, 'client.ts'));
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).catch((error) => error);
    return stdout;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

test('a strict client compiles with the types generated from the document', async () => {
  assert.equal(await compile(document), '');
});

/** Parts that the document must not lose, and the line of the client that fails to compile without each. */
const LOST = {
  'the type of a text': [
    (schemas) => delete schemas.FalconFault.anyOf[0].type && delete schemas.FalconFault.anyOf[0].enum,
    /HasUnknown/,
  ],
  'the type of a field': [(schemas) => delete schemas.PersonaChange.properties.nombres.type, /HasUnknown/],
  'a file’s format': [(schemas) => delete schemas.DjangoForm.properties.avatar.format, /avatar: file/],
  'a number’s type': [(schemas) => Object.assign(schemas.Id, { type: 'string' }), /id: 7/],
  'a field of a record': [(schemas) => delete schemas.SeamUser.properties.data.properties.idUser, /idUser/],
};

for (const [what, [lose, where]] of Object.entries(LOST)) {
  test(`a client does not compile without ${what}`, async () => {
    const changed = structuredClone(document);
    lose(changed.components.schemas);
    const complaints = await compile(changed);
    const lines = fs.readFileSync(path.join(root, 'tests/openapi/client/client.ts'), 'utf8').split('\n');
    const blamed = [...complaints.matchAll(/client\.ts\((\d+),/g)].map(([, number]) => lines[Number(number) - 1]);
    assert.ok(
      blamed.some((line) => where.test(line)),
      complaints,
    );
  });
}
