// Records the worker's own replies for the page: one person's change in each dialect, a mistake in each, the rows of
// the change feed, and a picture's metadata before and after the upload. `npm run openapi` writes them to recorded.json
// and public/reference/after.jpg; a test compares both files with the worker.
import fs from 'node:fs';
import path from 'node:path';
import { token } from '../../tests/support/tokens.mjs';
import { startWorker } from '../../tests/support/worker.mjs';
import { root } from '../lib.mjs';

/** A constant time for all recorded rows, as in the examples of openapi.json. */
const WHEN = '2026-01-31T12:00:00.000Z';

/** The picture before: a test fixture with metadata of every kind. */
const BEFORE = path.join(root, 'tests/fixtures/pictures/phone.jpg');
const AFTER = path.join(root, 'public/reference/after.jpg');
const RECORDED = path.join(root, 'scripts/page/recorded.json');

/** Luis is account 6 in each back end. personas has no e-mail field, so he changes his telephone number there. */
const CHANGES = [
  ['personas', 'PUT', '/api/personas/me', { telefono: '+51 987 654 321' }, { telefono: '+51' }],
  ['seam', 'PUT', '/api/v1/users/6', { full_name: 'Luis Pérez Soto', email: 'luis@example.org' }, { email: 'luis@' }],
  ['falcon', 'PUT', '/users', { name: 'Luis Pérez Soto', email: 'luis@example.org' }, { email: 'luis@' }],
  [
    'django',
    'PUT',
    '/api/profile/6/update/',
    { first_name: 'Luis', last_name: 'Pérez Soto', email: 'luis@example.org' },
    { email: 'luis@' },
  ],
];

/** The login service whose token he uses. personas accepts tokens from all of them; seam's is used here. */
const layoutOf = (dialect) => (dialect === 'personas' ? 'seam' : dialect);

const constant = (value) => JSON.parse(JSON.stringify(value), (key, part) => (key === 'updated_at' ? WHEN : part));

async function recordDialects(worker) {
  const dialects = [];
  for (const [dialect, method, target, change, mistake] of CHANGES) {
    const credential = await token(6, { layout: layoutOf(dialect) });
    const send = async (json) => {
      const { status, json: body } = await worker.send(method, target, {
        token: credential,
        json,
        headers: { 'x-request-id': `luis-${dialect}` },
      });
      return { body: json, status, reply: constant(body) };
    };
    dialects.push({ dialect, method, path: target, change: await send(change), mistake: await send(mistake) });
  }
  return dialects;
}

/** Uploads the picture, and returns the stored file. */
async function recordPicture(worker) {
  const form = new FormData();
  form.append('avatar', new Blob([fs.readFileSync(BEFORE)], { type: 'image/jpeg' }), 'phone.jpg');
  const { json } = await worker.put('/api/profile/6/update/', {
    token: await token(6, { layout: 'django' }),
    form,
    headers: { 'x-request-id': 'luis-picture' },
  });
  return Buffer.from((await worker.send('GET', json.avatar)).bytes);
}

/** The groups of metadata, by their names in ExifReader. */
const GROUPS = { exif: 'Exif', iptc: 'IPTC', xmp: 'XMP', icc: 'Colour profile' };
/** Fields that describe the structure of a block (offsets, layout, versions), not the picture or its owner. */
const STRUCTURE = /Pointer|^_raw$|^about$|Version|^ICC (Signature|Profile Date)$|^(Components|YCbCr)/;
/** Padding of unused fields of a colour profile. */
const FILLING = /[\0 ]+$/;

/** Returns the comment of a JPEG file (segment FF FE), which ExifReader does not show. */
function commentOf(bytes) {
  for (let at = 2; bytes[at] === 0xff && bytes[at + 1] !== 0xda; at += 2 + bytes.readUInt16BE(at + 2))
    if (bytes[at + 1] === 0xfe) return bytes.toString('latin1', at + 4, at + 2 + bytes.readUInt16BE(at + 2));
  return '';
}

/** Returns every field that an independent reader (ExifReader) finds in a picture: `{group, name, value}`. */
export async function metadataOf(bytes) {
  const { default: reader } = await import('exifreader');
  const { Thumbnail: thumbnail, ...found } = reader.load(bytes, { expanded: true });
  const fields = Object.entries(GROUPS).flatMap(([key, group]) =>
    Object.entries(found[key] ?? {}).map(([name, { description }]) => ({
      group: name.startsWith('GPS') ? 'Position' : group,
      name,
      value: String(description).replace(FILLING, ''),
    })),
  );
  fields.push({ group: 'Exif', name: 'Thumbnail', value: thumbnail ? `${thumbnail.image.byteLength} bytes` : '' });
  fields.push({ group: 'JPEG', name: 'Comment', value: commentOf(bytes) });
  return fields.filter(({ name, value }) => value !== '' && !STRUCTURE.test(name));
}

async function compare(before, after) {
  const left = await metadataOf(after);
  const fields = await metadataOf(before);
  return fields.map(({ group, name, value }) => ({
    group,
    name,
    before: value,
    after: left.find((each) => each.group === group && each.name === name)?.value ?? null,
  }));
}

/** Returns the contents of recorded.json, and the bytes of the stored picture. */
export async function record() {
  const worker = await startWorker();
  try {
    const dialects = await recordDialects(worker);
    const after = await recordPicture(worker);
    const before = fs.readFileSync(BEFORE);
    const changes = await worker.sql('SELECT * FROM changes ORDER BY id');
    return {
      recorded: {
        dialects,
        changes: changes.map((row) => ({ ...row, at: WHEN, fields: JSON.parse(row.fields) })),
        picture: { before: before.length, after: after.length, fields: await compare(before, after) },
      },
      after,
    };
  } finally {
    await worker.stop();
  }
}

export async function recordAll() {
  const { recorded, after } = await record();
  fs.writeFileSync(RECORDED, `${JSON.stringify(recorded, undefined, 2)}\n`);
  fs.writeFileSync(AFTER, after);
}
