// The read-only operations: /health and the pictures.
import { exactly, schemaOf } from './bodies.mjs';

const PROBLEM_TYPE = 'application/problem+json';
const schemaRef = (name) => ({ $ref: `#/components/schemas/${name}` });
const NAMES = {
  404: 'NotFound',
  405: 'MethodNotAllowed',
  412: 'PreconditionFailed',
  416: 'RangeNotSatisfiable',
  500: 'Failed',
  503: 'Unavailable',
};
/** Statuses of range requests. `Range` applies to GET only (RFC 9110 section 14.2). */
const PARTIAL = ['206', '416'];

/** Returns the method and path of each operation, with the parameters replaced by their examples. */
export const readsOf = (prose) =>
  Object.entries(prose.operations).map(([pattern, { operation }]) => {
    const [method, path] = pattern.split(' ');
    const example = (_, name) => Object.values(prose.parameters).find((each) => each.name === name).example;
    return { id: operation, method, path: path.replace(/\{(\w+)\}/g, example) };
  });

function health(facts, replies) {
  const [ok] = replies.of('getHealth', '200');
  const { unavailable, outdated } = facts.health;
  const { reason } = outdated.body;
  return {
    Health: schemaOf([ok.body]),
    Unhealthy: exactly(
      {
        ...schemaOf([unavailable.body]).properties,
        reason: { ...schemaOf([reason]), description: 'Present only if the schema is older than the worker.' },
      },
      Object.keys(unavailable.body),
    ),
  };
}

/** Renders the operations: `{paths, responses, schemas}`. */
export function reads(facts, prose, replies) {
  const paths = {};
  const responses = {};
  const problems = Object.values(facts.media).sort((one, other) => one.status - other.status);
  const schemas = {
    ...health(facts, replies),
    ...Object.fromEntries(problems.map(({ status, body }) => [`Problem${status}`, schemaOf([body])])),
  };
  const pictures = [...new Set(Object.values(facts.pictures))];
  const picture = Object.fromEntries(pictures.map((type) => [type, { type: 'string', format: 'binary' }]));
  const HEALTH = { 200: schemaRef('Health'), 503: schemaRef('Unhealthy') };

  const contentOf = (tag, status) => {
    if (status === '304') return undefined;
    if (tag === 'operations' && HEALTH[status]) return { 'application/json': HEALTH[status] };
    return status < '300' ? picture : { [PROBLEM_TYPE]: schemaRef(`Problem${status}`) };
  };
  for (const [pattern, entry] of Object.entries(prose.operations)) {
    const [method, path] = pattern.split(' ');
    const isHead = method === 'HEAD';
    const get = prose.operations[`GET ${path}`];
    const statuses = Object.keys(get.responses).filter((status) => !isHead || !PARTIAL.includes(status));
    const own = {};
    for (const status of statuses) {
      const content = contentOf(entry.tag, status);
      // HEAD has the headers of GET.
      const selector = { id: get.operation, method: 'GET', tag: entry.tag, status };
      const description = entry.responses[status] ?? get.responses[status];
      const response = replies.response(selector, description, isHead ? undefined : content);
      if (content && PROBLEM_TYPE in content) {
        const name = `Problem${isHead ? 'Head' : ''}${NAMES[status]}`;
        if (responses[name]) replies.mustAgree(name, responses[name], response);
        responses[name] = response;
        own[status] = { $ref: `#/components/responses/${name}` };
      } else own[status] = response;
    }
    paths[path] ??= {};
    paths[path][method.toLowerCase()] = {
      operationId: entry.operation,
      tags: [entry.tag],
      summary: entry.summary,
      description: entry.description,
      security: [],
      parameters: entry.parameters.map((name) => ({ $ref: `#/components/parameters/${name}` })),
      responses: own,
    };
  }
  return { paths, responses, schemas };
}
