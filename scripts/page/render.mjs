// The reference page, rendered from the OpenAPI document at build time. It can be read without JavaScript, and its
// description of the API is always that of the document.
import { markdowns, showOperation } from './endpoint.mjs';
import { html, textOf } from './html.mjs';
import { outline } from './outline.mjs';
import { showChanges, showDialects, showPicture } from './stories.mjs';

const STYLES = ['page', 'head', 'operations', 'form', 'stories'];
/** The tags of the operations that are not updates. */
const OTHERS = ['media', 'operations'];

/** Returns a function that follows `$ref`s and returns everything else unchanged. */
const resolver = (document) =>
  function resolve(thing) {
    if (thing?.$ref === undefined) return thing;
    const found = thing.$ref
      .slice(2)
      .split('/')
      .reduce((at, key) => at[key], document);
    return resolve(found);
  };

const operationsOf = (document) =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );

/** The section of the document's description that the page omits, because the page has forms instead of commands. */
const OMITTED_SECTION = 'Your first request';

/** Returns the other sections of the document's description: `{title, text}`. */
const partsOf = (description) =>
  description
    .split(/^## /m)
    .slice(1)
    .map((part) => ({ title: part.slice(0, part.indexOf('\n')), text: part.slice(part.indexOf('\n')) }))
    .filter(({ title }) => title !== OMITTED_SECTION);

function head(isDemo) {
  const scripts = isDemo ? ['page', 'demo'] : ['page'];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Five endpoints that change a profile, in the dialects of four back ends">
<title>Perfil: API reference</title>
<link rel="icon" href="/reference/icon.svg" type="image/svg+xml">
<link rel="preload" href="/reference/bricolage-grotesque.woff2" as="font" type="font/woff2" crossorigin>
${STYLES.map((name) => html`<link rel="stylesheet" href="/reference/${name}.css">\n`)}
${scripts.map((name) => html`<script type="module" src="/reference/${name}.js"></script>\n`)}
</head>`;
}

const masthead = (tags) => html`
<a class="skip" href="#main">Skip to the content</a>
<header class="masthead">
  <p class="name"><a href="/">Perfil</a></p>
  <nav aria-label="Sections"><ul>
    <li><a href="#dialects">one change</a></li>
    ${tags.map(({ name }) => html`<li><a href="#${name}">${name}</a></li>`)}
    <li><a href="#picture">a picture</a></li>
    <li><a href="#changes">who changed what</a></li>
    <li><a href="#common">rules and limits</a></li>
    <li><a href="/openapi.json">openapi.json</a></li>
  </ul></nav>
</header>`;

const hero = (dialects) => html`
<section class="hero" aria-labelledby="title">
  <div>
    <h1 id="title">One profile, four dialects</h1>
    <p>Perfil lets people change their name, e-mail address, telephone number, password and picture. It serves this API
    on behalf of four existing back ends. Their clients keep the same paths, fields, messages and tokens.</p>
  </div>
  ${outline(dialects)}
</section>`;

const endpoints = (tags, operations, tools) =>
  tags.map(
    ({ name, description }) => html`
<section class="dialect ${name}" id="${name}" aria-labelledby="${name}-title">
  <header><h2 id="${name}-title">${name}</h2><p>${tools.markdown(description)}</p></header>
  ${operations.filter(({ operation }) => operation.tags.includes(name)).map((each) => showOperation(each, tools))}
</section>`,
  );

const comparison = (recorded) => html`
<section class="story" id="dialects" aria-labelledby="dialects-title">
  <header>
    <h2 id="dialects-title">One change in the four dialects</h2>
    <p>Luis Pérez has an account in each back end. He changes his name and e-mail address; personas has no e-mail
    address, so he changes his telephone number there. Then he makes a mistake. These are the worker’s own replies.</p>
  </header>
  <div class="slips">${showDialects(recorded)}</div>
</section>`;

const stories = (recorded) => html`
<section class="story" id="picture" aria-labelledby="picture-title">
  <header>
    <h2 id="picture-title">What happens to a picture</h2>
    <p>A phone records in each picture where, when and with which device it was taken. Perfil removes this metadata
    before it stores the picture. The compressed pixels stay the same, bit for bit. The orientation and the numbers of
    the colour profile stay too, because the picture would look different without them. This file is one of the
    project’s test pictures; that is why its metadata contains the word SECRET.</p>
  </header>
  ${showPicture(recorded)}
</section>
<section class="story" id="changes" aria-labelledby="changes-title">
  <header>
    <h2 id="changes-title">Who changed what</h2>
    <p>Every accepted change leaves one row in the table <code>changes</code>, in the same transaction: who changed
    whose record, when, by which request, and which columns. Values are not recorded. These are the rows for Luis’s
    changes; operators list the rows of their deployment with <code>npm run changes</code>.</p>
  </header>
  ${showChanges(recorded)}
</section>`;

const common = (parts, blocks) => html`
<section class="story" id="common" aria-labelledby="common-title">
  <header><h2 id="common-title">Rules and limits</h2></header>
  ${parts.map(({ title, text }) => html`<h3>${title}</h3><div class="prose">${blocks(text)}</div>`)}
</section>`;

/** Renders the page as HTML. `isDemo` adds the script that offers demo accounts. */
export async function renderPage({ document, recorded, isDemo = false }) {
  const { markdown, blocks } = await markdowns();
  const tools = { markdown, resolve: resolver(document) };
  const operations = operationsOf(document);
  const dialects = document.tags.filter(({ name }) => !OTHERS.includes(name));
  const others = document.tags.filter(({ name }) => OTHERS.includes(name));
  const body = html`
${masthead(document.tags)}
<main id="main">
${hero(dialects.map(({ name }) => name))}
${comparison(recorded)}
<p class="hint" id="token-note">A token is sent as <code>Authorization: Bearer …</code>. This page does not store
it.</p>
${endpoints(dialects, operations, tools)}
${endpoints(others, operations, tools)}
${stories(recorded)}
${common(partsOf(document.info.description), blocks)}
</main>
<p class="announcement" role="status"></p>
<footer><p>Perfil ${document.info.version}. <a href="/openapi.json">openapi.json</a> describes the same API for
programs.</p></footer>`;
  return textOf(html`${head(isDemo)}<body>${body}</body>\n</html>\n`);
}
