// A client of the soak test. It sends requests of every kind for its own accounts, so that it knows what each response
// must contain.
import { createAdmins } from '../../tests/support/accounts.mjs';
import { formOf, keyOf, png } from '../../tests/support/avatars.mjs';

/** Number of accounts of a client. */
export const ACCOUNTS = 5;

/** Frequency of each kind of request, in percent. */
export const MIX = {
  name: 19,
  email: 10,
  profile: 17,
  persona: 17,
  username: 4,
  form: 3,
  taken: 4,
  invalid: 4,
  stranger: 2,
  upload: 7,
  photo: 3,
  clear: 2,
  view: 6,
  health: 1,
  nowhere: 1,
};

/** Returns a file of a few kilobytes, rarely of a megabyte. Most of it is not stored. */
const pictureOf = (randomBelow) =>
  png({
    size:
      [200, 20_000, 60_000, 200_000][randomBelow(4)] + randomBelow(2000) + (randomBelow(40) === 0 ? 1024 * 1024 : 0),
  });

/** Changes of a record. Each function gets an account and a number that is unique to the change. */
const changes = ({ send, randomBelow }, admin) => ({
  name: ({ id }, n) => send('name', 'PUT', '/users', { as: id, json: { name: `Ñame 📷 ${n}` } }, 200, `Ñame 📷 ${n}`),
  email({ id }, n) {
    const json = { full_name: `Full ${n}`, email: `soak${id}-${n}@example.com`, roleId: 1 };
    return send('email', 'PUT', `/api/v1/users/${id}`, { as: admin, json }, 200, `soak${id}-${n}@`);
  },
  profile({ id }, n) {
    const json = {
      first_name: `First ${n}`,
      last_name: 'L'.repeat(1 + randomBelow(200)),
      number_phone: String(n % 1e9),
    };
    return send('profile', 'PUT', `/api/profile/${id}/update/`, { as: id, json }, 200, `First ${n}`);
  },
  persona({ id }, n) {
    const json = { nombres: `Nombre ${n}`, telefono: `+${100000 + (n % 1e9)}`, dni: `S-${id}-${n % 1e9}` };
    return send('persona', 'PUT', '/api/personas/me', { as: id, json }, 200, `Nombre ${n}`);
  },
  username(account, n) {
    const { id } = account;
    account.avatar = null;
    const json = { username: `soak_${id}_${n}`, image_path: null };
    return send('username', 'PUT', '/users', { as: id, json }, 200, `soak_${id}_${n}`);
  },
  form({ id }, n) {
    const form = formOf({ last_name: `Last ${n}` });
    return send('form', 'PUT', `/api/profile/${id}/update/`, { as: id, form }, 200, `Last ${n}`);
  },
});

/** Requests that are refused. */
const refusals = ({ send, randomBelow }) => ({
  taken({ id }) {
    const json = { name: 'never', email: 'ALICE@example.com' };
    return send('taken', 'PUT', '/users', { as: id, json }, 409, 'Email already exists');
  },
  invalid({ id }) {
    const json = { full_name: 'x', email: 'nobody', password: '' };
    return send('invalid', 'PUT', `/api/v1/users/${id}`, { as: id, json }, 400);
  },
  stranger({ id }) {
    const token = `${'x'.repeat(randomBelow(4000))}.${id}`;
    return send('stranger', 'PUT', '/api/personas/me', { token, json: {} }, 401);
  },
});

/** Pictures. `avatar` of an account is the key and size of the picture that its profile shows, or null. */
const pictures = ({ send, fail, randomBelow }) => ({
  async upload(account) {
    const { id } = account;
    const again = account.pictures.length > 2 && randomBelow(2);
    const bytes = again ? account.pictures[randomBelow(3)] : pictureOf(randomBelow);
    account.pictures = [bytes, ...account.pictures.filter((each) => each !== bytes)].slice(0, 3);
    const stored = bytes.stored ?? bytes;
    const key = keyOf(id, stored);
    const form = formOf({ avatar: bytes });
    const response = await send('upload', 'PUT', `/api/profile/${id}/update/`, { as: id, form }, 200, key);
    if (response) account.avatar = { key, size: stored.length };
  },
  photo({ id }) {
    const form = formOf({ foto: pictureOf(randomBelow) });
    return send('photo', 'PUT', `/api/personas/${id}/foto`, { as: id, form }, 200, `/media/avatars/${id}/`);
  },
  clear(account) {
    const { id } = account;
    account.avatar = null;
    return send('clear', 'PUT', `/api/profile/${id}/update/`, { as: id, json: { avatar: null } }, 200, '"avatar":null');
  },
  async view({ avatar }) {
    if (!avatar) return;
    const response = await send('view', randomBelow(2) ? 'GET' : 'HEAD', `/media/${avatar.key}`, {}, 200);
    if (response && Number(response.headers.get('content-length')) !== avatar.size)
      fail(`view: the length of ${avatar.key} has changed`);
  },
});

/** Requests that need no account. */
const others = ({ send }) => ({
  health: () => send('health', 'GET', '/health', {}, 200, '{"status":"ok"}'),
  nowhere: ({ id }, n) => send('nowhere', 'GET', `/media/avatars/${id}/${n}.png`, {}, 404),
});

/** Runs one client, with the accounts from `first` on, until the load is over. */
export async function client(load, first) {
  const accounts = Array.from({ length: ACCOUNTS }, (_, at) => ({ id: first + at, pictures: [], avatar: null }));
  const ids = accounts.map(({ id }) => id);
  await createAdmins(load.worker, ids, 'soak');
  const kinds = Object.entries(load.mix).flatMap(([kind, share]) => Array(share).fill(kind));
  const actions = { ...changes(load, ids[0]), ...refusals(load), ...pictures(load), ...others(load) };
  for (let n = 1; !load.isOver(); n++) {
    const [kind, account] = [kinds[load.randomBelow(kinds.length)], accounts[load.randomBelow(ACCOUNTS)]];
    await actions[kind](account, n);
  }
}
