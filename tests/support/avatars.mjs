// Shared by tests of uploads: pictures to send, their keys, and invariants of bucket and database.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { crc32, deflateSync } from 'node:zlib';

export const CACHE_CONTROL = 'public, max-age=31536000, immutable';
export const CONTENT_TYPES = { jpg: 'image/jpeg', png: 'image/png', gif: 'image/gif', webp: 'image/webp' };

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/**
 * Calls of an upload: a look-up of the picture in the bucket, and for a new picture a check before it is stored (R7).
 */
export const NEW = { d1: 2, r2: [1, 1] };
export const AGAIN = { d1: 1, r2: [1, 0] };
export const REFUSED = AGAIN;

/** A chunk of a PNG. */
export function chunk(type, data) {
  const [length, sum, body] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.concat([Buffer.from(type, 'latin1'), data])];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

let made = 0;

/**
 * A unique PNG without metadata, which is stored unchanged. `width` and `height` are written to its header. `size` pads
 * the file to that length with a comment, which is not stored.
 * @param {{width?: number, height?: number, size?: number}} [options]
 */
export function png({ width = 2, height = 2, size } = {}) {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const row = Buffer.alloc(1 + 3 * width);
  row.writeUIntBE(++made, 1, 3);
  const before = [SIGNATURE, chunk('IHDR', header)];
  const after = [chunk('IDAT', deflateSync(Buffer.concat(Array(height).fill(row)))), chunk('IEND', Buffer.alloc(0))];
  const plain = Buffer.concat([...before, ...after]);
  if (size === undefined) return plain;
  const comment = Buffer.alloc(size - plain.length - 12, ' ');
  comment.write('Comment\0');
  return Object.assign(Buffer.concat([...before, chunk('tEXt', comment), ...after]), { stored: plain });
}

/** The smallest GIF, with unique colours. */
export function gif() {
  const bytes = Buffer.from('47494638396101000100800000000000ffffff2c00000000010001000002024401003b', 'hex');
  bytes.writeUIntBE(++made, 13, 3);
  return bytes;
}

/**
 * A form of `parts`: a string becomes text, bytes become a file, and `{bytes, name, type}` a file with this name and
 * type.
 */
export function formOf(parts) {
  const form = new FormData();
  for (const [name, value] of Object.entries(parts)) {
    if (typeof value === 'string') form.append(name, value);
    else if (value instanceof Uint8Array) form.append(name, new Blob([value], { type: 'image/png' }), 'photo.png');
    else form.append(name, new Blob([value.bytes], { type: value.type ?? '' }), value.name ?? 'photo');
  }
  return form;
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
export const keyOf = (account, bytes, extension = 'png') => `avatars/${account}/${sha256(bytes)}.${extension}`;

/** The expected entry of a picture in the bucket's list. */
export const objectOf = (key, { length }) => ({
  key,
  size: length,
  contentType: CONTENT_TYPES[key.split('.').pop()],
  cacheControl: CACHE_CONTROL,
});
export const objects = async (worker) =>
  (await worker.bucket.list()).map(({ key, size, contentType, cacheControl }) => ({
    key,
    size,
    contentType,
    cacheControl,
  }));
export const keys = async (worker) => (await worker.bucket.list()).map(({ key }) => key);

/** Waits until no request has work left, and returns the keys in the bucket. */
export async function settled(worker) {
  await worker.idle();
  return keys(worker);
}

/** Clears the pictures of all records, and empties the bucket. */
export async function clearPictures(worker) {
  await worker.idle();
  await worker.sql('UPDATE users SET image = NULL WHERE image IS NOT NULL');
  await worker.sql('UPDATE personas SET foto_url = NULL WHERE foto_url IS NOT NULL');
  await worker.bucket.clear();
}

/** The keys that records show, sorted. */
export async function shown(worker) {
  const rows = await worker.sql('SELECT image AS at FROM users UNION SELECT foto_url FROM personas');
  const found = rows.map(({ at }) => /(?:^|\/media\/)(avatars\/[^?#]*)/.exec(at ?? '')?.[1]);
  return [...new Set(found.filter(Boolean))].sort();
}

/** Checks that no record points at a missing object, provided that only the worker wrote the records (M5). */
export async function assertNoMissingObjects(worker) {
  await worker.idle();
  const held = new Set(await keys(worker));
  assert.deepEqual(
    (await shown(worker)).filter((key) => !held.has(key)),
    [],
  );
}

/** Runs a sweep without a grace period, once the clock has advanced past the newest object. */
export async function sweepAll(worker, faults) {
  const newest = Math.max(0, ...(await worker.bucket.list()).map(({ uploaded }) => Date.parse(uploaded)));
  while (Date.now() <= newest + 1) await setTimeout(1);
  return worker.sweep({ AVATAR_GRACE_HOURS: '0' }, faults);
}

/** Makes removals an hour older, because those that may still be in progress are left alone. */
export async function ageRemovals(worker) {
  const earlier = (column) => `${column} = strftime('%Y-%m-%dT%H:%M:%fZ', ${column}, '-1 hour')`;
  await worker.sql(`UPDATE removals SET ${earlier('claimed_at')}, ${earlier('over_at')}`);
}

/**
 * Checks that bucket and database are consistent (M5): no shown object is missing, and after a sweep only shown objects
 * are left.
 */
export async function assertConsistent(worker) {
  await assertNoMissingObjects(worker);
  await ageRemovals(worker);
  const { level, complete, cause } = await sweepAll(worker);
  assert.deepEqual({ level, complete, cause }, { level: 'log', complete: true, cause: undefined });
  assert.deepEqual(await keys(worker), await shown(worker));
}
