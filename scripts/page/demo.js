// For local development only. `npm run dev` adds this script and tokens of the demo accounts to the page that it
// serves, so that every endpoint, uploads included, returns a 200 at the first click.

/** For each endpoint, an account that may send its example. */
const EXAMPLE = [
  [/^\/api\/personas\//, 5],
  [/^\/api\/v1\/users\//, 1],
  [/^\/users\/?$/, 1],
  [/^\/api\/profile\//, 42],
];
const OTHER = 'other';

// The cache is bypassed, because the server computes entity tags at its start: a changed file keeps its tag.
const load = async (name) => (await fetch(`/reference/${name}`, { cache: 'no-store' })).json();
const changed = (input) => input.dispatchEvent(new Event('input', { bubbles: true }));

/** Puts a token into the form. The form's curl command contains the command that prints a token, not the token. */
function actAs(form, account) {
  const { token } = form.elements;
  token.value = account?.token ?? '';
  if (account) token.dataset.shell = `npm run -s token -- ${account.id}`;
  else delete token.dataset.shell;
  changed(token);
}

function offer(form, accounts) {
  const token = form.elements.token;
  const cell = token.closest('.cell');
  const select = document.createElement('select');
  select.id = `${token.id}-account`;
  select.append(
    ...accounts.map(({ id, name, role }) => new Option(`${id} ${name}, ${role}`, id)),
    new Option('no account, no token', ''),
    new Option('another token', OTHER),
  );
  select.value = EXAMPLE.find(([path]) => path.test(form.dataset.path))[1];
  const label = document.createElement('label');
  label.htmlFor = select.id;
  label.textContent = 'Act as';
  const choice = document.createElement('div');
  choice.className = 'cell';
  choice.append(label, select);
  cell.before(choice);
  const choose = () => {
    cell.hidden = select.value !== OTHER;
    actAs(
      form,
      accounts.find(({ id }) => String(id) === select.value),
    );
  };
  select.addEventListener('change', choose);
  choose();
}

/** Selects a picture in a file input. */
async function fill(input) {
  const picture = await (await fetch('/reference/before.jpg')).blob();
  const files = new DataTransfer();
  files.items.add(new File([picture], 'phone.jpg', { type: 'image/jpeg' }));
  input.files = files.files;
  input.dataset.shell = 'tests/fixtures/pictures/phone.jpg';
  input.addEventListener('change', () => delete input.dataset.shell, { once: true });
  changed(input);
}

const element = (name, ...children) => {
  const made = document.createElement(name);
  made.append(...children);
  return made;
};

/** Renders one row of the change feed, like `showChange` in stories.mjs. */
function showChange({ at, request_id, route, actor_id, actor_back_end, account_id, persona_id, fields }) {
  const whose = account_id === null ? `persona ${persona_id}` : `account ${account_id}`;
  const time = at.replace('T', ' ').replace(/\.\d+Z$/, '');
  return element(
    'li',
    element('p', element('b', fields.join(', ')), ` of ${whose}`),
    element('p', `by account ${actor_id}${actor_back_end ? `, with a token from ${actor_back_end}` : ''}`),
    element('p', element('code', route)),
    element('p', element('time', time), ' ', element('code', request_id)),
  );
}

/** Adds a list for the changes that are made on this page, with a heading. */
function addFeed() {
  const feed = Object.assign(element('ol'), { className: 'feed' });
  const made = Object.assign(element('div', element('h3', 'Made here, newest first'), feed), {
    id: 'made-here',
    hidden: true,
  });
  document.querySelector('.feed').after(made);
  return { made, feed };
}

const { made, feed } = addFeed();
let newest = 0;

/** Shows the changes that were made on this page. Returns whether there is a new one. */
async function showChanges() {
  const changes = await load('changes.json');
  const isNew = (changes[0]?.id ?? 0) !== newest;
  newest = changes[0]?.id ?? 0;
  made.hidden = changes.length === 0;
  feed.replaceChildren(...changes.map(showChange));
  return isNew;
}

/** Waits until the change of the last request appears in changes.json. A refused request makes no change. */
async function awaitChange() {
  for (let attempt = 0; attempt < 8; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    if (await showChanges()) return;
  }
}

document.addEventListener('reply', awaitChange);
await showChanges();
const accounts = await load('demo.json');
for (const form of document.querySelectorAll('form.try')) if (form.elements.token) offer(form, accounts);
for (const input of document.querySelectorAll('input[type=file]')) await fill(input);
