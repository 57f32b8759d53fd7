// The bucket or the database fails at every step of an upload. Bucket and records are consistent in the end (M5).
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  ageRemovals,
  assertConsistent,
  assertNoMissingObjects,
  clearPictures,
  formOf,
  keyOf,
  keys,
  png,
  settled,
  sweepAll,
} from '../support/avatars.mjs';
import { ROUTES } from '../support/dialects.mjs';
import { assertResponse } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const [foto, me, , falcon, profile] = ROUTES;
const UPLOADS = [foto, profile];
/** For each route, the query for the picture of account 6, which may call both. */
const SHOWN = {
  [foto.name]: 'SELECT foto_url AS at FROM personas WHERE id = 6',
  [profile.name]: 'SELECT image AS at FROM users WHERE id = 6',
};

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(() => clearPictures(worker));

const upload = (route, picture, { on = worker, id = 6, as = 6, fields = {}, faults } = {}) =>
  on.put(route.path(id), { as, form: formOf({ [route.upload]: picture, ...fields }), faults });
const shownBy = async (route, on = worker) =>
  (await on.sql(SHOWN[route.name]))[0].at?.replace(/^.*\/media\//, '') ?? null;
const tables = async (on = worker) => JSON.parse(await on.dump())[0];

/** Sends an upload, and checks that it is accepted and that the record shows it. */
async function assertUploaded(route, picture, options = {}) {
  const response = await upload(route, picture, options);
  assert.equal(response.status, 200, `${response.text} ${JSON.stringify(options)}`);
  assert.equal(await shownBy(route, options.on), keyOf(6, picture));
  return response;
}
/** Checks for a 500 in the dialect's own format, with the cause in the log alone. */
async function assertFailed(route, response, cause, { d1, r2, on = worker } = {}) {
  const line = await assertResponse(on, response, 500, route.failure, { d1: d1 ?? response.d1Calls, r2 });
  assert.match(line.cause, cause);
  assert.equal(line.route, route.name);
}

for (const route of UPLOADS) {
  describe(`the bucket failing under ${route.name}`, () => {
    const refusedTitle =
      `a picture that the bucket refuses is a failure of ${route.name} that changes nothing ` +
      `[R9 R7 M5 ${route.ids}]`;
    test(refusedTitle, async () => {
      for (const shown of [null, png()]) {
        if (shown) await assertUploaded(route, shown);
        const before = await worker.dump();
        await assertFailed(
          route,
          await upload(route, png(), { faults: { put: 'refuse' } }),
          /^bucket: .*put was refused by the test/,
          { d1: 1, r2: [1, 1] },
        );
        assert.equal(await worker.dump(), before);
      }
      await assertConsistent(worker);
    });
    const unansweredTitle =
      `a picture that is stored while the response is lost is a failure of ${route.name} that changes no record ` +
      `[R9 M5 ${route.ids}]`;
    test(unansweredTitle, async () => {
      const shown = png();
      await assertUploaded(route, shown);
      const before = await tables();
      const picture = png();
      await assertFailed(
        route,
        await upload(route, picture, { faults: { put: 'lose' } }),
        /^bucket: .*lost by the test/,
      );
      assert.deepEqual(await tables(), before);
      await assertConsistent(worker);
      assert.deepEqual(await keys(worker), [keyOf(6, shown)]);
      await assertUploaded(route, picture);
      await assertConsistent(worker);
    });
    test(`no message of the bucket gets into a response of ${route.name} [R9]`, async () => {
      for (const faults of [{ put: 'refuse' }, { put: 'lose' }, { batch: 'refuse' }]) {
        const { status, text, headers } = await upload(route, png(), { faults });
        assert.equal(status, 500);
        assert.doesNotMatch(
          text + JSON.stringify([...headers].filter(([name]) => !/^x-test-|^x-request-id$/.test(name))),
          /by the test|bucket|batch|R2|D1/i,
        );
      }
    });
    const databaseTitle =
      `a database that refuses after the picture is stored is a failure of ${route.name} that changes no record ` +
      `[R9 M5 ${route.ids}]`;
    test(databaseTitle, async () => {
      for (const batch of ['refuse', [null, 'refuse']]) {
        const shown = png();
        await assertUploaded(route, shown);
        const before = await tables();
        await assertFailed(route, await upload(route, png(), { faults: { batch } }), /batch was refused by the test/);
        assert.deepEqual(await tables(), before);
        await assertConsistent(worker);
        assert.deepEqual(await keys(worker), [keyOf(6, shown)]);
      }
    });
    const lostTitle =
      `if the database's response is lost, the record is changed and its picture stays at ${route.name} ` +
      `[R9 M5 ${route.ids}]`;
    test(lostTitle, async () => {
      for (const batch of [
        [null, 'lose'],
        [null, 'lose', 'refuse'],
        [null, 'lose', 'lose'],
      ]) {
        await assertUploaded(route, png());
        await worker.idle();
        const picture = png();
        await assertFailed(route, await upload(route, picture, { faults: { batch } }), /lost by the test/);
        assert.equal(await shownBy(route), keyOf(6, picture));
        assert.ok((await settled(worker)).includes(keyOf(6, picture)));
        await assertConsistent(worker);
      }
    });
    const leftoverTitle =
      `a replaced picture that cannot be removed does not make ${route.name} fail, and the sweep removes it ` +
      '[R9 M5 D7]';
    test(leftoverTitle, async () => {
      const once = [
        { batch: [null, null, 'refuse'] },
        { batch: [null, null, 'lose'] },
        { batch: [null, null, null, 'refuse'] },
        { batch: [null, null, null, 'lose'] },
      ];
      const always = [
        { delete: 'refuse' },
        { delete: 'lose' },
        { delete: ['refuse'] },
        { delete: ['lose'] },
        { batch: [null, null, 'lose', 'lose', 'lose', 'lose'] },
      ];
      for (const faults of [...once, ...always]) {
        await clearPictures(worker);
        const [first, second] = [png(), png()];
        await assertUploaded(route, first);
        await worker.idle();
        await assertUploaded(route, second, { faults });
        await assertNoMissingObjects(worker);
        // A failed removal does not block an upload of the same picture, unless the removal may still be in progress.
        if (always.includes(faults)) await ageRemovals(worker);
        const { status, text } = await upload(route, first);
        assert.equal(status, 200, `${JSON.stringify(faults)}, then ${text}`);
        await assertNoMissingObjects(worker);
        await assertConsistent(worker);
        assert.deepEqual(await keys(worker), [keyOf(6, first)]);
      }
    });
    const refusalTitle =
      `a refusal whose picture cannot be removed again stays that refusal at ${route.name}, and the sweep removes it ` +
      '[R7 R9 M5]';
    test(refusalTitle, async () => {
      const right = () => worker.sql('DELETE FROM permissionXRole WHERE permissionId = 2 AND roleId = 1');
      const refusals = {
        [foto.name]: [right, 403, foto.refusals.forbidden()],
        [profile.name]: [
          () => worker.sql('UPDATE users SET is_active = 0 WHERE id = 6'),
          401,
          profile.refusals.inactive(),
        ],
      };
      const [revoke, status, body] = refusals[route.name];
      for (const [at, faults] of [
        { delete: 'refuse' },
        { delete: 'lose' },
        { batch: ['refuse'] },
        { batch: ['lose'] },
        { batch: ['lose', 'lose'] },
      ].entries()) {
        // The right is revoked between the check and the change, once the picture is stored.
        const name = `right-${route.upload}-${at}`;
        const refusing = upload(route, png(), {
          faults: { ...faults, batch: [null, `hold:${name}`, ...(faults.batch ?? [])] },
        });
        await worker.held(name);
        assert.equal((await keys(worker)).length, 1);
        await revoke();
        await worker.release(name);
        const response = await refusing;
        await worker.sql('INSERT OR IGNORE INTO permissionXRole (permissionId, roleId) VALUES (2, 1)');
        await worker.sql('UPDATE users SET is_active = 1 WHERE id = 6');
        assert.deepEqual([response.status, response.json], [status, body], JSON.stringify(faults));
        await assertConsistent(worker);
        assert.deepEqual(await keys(worker), []);
      }
    });
  });

  describe(`failing calls under ${route.name}`, () => {
    /** Each creates the state before the upload and returns the picture to send. */
    const scenarios = {
      'a first picture': async () => png(),
      'another picture': async () => {
        await assertUploaded(route, png());
        return png();
      },
      'the same picture': async () => {
        const picture = png();
        await assertUploaded(route, picture);
        return picture;
      },
      'a picture removed a moment ago': async () => {
        const picture = png();
        await assertUploaded(route, picture);
        await assertUploaded(route, png());
        return picture;
      },
      'an orphan': async () => {
        const picture = png();
        await worker.bucket.put(keyOf(6, picture), picture);
        return picture;
      },
    };
    const single = Object.entries({ head: 1, put: 2, batch: 5, delete: 1 }).flatMap(([name, calls]) =>
      ['refuse', 'lose'].flatMap((kind) =>
        Array.from({ length: calls }, (_, at) => ({ [name]: [...Array(at).fill(null), kind] })),
      ),
    );
    const several = [
      { batch: 'refuse' },
      { batch: 'lose' },
      { put: ['lose'], batch: [null, 'refuse'] },
      { batch: [null, 'lose'], delete: 'lose' },
      { batch: [null, null, 'lose'], put: [null, 'refuse'] },
      { put: [null, 'lose'], batch: [null, null, null, 'refuse'] },
    ];
    for (const [what, prepare] of Object.entries(scenarios)) {
      // The routes differ only in how they read the form. For the bucket, one of them is enough.
      if (route === foto && what !== 'another picture') continue;
      const title =
        `${what} sent to ${route.name} leaves a consistent state, whichever call fails, and is accepted again ` +
        '[M5 R9 D7]';
      test(title, async () => {
        for (const faults of [...single, ...several]) {
          await clearPictures(worker);
          const picture = await prepare();
          await worker.idle();
          const before = await shownBy(route);
          const response = await upload(route, picture, { faults });
          const now = await shownBy(route);
          const context = `${JSON.stringify(faults)}: ${response.status} ${response.text}`;
          if (response.status === 200) assert.equal(now, keyOf(6, picture), context);
          else
            assert.deepEqual(
              [response.status, response.json, [before, keyOf(6, picture)].includes(now)],
              [500, route.failure, true],
              context,
            );
          await assertNoMissingObjects(worker);
          // A call to which the bucket did not respond may still be in progress.
          if (several.includes(faults) || faults.delete) await ageRemovals(worker);
          const again = await upload(route, picture);
          assert.equal(again.status, 200, `${context}, then ${again.text}`);
          await assertNoMissingObjects(worker);
          await assertConsistent(worker);
          assert.deepEqual(await keys(worker), [keyOf(6, picture)], context);
        }
      });
    }
  });
}

describe('a picture that is cleared while calls fail', () => {
  const clearings = [
    [profile, { avatar: null }, profile],
    [falcon, { image_path: null }, profile],
    [me, { foto_url: null }, foto],
    [foto, { foto_url: 'https://example.com/a.jpg' }, foto],
  ];
  for (const [by, json, route] of clearings) {
    test(`${JSON.stringify(json)} by ${by.name} is applied although its object is not removed [R9 M5 D7]`, async () => {
      for (const faults of [
        { delete: 'refuse' },
        { delete: 'lose' },
        { batch: [null, 'refuse'] },
        { batch: [null, 'lose'] },
      ]) {
        const picture = png();
        await assertUploaded(route, picture);
        const { status, text } = await worker.put(by.path(), { as: 6, json, faults });
        assert.equal(status, 200, text);
        assert.notEqual(await shownBy(route), keyOf(6, picture));
        await assertConsistent(worker);
        assert.deepEqual(await keys(worker), []);
      }
    });
  }
});

describe('a constraint that was added to the database by hand', () => {
  const broken = {
    'a trigger that aborts': [
      "CREATE TRIGGER t1 BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END",
      "CREATE TRIGGER t2 BEFORE UPDATE ON personas BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END",
    ],
    'a trigger that aborts afterwards': [
      "CREATE TRIGGER t1 AFTER UPDATE ON users BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END",
      "CREATE TRIGGER t2 AFTER UPDATE ON personas BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END",
    ],
  };
  for (const [what, statements] of Object.entries(broken)) {
    test(`${what} makes an upload fail and leave nothing behind [R9 R7 M5 P4 D6]`, async () => {
      const shown = png();
      for (const route of UPLOADS) await assertUploaded(route, shown);
      await worker.idle();
      const before = await tables();
      for (const sql of statements) await worker.sql(sql);
      try {
        for (const route of UPLOADS) await assertFailed(route, await upload(route, png()), /the disk is on fire/);
        for (const route of UPLOADS) await assertFailed(route, await upload(route, shown), /the disk is on fire/);
      } finally {
        for (const name of ['t1', 't2']) await worker.sql(`DROP TRIGGER ${name}`);
      }
      assert.deepEqual(await tables(), before);
      await assertConsistent(worker);
      assert.deepEqual(await keys(worker), [keyOf(6, shown)]);
      for (const route of UPLOADS) await assertUploaded(route, png());
      await assertConsistent(worker);
    });
  }
  const title = 'an unknown unique index is a failure and not a conflict, and leaves nothing behind [R9 R7 M5 D6]';
  test(title, async () => {
    await worker.sql("UPDATE users SET first_name = 'Unica' || id");
    await worker.sql('CREATE UNIQUE INDEX surprise_first_name ON users (first_name)');
    try {
      const shown = png();
      await assertUploaded(profile, shown);
      const before = await tables();
      await assertFailed(profile, await upload(profile, png(), { fields: { first_name: 'Unica42' } }), /UNIQUE/);
      assert.deepEqual(await tables(), before);
      await assertConsistent(worker);
      assert.deepEqual(await keys(worker), [keyOf(6, shown)]);
    } finally {
      await worker.sql('DROP INDEX surprise_first_name');
    }
  });
});

describe('the sweep failing', () => {
  let made = 0;
  /** Keys that no other test uses, because removals of a key are remembered. */
  const orphans = () => [`avatars/1/${++made}.png`, `avatars/6/${made}.png`];
  const failures = [
    ['the bucket cannot list', { list: 'refuse' }, /list was refused by the test/, true],
    ['the list is lost', { list: 'lose' }, /response to list was lost by the test/, true],
    ['the database fails', { batch: 'refuse' }, /batch was refused by the test/, true],
    ['the bucket cannot delete', { delete: 'refuse' }, /delete was refused by the test/, true],
    [
      'the bucket deletes but its response is lost',
      { delete: 'lose' },
      /response to delete was lost by the test/,
      false,
    ],
  ];
  for (const [what, faults, cause, stay] of failures) {
    test(`if ${what}, it logs the cause and harms no record, and the next sweep does the work [M5 R9]`, async () => {
      const shown = png();
      await assertUploaded(profile, shown);
      const names = orphans();
      await worker.bucket.fill(names);
      const line = await sweepAll(worker, faults);
      assert.deepEqual([line.level, line.removed], ['error', 0]);
      assert.match(line.cause, cause);
      assert.deepEqual(await keys(worker), [...(stay ? names : []), keyOf(6, shown)].sort());
      await assertNoMissingObjects(worker);
      await assertConsistent(worker);
      assert.deepEqual(await keys(worker), [keyOf(6, shown)]);
    });
  }
  for (const number of [0, 1, 2, 3]) {
    const title = `if its call ${number + 1} to D1 fails, no record is harmed and the next sweeps do the work [M5 R9]`;
    test(title, async () => {
      for (const kind of ['refuse', 'lose']) {
        const [shown, removed] = [png(), png()];
        await assertUploaded(profile, removed);
        await assertUploaded(profile, shown);
        await worker.idle();
        await worker.bucket.fill(orphans());
        await sweepAll(worker, { batch: [...Array(number).fill(null), kind] });
        await assertNoMissingObjects(worker);
        await assertUploaded(profile, removed);
        await assertConsistent(worker);
        assert.deepEqual(await keys(worker), [keyOf(6, removed)]);
      }
    });
  }
});

describe('no bucket', () => {
  let without;
  before(async () => {
    without = await startWorker({ bucket: false });
  });
  after(() => without?.stop());

  for (const route of UPLOADS) {
    const title = `an upload to ${route.name} fails in the dialect's format, changing nothing [R9 R7 M5 ${route.ids}]`;
    test(title, async () => {
      const before = await without.dump();
      await assertFailed(route, await upload(route, png(), { on: without }), /^AVATARS is not bound to an R2 bucket$/, {
        d1: 0,
        on: without,
      });
      assert.equal(await without.dump(), before);
    });
    test(`${route.name} still refuses what the request alone decides [R1 R9]`, async () => {
      assert.equal((await upload(route, Buffer.alloc(0), { on: without })).status, 400);
      assert.equal((await without.put(route.path(), { form: formOf({ [route.upload]: png() }) })).status, 401);
    });
  }
  test('everything that needs no bucket works: JSON, a form of text, clearing a picture [R9 D7]', async () => {
    for (const route of ROUTES)
      assert.equal((await without.put(route.path(), { as: 6, json: route.good })).status, 200);
    assert.equal((await without.put(profile.path(), { as: 6, form: formOf({ first_name: 'Luis' }) })).status, 200);
    await without.sql("UPDATE users SET image = 'avatars/6/a.png' WHERE id = 6");
    const response = await without.put(profile.path(), { as: 6, json: { avatar: null } });
    await assertResponse(without, response, 200, { ...response.json, avatar: null }, { d1: 1 });
    await without.idle();
  });
  test('the sweep logs that there is none [M5 R9]', async () => {
    const { level, complete, removed, cause } = await without.sweep();
    assert.deepEqual([level, complete, removed], ['error', false, 0]);
    assert.match(cause, /AVATARS is not bound to an R2 bucket/);
  });
});

describe('no database', () => {
  let without;
  before(async () => {
    without = await startWorker({ bindings: false, bucket: true });
  });
  after(() => without?.stop());

  for (const route of UPLOADS) {
    const title =
      `an upload to ${route.name} fails in the dialect's own format and leaves nothing in the bucket ` +
      `[R9 R7 M5 ${route.ids}]`;
    test(title, async () => {
      await assertFailed(route, await upload(route, png(), { on: without }), /\bDB\b/, { d1: 0, on: without });
      await without.idle();
      assert.deepEqual(await keys(without), []);
    });
  }
  test('the sweep removes nothing and logs the cause [M5 R9]', async () => {
    await without.bucket.fill(['avatars/1/a.png']);
    const { level, complete, removed, cause } = await sweepAll(without);
    assert.deepEqual([level, complete, removed, await keys(without)], ['error', false, 0, ['avatars/1/a.png']]);
    assert.match(cause, /\bDB\b/);
  });
});
