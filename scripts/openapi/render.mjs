// Renders public/openapi.json from tests/facts.json, the hand-written texts (prose.json, description.md), wrangler.toml
// and the worker's replies.
import fs from 'node:fs';
import path from 'node:path';
import { read } from '../../tests/support/project.mjs';
import { collectReplies } from './collect.mjs';
import { headersOf } from './headers.mjs';
import { reads, readsOf } from './reads.mjs';
import { operationsOf, updates } from './updates.mjs';
import { fill, valuesOf } from './values.mjs';

const own = (file) => fs.readFileSync(path.join(import.meta.dirname, file), 'utf8');

const ID = {
  type: 'integer',
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'The ID of a persona, or the ID of an account in the dialect’s own back end.',
};

/** Converts the replies to the example requests to responses of the document. */
function repliesOf(all, headers, values) {
  const of = (id, status) => all.filter((reply) => reply.id === id && reply.status === String(status));
  return {
    of,
    response(selector, description, content) {
      const seen = of(selector.id, selector.status);
      if (seen.length === 0) throw new Error(`requests.mjs has no request for ${selector.id} ${selector.status}`);
      const text = fill(description ?? '', values);
      if (text === '') throw new Error(`prose.json does not describe ${selector.id} ${selector.status}`);
      const shown = seen.filter(({ body }) => body !== undefined);
      const examples = shown.map(({ name, summary, body }) => [
        name,
        { summary: fill(summary ?? text, values), value: body },
      ]);
      const typed = ([type, schema]) => [
        type,
        { schema, ...(type.includes('json') && { examples: Object.fromEntries(examples) }) },
      ];
      return {
        description: text,
        headers: Object.assign({}, ...seen.map((reply) => headers.of(selector, reply.headers))),
        ...(content && { content: Object.fromEntries(Object.entries(content).map(typed)) }),
      };
    },
    mustAgree(name, one, other) {
      if (JSON.stringify(one) !== JSON.stringify(other)) throw new Error(`two endpoints differ in ${name}`);
    },
  };
}

/** Returns the document, and the replies of a worker started by `startExampleWorker` that it was rendered from. */
export async function render(worker) {
  const facts = JSON.parse(read('tests/facts.json'));
  const values = valuesOf(facts);
  const prose = JSON.parse(own('prose.json'));
  const operations = [...operationsOf(facts, prose), ...readsOf(prose)];
  const headers = headersOf(prose.headers);
  const collected = await collectReplies(worker, operations);
  const replies = repliesOf(collected, headers, values);
  // The endpoints' texts may contain {{length}}, which differs between fields. These texts and those of the statuses
  // are filled in later.
  const filled = {
    ...fill({ ...prose, endpoints: undefined, statuses: undefined }, values),
    endpoints: prose.endpoints,
  };
  const changing = updates(facts, { ...filled, statuses: prose.statuses }, values, replies);
  const reading = reads(facts, filled, replies);
  const dialects = Object.values(filled.dialects).map(({ tag, description }) => ({ name: tag, description }));
  const tags = Object.entries(filled.tags).map(([name, description]) => ({ name, description }));
  const document = {
    openapi: '3.1.0',
    info: { ...filled.info, description: fill(own('description.md').trimEnd(), values) },
    servers: filled.servers,
    tags: [...dialects, ...tags],
    security: [{ bearer: [] }],
    paths: { ...changing.paths, ...reading.paths },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: filled.bearer },
      },
      parameters: filled.parameters,
      headers: headers.components(),
      responses: { ...changing.responses, ...reading.responses },
      schemas: { Id: ID, ...changing.schemas, ...reading.schemas },
    },
  };
  return { document, replies: collected };
}

export const written = (document) => `${JSON.stringify(document, null, 2)}\n`;
