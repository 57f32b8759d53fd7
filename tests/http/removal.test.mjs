// Which objects are removed and which are kept, by the removals after a request and by the nightly sweep.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import {
  assertConsistent,
  assertNoMissingObjects,
  clearPictures,
  formOf,
  keyOf,
  keys,
  png,
  REFUSED,
  settled,
  shown,
  sweepAll,
} from '../support/avatars.mjs';
import { assertRefused } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const PROFILE = '/api/profile/42/update/';

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(() => clearPictures(worker));

/** Sends a request that must be accepted. */
async function put(target, options) {
  const response = await worker.put(target, options);
  assert.equal(response.status, 200, response.text);
  return response;
}
const upload = (as, picture, options) =>
  worker.put(`/api/profile/${as}/update/`, { as, form: formOf({ avatar: picture }), ...options });
/** Uploads a picture as the account's avatar, and returns its key. */
async function avatarOf(as, picture) {
  const response = await upload(as, picture);
  assert.equal(response.status, 200, response.text);
  return keyOf(as, picture);
}
/** Uploads a picture as the photo of a persona, with a token of `as`, and returns its key. */
async function fotoBy(as, id, picture) {
  await put(`/api/personas/${id}/foto`, { as, form: formOf({ foto: picture }) });
  return keyOf(as, picture);
}
const imageOf = async (id) => (await worker.sql('SELECT image FROM users WHERE id = ?', id))[0].image;
const setImage = (id, image) => worker.sql('UPDATE users SET image = ?2 WHERE id = ?1', id, image);
const setFoto = (id, url) => worker.sql('UPDATE personas SET foto_url = ?2 WHERE id = ?1', id, url);
/** Waits long enough for a request that is not held to finish, and does not wait longer for one that is. */
const settleSoon = (promise) => Promise.race([promise, setTimeout(150)]);

