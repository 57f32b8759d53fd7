// The drawing at the top of the page: one face in profile, repeated in the line style of each dialect.
import { html } from './html.mjs';

/** Forehead, nose, lips and chin, from the hairline down. */
const FACE =
  'M172 28C202 44 219 74 222 108C223 122 219 132 221 143C223 153 229 161 234 171C240 183 247 191 249 198' +
  'C251 206 245 211 235 212C231 214 232 218 234 222C239 228 241 233 239 238C237 242 232 243 231 245' +
  'C235 247 239 252 237 257C235 263 229 264 229 270C231 277 237 285 235 296C233 309 218 315 194 308';
const OFFSET = 34;

/** Renders the drawing, with a legend that names the lines. */
export const outline = (dialects) => html`
<figure class="outline">
  <svg viewBox="166 22 192 296" aria-hidden="true" focusable="false">${dialects.map(
    (dialect, at) =>
      html`<path class="${dialect}" d="${FACE}" transform="translate(${(dialects.length - 1 - at) * OFFSET})"/>`,
  )}</svg>
  <figcaption>${dialects.map(
    (dialect) =>
      html`<a href="#${dialect}"><svg class="sample" viewBox="0 0 48 4" aria-hidden="true"><path class="${
        dialect
      }" d="M0 2H48"/></svg>${dialect}</a>`,
  )}</figcaption>
</figure>`;
