// The schema of a record. Its shape is derived from a full record (every field set) and a sparse one (only the fields
// that are never null). Meanings and lengths come from prose.json.

const TIME = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}';
const isTime = (value) => typeof value === 'string' && new RegExp(TIME).test(value);
const isObject = (value) => value !== null && typeof value === 'object';
const entryOf = (entry) => (typeof entry === 'string' ? { description: entry } : entry);

/** Returns the pattern of a time. Milliseconds are optional if a format omits them when they are zero. */
function timePattern(full, sparse) {
  const fractions = [full, sparse].filter(isTime).map((value) => value.includes('.'));
  return `${TIME}${fractions.every(Boolean) && sparse !== null ? '\\.\\d{3}' : '(\\.\\d{3})?'}Z$`;
}

function propertySchema(full, sparse, entry) {
  if (isObject(full)) return recordSchema(full, sparse, entry);
  const type = typeof full === 'number' ? 'integer' : typeof full;
  // A value that two otherwise different records share is part of the format.
  const isConstant = full === sparse;
  const { description, ...limits } = entryOf(entry);
  return {
    type: sparse === null ? [type, 'null'] : type,
    ...(isConstant && { const: full }),
    ...(isTime(full) && { format: 'date-time', pattern: timePattern(full, sparse) }),
    ...limits,
    description,
  };
}

/**
 * Returns the schema of a record. `entry` is `{description, properties}`. A property is described by a text, by
 * `{description}` with limits, or by `{schema}`, the name of another schema.
 */
export function recordSchema(full, sparse, entry) {
  const properties = Object.keys(full).map((key) => {
    const meaning = entry.properties[key];
    if (meaning === undefined) throw new Error(`prose.json does not describe the field ${key} of a record`);
    const named = meaning.schema && { $ref: `#/components/schemas/${meaning.schema}` };
    return [key, named ?? propertySchema(full[key], sparse[key], meaning)];
  });
  const unknown = Object.keys(entry.properties).filter((key) => !(key in full));
  if (unknown.length > 0) throw new Error(`prose.json describes ${unknown}, which the record does not have`);
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required: Object.keys(full),
    additionalProperties: false,
    description: entry.description,
  };
}
