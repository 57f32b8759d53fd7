// The schema of a 400: how a dialect puts the faults of several fields into one body, found by comparing two faults
// alone with both together.
import { distinct, escaped, exactly, schemaOf, texts } from './bodies.mjs';

/** `{style, key, separator}`: the messages are joined in one text, listed, or each below its field's name. */
function styleOf({ first, second, both }) {
  const key = Object.keys(first).find((key) => JSON.stringify(first[key]) !== JSON.stringify(second[key]));
  if (!(key in second)) return { style: 'fields', key };
  if (Array.isArray(both[key])) return { style: 'listed', key };
  const separator = both[key].slice(first[key].length, both[key].length - second[key].length);
  if (both[key] !== first[key] + separator + second[key]) throw new Error('it is not clear how faults are combined');
  return { style: 'joined', key, separator };
}

/** `[field, body]` of every fault that an endpoint's path and bodies can have. */
const faultsOf = ({ id, json, form }) => [
  ...(id?.fault ? [['id', id.fault.body]] : []),
  ...[json, form].flatMap((body) => [
    ...Object.entries(body?.fields ?? {}).flatMap(([field, { faults }]) =>
      Object.values(faults).map(({ body }) => [field, body]),
    ),
    ...(body?.unknown ? [['{field}', body.unknown.body]] : []),
  ]),
];

/** One text of other messages beside one of faults, or the first alone if there are no others. */
const orOthers = (others, ...faults) => (others.length > 0 ? [texts(others), ...faults] : faults);

/**
 * The schema of an endpoint's 400, and the one of a single message, `faultName`, if the dialect lists them; `others`
 * are the bodies of the other refusals with that status.
 *
 * @returns {{invalid: object, fault?: object}}
 */
export function invalidSchema(endpoint, dialect, others, { description, faultName }) {
  const { style, key, separator } = styleOf(dialect.faults);
  const faults = faultsOf(endpoint);
  if (style === 'fields') return byField(faults, others, description);
  const messages = distinct(faults.map(([, body]) => [body[key]].flat()[0]));
  const rest = others.map((body) => body[key]);
  const { [key]: _, ...fixed } = faults[0][1];
  const around = (message) =>
    exactly(
      Object.fromEntries(
        Object.keys(faults[0][1]).map((each) => [each, each === key ? message : schemaOf([fixed[each]])]),
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

/** Faults below their fields' names, as are values that somebody else has; and faults of the body as a whole. */
function byField(faults, others, description) {
  const fields = distinct(faults.map(([field]) => field));
  const isOfField = (body) => fields.includes(Object.keys(body)[0]);
  const all = [...faults.map(([, body]) => body), ...others.filter(isOfField)];
  const properties = fields.map((field) => [
    field,
    schemaOf(all.filter((body) => field in body).map((body) => body[field])),
  ]);
  const ofFields = { ...exactly(Object.fromEntries(properties), []), minProperties: 1 };
  const rest = schemaOf(others.filter((body) => !isOfField(body)));
  return { invalid: { description, anyOf: [ofFields, ...(rest.anyOf ?? [rest])] } };
}
