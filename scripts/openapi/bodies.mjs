// Derives schemas of replies from the replies themselves. The bodies of one status become one schema that allows these
// and no others. A name in single braces ({id}) stands for a part that differs between requests.

/** Patterns of the placeholders. `given` is a value from the request, and `field` the name of one of its fields. */
const PLACEHOLDERS = { id: '[0-9]+', method: '[^"]+', given: '[\\s\\S]*', field: '[\\s\\S]*' };
const PLACEHOLDER = /\{(id|method|given|field)\}/g;

export const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
export const distinct = (values) =>
  values.filter((value, at) => values.findIndex((other) => same(other, value)) === at);

/** Returns the schema of one text, exact except for its placeholders. */
function text(value) {
  if (value.search(PLACEHOLDER) < 0) return { type: 'string', const: value };
  const parts = value.split(PLACEHOLDER).map((part, at) => (at % 2 ? PLACEHOLDERS[part] : escaped(part)));
  return { type: 'string', pattern: `^${parts.join('')}$` };
}

/** Returns the schema of a known set of texts; several exact ones become an `enum`. */
export function texts(values) {
  const schemas = distinct(values).map(text);
  const exact = schemas.flatMap((schema) => schema.const ?? []);
  const known = exact.length > 1 ? { type: 'string', enum: exact } : schemas.find((schema) => 'const' in schema);
  const cases = [...(known ? [known] : []), ...schemas.filter((schema) => 'pattern' in schema)];
  return cases.length === 1 ? cases[0] : { anyOf: cases };
}

/** Returns the schema of an object with exactly these properties. */
export const exactly = (properties, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/** Returns a schema that allows all of these values, and as little else as possible. */
export function schemaOf(values) {
  const all = distinct(values);
  if (all.every((value) => typeof value === 'string')) return texts(all);
  if (all.every((value) => Array.isArray(value) && value.length === 1))
    return { type: 'array', minItems: 1, maxItems: 1, items: schemaOf(all.map(([item]) => item)) };
  if (all.every((value) => value !== null && typeof value === 'object' && !Array.isArray(value))) return objects(all);
  if (all.length > 1) throw new Error(`cannot derive a schema from ${JSON.stringify(all)}`);
  if (all[0] === null) return { type: 'null' };
  return { type: typeof all[0] === 'number' ? 'integer' : typeof all[0], const: all[0] };
}

/** Merges objects that differ in one property into one schema; others become alternatives. */
function objects(all) {
  const groups = [];
  for (const object of all) {
    const keys = Object.keys(object);
    const differing = (other) => keys.filter((key) => !same(object[key], other[key]));
    const group = groups.find(([first]) => same(Object.keys(first), keys) && differing(first).length <= 1);
    if (group) group.push(object);
    else groups.push([object]);
  }
  const schemas = groups.map((group) =>
    exactly(
      Object.fromEntries(Object.keys(group[0]).map((key) => [key, schemaOf(group.map((object) => object[key]))])),
    ),
  );
  return schemas.length === 1 ? schemas[0] : { anyOf: schemas };
}
