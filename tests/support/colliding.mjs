// A database in which the same ID belongs to several accounts, because every back end numbers its accounts from 1. Also
// a model of the account that a token or a path refers to, which shares no code with the worker.
import { identify } from './accounts.mjs';
import { TABLES } from './project.mjs';

/**
 * The accounts, by their own IDs. Seam's 6, falcon's 6 and django's 6 are three different accounts, and the account
 * whose own ID is 6 is a fourth. 1004 has a different ID in each back end. The back ends' IDs of 1005 are the own IDs
 * of other accounts, and so are the IDs of the personas. 6 and 7 are demo accounts.
 */
export const ACCOUNTS = {
  6: { role: 1, persona: 6 },
  7: { role: 2, persona: 7 },
  1001: { role: 1, persona: 1005, seam: 6 },
  1002: { role: 2, persona: 1004, falcon: 6, falconRole: 1 },
  1003: { role: 3, persona: 1003, django: 6 },
  1004: { role: 2, persona: 1002, seam: 7, falcon: 8, django: 9, falconRole: 77 },
  1005: { role: 1, persona: 1001, seam: 1001, falcon: 1002, django: 1003 },
};
const IDS = Object.keys(ACCOUNTS).map(Number);
export const BACK_ENDS = ['seam', 'falcon', 'django'];

/** Every ID that is in use somewhere, and one that is not. */
export const NUMBERS = [6, 7, 8, 9, 1001, 1002, 1003, 1004, 1005, 4711];

/** The account that has this ID in a back end; for `plain`, the account whose own ID this is. */
export const accountOf = (layout, number) =>
  IDS.find((id) => (layout === 'plain' ? id : ACCOUNTS[id][layout]) === number);
export const accountOfPersona = (persona) => IDS.find((id) => ACCOUNTS[id].persona === persona);

/** Fills the database of a new worker with these accounts. */
export async function collide(worker) {
  await worker.sql('DELETE FROM identities');
  for (const [key, { role, persona, seam, falcon, django, falconRole }] of Object.entries(ACCOUNTS)) {
    const id = Number(key);
    if (id < 1000) continue;
    await worker.sql(
      'INSERT INTO users (id, username, email, full_name, role_id) VALUES (?1, ?2, ?3, ?2, ?4)',
      id,
      `u${id}`,
      `u${id}@example.com`,
      role,
    );
    const known = Object.entries({ seam, falcon, django }).filter(([, number]) => number !== undefined);
    await identify(worker, id, Object.fromEntries(known));
    if (falconRole) {
      await worker.sql(
        "UPDATE identities SET role_id = ? WHERE account_id = ? AND back_end = 'falcon'",
        falconRole,
        id,
      );
    }
    await worker.sql(
      'INSERT INTO personas (id, user_id, nombres, apellidos, dni) VALUES (?1, ?2, ?3, ?3, ?4)',
      persona,
      id,
      'Una',
      `DNI-${id}`,
    );
  }
}

/** The rows of every table, by table and key, and the objects in the bucket. */
export async function rowsOf(worker) {
  const [tables, objects] = JSON.parse(await worker.dump());
  // Every change adds a row to the feed, which changes.test.mjs tests.
  const records = tables.map((rows, at) => (TABLES[at] === 'changes' ? [] : rows));
  const keyed = records.flatMap((rows, at) =>
    rows.map((row) => [`${TABLES[at]} ${Object.values(row).slice(0, 2).join(' ')}`, JSON.stringify(row)]),
  );
  // Updates change an account's second column, so only its id identifies the row.
  const named = keyed.map(([key, row]) => [key.replace(/^(users|personas) (\S+) .*/, '$1 $2'), row]);
  return new Map([...named, ['objects', JSON.stringify(objects)]]);
}

/** The rows that differ. */
export const changed = (before, after) =>
  [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key)).sort();