describe('the object of a replaced picture', () => {
  test('is removed when the next avatar is uploaded, also from the cache [D7 M3 M5]', async () => {
    const first = await avatarOf(42, png());
    assert.equal((await worker.send('GET', `/media/${first}`)).status, 200);
    const second = await avatarOf(42, png());
    assert.deepEqual(await settled(worker), [second]);
    assert.equal((await worker.send('GET', `/media/${first}`)).status, 404);
  });
  test('is removed when the next photo is uploaded [D7 P5]', async () => {
    await fotoBy(6, 6, png());
    const second = await fotoBy(6, 6, png());
    assert.deepEqual(await settled(worker), [second]);
  });

  test("is removed when a caller who set another account's photo sets the next [D7 P5 M5]", async () => {
    await fotoBy(6, 5, png());
    const second = await fotoBy(6, 5, png());
    assert.deepEqual(await settled(worker), [second]);
  });

  const changes = {
    'an avatar that is cleared by null': [PROFILE, { avatar: null }, 'avatar'],
    'an image_path that is cleared by null': ['/users', { image_path: null }, 'avatar'],
    'an image_path that becomes another path': ['/users', { image_path: 'pictures/a.png' }, 'avatar'],
    'an image_path that becomes a URL': ['/users', { image_path: 'https://example.com/a.png' }, 'avatar'],
    'a foto_url that is cleared by null': ['/api/personas/me', { foto_url: null }, 'foto'],
    'a foto_url that becomes another': ['/api/personas/me', { foto_url: 'https://example.com/a.png' }, 'foto'],
    'a foto_url that becomes another through its own route': [
      '/api/personas/6/foto',
      { foto_url: 'https://example.com/a.png' },
      'foto',
    ],
  };
  for (const [what, [target, json, kind]] of Object.entries(changes)) {
    test(`is removed with ${what} [D7 M5 R4]`, async () => {
      await (kind === 'foto' ? fotoBy(6, 6, png()) : avatarOf(42, png()));
      assert.equal((await keys(worker)).length, 1);
      const { d1Calls } = await put(target, { as: kind === 'foto' ? 6 : 42, json });
      assert.equal(d1Calls, 1);
      assert.deepEqual(await settled(worker), []);
    });
  }
  test("is removed if a client wrote it into image_path, under the account's own prefix [M5]", async () => {
    await worker.bucket.put('avatars/42/by-hand.png', png());
    await put('/users', { as: 42, json: { image_path: 'avatars/42/by-hand.png' } });
    await put('/users', { as: 42, json: { image_path: 'pictures/a.png' } });
    assert.deepEqual(await settled(worker), []);
  });

  const untouched = {
    'a change of another field': ['/users', { name: 'Alice' }],
    'the same path again': ['/users', (key) => ({ image_path: key })],
    'the same object by its URL': ['/users', (key) => ({ image_path: `https://example.com/media/${key}?v=2` })],
    'an update without a field': [PROFILE, {}],
  };
  for (const [what, [target, json]] of Object.entries(untouched)) {
    test(`stays with ${what} [M5 R4]`, async () => {
      const key = await avatarOf(42, png());
      await put(target, { as: 42, json: typeof json === 'function' ? json(key) : json });
      assert.deepEqual(await settled(worker), [key]);
    });
  }
  test('stays with the same picture again, and with a form of other fields [M3 M5]', async () => {
    const picture = png();
    const key = await avatarOf(42, picture);
    await avatarOf(42, picture);
    await put(PROFILE, { as: 42, form: formOf({ last_name: 'Wonderland' }) });
    assert.deepEqual(await settled(worker), [key]);
  });
  test('stays with a change that is refused [R7 M5]', async () => {
    await avatarOf(42, png());
    await assertRefused(
      worker,
      '/users',
      { as: 42, json: { image_path: null, email: 'bob@example.com' } },
      409,
      { message: 'Email already exists', error: 'Conflict', statusCode: 409 },
      { d1: 1 },
    );
    await assertRefused(
      worker,
      PROFILE,
      { as: 42, json: { avatar: null, username: 'luis_p' } },
      400,
      { username: ['A user with that username already exists.'] },
      { d1: 1 },
    );
    await assertRefused(
      worker,
      PROFILE,
      { as: 42, form: formOf({ avatar: png(), username: 'luis_p' }) },
      400,
      { username: ['A user with that username already exists.'] },
      REFUSED,
    );
  });
  test('comes back with its picture, from the first to the second to the first [D7 M3 M5]', async () => {
    const [first, second] = [png(), png()];
    for (const picture of [first, second, first, second, first]) {
      const key = await avatarOf(42, picture);
      assert.deepEqual(await settled(worker), [key]);
    }
  });
});

describe('an object that is shown elsewhere', () => {
  const forms = {
    'its key': (key) => key,
    'its path': (key) => `/media/${key}`,
    'its URL': (key) => `https://example.com/media/${key}`,
    'its URL below another path': (key) => `http://example.com:8080/a/b/media/${key}`,
    'its URL with a query': (key) => `https://example.com/media/${key}?v=1&w=/x`,
    'its URL with a fragment': (key) => `https://example.com/media/${key}#top`,
    'its path with both': (key) => `/media/${key}?v=1#top`,
  };
  for (const [what, form] of Object.entries(forms)) {
    test(`stays while another account shows it by ${what}, after a request and a sweep [M5 D7]`, async () => {
      const [first, second] = [png(), png()];
      await avatarOf(42, first);
      await setImage(7, form(keyOf(42, first)));
      await avatarOf(42, second);
      const both = [keyOf(42, first), keyOf(42, second)].sort();
      assert.deepEqual(await settled(worker), both);
      await sweepAll(worker);
      assert.deepEqual(await keys(worker), both);
      await setImage(7, null);
      await assertConsistent(worker);
    });
    test(`stays while a persona shows it by ${what}, after a request and a sweep [M5 D7]`, async () => {
      const key = await avatarOf(42, png());
      await setFoto(8, form(key));
      await put(PROFILE, { as: 42, json: { avatar: null } });
      assert.deepEqual(await settled(worker), [key]);
      await sweepAll(worker);
      assert.deepEqual(await keys(worker), [key]);
      await setFoto(8, null);
      await sweepAll(worker);
      assert.deepEqual(await keys(worker), []);
    });
  }

  test('is removed with the last record that shows it: an avatar and a photo of one account [M5 D7 P5]', async () => {
    const [picture, other] = [png(), png()];
    await avatarOf(6, picture);
    await fotoBy(6, 6, picture);
    await avatarOf(6, other);
    assert.deepEqual(await settled(worker), [keyOf(6, picture), keyOf(6, other)].sort());
    await fotoBy(6, 6, other);
    assert.deepEqual(await settled(worker), [keyOf(6, other)]);
  });
  test('is not shown by a value that only resembles its key, and is removed [M5 D7]', async () => {
    for (const form of [
      (key) => `https://example.com/${key}`,
      (key) => `x/${key}`,
      (key) => key.toUpperCase(),
      (key) => `/media/${key.replace('.', '_')}`,
      (key) => key.slice(0, -1),
      (key) => `/media/x/${key}`,
      (key) => key.replace('avatars/42', 'avatars/7'),
    ]) {
      const key = await avatarOf(42, png());
      await setImage(7, form(key));
      await put(PROFILE, { as: 42, json: { avatar: null } });
      assert.deepEqual(await settled(worker), [], form(key));
    }
  });
});

