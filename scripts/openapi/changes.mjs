// The bodies that the endpoints read.
import { fieldSchema, partSchema } from './formats.mjs';
import { fill } from './values.mjs';

const schemaRef = (name) => ({ $ref: `#/components/schemas/${name}` });

/** What a body may hold beside what its fields say. */
const rest = ({ required, nothing, unknown }) => ({
  ...(required.length > 0 && { required }),
  ...(unknown && { additionalProperties: false }),
  ...(nothing && required.length === 0 && { minProperties: 1 }),
});

/** The schema of an endpoint's JSON body. */
export function changeSchema({ json }, said) {
  const properties = Object.entries(json.fields).map(([name, field]) => [
    name,
    fieldSchema(field, said.fields?.[name]),
  ]);
  const some = json.nothing && json.required.length === 0 ? 'At least one of the fields' : 'Any of the fields';
  const unknown = json.unknown ? ', and no other.' : '.';
  const kept = json.unknown
    ? 'What is left out keeps its value.'
    : 'What is left out keeps its value; fields that are not known are ignored.';
  const description = json.required.length > 0 ? 'Fields that are not known are ignored.' : `${some}${unknown} ${kept}`;
  return { type: 'object', properties: Object.fromEntries(properties), ...rest(json), description };
}

const PICTURE =
  'A JPEG, PNG, GIF or WebP picture by its bytes, whatever its name and type say: at most {{picture}} ' +
  '(`AVATAR_MAX_BYTES`), {{pixels}} pixels (`AVATAR_MAX_PIXELS`), and {{side}} pixels on each side. Its metadata is ' +
  'cut out before it is stored.';

const pictureSchema = (values) => ({
  type: 'string',
  format: 'binary',
  maxLength: values.pictureBytes,
  description: fill(PICTURE, values),
});

/** The schema of its form: text parts follow the same rules as the fields of the JSON body. */
export function formSchema({ json, form: { file, fields, required } }, said, values) {
  const part = (name, field) =>
    name === file ? pictureSchema(values) : partSchema({ ...json.fields[name], ...field }, said.form?.examples[name]);
  const each = 'ach part at most once';
  const parts = required.length > 0 ? `E${each}; parts that are not known` : `Any of the fields, e${each}; other parts`;
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, part(name, field)])),
    ...(required.length > 0 && { required }),
    // What typed clients do not see: with additionalProperties, their types would be ones that no file fits.
    unevaluatedProperties: { type: 'string' },
    // Text that a form can carry.
    propertyNames: { pattern: '^[^\\u0000]*[^\\u0000\\\\]$' },
    description: `${parts} are ignored. Beside the file, the form may have ${values.overhead}.`,
  };
}

/** The schema of its URL-encoded form: the form without the file. */
export function textsSchema({ json, form: { file, fields, required, unknown } }, said) {
  const texts = Object.entries(fields).filter(([name]) => name !== file);
  const part = ([name, field]) => [name, partSchema({ ...json.fields[name], ...field }, said.form?.examples[name])];
  return {
    type: 'object',
    properties: Object.fromEntries(texts.map(part)),
    ...rest({ required, nothing: json.nothing, unknown }),
    description: 'The same fields as texts.',
  };
}

/** The bodies that it takes, with the examples of prose.json. */
export function requestBody(endpoint, said, facts, values) {
  const json =
    `JSON of at most ${values.json} (\`application/json\` or any \`+json\` type), read strictly: a duplicate key, ` +
    'invalid UTF-8 or a number that no float can hold is malformed.';
  const file = endpoint.form?.file;
  const pictures = [...new Set(Object.values(facts.pictures))].join(', ');
  return {
    required: endpoint.json.nothing !== null,
    description: [
      json,
      ...(file ? ['Or a form: one part for each field, and the picture as a file.'] : []),
      ...(endpoint.urlencoded ? ['Or a URL-encoded form of texts.'] : []),
    ].join(' '),
    content: {
      'application/json': { schema: schemaRef(said.change), examples: said.examples },
      ...(file && {
        'multipart/form-data': {
          schema: schemaRef(`${said.name}Form`),
          encoding: { [file]: { contentType: pictures } },
        },
      }),
      ...(endpoint.urlencoded && {
        'application/x-www-form-urlencoded': { schema: schemaRef(`${said.name}Texts`) },
      }),
    },
  };
}
