// The headers of replies. Their names and values come from the worker's replies, their descriptions from prose.json.

/** Headers that are not described: those of the connection, the platform and the tests, and the body's type. */
export const UNDECLARED =
  /^(connection|content-encoding|content-length|content-type|date|keep-alive|transfer-encoding|x-test-.*)$/;

/** Checks whether a component of prose.json applies to a reply: `{method, tag, status}`. */
const isFor = ({ when = {} }, reply) =>
  Object.entries(when).every(([key, values]) => values.includes(String(reply[key])));

function schemaOf(values, entry) {
  /** @type {{pattern?: string, minimum?: number}} */
  const schema = entry.schema ?? {};
  const isNumber = values.every((value) => /^\d+$/.test(value));
  const type = schema.minimum !== undefined || isNumber ? 'integer' : 'string';
  if (schema.pattern !== undefined || schema.minimum !== undefined) return { type, ...schema };
  const exact = [...new Set(values)].map((value) => (isNumber ? Number(value) : value));
  return exact.length === 1 ? { type, const: exact[0] } : { type, enum: exact };
}

/** Collects the headers of replies; `components()` describes all that have been collected. */
export function headersOf(prose) {
  const used = new Map();
  const entries = Object.entries(prose);
  const componentOf = (header, reply) =>
    entries.find(([, each]) => each.header.toLowerCase() === header.toLowerCase() && isFor(each, reply))?.[0];
  return {
    /** Returns the headers of a reply as references, by name; `seen` contains their values. */
    of(reply, seen) {
      for (const [header, value] of Object.entries(seen)) {
        const name = componentOf(header, reply);
        if (!name) throw new Error(`prose.json does not describe the header ${header} of ${reply.id} ${reply.status}`);
        used.set(name, [...(used.get(name) ?? []), value]);
      }
      const there = entries.filter(
        ([name, { header, required }]) =>
          componentOf(header, reply) === name && (required === false || header.toLowerCase() in seen),
      );
      return Object.fromEntries(there.map(([name, { header }]) => [header, { $ref: `#/components/headers/${name}` }]));
    },
    components: () =>
      Object.fromEntries(
        entries.map(([name, each]) => {
          const { header, required = true, description, example } = each;
          const values = used.get(name) ?? [];
          if (required && values.length === 0)
            throw new Error(`no reply has the header ${header} that ${name} in prose.json describes`);
          const shown = example === true ? values[0] : example;
          const schema = schemaOf(values, each);
          return [name, { required, description, schema, ...(shown !== undefined && { example: shown }) }];
        }),
      ),
  };
}
