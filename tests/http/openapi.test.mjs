// The OpenAPI document matches the worker: scripts/openapi renders it, its examples follow its schemas, and it allows
// every response.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { startExampleWorker } from '../../scripts/openapi/collect.mjs';
import { differences } from '../../scripts/openapi/differences.mjs';
import { render, written } from '../../scripts/openapi/render.mjs';
import { disallowed, document, faults, operations, resolve } from '../openapi/document.mjs';
import { read } from '../support/project.mjs';

let worker;
before(async () => {
  worker = await startExampleWorker();
});
after(() => worker?.stop());

const UPDATES = operations.filter(({ method }) => method === 'PUT');

/** `{id, status, name, value, schema}` of every example of a response. */
const EXAMPLES = operations.flatMap(({ id, operation }) =>
  Object.entries(operation.responses).flatMap(([status, response]) =>
    Object.values(resolve(response).content ?? {}).flatMap(({ schema, examples }) =>
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

/** The operation's path, with the parameters replaced by their examples. */
const target = ({ path, operation }) =>
  operation.parameters
    .map(resolve)
    .filter((p) => p.in === 'path')
    .reduce((at, p) => at.replace(`{${p.name}}`, p.example), path);

let clients = 0;

/** Sends a request from a network of its own, because bad tokens are limited by network. */
const send = (operation, { headers, ...options }) =>
  worker.send(operation.method, target(operation), {
    ...options,
    headers: { 'cf-connecting-ip': `2001:db8:1:${(clients++).toString(16)}::1`, ...headers },
  });

test('an independent validator accepts the document as OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert.deepEqual([valid, validator.version, errors], [true, '3.1', undefined]);
});

test('the document is up to date with the code, the prose and the responses of the worker', async () => {
  const { document: rendered, replies } = await render(worker);
  const different = differences(document, rendered);
  const hint = 'If this is intended, run `npm run openapi` and commit public/openapi.json.';
  assert.ok(different.length === 0, `public/openapi.json is out of date:\n${different.join('\n')}\n${hint}`);
  assert.equal(read('public/openapi.json'), written(rendered), 'the order or the format differs: npm run openapi');
  for (const { id, status, name, response } of replies) {
    const { operation } = operations.find((each) => each.id === id);
    assert.deepEqual(disallowed(operation, response), [], `${id} ${status} ${name}`);
  }
});

test('every update documents all the refusals and failures that updates share', () => {
  for (const { id, operation } of UPDATES) {
    for (const status of [200, 400, 401, 405, 408, 413, 415, 429, 500, 503])
      assert.ok(operation.responses[status], `${id} ${status}`);
  }
});

test('every response with a JSON body has an example', () => {
  for (const { id, operation } of operations) {
    for (const [status, reference] of Object.entries(operation.responses)) {
      for (const [type, { examples }] of Object.entries(resolve(reference).content ?? {}).filter(([type]) =>
        type.includes('json'),
      ))
        assert.ok(Object.keys(examples ?? {}).length > 0, `${id} ${status} ${type}`);
    }
  }
});

test('the document allows every example of a request', () => {
  for (const { id, operation } of UPDATES) {
    for (const [type, { schema, examples }] of Object.entries(operation.requestBody.content)) {
      for (const [name, { value }] of Object.entries(examples ?? {}))
        assert.deepEqual(faults(schema, value), [], `${id} ${type} ${name}`);
    }
  }
});

test('its schema allows every example of a response', () => {
  for (const { id, status, name, value, schema } of EXAMPLES)
    assert.deepEqual(faults(schema, value), [], `${id} ${status} ${name}`);
});

/** Bodies that are not objects or are malformed, and values of fields that some dialect refuses. */
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

test('whatever is sent, the document allows the response', async () => {
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
      const responses = await Promise.all(
        bodies.map((body) =>
          send(operation, { as, body, headers: body === undefined ? {} : { 'content-type': 'application/json' } }),
        ),
      );
      responses.forEach((response, i) =>
        assert.deepEqual(
          disallowed(operation.operation, response),
          [],
          `${operation.id} as ${as}: ${bodies[i]} → ${response.status} ${response.text}`,
        ),
      );
    }
  }
});
