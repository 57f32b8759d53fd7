// One operation of the OpenAPI document: its fields, a form to try it, and its documented replies.
import { html, path, trusted } from './html.mjs';

export const KINDS = {
  'application/json': 'JSON',
  'multipart/form-data': 'Form with a picture',
  'application/x-www-form-urlencoded': 'URL-encoded form',
};

const PICTURES = 'image/jpeg,image/png,image/gif,image/webp';

/** Returns the types that a field may have. OpenAPI describes a file as a string. */
function typeOf({ type, anyOf, format }) {
  if (format === 'binary') return 'file';
  return [...new Set([type ?? anyOf.map((each) => each.type)].flat())].join(' or ');
}

/** Returns the fields of all bodies that the operation accepts, each once. */
function fieldsOf(operation, resolve) {
  const fields = new Map();
  for (const { schema } of Object.values(operation.requestBody?.content ?? {})) {
    const { properties, required = [] } = resolve(schema);
    for (const [name, field] of Object.entries(properties))
      if (!fields.has(name)) fields.set(name, { ...resolve(field), isRequired: required.includes(name) });
  }
  return [...fields];
}

const showFields = (fields, markdown) =>
  fields.length > 0 &&
  html`<dl class="fields">${fields.map(
    ([name, field]) => html`
      <div>
        <dt><code>${name}</code> <span>${typeOf(field)}${field.isRequired && ', required'}</span></dt>
        <dd>${markdown(field.description)}</dd>
      </div>`,
  )}</dl>`;

const cell = (id, label, control) => html`<div class="cell"><label for="${id}">${label}</label>${control}</div>`;

function showParameter(id, { name, in: where, required, example }) {
  const input = html`<input id="${id}-${name}" name="${name}" data-in="${where}" value="${
    example
  }" autocomplete="off" autocapitalize="off" spellcheck="false"${required && html` required`}>`;
  return cell(`${id}-${name}`, name, input);
}

function showExamples(id, examples) {
  const named = Object.values(examples);
  const body = JSON.stringify(named[0].value, undefined, 2);
  const options = named.map(
    ({ summary, value }) => html`<option value="${JSON.stringify(value, undefined, 2)}">${summary}</option>`,
  );
  return [
    named.length > 1 &&
      cell(`${id}-example`, 'Example', html`<select id="${id}-example" name="example">${options}</select>`),
    cell(
      `${id}-json`,
      'Body',
      html`<textarea id="${id}-json" name="json" rows="${body.split('\n').length + 1}" spellcheck="false"
        autocomplete="off" autocapitalize="off">${body}</textarea>`,
    ),
  ];
}

/**
 * Renders the parts of a form. The inputs of a URL-encoded form contain examples, because falcon refuses a request
 * without fields. An upload needs none: it has the picture.
 */
function showParts(id, type, { properties }) {
  const isUpload = type === 'multipart/form-data';
  const parts = Object.entries(properties).map(([name, { format, examples }]) => {
    const control = `${id}-${isUpload ? 'form' : 'encoded'}-${name}`;
    if (format === 'binary')
      return cell(control, name, html`<input id="${control}" type="file" data-part="${name}" accept="${PICTURES}">`);
    const value = isUpload ? '' : examples?.[0];
    return cell(control, name, html`<input id="${control}" data-part="${name}" value="${value}" autocomplete="off">`);
  });
  return [parts, html`<p class="hint">Empty fields are not sent.</p>`];
}

function showBody(id, content, resolve) {
  const types = Object.entries(content);
  const choice = html`<fieldset class="cell kinds"><legend>Send as</legend>${types.map(
    ([type], at) =>
      html`<label><input type="radio" name="type" value="${type}"${at === 0 && html` checked`}> ${KINDS[type]}</label>`,
  )}</fieldset>`;
  const bodies = types.map(
    ([type, { schema, examples }], at) => html`
      <div class="cells" data-type="${type}"${at > 0 && html` hidden`}>${
        type === 'application/json' ? showExamples(id, examples) : showParts(id, type, resolve(schema))
      }</div>`,
  );
  return [types.length > 1 && choice, bodies];
}

function showForm({ id, method, path: target, operation }, resolve) {
  const parameters = operation.parameters.map(resolve);
  const inPath = parameters.filter((each) => each.in === 'path');
  const inHeader = parameters.filter((each) => each.in === 'header');
  const needsToken = operation.security === undefined;
  const token = cell(
    `${id}-token`,
    'Token',
    html`<input id="${id}-token" name="token" autocomplete="off" autocapitalize="off" spellcheck="false"
      aria-describedby="token-note">`,
  );
  return html`
    <form class="try" data-method="${method}" data-path="${target}" aria-label="Try ${method} ${target}">
      ${needsToken && html`<div class="cells caller">${token}</div>`}
      ${inPath.length > 0 && html`<div class="cells">${inPath.map((each) => showParameter(id, each))}</div>`}
      ${operation.requestBody && showBody(id, operation.requestBody.content, resolve)}
      <details class="headers"><summary>Request headers</summary>
        <div class="cells">${inHeader.map((each) => showParameter(id, each))}</div>
      </details>
      <div class="actions"><button type="submit">Send</button></div>
      <details class="curl"><summary>The same request with curl</summary>
        <pre><code></code></pre>
        <div class="actions"><button type="button" class="copy">Copy</button></div>
      </details>
    </form>
    <section class="reply" aria-label="Reply to ${method} ${target}" hidden>
      <h4 id="${id}-reply" tabindex="-1"></h4>
      <div></div>
    </section>`;
}

const showHeaders = (headers, resolve, markdown) =>
  headers &&
  html`<dl class="headers">${Object.entries(headers).map(
    ([name, header]) => html`<div><dt><code>${name}</code></dt><dd>${markdown(resolve(header).description)}</dd></div>`,
  )}</dl>`;

function showReply([status, reference], { resolve, markdown }) {
  const { description, content = {}, headers } = resolve(reference);
  const examples = Object.values(content).flatMap(({ examples: named = {} }) => Object.values(named));
  return html`
    <details data-status="${status}">
      <summary><b>${status}</b> <span>${markdown(description)}</span></summary>
      ${examples.map(
        ({ summary, value }) =>
          html`<figure><figcaption>${markdown(summary)}</figcaption><pre><code>${JSON.stringify(
            value,
            undefined,
            2,
          )}</code></pre></figure>`,
      )}
      ${showHeaders(headers, resolve, markdown)}
    </details>`;
}

/** Renders an operation as a section of the page. */
export function showOperation(each, { resolve, markdown }) {
  const { id, method, path: target, operation } = each;
  const replies = Object.entries(operation.responses);
  return html`
  <article class="operation" id="${id}">
    <header>
      <h3>${operation.summary}</h3>
      <p class="route"><b>${method}</b> <code>${path(target)}</code></p>
    </header>
    <div class="about">
      <p>${markdown(operation.description)}</p>
      ${showFields(fieldsOf(operation, resolve), markdown)}
      <details class="replies"><summary>Documented replies: ${replies.map(([status]) => status).join(', ')}</summary>
        ${replies.map((reply) => showReply(reply, { resolve, markdown }))}
      </details>
    </div>
    <div class="trial"><p class="hint unscripted">Sending a request from this page needs JavaScript.</p>${showForm(
      each,
      resolve,
    )}</div>
  </article>`;
}

/** Returns functions that convert Markdown to inline and block HTML, for trusted input: the project's own prose. */
export async function markdowns() {
  const { marked } = await import('marked');
  return {
    markdown: (text) => trusted(marked.parseInline(text)),
    blocks: (text) => trusted(marked.parse(text)),
  };
}
