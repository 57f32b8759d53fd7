// Local development alone: `npm run dev` puts this, and tokens of the demo accounts, into the page that it serves.
// With it every endpoint answers at the first click, uploads included.

/** Who may call each endpoint with its example, in the words of the documents that they come from. */
const EXAMPLE = [
  [/^\/api\/personas\//, 5],
  [/^\/api\/v1\/users\//, 1],
  [/^\/users\/?$/, 1],
  [/^\/api\/profile\//, 42],
];

const accounts = fetch('/reference/demo.json').then((answer) => answer.json());
const picture = fetch('/reference/demo.jpg')
  .then((answer) => answer.blob())
  .then((blob) => new File([blob], 'phone.jpg', { type: 'image/jpeg' }));

const select = document.createElement('select');
select.id = 'act-as';
select.append(new Option('the account of each example', ''));
accounts.then((all) =>
  select.append(
    ...all.map(({ id, name, role }) => new Option(`${id} ${name}, ${role}`, id)),
    new Option('nobody: no token', '0'),
  ),
);
const label = document.createElement('label');
label.htmlFor = select.id;
label.textContent = 'Act as';
const note = document.createElement('span');
note.textContent =
  'Demo accounts of this local database. A new password ends an account’s sessions: start again for new tokens.';
const row = document.createElement('div');
row.append(label, select, note);
const bar = document.createElement('div');
bar.className = 'demo';
bar.append(row);
document.body.prepend(bar);

/** A form's file is there before anybody has looked for one. */
new MutationObserver(async () => {
  for (const input of document.querySelectorAll('input[type=file]:not([data-demo])')) {
    input.dataset.demo = '';
    const files = new DataTransfer();
    files.items.add(await picture);
    input.files = files.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }
}).observe(document.body, { childList: true, subtree: true });

globalThis.demo = {
  /** Acts as somebody, unless a token was given under "Authorize". */
  async requestInterceptor(request) {
    const { origin, pathname } = new URL(request.url, location);
    const example = EXAMPLE.find(([path]) => path.test(pathname))?.[1];
    const id = select.value === '' ? example : Number(select.value);
    const account = (await accounts).find((each) => each.id === id);
    if (account && example && origin === location.origin && !request.headers.Authorization)
      request.headers.Authorization = `Bearer ${account.token}`;
    return request;
  },
};
