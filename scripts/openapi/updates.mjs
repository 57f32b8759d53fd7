// The operations of the route table, and their parts of the document.
import { schemaOf } from './bodies.mjs';
import { changeSchema, formSchema, requestBody, textsSchema } from './changes.mjs';
import { invalidSchema } from './faults.mjs';
import { recordSchema } from './records.mjs';

const schemaRef = (name) => ({ $ref: `#/components/schemas/${name}` });
const REQUEST_ID = { $ref: '#/components/parameters/RequestId' };

/** Returns path, method and examples of each endpoint, in the form that `ask` of ask.mjs needs. */
export const operationsOf = (facts, prose) =>
  Object.entries(facts.endpoints).map(([pattern, { method, path }]) => {
    const said = prose.endpoints[pattern];
    if (!said) throw new Error(`prose.json does not describe ${pattern}`);
    return { id: said.operation, method, path: path.replace(':id', said.id?.example), examples: said.examples };
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

  // A row has the prose of an endpoint (`said`) and of its dialect (`spoken`), the facts about both (`endpoint`,
  // `dialect`), and the operation whose replies are looked up (`asked`).
  const respond = (row, status, description, schema) =>
    replies.response({ ...row.asked, status }, description, { 'application/json': schema });

  function invalid(row, status, bodies) {
    const { name, faults, responses: described } = row.said;
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
    const name = `${row.spoken.name}${meaning.name}`;
    const response = respond(row, status, row.spoken.responses[status] ?? meaning.description, schemaRef(name));
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
    const { said, endpoint, dialect } = row;
    const own = { 200: respond(row, 200, said.responses[200], schemaRef(said.record)) };
    for (const [status, bodies] of Object.entries(refusedWith(endpoint, dialect))) {
      const isInvalid = Number(status) === dialect.rules.text.status;
      own[status] = isInvalid ? invalid(row, status, bodies) : shared(row, status, bodies);
    }
    const { failed, unavailable } = endpoint;
    const isSame = JSON.stringify(failed.body) === JSON.stringify(unavailable.body);
    own[failed.status] = failure(row, failed, `${said.name}Failed`);
    own[unavailable.status] = failure(row, unavailable, `${said.name}${isSame ? 'Failed' : 'Unavailable'}`);
    return own;
  }

  for (const [pattern, endpoint] of Object.entries(facts.endpoints)) {
    const said = prose.endpoints[pattern];
    const spoken = prose.dialects[endpoint.prefix];
    if (!spoken) throw new Error(`prose.json does not describe ${endpoint.prefix}`);
    const asked = { id: said.operation, method: endpoint.method, tag: spoken.tag };
    schemas[said.record] ??= recordSchema(endpoint.full, endpoint.sparse, prose.records[said.record]);
    schemas[said.change] = changeSchema(endpoint, said);
    if (endpoint.form?.file) schemas[`${said.name}Form`] = formSchema(endpoint, said, values);
    if (endpoint.urlencoded) schemas[`${said.name}Texts`] = textsSchema(endpoint, said);
    const row = { said, spoken, endpoint, asked, dialect: facts.dialects[endpoint.prefix] };
    paths[endpoint.path.replace(':id', '{id}')] = {
      [endpoint.method.toLowerCase()]: {
        operationId: said.operation,
        tags: [spoken.tag],
        summary: said.summary,
        description: `${whomOf(pattern, endpoint)} ${said.description}`,
        parameters: [...idOf(endpoint, said), REQUEST_ID],
        requestBody: requestBody(endpoint, said, facts, values),
        responses: responsesOf(row),
      },
    };
  }
  return { paths, responses, schemas };
}

const whomOf = (pattern, { right }) =>
  right === 'permission' ? `Requires a role with the permission \`${pattern}\`.` : 'Available to every account.';

const idOf = ({ id }, said) =>
  id ? [{ name: 'id', in: 'path', required: true, ...said.id, schema: schemaRef('Id') }] : [];
