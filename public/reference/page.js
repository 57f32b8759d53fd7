// Makes the forms of the page send their requests.
import { showFailure, showReply } from './reply.js';
import { curlOf, requestOf } from './request.js';

const announcement = document.querySelector('.announcement');

/** Shows the request of a form as a curl command. */
function refresh(form) {
  form.querySelector('.curl code').textContent = curlOf(form);
}

/** Shows the fields of the chosen media type, if there is a choice. */
function choose(form) {
  const choice = form.elements.namedItem('type');
  if (!choice) return;
  const chosen = choice.value;
  for (const fields of form.querySelectorAll('[data-type]')) fields.hidden = fields.dataset.type !== chosen;
}

/** Shows, announces and focuses a reply, so that the next Tab continues from there. */
function present(section, text) {
  section.hidden = false;
  announcement.textContent = text;
  section.querySelector('h4').focus();
}

async function send(form) {
  const section = form.nextElementSibling;
  const button = form.querySelector('[type=submit]');
  // Not `disabled`, because a disabled button loses the focus.
  if (button.ariaDisabled === 'true') return;
  button.ariaDisabled = 'true';
  announcement.textContent = 'Sending';
  const started = performance.now();
  try {
    const { url, ...options } = requestOf(form);
    const response = await fetch(url, { ...options, cache: 'no-store', credentials: 'omit' });
    const body = await response.blob();
    const time = Math.round(performance.now() - started);
    await showReply(section, { response, body, time });
    present(section, `Reply: ${response.status} ${response.statusText}, ${time} milliseconds`);
    form.dispatchEvent(new CustomEvent('reply', { bubbles: true }));
  } catch (error) {
    showFailure(section, error);
    present(section, 'No reply');
  } finally {
    button.ariaDisabled = 'false';
  }
}

/** Copies a token to every other form that shows a token field, so that it is entered only once. */
function share(token) {
  for (const other of document.querySelectorAll('input[name=token]')) {
    if (other.closest('.cell').hidden) continue;
    other.value = token;
    refresh(other.form);
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(button.closest('.curl').querySelector('code').textContent);
  announcement.textContent = 'Copied';
}

for (const form of document.querySelectorAll('form.try')) {
  form.addEventListener('input', ({ target }) => {
    if (target.name === 'example') form.elements.namedItem('json').value = target.value;
    if (target.name === 'type') choose(form);
    if (target.name === 'token') share(target.value);
    refresh(form);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(form);
  });
  const button = form.querySelector('.copy');
  button.addEventListener('click', () => copy(button));
  // Browsers provide no clipboard to pages served over plain HTTP, except from localhost.
  button.hidden = !navigator.clipboard;
  // After a reload, browsers restore the chosen values.
  choose(form);
  refresh(form);
}
