// The operations of the route table, and their parts of the document.
import { schemaOf } from './bodies.mjs';
import { changeSchema, formSchema, requestBody, textsSchema } from './changes.mjs';
import { invalidSchema } from './faults.mjs';
import { recordSchema } from './records.mjs';

const schemaRef = (name) => ({ $ref: `#/components/schemas/${name}` });
const REQUEST_ID = { $ref: '#/components/parameters/RequestId' };

/** Returns path, method and examples of each endpoint, in the form that `collectReplies` of collect.mjs needs. */
export const operationsOf = (facts, prose) =>
  Object.entries(facts.endpoints).map(([pattern, { method, path }]) => {
    const entry = prose.endpoints[pattern];
    if (!entry) throw new Error(`prose.json does not describe ${pattern}`);
    return { id: entry.operation, method, path: path.replace(':id', entry.id?.example), examples: entry.examples };
  });

/** Returns the bodies of an endpoint's refusals by status, without those for invalid fields: `{status: [body]}`. */
function refusedWith({ refusals: codes }, { refusals, rules }) {
  const bodies = {};
  for (const code of codes) {
    // A code that is not a refusal is a broken rule. All broken rules have the same status.
    const { status, body } = refusals[code] ?? rules.text;
    bodies[status] ??= [];
    if (code in refusals) bodies[status].push(body);
  }
  return bodies;
}

/** Renders the endpoints: `{paths, responses, schemas}`. `replies` is the result of `repliesOf` in render.mjs. */
export function updates(facts, prose, values, replies) {
  const [paths, responses, schemas, refused] = [{}, {}, {}, {}];

  // A row has the prose of an endpoint (`entry`) and of its dialect (`dialectEntry`), the facts about both (`endpoint`,
  // `dialect`), and the operation whose replies are looked up (`selector`).
  const respond = (row, status, description, schema) =>
    replies.response({ ...row.selector, status }, description, { 'application/json': schema });

  function invalid(row, status, bodies) {
    const { name, faults, responses: described } = row.entry;
    const names = { description: faults, faultName: `${name}Fault` };
    const schema = invalidSchema(row.endpoint, row.dialect, bodies, names);
    schemas[`${name}Invalid`] = schema.invalid;
    if (schema.fault) schemas[names.faultName] = schema.fault;
    return respond(row, status, described[status], schemaRef(`${name}Invalid`));
  }

  /** Renders a refusal that all endpoints of a dialect share. */
  function shared(row, status, bodies) {
    const meaning = prose.statuses[status];
    if (!meaning) throw new Error(`prose.json does not describe the status ${status}`);
    const name = `${row.dialectEntry.name}${meaning.name}`;
    const response = respond(row, status, row.dialectEntry.responses[status] ?? meaning.description, schemaRef(name));
    if (responses[name]) replies.mustAgree(name, responses[name], response);
    responses[name] = response;
    refused[name] = [...(refused[name] ?? []), ...bodies];
    schemas[name] = schemaOf(refused[name]);
    return { $ref: `#/components/responses/${name}` };
  }

  /** Renders a server-side failure. A 503 shares the schema of a 500 with the same body. */
  function failure(row, { status, body }, name) {
    schemas[name] = schemaOf([body]);
    return respond(row, status, prose.statuses[status].description, schemaRef(name));
  }

  function responsesOf(row) {
    const { entry, endpoint, dialect } = row;
    const own = { 200: respond(row, 200, entry.responses[200], schemaRef(entry.record)) };
    for (const [status, bodies] of Object.entries(refusedWith(endpoint, dialect))) {
      const isInvalid = Number(status) === dialect.rules.text.status;
      own[status] = isInvalid ? invalid(row, status, bodies) : shared(row, status, bodies);
    }
    const { failed, unavailable } = endpoint;
    const isSame = JSON.stringify(failed.body) === JSON.stringify(unavailable.body);
    own[failed.status] = failure(row, failed, `${entry.name}Failed`);
    own[unavailable.status] = failure(row, unavailable, `${entry.name}${isSame ? 'Failed' : 'Unavailable'}`);
    return own;
  }

  for (const [pattern, endpoint] of Object.entries(facts.endpoints)) {
    const entry = prose.endpoints[pattern];
    const dialectEntry = prose.dialects[endpoint.prefix];
    if (!dialectEntry) throw new Error(`prose.json does not describe ${endpoint.prefix}`);
    const selector = { id: entry.operation, method: endpoint.method, tag: dialectEntry.tag };
    schemas[entry.record] ??= recordSchema(endpoint.full, endpoint.sparse, prose.records[entry.record]);
    schemas[entry.change] = changeSchema(endpoint, entry);
    if (endpoint.form?.file) schemas[`${entry.name}Form`] = formSchema(endpoint, entry, values);
    if (endpoint.urlencoded) schemas[`${entry.name}Texts`] = textsSchema(endpoint, entry);
    const row = { entry, dialectEntry, endpoint, selector, dialect: facts.dialects[endpoint.prefix] };
    paths[endpoint.path.replace(':id', '{id}')] = {
      [endpoint.method.toLowerCase()]: {
        operationId: entry.operation,
        tags: [dialectEntry.tag],
        summary: entry.summary,
        description: `${accessOf(pattern, endpoint)} ${entry.description}`,
        parameters: [...idOf(endpoint, entry), REQUEST_ID],
        requestBody: requestBody(endpoint, entry, facts, values),
        responses: responsesOf(row),
      },
    };
  }
  return { paths, responses, schemas };
}

const accessOf = (pattern, { right }) =>
  right === 'permission' ? `Requires a role with the permission \`${pattern}\`.` : 'Available to every account.';

const idOf = ({ id }, entry) =>
  id ? [{ name: 'id', in: 'path', required: true, ...entry.id, schema: schemaRef('Id') }] : [];