describe('an object of another account', () => {
  const others = {
    'its key': 'avatars/7/a.png',
    'its URL': 'https://example.com/media/avatars/7/a.png',
    'a key that only begins the same way': 'avatars/421/a.png',
    'a key of a shorter id': 'avatars/4/a.png',
    'a key with zeros': 'avatars/042/a.png',
    'a key in upper case': 'AVATARS/42/a.png',
    'a key of another folder': 'other/42/a.png',
    'a key without a folder': 'a.png',
    'the folder itself': 'avatars/42',
    'a key without an id': 'avatars/a.png',
    'a URL that names both': 'https://example.com/media/avatars/7/a.png?x=/media/avatars/42/b.png',
  };
  // These values can only be in a database that was modified by hand.
  const byHand = {
    'a path that goes up': 'avatars/42/../7/a.png',
    'a path that stays': 'avatars/42/./a.png',
    'a path with an empty segment': 'avatars/42//a.png',
    'an escaped path': 'avatars/42/%2e%2e/7/a.png',
    'a wildcard': 'avatars/42/%',
    'the bare prefix': 'avatars/42/',
  };
  const ways = {
    upload: () => put(PROFILE, { as: 42, form: formOf({ avatar: png() }) }),
    null: () => put('/users', { as: 42, json: { image_path: null } }),
    path: () => put('/users', { as: 42, json: { image_path: 'pictures/a.png' } }),
    avatar: () => put(PROFILE, { as: 42, json: { avatar: null } }),
  };
  for (const [what, image] of Object.entries({ ...others, ...byHand })) {
    test(`stays if an account wrote ${what} into its image_path and changes it in any way [M5]`, async () => {
      const key = image.replace('https://example.com/media/', '').replace(/\?.*/, '');
      const theirs = [...new Set([key, 'avatars/7/a.png', 'avatars/42/b.png'])];
      // A path that is not plain may or may not count as one below the account's prefix, so that this one object may be
      // removed or stay.
      const stay = theirs.filter((each) => !(what in byHand && each === key));
      for (const way of Object.values(ways)) {
        for (const each of theirs) await worker.bucket.put(each, each);
        if (what in byHand) await setImage(42, image);
        else await put('/users', { as: 42, json: { image_path: image } });
        await way();
        const left = await settled(worker);
        assert.deepEqual(
          stay.filter((each) => !left.includes(each)),
          [],
        );
        await clearPictures(worker);
      }
    });
  }

  test('stays until the sweep if another account replaces the photo [M5 P5]', async () => {
    const theirs = await fotoBy(5, 5, png());
    const ours = await fotoBy(6, 5, png());
    assert.deepEqual(await settled(worker), [theirs, ours].sort());
    const third = await fotoBy(5, 5, png());
    assert.deepEqual(await settled(worker), [theirs, ours, third].sort());
    await sweepAll(worker);
    assert.deepEqual(await keys(worker), [third]);
  });
  test('stays if its owner no longer shows it and another account clears a URL to it [M5]', async () => {
    await worker.bucket.put('avatars/5/a.png', 'a');
    for (const [as, json] of [
      [6, { foto_url: null }],
      [6, { foto_url: 'https://example.com/b.png' }],
    ]) {
      await setFoto(6, 'https://example.com/media/avatars/5/a.png');
      await put('/api/personas/me', { as, json });
      assert.deepEqual(await settled(worker), ['avatars/5/a.png']);
    }
  });
});

