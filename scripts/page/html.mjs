// HTML as tagged templates. Every value is escaped unless it is HTML already.

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** A piece of HTML, which `html` does not escape again. */
class Html {
  constructor(text) {
    this.text = text;
  }
}

/** @returns {string} */
const rendered = (value) => {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(rendered).join('');
  if (value === undefined || value === null || value === false) return '';
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]);
};

/** Marks a text as HTML that was made elsewhere, for example from Markdown. */
export const trusted = (text) => new Html(text);

/** A template tag that escapes values. Arrays are joined; undefined, null and false are omitted. */
export const html = (strings, ...values) => new Html(String.raw({ raw: strings }, ...values.map(rendered)));

export const textOf = (piece) => rendered(piece);

/** Renders a path so that it can wrap after each slash. */
export const path = (text) => text.split('/').map((part, at) => (at === 0 ? part : html`/<wbr>${part}`));
