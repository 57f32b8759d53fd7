// The OpenAPI document against the worker: it names every route, its examples are what the worker answers, and every
// other answer is one that it allows.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { disallowed, document, faults, operations, resolve } from '../openapi/document.mjs';
import { PICTURE, REQUESTS } from '../openapi/requests.mjs';
import { ROUTES, SAYS } from '../support/dialects.mjs';
import { read } from '../support/project.mjs';
import { startWorker } from '../support/worker.mjs';

let worker;
before(async () => {
  worker = await startWorker({ limits: { RATE_FAILED_AUTH: 1 }, vars: { SERVER_TIMING: 'on' } });
});
after(() => worker?.stop());

const UPDATES = operations.filter(({ method }) => method === 'PUT');
const DIALECTS = Object.keys(SAYS);

/** What `pattern` finds in a source file: a test must not pass, or fail without a reason, where a name has changed. */
function rust(file, pattern) {
  const found = pattern.exec(read('src', file));
  assert.ok(found, `src/${file} has nothing that matches ${pattern}`);
  return found.at(-1);
}

/**
 * What takes half a minute to be answered, the bucket's deadline: such examples are only checked against their schemas.
 */
const UNASKED = ({ id, status }) => status === '503' && id === 'getPicture';

/** `{id, status, name, value, schema}` of every example of an answer. */
const EXAMPLES = operations.flatMap(({ id, operation }) =>
  Object.entries(operation.responses).flatMap(([status, answer]) =>
    Object.values(resolve(answer).content ?? {}).flatMap(({ schema, examples }) =>
      Object.entries(examples ?? {}).map(([name, example]) => ({
        id,
        status,
        name,
        value: resolve(example).value,
        schema,
      })),
    ),
  ),
);

/** The operation's path, its parameters replaced by their examples. */
const target = ({ path, operation }) =>
  operation.parameters
    .map(resolve)
    .filter((p) => p.in === 'path')
    .reduce((at, p) => at.replace(`{${p.name}}`, p.example), path);

let clients = 0;

/** Every request comes from another network, unless it says from which: the limit of bad tokens counts by them. */
function send(
  operation,
  { method = operation.method, path = target(operation), example, ...options },
  client = `2001:db8:0:${(clients++).toString(16)}::1`,
) {
  const json =
    example === undefined
      ? options.json
      : operation.operation.requestBody.content['application/json'].examples[example].value;
  return worker.send(method, path, { ...options, json, headers: { 'cf-connecting-ip': client, ...options.headers } });
}

/** What is another one at every run: when, and on which port. */
const comparable = (value) =>
  JSON.parse(JSON.stringify(value).replaceAll(worker.url, 'http://localhost:8787'), (key, part) =>
    key === 'updated_at' ? 'now' : part,
  );

test('a validator that is not ours calls the document valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert.deepEqual([valid, validator.version, errors], [true, '3.1', undefined]);
});