describe('text that a client wrote', () => {
  const names = (as, key) => put('/users', { as, json: { image_path: key } });

  test("does not keep another account's picture, neither after an update nor in the sweep [M5]", async () => {
    const first = await avatarOf(42, png());
    await names(7, first);
    await put('/api/personas/me', { as: 5, json: { foto_url: `https://example.com/media/${first}` } });
    const second = await avatarOf(42, png());
    assert.deepEqual(await settled(worker), [second]);
    await names(7, second);
    await worker.sql('UPDATE users SET image = NULL WHERE id = 42');
    assert.deepEqual((await sweepAll(worker)).removed, 1);
    assert.deepEqual(await keys(worker), []);
  });
  test("keeps a picture under the account's own prefix [M5]", async () => {
    const key = await avatarOf(42, png());
    await names(42, 'elsewhere.png');
    await worker.idle();
    await worker.bucket.put(key, png(), { contentType: 'image/png' });
    await names(42, key);
    assert.equal((await sweepAll(worker)).removed, 0);
    assert.deepEqual(await keys(worker), [key]);
  });
  test('that is the current value changes nothing: a photo that another account uploaded stays [M5 P6]', async () => {
    const key = await fotoBy(6, 5, png());
    const foto_url = `${worker.url}/media/${key}`;
    await put('/api/personas/me', { as: 5, json: { foto_url, nombres: 'María' } });
    assert.equal((await sweepAll(worker)).removed, 0);
    assert.deepEqual(await keys(worker), [key]);
    await put('/api/personas/me', { as: 5, json: { foto_url: null } });
    await put('/api/personas/me', { as: 5, json: { foto_url } });
    assert.equal((await sweepAll(worker)).removed, 1, "as text that names another account's object");
  });
  test('is replaced by an upload of the same picture, which is protected again [M5]', async () => {
    const picture = png();
    const key = keyOf(6, picture);
    await put('/api/personas/me', { as: 5, json: { foto_url: `${worker.url}/media/${key}` } });
    assert.equal(await fotoBy(6, 5, picture), key);
    assert.equal((await sweepAll(worker)).removed, 0);
    assert.deepEqual(await keys(worker), [key]);
  });
});

