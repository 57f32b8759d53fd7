// Converts a form of the page to a request and to a curl command.

const named = (form, attribute) => [...form.querySelectorAll(`[${attribute}]`)];

/** Returns the path with the IDs that were entered. */
const targetOf = (form) =>
  named(form, 'data-in')
    .filter((input) => input.dataset.in === 'path')
    .reduce((path, { name, value }) => path.replace(`{${name}}`, encodeURIComponent(value)), form.dataset.path);

/** Returns the media type and the body: JSON as a string, or `[name, text or file, input]` for each filled-in field. */
function bodyOf(form) {
  const json = form.elements.namedItem('json');
  if (!json) return {};
  const type = form.elements.namedItem('type')?.value || 'application/json';
  if (type === 'application/json') return { type, json: json.value };
  const parts = named(form, 'data-part')
    .filter((input) => input.closest('[data-type]').dataset.type === type)
    .map((input) => [input.dataset.part, input.type === 'file' ? input.files[0] : input.value, input])
    .filter(([, value]) => value);
  return { type, parts };
}

const headersOf = (form) =>
  named(form, 'data-in')
    .filter(({ dataset, value }) => dataset.in === 'header' && value !== '')
    .map(({ name, value }) => [name, value]);

/** Returns the request of a form: `{url, method, headers, body}`. */
export function requestOf(form) {
  const { type, json, parts } = bodyOf(form);
  const token = form.elements.namedItem('token')?.value;
  const headers = new Headers(headersOf(form));
  if (token) headers.set('authorization', `Bearer ${token}`);
  // For a form, the browser sets the content type itself, because it chooses the boundary.
  if (json !== undefined) headers.set('content-type', type);
  const fields = type === 'multipart/form-data' ? new FormData() : new URLSearchParams();
  for (const [name, value] of parts ?? []) fields.append(name, value);
  return { url: targetOf(form), method: form.dataset.method, headers, body: json ?? (parts && fields) };
}

/** Quotes a word for a shell. */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curlOfPart([name, value, input], type) {
  if (type !== 'multipart/form-data') return `--data-urlencode ${quoted(`${name}=${value}`)}`;
  if (typeof value === 'string') return `--form-string ${quoted(`${name}=${value}`)}`;
  const file = (input.dataset.shell ?? value.name).replace(/["\\]/g, '\\$&');
  return `-F ${quoted(`${name}=@"${file}"`)}`;
}

function curlOfToken(input) {
  if (!input?.value) return [];
  // Shows the command that prints the token, if there is one, instead of the token itself.
  return [
    input.dataset.shell
      ? `-H "Authorization: Bearer $(${input.dataset.shell})"`
      : `-H ${quoted(`Authorization: Bearer ${input.value}`)}`,
  ];
}

/** Returns the request as a curl command to the origin of this page. */
export function curlOf(form) {
  const { type, json, parts = [] } = bodyOf(form);
  const { method } = form.dataset;
  const target = targetOf(form);
  const methods = { GET: [], HEAD: ['-I'] }[method] ?? [`-X ${method}`];
  const isPicture = method === 'GET' && target.startsWith('/media/');
  return [
    ['curl', ...methods, quoted(location.origin + target)].join(' '),
    ...curlOfToken(form.elements.namedItem('token')),
    ...headersOf(form).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(json === undefined ? [] : [`-H ${quoted(`Content-Type: ${type}`)}`, `--data-raw ${quoted(json)}`]),
    ...parts.map((part) => curlOfPart(part, type)),
    ...(isPicture ? [`-o ${quoted(target.split('/').at(-1))}`] : []),
  ].join(' \\\n  ');
}
