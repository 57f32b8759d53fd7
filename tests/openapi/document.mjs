// The OpenAPI document, its parts by name, and checks of responses against it.
import Ajv from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { UNDECLARED } from '../../scripts/openapi/headers.mjs';
import { read } from '../support/project.mjs';

export const document = JSON.parse(read('public/openapi.json'));

/** Resolves a `$ref`; returns anything else unchanged. */
export const resolve = (thing) =>
  thing?.$ref === undefined
    ? thing
    : resolve(
        thing.$ref
          .slice(2)
          .split('/')
          .reduce((at, key) => at[key], document),
      );

/** `{id, method, path, operation}` of every operation. */
export const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    operation,
  })),
);

const ajv = formats.default(new Ajv.default({ allErrors: true, strict: false, validateSchema: false }));
ajv.addFormat('binary', true).addFormat('password', true).addSchema(document, 'document');
const validators = new Map();

/** Errors of a value according to a schema of the document, as a list of strings. */
export function faults(schema, value) {
  let validate = validators.get(schema);
  if (!validate) {
    const absolute = JSON.parse(JSON.stringify(schema), (key, part) => (key === '$ref' ? `document${part}` : part));
    validators.set(schema, (validate = ajv.compile(absolute)));
  }
  return validate(value)
    ? []
    : validate.errors.map((error) => `${error.instancePath || 'it'} ${error.message} ${JSON.stringify(error.params)}`);
}

/**
 * Errors of a response (`status`, `headers`, `text`) to an operation, as a list of strings that is empty if the
 * document allows the response.
 */
export function disallowed(operation, response) {
  const declared = resolve(operation.responses[response.status]);
  if (!declared) return [`status ${response.status} is not in the document`];
  const wrong = [];
  for (const [name, reference] of Object.entries(declared.headers ?? {})) {
    const { required, schema } = resolve(reference);
    const value = response.headers.get(name);
    if (value === null) required && wrong.push(`no ${name}`);
    else
      wrong.push(
        ...faults(schema, schema.type === 'integer' ? Number(value) : value).map((fault) => `${name}: ${fault}`),
      );
  }
  const names = Object.keys(declared.headers ?? {}).map((name) => name.toLowerCase());
  for (const [name] of response.headers)
    if (!names.includes(name) && !UNDECLARED.test(name)) wrong.push(`header ${name} is not in the document`);
  // A media type's parameters, such as a charset, are not part of the document's keys.
  const type = response.headers.get('content-type')?.split(';')[0] ?? null;
  if (!declared.content) return response.text === '' ? wrong : [...wrong, 'a body where there should be none'];
  const content = declared.content[type];
  if (!content) return [...wrong, `content type ${type} is not in the document`];
  if (type.includes('json')) wrong.push(...faults(content.schema, JSON.parse(response.text)));
  return wrong;
}