describe('simultaneous requests', () => {
  const ROUNDS = [1, 2, 3];
  const all = async (requests) => {
    const responses = await Promise.all(requests);
    assert.deepEqual(
      responses.map(({ status, text }) => (status === 200 ? 200 : text)),
      requests.map(() => 200),
    );
    return responses;
  };

  for (const round of ROUNDS) {
    test(`two uploads of one account leave one picture, round ${round} [D7 M5 R6]`, async () => {
      await avatarOf(42, png());
      const pictures = [png(), png()];
      await all(pictures.map((picture) => upload(42, picture)));
      const image = await imageOf(42);
      assert.ok(pictures.some((picture) => keyOf(42, picture) === image));
      assert.deepEqual(await settled(worker), [image]);
    });
    test(`eight uploads of one picture by one account store it once, round ${round} [M3 M5]`, async () => {
      await avatarOf(42, png());
      const picture = png();
      const responses = await all(Array.from({ length: 8 }, () => upload(42, picture)));
      assert.deepEqual([...new Set(responses.map(({ json }) => json.avatar))], [`/media/${keyOf(42, picture)}`]);
      assert.deepEqual(await settled(worker), [keyOf(42, picture)]);
    });
    test(`uploads and refused uploads of one picture leave the shown one alone, round ${round} [M5 R7]`, async () => {
      const picture = png();
      const refusals = () => [
        upload(42, picture, { form: formOf({ avatar: picture, username: 'luis_p' }) }),
        worker.put('/api/profile/1/update/', { as: 42, form: formOf({ avatar: picture }) }),
      ];
      const [, ...responses] = await Promise.all([upload(42, picture), ...refusals(), ...refusals(), ...refusals()]);
      assert.deepEqual(
        responses.map(({ status }) => status),
        [400, 403, 400, 403, 400, 403],
      );
      assert.equal(await imageOf(42), keyOf(42, picture));
      assert.deepEqual(await settled(worker), [keyOf(42, picture)]);
    });
    test(`the first picture and the second in turn, round ${round} [M5 D7]`, async () => {
      const [first, second] = [png(), png()];
      await all(Array.from({ length: 8 }, (_, at) => upload(42, at % 2 ? first : second)));
      await assertNoMissingObjects(worker);
      await assertConsistent(worker);
    });
    test(`uploads, clearings, photos and sweeps without a grace period, round ${round} [M5 D7 P5]`, async () => {
      const pictures = [png(), png(), png()];
      const sweep = () => worker.sweep({ AVATAR_GRACE_HOURS: '0' });
      for (const picture of pictures) {
        const requests = [
          upload(42, picture),
          upload(6, picture),
          worker.put('/api/personas/6/foto', { as: 6, form: formOf({ foto: picture }) }),
          worker.put('/api/personas/5/foto', { as: 6, form: formOf({ foto: pictures[0] }) }),
          worker.put(PROFILE, { as: 42, json: { avatar: null } }),
          upload(42, pictures[0]),
          upload(42, pictures[1]),
          worker.put('/users', { as: 6, json: { image_path: null } }),
          upload(6, pictures[1]),
        ];
        const [, , ...responses] = await Promise.all([sweep(), setTimeout(3).then(sweep), ...requests]);
        assert.deepEqual(
          responses.map(({ status, text }) => (status === 200 ? 200 : text)),
          requests.map(() => 200),
        );
        await assertNoMissingObjects(worker);
      }
      await assertConsistent(worker);
    });
  }

  /** Rare interleavings, produced by calls that wait for the test. */
  const betweenTitle = 'a sweep between storing a picture and updating its record removes nothing from the record [M5]';
  test(betweenTitle, async () => {
    const picture = png();
    for (const before of [null, picture]) {
      // The second time, the object already exists, so that the upload does not store it.
      if (before) await worker.bucket.put(keyOf(42, before), before);
      await setImage(42, null);
      const name = `between-${before === null}`;
      const uploading = upload(42, picture, { faults: { batch: before ? [`hold:${name}`] : [null, `hold:${name}`] } });
      await worker.held(name);
      await sweepAll(worker);
      await worker.release(name);
      assert.equal((await uploading).status, 200);
      await assertNoMissingObjects(worker);
      assert.equal(await imageOf(42), keyOf(42, picture));
      await assertConsistent(worker);
    }
  });

  for (const kind of ['hold', 'stall']) {
    // Once released, a name no longer holds any call, so each test has its own.
    const nameOf = (what) => `${what}-${kind}`;
    const delays = (what) => `${kind}:${nameOf(what)}`;
    const moment = kind === 'hold' ? 'is about to remove' : 'has just removed';

    test(`an upload of a picture that a sweep ${moment} [M5]`, async () => {
      const picture = png();
      await worker.bucket.put(keyOf(42, picture), picture);
      const sweeping = sweepAll(worker, { delete: [delays('sweep')] });
      await worker.held(nameOf('sweep'));
      const uploading = upload(42, picture);
      await settleSoon(uploading);
      await worker.release(nameOf('sweep'));
      await sweeping;
      const { status, text } = await uploading;
      assert.equal(status, 200, text);
      await assertNoMissingObjects(worker);
      await assertConsistent(worker);
    });
    test(`an upload of a picture that the previous request ${moment} [M5 D7]`, async () => {
      const [first, second] = [png(), png()];
      await avatarOf(42, first);
      assert.equal((await upload(42, second, { faults: { delete: [delays('replacement')] } })).status, 200);
      await worker.held(nameOf('replacement'));
      const uploading = upload(42, first);
      await settleSoon(uploading);
      await worker.release(nameOf('replacement'));
      const { status, text } = await uploading;
      assert.equal(status, 200, text);
      await assertNoMissingObjects(worker);
      await assertConsistent(worker);
    });
    test(`an upload of a picture that a refused upload of it ${moment} [M5 R7]`, async () => {
      const picture = png();
      // The upload is refused only after the picture was stored, because the name is taken between check and change.
      const faults = { batch: [null, `hold:${nameOf('change')}`], delete: [delays('refusal')] };
      const refusing = upload(42, picture, { form: formOf({ avatar: picture, username: nameOf('nuevo') }), faults });
      await worker.held(nameOf('change'));
      await worker.sql('UPDATE users SET username = ? WHERE id = 7', nameOf('nuevo'));
      await worker.release(nameOf('change'));
      await worker.held(nameOf('refusal'));
      const uploading = upload(42, picture);
      await settleSoon(uploading);
      await worker.release(nameOf('refusal'));
      assert.equal((await refusing).status, 400);
      const { status, text } = await uploading;
      assert.equal(status, 200, text);
      await assertNoMissingObjects(worker);
      await assertConsistent(worker);
    });
  }
  test('an upload of a picture whose refused upload is still being decided [M5 R7]', async () => {
    const picture = png();
    const refusing = upload(42, picture, {
      form: formOf({ avatar: picture, username: 'luis_p' }),
      faults: { batch: ['hold:deciding'] },
    });
    await worker.held('deciding');
    assert.equal((await upload(42, picture)).status, 200);
    await worker.release('deciding');
    assert.equal((await refusing).status, 400);
    await assertNoMissingObjects(worker);
    assert.deepEqual(await settled(worker), [keyOf(42, picture)]);
  });
  const foundTitle =
    'an upload that finds its picture, which a refused upload then removes before the record is updated [M5 R7]';
  test(foundTitle, async () => {
    const picture = png();
    const refusing = upload(42, picture, {
      form: formOf({ avatar: picture, username: 'luis_p' }),
      faults: { batch: ['hold:first'] },
    });
    await worker.held('first');
    const uploading = upload(42, picture, { faults: { batch: ['hold:second'] } });
    await worker.held('second');
    await worker.release('first');
    assert.equal((await refusing).status, 400);
    await worker.release('second');
    assert.equal((await uploading).status, 200);
    await assertNoMissingObjects(worker);
    assert.deepEqual(await settled(worker), [keyOf(42, picture)]);
  });
  test('an object that a record begins to show after the sweep has listed it stays [M5]', async () => {
    await worker.bucket.fill(['avatars/42/again.png', 'avatars/42/gone.png']);
    const sweeping = sweepAll(worker, { list: ['stall:listed'] });
    await worker.held('listed');
    await put('/users', { as: 42, json: { image_path: 'avatars/42/again.png' } });
    await worker.release('listed');
    assert.equal((await sweeping).removed, 1);
    assert.deepEqual(await keys(worker), ['avatars/42/again.png']);
  });
});

