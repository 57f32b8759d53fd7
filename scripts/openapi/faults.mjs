// The schema of a 400. To find out how a dialect combines the messages for several invalid fields in one body, the
// bodies for two invalid fields are compared with the body for both.
import { distinct, escaped, exactly, schemaOf, texts } from './bodies.mjs';

/** Returns `{style, key, separator}`: messages are joined in one text, listed, or keyed by the name of the field. */
function styleOf({ first, second, both }) {
  const key = Object.keys(first).find((key) => JSON.stringify(first[key]) !== JSON.stringify(second[key]));
  if (!(key in second)) return { style: 'fields', key };
  if (Array.isArray(both[key])) return { style: 'listed', key };
  const separator = both[key].slice(first[key].length, both[key].length - second[key].length);
  if (both[key] !== first[key] + separator + second[key])
    throw new Error('the way in which messages are combined was not recognized');
  return { style: 'joined', key, separator };
}

/** Returns `[field, body]` for every violation in an endpoint's path and bodies. tests/facts.json calls them faults. */
const violationsOf = ({ id, json, form }) => [
  ...(id?.fault ? [['id', id.fault.body]] : []),
  ...[json, form].flatMap((body) => [
    ...Object.entries(body?.fields ?? {}).flatMap(([field, { faults }]) =>
      Object.values(faults).map(({ body }) => [field, body]),
    ),
    ...(body?.unknown ? [['{field}', body.unknown.body]] : []),
  ]),
];

/** Returns the schemas, preceded by a schema of the other messages if there are any. */
const orOthers = (others, ...schemas) => (others.length > 0 ? [texts(others), ...schemas] : schemas);

/**
 * Returns the schema of an endpoint's 400. If the dialect lists messages, also returns the schema of one message, which
 * is referred to as `faultName`. `others` are the bodies of the other refusals with that status.
 *
 * @returns {{invalid: object, fault?: object}}
 */
export function invalidSchema(endpoint, dialect, others, { description, faultName }) {
  const { style, key, separator } = styleOf(dialect.faults);
  const violations = violationsOf(endpoint);
  if (style === 'fields') return byField(violations, others, description);
  const messages = distinct(violations.map(([, body]) => [body[key]].flat()[0]));
  const rest = others.map((body) => body[key]);
  const { [key]: _, ...fixed } = violations[0][1];
  const around = (message) =>
    exactly(
      Object.fromEntries(
        Object.keys(violations[0][1]).map((each) => [each, each === key ? message : schemaOf([fixed[each]])]),
      ),
    );
  if (style === 'joined') {
    const one = `(${messages.map(escaped).join('|')})`;
    const pattern = `^${one}(${escaped(separator)}${one})*$`;
    return { invalid: around({ description, anyOf: orOthers(rest, { type: 'string', pattern }) }) };
  }
  const fault = { $ref: `#/components/schemas/${faultName}` };
  return {
    invalid: around({ description, anyOf: orOthers(rest, { type: 'array', minItems: 1, items: fault }) }),
    fault: texts(messages),
  };
}

/** Returns the schema of messages by field, for invalid and taken values, or of a message for the body as a whole. */
function byField(violations, others, description) {
  const fields = distinct(violations.map(([field]) => field));
  const isOfField = (body) => fields.includes(Object.keys(body)[0]);
  const all = [...violations.map(([, body]) => body), ...others.filter(isOfField)];
  const properties = fields.map((field) => [
    field,
    schemaOf(all.filter((body) => field in body).map((body) => body[field])),
  ]);
  const ofFields = { ...exactly(Object.fromEntries(properties), []), minProperties: 1 };
  const rest = schemaOf(others.filter((body) => !isOfField(body)));
  return { invalid: { description, anyOf: [ofFields, ...(rest.anyOf ?? [rest])] } };
}
