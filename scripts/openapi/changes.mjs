// Schemas and descriptions of request bodies.
import { fieldSchema, partSchema } from './formats.mjs';
import { fill } from './values.mjs';

const schemaRef = (name) => ({ $ref: `#/components/schemas/${name}` });

/** Returns the constraints on a body that are not constraints on one field. */
const rest = ({ required, nothing, unknown }) => ({
  ...(required.length > 0 && { required }),
  ...(unknown && { additionalProperties: false }),
  ...(nothing && required.length === 0 && { minProperties: 1 }),
});

/** Returns the schema of an endpoint's JSON body. */
export function changeSchema({ json }, entry) {
  const properties = Object.entries(json.fields).map(([name, field]) => [
    name,
    fieldSchema(field, entry.fields?.[name]),
  ]);
  const some = json.nothing && json.required.length === 0 ? 'At least one of the fields' : 'Any of the fields';
  const unknown = json.unknown ? ', and no others.' : '.';
  const kept = json.unknown
    ? 'Omitted fields keep their values.'
    : 'Omitted fields keep their values; unknown fields are ignored.';
  const description = json.required.length > 0 ? 'Unknown fields are ignored.' : `${some}${unknown} ${kept}`;
  return { type: 'object', properties: Object.fromEntries(properties), ...rest(json), description };
}

const PICTURE =
  'A JPEG, PNG, GIF or WebP picture of at most {{picture}} (`AVATAR_MAX_BYTES`), {{pixels}} pixels ' +
  '(`AVATAR_MAX_PIXELS`) and {{side}} pixels on each side. The format is detected from the bytes; the file name and ' +
  'the declared type are ignored. The metadata is removed before the picture is stored.';

const pictureSchema = (values) => ({
  type: 'string',
  format: 'binary',
  maxLength: values.pictureBytes,
  description: fill(PICTURE, values),
});

/** Returns the schema of an endpoint's form. Text parts follow the same rules as the fields of the JSON body. */
export function formSchema({ json, form: { file, fields, required } }, entry, values) {
  const part = (name, field) =>
    name === file ? pictureSchema(values) : partSchema({ ...json.fields[name], ...field }, entry.form?.examples[name]);
  const ignored = required.length > 0 ? 'Unknown parts are ignored.' : 'Any of the fields. Other parts are ignored.';
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, part(name, field)])),
    ...(required.length > 0 && { required }),
    // Typed clients ignore this keyword. With additionalProperties instead, their types would not accept a file.
    unevaluatedProperties: { type: 'string' },
    // Names that a form can carry.
    propertyNames: { pattern: '^[^\\u0000]*[^\\u0000\\\\]$' },
    description:
      `${ignored} Send each part at most once. The rest of the form may have ${values.overhead} in addition to ` +
      'the file.',
  };
}

/** Returns the schema of an endpoint's URL-encoded form: the form without the file. */
export function textsSchema({ json, form: { file, fields, required, unknown } }, entry) {
  const texts = Object.entries(fields).filter(([name]) => name !== file);
  const part = ([name, field]) => [name, partSchema({ ...json.fields[name], ...field }, entry.form?.examples[name])];
  return {
    type: 'object',
    properties: Object.fromEntries(texts.map(part)),
    ...rest({ required, nothing: json.nothing, unknown }),
    description: 'The same fields, as strings.',
  };
}

/** Returns the request body of an endpoint, with the examples of prose.json. */
export function requestBody(endpoint, entry, facts, values) {
  const json =
    `JSON of at most ${values.json} (\`application/json\` or any \`+json\` type), parsed strictly: a body with a ` +
    'duplicate key, invalid UTF-8 or a number beyond the range of a double is malformed.';
  const file = endpoint.form?.file;
  const pictures = [...new Set(Object.values(facts.pictures))].join(', ');
  return {
    required: endpoint.json.nothing !== null,
    description: [
      json,
      ...(file ? ['Alternatively, a form with one part for each field and the picture as a file.'] : []),
      ...(endpoint.urlencoded ? ['Alternatively, a URL-encoded form whose values are strings.'] : []),
    ].join(' '),
    content: {
      'application/json': { schema: schemaRef(entry.change), examples: entry.examples },
      ...(file && {
        'multipart/form-data': {
          schema: schemaRef(`${entry.name}Form`),
          encoding: { [file]: { contentType: pictures } },
        },
      }),
      ...(endpoint.urlencoded && {
        'application/x-www-form-urlencoded': { schema: schemaRef(`${entry.name}Texts`) },
      }),
    },
  };
}