describe('the sweep', () => {
  const orphan = (name) => `avatars/42/${name}`;
  const line = ({ level, event, listed, removed, complete, duration_ms, ...rest }) => ({
    level,
    event,
    listed,
    removed,
    complete,
    rest,
  });
  const done = (listed, removed) => ({ level: 'log', event: 'sweep', listed, removed, complete: true, rest: {} });

  test('removes objects that no record shows, and writes one log line [M5]', async () => {
    const key = await avatarOf(42, png());
    await worker.idle();
    await worker.bucket.fill(['avatars/1/a.png', 'avatars/42/0.png', 'avatars/43/z.webp']);
    const before = worker.lines.length;
    const logged = await sweepAll(worker);
    assert.deepEqual(line(logged), done(4, 3));
    assert.ok(Number.isInteger(logged.duration_ms) && logged.duration_ms >= 0);
    assert.deepEqual(Object.keys(logged), ['level', 'event', 'listed', 'removed', 'complete', 'duration_ms']);
    assert.equal(worker.lines.slice(before).filter(({ message }) => message.includes('"sweep"')).length, 1);
    assert.deepEqual(await keys(worker), [key]);
  });
  test('has nothing to do in an empty bucket [M5]', async () =>
    assert.deepEqual(line(await sweepAll(worker)), done(0, 0)));
  test('never touches objects outside avatars/ [M5]', async () => {
    const outside = [
      'Avatars/42/a.png',
      'avatars',
      'avatars-old/42/a.png',
      'avatarsx/a.png',
      'backup/avatars/42/a.png',
      'media/avatars/42/a.png',
      'z.png',
    ];
    await worker.bucket.fill([...outside, orphan('a.png')]);
    const { removed } = await sweepAll(worker);
    assert.deepEqual([removed, await keys(worker)], [1, outside]);
  });
  test('removes orphans of any name below avatars/ [M5]', async () => {
    await worker.bucket.fill([
      'avatars/',
      'avatars/a',
      'avatars/42/a/b/c.png',
      "avatars/42/it's.png",
      'avatars/42/"x".png',
      'avatars/42/%_\\*?[a].png',
      'avatars/42/ñ 📷.png',
      'avatars/not-an-id/a.png',
      `avatars/42/${'a'.repeat(900)}.png`,
    ]);
    const { removed } = await sweepAll(worker);
    assert.deepEqual([removed, await keys(worker)], [9, []]);
  });
  test('keeps objects of any name that a record shows by their key [M5]', async () => {
    const names = ["avatars/42/it's.png", 'avatars/42/%_.png', 'avatars/42/ñ 📷.png', 'avatars/42/a/b/c.png'];
    await worker.bucket.fill(names);
    for (const [at, id] of [1, 5, 6, 7].entries()) await setImage(id, names[at]);
    await sweepAll(worker);
    assert.deepEqual(
      await keys(worker),
      [...names].sort((a, b) => (a < b ? -1 : 1)),
    );
  });
  test('treats no character of a key as a wildcard, and respects letter case [M5]', async () => {
    await worker.bucket.fill(['a_b.png', 'a%.png', 'A.png', 'a.png', 'axb.png'].map(orphan));
    await setImage(42, orphan('axb.png'));
    await setFoto(6, `https://example.com/media/${orphan('a.png')}`);
    await sweepAll(worker);
    assert.deepEqual(await keys(worker), [orphan('a.png'), orphan('axb.png')]);
  });
  test('keeps the objects of inactive accounts, and of personas without an account [M5]', async () => {
    await worker.bucket.fill(['avatars/43/a.png', 'avatars/6/b.png']);
    await setImage(43, 'avatars/43/a.png');
    await setFoto(8, `${worker.url}/media/avatars/6/b.png`);
    await sweepAll(worker);
    assert.deepEqual(await keys(worker), ['avatars/43/a.png', 'avatars/6/b.png']);
  });
  test('removes the object of an upload that never finished [M5]', async () => {
    const picture = png();
    const uploading = upload(42, picture, { faults: { batch: [null, 'hold:for-long'] } });
    await worker.held('for-long');
    assert.deepEqual(await keys(worker), [keyOf(42, picture)]);
    await sweepAll(worker);
    assert.deepEqual(await keys(worker), []);
    // The upload was only very slow, and finishes after all.
    await worker.release('for-long');
    assert.equal((await uploading).status, 200);
    await assertConsistent(worker);
    assert.deepEqual(await keys(worker), [keyOf(42, picture)]);
  });

  const graces = [
    [{}, 0, false],
    [{}, 23.99, false],
    [{}, 24.01, true],
    [{ AVATAR_GRACE_HOURS: '' }, 23.99, false],
    [{ AVATAR_GRACE_HOURS: '' }, 24.01, true],
    [{ AVATAR_GRACE_HOURS: '1' }, 0.99, false],
    [{ AVATAR_GRACE_HOURS: '1' }, 1.01, true],
    [{ AVATAR_GRACE_HOURS: '720' }, 719.9, false],
    [{ AVATAR_GRACE_HOURS: '720' }, 720.1, true],
  ];
  for (const [vars, hours, isOld] of graces) {
    test(`${isOld ? 'removes' : 'leaves'} an orphan of ${hours} hours with ${JSON.stringify(vars)} [M5]`, async () => {
      await worker.bucket.fill([orphan('a.png')]);
      assert.deepEqual(line(await worker.sweep(vars, { hours })), done(1, isOld ? 1 : 0));
      assert.deepEqual(await keys(worker), isOld ? [] : [orphan('a.png')]);
    });
  }
  for (const grace of ['-1', '1.5', 'a day', '99999999999999999999']) {
    test(`removes nothing with a grace period of ${grace}, and logs the cause [M5 R9]`, async () => {
      await worker.bucket.fill([orphan('a.png')]);
      const { level, removed, complete, cause } = await worker.sweep({ AVATAR_GRACE_HOURS: grace }, { hours: 1e6 });
      assert.deepEqual([level, removed, complete, await keys(worker)], ['error', 0, false, [orphan('a.png')]]);
      assert.match(cause, /AVATAR_GRACE_HOURS/);
    });
  }

  test('two simultaneous sweeps remove the same objects as one [M5]', async () => {
    const key = await avatarOf(42, png());
    await worker.bucket.fill(Array.from({ length: 40 }, (_, at) => orphan(`${at}.png`)));
    await setTimeout(5);
    const lines = await Promise.all([
      worker.sweep({ AVATAR_GRACE_HOURS: '0' }),
      worker.sweep({ AVATAR_GRACE_HOURS: '0' }),
    ]);
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['log', 'log'],
    );
    await sweepAll(worker);
    assert.deepEqual(await keys(worker), [key]);
  });

  describe('of a large bucket', () => {
    const MANY = 2500;
    const names = Array.from({ length: MANY }, (_, at) => `avatars/${1000 + at}/${at}.png`);
    /** Sweeps until one reaches the end, and returns the lines of all. */
    async function sweepToEnd(vars, faults) {
      const lines = [];
      do lines.push(await worker.sweep(vars, faults));
      while (!lines.at(-1).complete && lines.length < 30);
      return lines;
    }
    const sum = (lines, key) => lines.reduce((total, each) => total + each[key], 0);

    test('resumes where it stopped, lists every object once, and keeps shown objects on any page [M5]', {
      timeout: 60_000,
    }, async () => {
      await worker.bucket.fill(names);
      const kept = [names[0], names[999], names[1000], names[1999], names[2000], names.at(-1)];
      for (const [at, id] of [1, 5, 6, 7, 42, 43].entries())
        await setImage(id, at % 2 ? kept[at] : `/media/${kept[at]}`);

      // Nothing is old enough to remove: a run that started again from the beginning would list more than exists.
      const idle = await sweepToEnd({});
      assert.deepEqual([sum(idle, 'listed'), sum(idle, 'removed'), idle.at(-1).complete], [MANY, 0, true]);

      // A run that fails in the middle logs an error, and the next one resumes there.
      const failed = await worker.sweep({}, { list: [null, 'refuse'] });
      assert.deepEqual([failed.level, failed.removed, failed.complete], ['error', 0, false]);
      assert.match(failed.cause, /list was refused by the test/);
      assert.ok(failed.listed > 0 && failed.listed < MANY);
      const rest = await sweepToEnd({});
      assert.equal(failed.listed + sum(rest, 'listed'), MANY);

      const lines = await sweepToEnd({ AVATAR_GRACE_HOURS: '0' });
      assert.deepEqual([sum(lines, 'listed'), sum(lines, 'removed')], [MANY, MANY - kept.length]);
      assert.ok(lines.every(({ level, cause }) => level === 'log' && cause === undefined));
      assert.deepEqual(await keys(worker), [...kept].sort());
      assert.deepEqual(await shown(worker), [...kept].sort());
    });
  });
});
