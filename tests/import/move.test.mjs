// A whole move, in any order: three back ends whose ids, e-mails and user names collide, imported repeatedly while
// people register, change and leave at the sources, and change their address in Perfil (N2, N3, I1, I5).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { Database, dumpdata, falconDump, seamDump } from './support.mjs';

const DUMPS = {
  seam: (people) => seamDump({ users: people.map(({ id, email, at }) => ({ id, email, full_name: `Seam ${at}` })) }),
  falcon: (people) => falconDump(...people.map(({ id, email, username }) => ({ id, email, username, role_id: 1 }))),
  django: (people) => dumpdata(...people.map(({ id, email, username }) => ({ id, email, username }))),
};
/** Writes the source to a file that is marked as complete. */
function dumpOf(from, people) {
  const file = DUMPS[from](people);
  if (from !== 'django') fs.appendFileSync(file, '-- Dump completed on 2026-01-01  0:00:00\n');
  return file;
}

const person = fc.record({
  id: fc.integer({ min: 1, max: 5 }),
  email: fc.constantFrom('ana@x.example', 'Ana@x.example', 'bea@x.example', 'cai@x.example', 'dan@x.example'),
  username: fc.constantFrom('ana', 'Ana', 'bea', 'cai', 'dan'),
  at: fc.nat(),
});
const unlike = (a, b) =>
  a.id === b.id ||
  a.email.toLowerCase() === b.email.toLowerCase() ||
  a.username.toLowerCase() === b.username.toLowerCase();
const run = fc.record({
  from: fc.constantFrom('seam', 'falcon', 'django'),
  people: fc.uniqueArray(person, { comparator: unlike, minLength: 1, maxLength: 4 }),
  options: fc.record({ prune: fc.boolean() }),
  moved: fc.option(fc.record({ account: fc.nat(12), email: fc.constantFrom('ana@x.example', 'eve@x.example') })),
});

/** Imports one source, and checks the invariants of every import. */
async function step(database, { from, people, options, moved }, { owners, isLinked }) {
  if (moved)
    database.run(`UPDATE OR IGNORE users SET email = '${moved.email}' WHERE id = ${moved.account} AND is_active = 1`);
  const file = dumpOf(from, people);
  const { skipped, list } = await database.importFile(from, file, { ...options, linkByEmail: isLinked });
  fs.rmSync(file);
  assert.deepEqual(skipped, []);
  const identities = database.rows('SELECT back_end, id, account_id AS account FROM identities');
  const known = new Set(identities.map(({ back_end, id }) => `${back_end} ${id}`));
  const findings = list.filter((line) => line.startsWith('2 to do: users')).map((line) => line.split(': ')[1]);
  for (const { id } of people)
    assert.ok(
      known.has(`${from} ${id}`) || findings.includes(`users ${id}`),
      `${from} ${id} was neither imported nor reported`,
    );
  for (const { back_end, id } of identities)
    if (back_end === from && !people.some((each) => each.id === id)) {
      assert.ok(!options.prune, `${from} ${id} was deleted at the source and not removed`);
      assert.ok(findings.includes(`users ${id}`), `${from} ${id} was deleted at the source and not reported`);
    }
  // An id never refers to a different account than before, and a new id refers to a new account, unless accounts are
  // linked.
  for (const number of owners.keys()) if (number.startsWith(from) && !known.has(number)) owners.delete(number);
  for (const { back_end, id, account } of identities) {
    const number = `${back_end} ${id}`;
    assert.equal(owners.get(number) ?? account, account);
    if (!owners.has(number) && !isLinked)
      assert.ok(!owners.everyone.has(account), `account ${account} belonged to another person`);
    owners.set(number, account);
  }
  for (const { account } of identities) owners.everyone.add(account);
  if (!isLinked) assert.equal(new Set(identities.map(({ account }) => account)).size, identities.length);
  assert.deepEqual(
    database.rows('SELECT id FROM users WHERE is_active = 1 AND id NOT IN (SELECT account_id FROM identities)'),
    [],
  );
}

for (const isLinked of [false, true]) {
  const how = isLinked ? 'with --link-by-email' : 'without --link-by-email';
  test(`every id refers to one person, whatever happens at both ends, ${how} [N2 N3 I1 I5]`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 8 }), async (runs) => {
        const database = new Database();
        const owners = Object.assign(new Map(), { everyone: new Set() });
        for (const each of runs) await step(database, each, { owners, isLinked });
        // Once nothing changes at either end, runs stop changing anything. One run may free a value for the next.
        const last = { ...runs.at(-1), moved: null };
        let before = '';
        for (let run = 0; before !== database.dump(); run++) {
          assert.ok(run < 10, 'runs do not stop changing the database');
          before = database.dump();
          await step(database, last, { owners, isLinked });
        }
      }),
      { numRuns: 150 },
    );
  });
}