test('every route of the route table is in the document, and no other', () => {
  const table = read('src/serve/route.rs');
  const routes = new Set([...table.matchAll(/"([A-Z]+ \/[^"]*)"/g)].map(([, pattern]) => pattern));
  const named = operations.map(
    ({ method, path }) =>
      `${method.replace('HEAD', 'GET')} ${path.replace('/{account}/{file}', '/*').replace(/\{(\w+)\}/g, ':$1')}`,
  );
  // Beside the endpoints, /health and the pictures.
  assert.equal(routes.size, ROUTES.length + 2);
  assert.deepEqual([...new Set(named)].sort(), [...routes].sort());
  // What is only looked at takes both methods.
  const methods = Object.entries(document.paths).map(([path, item]) => [path, Object.keys(item).join()]);
  for (const [path, both] of methods) assert.equal(both, /^\/(health|media)/.test(path) ? 'get,head' : 'put', path);
});

test('every update can be refused and fail in every way that all of them share', () => {
  for (const { id, operation } of UPDATES) {
    for (const status of [200, 400, 401, 405, 408, 413, 415, 429, 500, 503])
      assert.ok(operation.responses[status], `${id} ${status}`);
  }
});

/** Statuses that a dialect has words for because every dialect must, and that none of its endpoints returns. */
const NEVER = { falcon: ['403', '404'] };

test('every status that a dialect refuses with is in the document, and no other', () => {
  for (const dialect of DIALECTS) {
    const refuse = rust(`dialect/${dialect}.rs`, /^pub fn refuse[\s\S]*?^\}/m);
    const refused = new Set(
      [...refuse.matchAll(/\((\d{3}),/g)]
        .map(([, status]) => status)
        .filter((status) => !NEVER[dialect]?.includes(status)),
    );
    const mine = UPDATES.filter(({ operation }) => operation.tags.includes(dialect));
    const named = new Set(
      mine
        .flatMap(({ operation }) => Object.keys(operation.responses))
        .filter((status) => status >= '400' && status < '500'),
    );
    assert.deepEqual([...named].sort(), [...refused].sort(), dialect);
    // Where one endpoint lacks a status that another has, the reason is in the route: no id, or nothing that is unique.
    for (const { id, operation } of mine) {
      const lacking = [...refused].filter((status) => !operation.responses[status]);
      assert.deepEqual(lacking, id === 'updatePersonaFoto' ? ['409'] : [], id);
    }
  }
});

test('every record that is answered is in the document with all of its fields, and no other', () => {
  for (const dialect of DIALECTS) {
    // The record's struct is the one that begins with an id.
    const fields = rust(`dialect/${dialect}.rs`, /^struct \w+<'a> \{\n( {4}id\w*:[\s\S]*?)^\}/m);
    const shown = [...fields.matchAll(/^ {4}(?:r#)?(\w+):/gm)].map(([, field]) => field);
    for (const { id, operation } of UPDATES.filter(({ operation: { tags } }) => tags.includes(dialect))) {
      const answer = resolve(operation.responses[200].content['application/json'].schema);
      const record = resolve(answer.properties.data ?? answer);
      const named = Object.keys(record.properties);
      // seam's are in camelCase on the wire, but for one.
      assert.deepEqual(
        named.map((field) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
        shown,
        id,
      );
      assert.deepEqual([record.required, record.additionalProperties], [named, false], id);
    }
  }
});

test('every answer with a JSON body has an example', () => {
  for (const { id, operation } of operations) {
    for (const [status, reference] of Object.entries(operation.responses)) {
      for (const [type, { examples }] of Object.entries(resolve(reference).content ?? {}).filter(([type]) =>
        type.includes('json'),
      ))
        assert.ok(Object.keys(examples ?? {}).length > 0, `${id} ${status} ${type}`);
    }
  }
});

test('the limits are those of the code and of wrangler.toml', () => {
  const limits = Object.fromEntries(
    [...document.info.description.matchAll(/^\| (.*?) \| (.*?) \| (.*?) \|$/gm)].map(([, of, most, beyond]) => [
      of,
      `${most}: ${beyond}`,
    ]),
  );
  const config = read('wrangler.toml');
  const rate = (name) => new RegExp(`name = "${name}"[^]*?limit = (\\d+), period = 60`).exec(config)[1];
  const largest = Number(/^AVATAR_MAX_BYTES = "(\d+)"$/m.exec(config)[1]);
  const period = rust('serve/limits.rs', /PERIOD: u32 = (\d+);/);
  const [side, pixels] = [/MAX_SIDE: u32 = ([\d_]+);/, /DEFAULT_MAX_PIXELS: u32 = ([\d_]+);/].map((pattern) =>
    rust('picture/mod.rs', pattern).replaceAll('_', ','),
  );
  const later = rust('serve/mod.rs', /RETRY_AFTER: u32 = (\d+);/);
  assert.deepEqual(limits, {
    of: 'at most: beyond it',
    '---': '---: ---',
    'a JSON body': `${rust('serve/receive.rs', /JSON_LIMIT: usize = (\d+) \* 1024;/)} KiB: 413`,
    'a picture': `${largest / 1024 / 1024} MiB (\`AVATAR_MAX_BYTES\`): 413`,
    'a picture’s pixels': `${pixels} (\`AVATAR_MAX_PIXELS\`): 400`,
    'a picture’s sides': `${side} pixels each: 400`,
    'the rest of a form': `${rust('serve/form.rs', /OVERHEAD: usize = (\d+) \* 1024;/)} KiB: 413`,
    'a token': `${rust('auth/token.rs', /MAX_TOKEN_BYTES: usize = (\d+) \* 1024;/)} KiB: 401`,
    'an account’s updates at one endpoint': `${rate('RATE_UPDATES')} a minute: 429`,
    'an account’s new passwords and uploads': `${rate('RATE_COSTLY')} a minute: 429`,
    'requests without a good token, from one address': `${rate('RATE_FAILED_AUTH')} a minute: 429`,
    'waiting for the database': `${rust('edge/d1.rs', /DEADLINE: u64 = (\d+);/)} seconds: 503`,
    'waiting to hash a new password': `${rust('auth/turns.rs', /DEADLINE: u64 = (\d+)_000;/)} seconds: 503`,
    'waiting for the bucket': `${rust('edge/r2.rs', /DEADLINE: u64 = (\d+);/)} seconds: 503`,
  });
  assert.ok(
    document.info.description.includes(
      `A 429 comes with \`Retry-After: ${period}\`, a 503 with \`Retry-After: ${later}\`.`,
    ),
  );
  for (const [form, part] of [
    ['PersonaFotoForm', 'foto'],
    ['DjangoForm', 'avatar'],
  ])
    assert.equal(document.components.schemas[form].properties[part].maxLength, largest);
  assert.deepEqual(
    [
      document.components.headers.RetryAfterLimit.schema.const,
      document.components.headers.RetryAfterDeadline.schema.const,
    ],
    [Number(period), Number(later)],
  );
});

test('every field that a dialect reads is in the document, and no other', () => {
  for (const dialect of DIALECTS) {
    const source = read(`src/dialect/${dialect}.rs`);
    // `fields.value("email", …)`, `body.get("foto_url")`, and the part of a form that holds a picture: `const AVATAR:
    // &str = "avatar"`.
    const taken = [
      ...source.matchAll(
        /\b(?:fields\.value|fields\.clearable|body\.get)\("(\w+)"|^const (?:AVATAR|FOTO_FILE): &str = "(\w+)"/gm,
      ),
    ].map(([, field, file]) => field ?? file);
    const bodies = UPDATES.filter(({ operation }) => operation.tags.includes(dialect)).flatMap(({ operation }) =>
      Object.values(operation.requestBody.content),
    );
    const named = bodies.flatMap(({ schema }) => Object.keys(resolve(schema).properties));
    assert.deepEqual([...new Set(named)].sort(), [...new Set(taken)].sort(), dialect);
  }
});

test('every example of a request is one that the document allows', () => {
  for (const { id, operation } of UPDATES) {
    for (const [type, { schema, examples }] of Object.entries(operation.requestBody.content)) {
      for (const [name, { value }] of Object.entries(examples ?? {}))
        assert.deepEqual(faults(schema, value), [], `${id} ${type} ${name}`);
    }
  }
});

test('every example of an answer is one that its schema allows', () => {
  for (const { id, status, name, value, schema } of EXAMPLES)
    assert.deepEqual(faults(schema, value), [], `${id} ${status} ${name}`);
});

test('every example of an answer is what the worker answers', async () => {
  const left = new Set(EXAMPLES.filter((example) => !UNASKED(example)));
  async function ask(operation, status, name, request) {
    // One bad token is what an address may send.
    if (status === '429') await send(operation, request, operation.id);
    const answer = await send(operation, request, ...(status === '429' ? [operation.id] : []));
    const what = `${operation.id} ${status} ${name}`;
    assert.equal(answer.status, Number(status), what);
    assert.deepEqual(disallowed(operation.operation, answer), [], what);
    const example = EXAMPLES.find((e) => e.id === operation.id && e.status === status && e.name === name);
    if (example) assert.deepEqual(comparable(answer.json), comparable(example.value), what);
    left.delete(example);
  }
  const [method, target, options] = PICTURE;
  assert.equal((await worker.send(method, target, options)).status, 200);
  const asked = operations.flatMap((operation) =>
    Object.entries(REQUESTS[operation.id]).flatMap(([status, requests]) =>
      Object.entries(requests).map(([name, request]) => [operation, status, name, request]),
    ),
  );
  const waits = ([{ id }, status]) => status === '503' && id.startsWith('update');
  for (const each of asked.filter((each) => !waits(each))) await ask(...each);
  // The deadline of each is waited for at the same time.
  await Promise.all(asked.filter(waits).map((each) => ask(...each)));
  await worker.release('unavailable');
  assert.deepEqual(
    [...left].map(({ id, status, name }) => `${id} ${status} ${name}`),
    [],
    'examples without a request',
  );
});

/** Bodies that are no object, or are malformed; and such values of a field that it is refused somewhere. */
const BODIES = [
  undefined,
  '',
  '{}',
  '[]',
  'null',
  '"text"',
  '1',
  '1.5',
  'true',
  '{',
  '{"a":1,"a":2}',
  '{"a":1e999}',
  '\u{feff}{}',
  '{"unknown\\n":1}',
];
const VALUES = ['null', 'true', '0', '-1.5e300', '""', '" "', '"\\u0000"', '[]', '{}', `"${'a'.repeat(3000)}"`];

test('whatever is sent, the answer is one that the document allows', async () => {
  for (const operation of UPDATES) {
    const { properties } = resolve(operation.operation.requestBody.content['application/json'].schema);
    const fields = Object.keys(properties);
    const faulty = VALUES.flatMap((value) => [
      ...fields.map((field) => `{"${field}":${value}}`),
      `{${fields.map((field) => `"${field}":${value}`)}}`,
    ]);
    // Account 1 may call everything but django's example, and has no persona; 43 is refused whatever it sends.
    for (const [as, bodies] of [
      [1, [...BODIES, ...faulty]],
      [43, BODIES.slice(0, 4)],
      [undefined, BODIES.slice(0, 4)],
    ]) {
      const answers = await Promise.all(
        bodies.map((body) =>
          send(operation, { as, body, headers: body === undefined ? {} : { 'content-type': 'application/json' } }),
        ),
      );
      answers.forEach((answer, i) =>
        assert.deepEqual(
          disallowed(operation.operation, answer),
          [],
          `${operation.id} as ${as}: ${bodies[i]} → ${answer.status} ${answer.text}`,
        ),
      );
    }
  }
});
