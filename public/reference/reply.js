// Shows a reply below the form that was sent.

/** Creates an element with its attributes and children. */
function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

/** Returns the URL of a record's picture (django's path, falcon's key, a persona's URL) if Perfil serves it. */
function pictureOf(text) {
  try {
    const { avatar, image_path: key, foto_url: url } = JSON.parse(text);
    const shown = new URL(avatar ?? url ?? `/media/${key}`, location);
    return shown.origin === location.origin && shown.pathname.startsWith('/media/avatars/') ? shown.href : undefined;
  } catch {
    return undefined; // not a JSON object, or not a URL
  }
}

const indented = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
};

/** Renders a body: a picture, a text and the picture that it refers to, or a note that the body is empty. */
async function bodyOf(body) {
  if (body.size === 0) return [element('p', { className: 'hint' }, 'The reply has no body.')];
  if (body.type.startsWith('image/'))
    return [element('img', { src: URL.createObjectURL(body), alt: 'The picture that was returned' })];
  const text = await body.text();
  const picture = pictureOf(text);
  return [
    element('pre', {}, element('code', {}, indented(text))),
    ...(picture ? [element('img', { src: picture, alt: 'The picture that the record refers to' })] : []),
  ];
}

const headersOf = (headers) =>
  element(
    'details',
    {},
    element('summary', {}, 'Response headers'),
    element(
      'dl',
      { className: 'headers' },
      ...[...headers].map(([name, value]) =>
        element('div', {}, element('dt', {}, element('code', {}, name)), element('dd', {}, element('code', {}, value))),
      ),
    ),
  );

/** Returns the document's description of a status, if it has one. */
function descriptionOf(section, status) {
  const documented = section.closest('.operation').querySelector(`[data-status="${status}"] > summary span`);
  return documented ? [element('p', {}, ...documented.cloneNode(true).childNodes)] : [];
}

function fill(section, heading, ...parts) {
  section.querySelector('h4').replaceChildren(...heading);
  section.querySelector('div').replaceChildren(...parts);
}

/** Shows a reply; `time` is in milliseconds. */
export async function showReply(section, { response, body, time }) {
  const { status, statusText, headers } = response;
  const heading = [
    element('span', { className: 'stamp' }, `${status} ${statusText}`.trim()),
    ' ',
    element('span', {}, `${time} ms`),
  ];
  fill(section, heading, ...descriptionOf(section, status), ...(await bodyOf(body)), headersOf(headers));
}

/** Shows the reason why there is no reply. */
export function showFailure(section, error) {
  fill(section, [element('span', { className: 'stamp' }, 'No reply')], element('p', {}, error.message));
}
