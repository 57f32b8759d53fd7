// Accounts in addition to those of tests/fixtures/demo.sql, and one of the latter as django's dialect shows it.

const USER = 'INSERT INTO users (id, username, email, full_name, role_id) VALUES (?, ?, ?, ?, 1)';
const PERSONA = 'INSERT INTO personas (id, user_id, nombres, apellidos, dni) VALUES (?, ?, ?, ?, ?)';

const IDENTITY = 'INSERT INTO identities (back_end, id, account_id) VALUES (?, ?, ?)';

/**
 * Gives an account identities: by default its own ID in every back end, otherwise those in `numbers`.
 * @param {Record<string, number>} [numbers]
 */
export async function identify(worker, account, numbers = { seam: account, falcon: account, django: account }) {
  for (const [backEnd, number] of Object.entries(numbers)) await worker.sql(IDENTITY, backEnd, number, account);
}

/** Creates an admin with a persona for each id. */
export async function createAdmins(worker, ids, name) {
  for (const id of ids) {
    await worker.sql(USER, id, `${name}_${id}`, `${name}${id}@example.com`, name);
    await identify(worker, id);
    await worker.sql(PERSONA, id, id, name, name, `${name}-${id}`.toUpperCase());
  }
}

/** The record of Alice, account 42, as django shows it. */
export const alice = (changes = {}) => ({
  id: 42,
  username: 'alice_wonder',
  email: 'alice@example.com',
  first_name: 'Alice',
  last_name: 'Wonderland',
  number_phone: null,
  avatar: null,
  date_joined: '2024-02-01T08:15:30Z',
  last_login: '2024-03-10T11:45:22Z',
  is_active: true,
  is_staff: false,
  is_superuser: false,
  ...changes,
});

/** Resets the record of Alice to the defaults of `alice`. */
export const resetAlice = (worker) =>
  worker.sql(
    "UPDATE users SET username = 'alice_wonder', email = 'alice@example.com', first_name = 'Alice', " +
      "last_name = 'Wonderland', number_phone = NULL, image = NULL, last_login = '2024-03-10T11:45:22Z' " +
      'WHERE id = 42',
  );
