// The headers of replies: which ones a reply has and what they say is the worker's, what they are for is prose.json's.

/** A header that the connection, the platform or the tests add, or that the body's type is. */
export const UNDECLARED =
  /^(connection|content-encoding|content-length|content-type|date|keep-alive|transfer-encoding|x-test-.*)$/;

/** Whether a component of prose.json is for such a reply: `{method, tag, status}`. */
const isFor = ({ when = {} }, reply) =>
  Object.entries(when).every(([key, values]) => values.includes(String(reply[key])));

/** The schema of a header with these values. */
function schemaOf(values, said) {
  /** @type {{pattern?: string, minimum?: number}} */
  const schema = said.schema ?? {};
  const isNumber = values.every((value) => /^\d+$/.test(value));
  const type = schema.minimum !== undefined || isNumber ? 'integer' : 'string';
  if (schema.pattern !== undefined || schema.minimum !== undefined) return { type, ...schema };
  const exact = [...new Set(values)].map((value) => (isNumber ? Number(value) : value));
  return exact.length === 1 ? { type, const: exact[0] } : { type, enum: exact };
}

/** Collects the headers of replies; `components()` describes all that were collected. */
export function headersOf(prose) {
  const used = new Map();
  const entries = Object.entries(prose);
  const componentOf = (header, reply) =>
    entries.find(([, each]) => each.header.toLowerCase() === header.toLowerCase() && isFor(each, reply))?.[0];
  return {
    /** The headers of a reply as references, by name; `seen` are its headers with their values. */
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
          if (required && values.length === 0) throw new Error(`no reply has the header ${header}, as ${name} says`);
          const shown = example === true ? values[0] : example;
          const schema = schemaOf(values, each);
          return [name, { required, description, schema, ...(shown !== undefined && { example: shown }) }];
        }),
      ),
  };
}
