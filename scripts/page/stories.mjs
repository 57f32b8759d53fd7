// The sections of the page that show recorded replies of the worker, from recorded.json.
import { html, path } from './html.mjs';

/** Checks whether a field of a reply has the value that was sent. */
const changed = (sent, key, value) => Object.entries(sent).some(([name, wanted]) => name === key && wanted === value);

/** Renders JSON with an element for each line, so that long lines can wrap. Values that were sent are marked. */
function marked(value, sent) {
  return JSON.stringify(value, undefined, 2)
    .split('\n')
    .map((line) => {
      const [, indent, key, part, rest] = /^( *)"(\w+)": (".*"|[^",{[]+)(,?)$/.exec(line) ?? [];
      const text =
        key && changed(sent, key, JSON.parse(part)) ? html`${indent}<mark>"${key}": ${part}</mark>${rest}` : line;
      return html`<span class="line">${text}</span>`;
    });
}

const showExchange = (title, { body, status, reply }) => html`
  <h4>${title}</h4>
  <pre><code>${marked(body, {})}</code></pre>
  <p class="status">${status}</p>
  <pre><code>${marked(reply, status === 200 ? body : {})}</code></pre>`;

/** Renders the same change, and the same mistake, in each dialect. */
export const showDialects = ({ dialects }) =>
  dialects.map(
    ({ dialect, method, path: target, change, mistake }) => html`
    <article class="slip ${dialect}">
      <h3>${dialect}</h3>
      <p class="route"><b>${method}</b> <code>${path(target)}</code></p>
      ${showExchange('The change', change)}
      ${showExchange('A mistake', mistake)}
    </article>`,
  );

const size = (bytes) => `${bytes.toLocaleString('en')} bytes`;

const showFields = (fields) =>
  fields.map(
    ({ group, name, before, after }) => html`
      <tr${after === null && html` class="gone"`}>
        <th scope="row"><span>${group}</span> ${name}</th>
        <td>${before}</td>
        <td>${after === null ? 'removed' : after === before ? 'kept' : html`now “${after}”`}</td>
      </tr>`,
  );

/** Renders a picture before and after the upload, and its metadata. */
export function showPicture({ picture: { before, after, fields } }) {
  const removed = fields.filter((field) => field.after === null);
  const position = removed.filter(({ group }) => group === 'Position');
  const others = removed.filter(({ group }) => group !== 'Position');
  const left = fields.filter((field) => field.after !== null);
  return html`
    <div class="pictures">
      <figure>
        <img src="/reference/before.jpg" width="64" height="96" alt="A test pattern: a yellow disc on a gradient">
        <figcaption><b>Before</b> ${size(before)}, ${fields.length} fields of metadata</figcaption>
      </figure>
      <figure>
        <img src="/reference/after.jpg" width="64" height="96" alt="The same pattern, with the same pixels">
        <figcaption><b>After</b> ${size(after)}, ${left.length} fields</figcaption>
      </figure>
    </div>
    <table class="metadata">
      <caption>Metadata that ExifReader finds in the file, except versions and offsets</caption>
      <thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
      <tbody>${showFields([...position, ...others, ...left])}</tbody>
    </table>`;
}

/** Renders one row of the change feed. demo.js renders rows in the same way. */
const showChange = (row) => html`
  <li>
    <p><b>${row.fields.join(', ')}</b> of ${
      row.account_id === null ? `persona ${row.persona_id}` : `account ${row.account_id}`
    }</p>
    <p>by account ${row.actor_id}${row.actor_back_end && `, with a token from ${row.actor_back_end}`}</p>
    <p><code>${row.route}</code></p>
    <p><time>${row.at.replace('T', ' ').replace(/\.\d+Z$/, '')}</time> <code>${row.request_id}</code></p>
  </li>`;

/** Renders the rows of the change feed for the changes above. */
export const showChanges = ({ changes }) => html`<ol class="feed">${changes.map(showChange)}</ol>`;
