// The schema and the description of a request's field, by its format: the rules of src/domain/text.rs, as far as JSON
// Schema can express them. tests/http/openapi.test.mjs compares them with the worker.

const CONTROL = '\\u0000-\\u001f\\u007f-\\u009f';
const LINE = `[^\\s${CONTROL}]([^${CONTROL}]*[^\\s${CONTROL}])?`;
const URL = `^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#"<>\\\\^\`{|}${CONTROL}]+([/?#][^\\s"<>\\\\^\`{|}${CONTROL}]*)?$`;
const PATH = `^(?!\\\\|/[/\\\\])[^:\\s${CONTROL}]([^:${CONTROL}]*[^:\\s${CONTROL}])?$`;
/** One part of the user name before the @, with letters of any script, like LETTER below. */
const USER = '[^\\u0000- "(),.:;<>@\\[-\\]\\u007f-\\u00a9]+';
/** Letters and digits of any script, approximated without Unicode classes. */
const LETTER = '[^\\u0000-/:-@\\[-`{-\\u00a9]';
const LABEL = `${LETTER}(-*${LETTER})`;

/** For each format, a function that returns `[schema, description]` of a text of `min` to `max` characters. */
const FORMATS = {
  line: (min, max) => [
    { minLength: min, maxLength: max, pattern: min === 0 ? `^(${LINE})?$` : `^${LINE}$` },
    `${min === 0 ? 'At most' : `${min} to`} ${max} characters, trimmed.`,
  ],
  password: (min, max) => [
    { format: 'password', minLength: min, maxLength: max, pattern: `^[^${CONTROL}]*$`, writeOnly: true },
    `${min} to ${max} characters, not trimmed.`,
  ],
  email: (_, max) => [
    { format: 'email', maxLength: max, pattern: `^${USER}(\\.${USER})*@(${LABEL}*\\.)+${LABEL}+$` },
    `\`user@domain.tld\`, at most ${max} characters; unique, ignoring the case of ASCII letters. The part before ` +
      'the `@` has at most 64 bytes. The domain has at least two labels, and the last one has at least two ' +
      'characters, one of them a letter. Letters of any script are allowed in the whole address.',
  ],
  username: (min, max) => [
    { minLength: min, maxLength: max, pattern: '^[^\\u0000-*,/:-?\\[-^`{-\\u00a9]+$' },
    `${min} to ${max} characters: letters and digits of any script, and \`_.@+-\`; unique, ignoring the case of ` +
      'ASCII letters.',
  ],
  unspaced_username: (min, max) => [
    { minLength: min, maxLength: max, pattern: `^[^\\s${CONTROL}]+$` },
    `${min} to ${max} characters without white space; unique, ignoring the case of ASCII letters.`,
  ],
  phone: (min, max) => [
    { minLength: min, maxLength: max, pattern: '^\\+?[0-9]([ -]*[0-9]){5,14}$' },
    'An optional `+` and 6 to 15 digits, optionally separated by spaces and dashes. Stored as sent.',
  ],
  national_id: (min, max) => [
    { minLength: min, maxLength: max, pattern: '^[A-Za-z0-9.-]+$' },
    `${min} to ${max} letters, digits, dots and dashes; unique.`,
  ],
  url: (_, max) => [{ format: 'uri', maxLength: max, pattern: URL }, 'An absolute `http` or `https` URL.'],
  image_path: (min, max) => [
    {
      minLength: min,
      maxLength: max,
      anyOf: [{ pattern: URL }, { pattern: PATH, not: { pattern: '(^|[/\\\\])\\.\\.([/\\\\]|$)' } }],
    },
    'A path without `..`, or an `http`/`https` URL.',
  ],
};

/** The range of integers whose text fits `length`. The text of a fraction may be longer than the number as written. */
const asText = ([, max]) => ({ minimum: -(10 ** (max - 1) - 1), maximum: 10 ** max - 1 });
/** A text of this length has room for every safe integer of JavaScript. */
const DIGITS = 16;

const typed = (types) => ({ type: types.length === 1 ? types[0] : types });

/**
 * Returns the schema of a field of a JSON body, from its entry in tests/facts.json. `override`, if given, replaces the
 * description of the format; `{{length}}` in it stands for the allowed length.
 */
export function fieldSchema({ types, empty, format, length }, override) {
  if (!FORMATS[format] && override === undefined)
    throw new Error(`prose.json does not describe a field of format ${format}`);
  const nullable = empty === 'clears';
  const [schema, usual] = FORMATS[format]?.(...(length ?? [])) ?? [{}, ''];
  const description = override?.replace('{{length}}', length?.join(' to ')) ?? usual;
  const isShort = types.includes('number') && length?.[1] < DIGITS;
  const acceptsNumbers = types.includes('number') && types.includes('string');
  const number = types.includes('number') ? [isShort ? 'integer' : 'number'] : [];
  const all = [
    ...types.filter((type) => !['integer', 'number'].includes(type)),
    ...number,
    ...(nullable ? ['null'] : []),
  ];
  const words = [
    description,
    acceptsNumbers && 'A number is converted to text.',
    nullable && !description.includes('`null`') && '`null` clears it.',
  ];
  const ending = { description: words.filter(Boolean).join(' '), ...(isShort && asText(length)) };
  if (!schema.anyOf) return { ...typed(all), ...schema, ...ending };
  // Each case needs a type. Without one, generators of typed clients produce `unknown`.
  const { anyOf, ...rest } = schema;
  const cases = [
    ...anyOf.map((each) => ({ type: 'string', ...rest, ...each })),
    ...(nullable ? [{ type: 'null' }] : []),
  ];
  return { anyOf: cases, ...ending };
}

/** Returns the schema of the same field as a part of a form, where every value is a text and an empty one can clear. */
export function partSchema({ empty, format, length }, example) {
  const [schema, description] = FORMATS[format](...length);
  const clears = empty === 'clears';
  const { minLength, pattern, anyOf, ...rest } = schema;
  // Each case needs a type, as in `fieldSchema`.
  if (anyOf) return { anyOf: anyOf.map((each) => ({ type: 'string', minLength, ...rest, ...each })), description };
  return {
    type: 'string',
    ...(!clears && minLength !== undefined && { minLength }),
    ...rest,
    pattern: clears ? pattern.replace(/^\^(.*)\$$/s, '^($1)?$') : pattern,
    description: clears ? `${description.replace(/^\d+ to/, 'At most')} An empty string clears it.` : description,
    ...(example !== undefined && { examples: [example] }),
  };
}
