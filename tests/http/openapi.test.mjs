// The OpenAPI document against the worker: it names every route, its examples are what the worker answers, and every
// other answer is one that it allows.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { disallowed, document, faults, operations, resolve } from '../openapi/document.mjs';
import { REQUESTS } from '../openapi/requests.mjs';
import { startWorker } from './support/worker.mjs';

let worker;
before(async () => { worker = await startWorker({ limits: { RATE_FAILED_AUTH: 1 } }); });
after(() => worker?.stop());

const UPDATES = operations.filter(({ method }) => method === 'PUT');

/** What it takes a deadline of many seconds, or a panic, to be answered: such examples are only checked against their schemas. */
const UNASKED = ({ id, status }) => (status === '503' && id !== 'getHealth') || (status === '500' && id === 'getHealth');

/** `{id, status, name, value, schema}` of every example of an answer. */
const EXAMPLES = operations.flatMap(({ id, operation }) => Object.entries(operation.responses).flatMap(([status, answer]) => Object.values(resolve(answer).content ?? {}).flatMap(({ schema, examples }) => Object.entries(examples ?? {}).map(([name, example]) => ({ id, status, name, value: resolve(example).value, schema })))));

/** The operation's path, its parameters replaced by their examples. */
const target = ({ path, operation }) => operation.parameters.map(resolve).filter((p) => p.in === 'path').reduce((at, p) => at.replace(`{${p.name}}`, p.example), path);

let clients = 0;

/** Every request comes from another address, unless it says from which: the limit of bad tokens counts by them. */
function send(operation, { method = operation.method, path = target(operation), example, ...options }, client = `2001:db8::${(clients++).toString(16)}`) {
  const json = example === undefined ? options.json : operation.operation.requestBody.content['application/json'].examples[example].value;
  return worker.send(method, path, { ...options, json, headers: { 'cf-connecting-ip': client, ...options.headers } });
}

/** What is another one at every run: when, and on which port. */
const comparable = (value) => JSON.parse(JSON.stringify(value).replaceAll(worker.url, document.servers[0].url), (key, part) => (key === 'updated_at' ? 'now' : part));

test('every route of the route table is in the document, and no other', () => {
  const table = fs.readFileSync(path.resolve(import.meta.dirname, '../../src/serve/route.rs'), 'utf8');
  const routes = new Set([...table.matchAll(/"([A-Z]+ \/[^"]*)"/g)].map(([, pattern]) => pattern));
  const named = operations.map(({ method, path }) => `${method.replace('HEAD', 'GET')} ${path.replace('/{account}/{file}', '/*').replace(/\{(\w+)\}/g, ':$1')}`);
  assert.equal(routes.size, 7);
  assert.deepEqual([...new Set(named)].sort(), [...routes].sort());
  // What is only looked at takes both methods.
  const methods = Object.entries(document.paths).map(([path, item]) => [path, Object.keys(item).join()]);
  for (const [path, both] of methods) assert.equal(both, /^\/(health|media)/.test(path) ? 'get,head' : 'put', path);
});

test('every update can be refused and fail in every way that all of them share', () => {
  for (const { id, operation } of UPDATES) {
    for (const status of [200, 400, 401, 405, 413, 415, 429, 500, 503]) assert.ok(operation.responses[status], `${id} ${status}`);
  }
});

test('every field that a dialect reads is in the document, and no other', () => {
  for (const dialect of ['personas', 'seam', 'falcon', 'django']) {
    const source = fs.readFileSync(path.resolve(import.meta.dirname, `../../src/dialect/${dialect}.rs`), 'utf8');
    // `fields.value("email", …)`, `body.get("foto_url")`, and the part of a form that holds a picture: `const AVATAR: &str = "avatar"`.
    const read = [...source.matchAll(/\b(?:fields\.value|fields\.clearable|body\.get)\("(\w+)"|^const (?:AVATAR|FOTO_FILE): &str = "(\w+)"/gm)].map(([, field, file]) => field ?? file);
    const bodies = UPDATES.filter(({ operation }) => operation.tags.includes(dialect)).flatMap(({ operation }) => Object.values(operation.requestBody.content));
    const named = bodies.flatMap(({ schema }) => Object.keys(resolve(schema).properties));
    assert.deepEqual([...new Set(named)].sort(), [...new Set(read)].sort(), dialect);
  }
});

test('every example of a request is one that the document allows', () => {
  for (const { id, operation } of UPDATES) {
    for (const [type, { schema, examples }] of Object.entries(operation.requestBody.content)) {
      for (const [name, { value }] of Object.entries(examples ?? {})) assert.deepEqual(faults(schema, value), [], `${id} ${type} ${name}`);
    }
  }
});

test('every example of an answer is one that its schema allows', () => {
  for (const { id, status, name, value, schema } of EXAMPLES) assert.deepEqual(faults(schema, value), [], `${id} ${status} ${name}`);
});

test('every example of an answer is what the worker answers', async () => {
  // The pictures that are asked for are there once it was uploaded.
  const left = new Set(EXAMPLES.filter((example) => !UNASKED(example)));
  for (const operation of operations) {
    for (const [status, requests] of Object.entries(REQUESTS[operation.id])) {
      for (const [name, request] of Object.entries(requests)) {
        // One bad token is what an address may send.
        if (status === '429') await send(operation, request, operation.id);
        const answer = await send(operation, request, ...(status === '429' ? [operation.id] : []));
        const what = `${operation.id} ${status} ${name}`;
        assert.equal(answer.status, Number(status), what);
        if (request.method === undefined || operation.operation.responses[status]) assert.deepEqual(disallowed(operation.operation, answer), [], what);
        const example = EXAMPLES.find((e) => e.id === operation.id && e.status === status && e.name === name);
        if (example) assert.deepEqual(comparable(answer.json), comparable(example.value), what);
        left.delete(example);
      }
    }
  }
  assert.deepEqual([...left].map(({ id, status, name }) => `${id} ${status} ${name}`), [], 'examples without a request');
});

/** Bodies that are no object, or are malformed; and such values of a field that it is refused somewhere. */
const BODIES = [undefined, '', '{}', '[]', 'null', '"text"', '1', '1.5', 'true', '{', '{"a":1,"a":2}', '{"a":1e999}', '\u{feff}{}', '{"unknown\\n":1}'];
const VALUES = ['null', 'true', '0', '-1.5e300', '""', '" "', '"\\u0000"', '[]', '{}', `"${'a'.repeat(3000)}"`];

test('whatever is sent, the answer is one that the document allows', async () => {
  for (const operation of UPDATES) {
    const { properties } = resolve(operation.operation.requestBody.content['application/json'].schema);
    const fields = Object.keys(properties);
    const faulty = VALUES.flatMap((value) => [...fields.map((field) => `{"${field}":${value}}`), `{${fields.map((field) => `"${field}":${value}`)}}`]);
    // Account 1 may call four of five, and has no persona; account 43 is refused whatever it sends.
    for (const [as, bodies] of [[1, [...BODIES, ...faulty]], [43, BODIES.slice(0, 4)], [undefined, BODIES.slice(0, 4)]]) {
      const answers = await Promise.all(bodies.map((body) => send(operation, { as, body, headers: body === undefined ? {} : { 'content-type': 'application/json' } })));
      answers.forEach((answer, i) => assert.deepEqual(disallowed(operation.operation, answer), [], `${operation.id} as ${as}: ${bodies[i]} → ${answer.status} ${answer.text}`));
    }
  }
});
