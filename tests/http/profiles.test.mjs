// Colour profiles over HTTP: colours are the same before and after, as converted by libvips and lcms2, and nothing else
// of a profile is kept.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { chunk, clearPictures, formOf, sha256 } from '../support/avatars.mjs';
import { coloursOf, personalTextsIn, tagsOf, withPersonalData } from '../support/profiles.mjs';
import { startWorker } from '../support/worker.mjs';

const FOLDER = path.resolve(import.meta.dirname, '../fixtures/pictures/profiles');
const CMYK = path.resolve(FOLDER, '../cmyk.jpg');
const PROFILES = fs.readdirSync(FOLDER).map((name) => path.basename(name, '.icc'));

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(() => clearPictures(worker));

/** Uploads a picture, which must be accepted, and returns the bytes that are served. */
async function storedOf(bytes) {
  const { status, json, text } = await worker.put('/api/profile/42/update/', {
    as: 42,
    form: formOf({ avatar: bytes }),
  });
  assert.equal(status, 200, text);
  const stored = Buffer.from((await worker.send('GET', json.avatar)).bytes);
  await worker.idle();
  return stored;
}

/** A picture of all colours of a cube with nine steps, without a profile. */
function cube() {
  const steps = [0, 32, 64, 96, 128, 160, 192, 224, 255];
  const colours = steps.flatMap((r) => steps.flatMap((g) => steps.map((b) => [r, g, b])));
  return sharp(Buffer.from(colours.flat()), { raw: { width: 27, height: 27, channels: 3 } });
}
const SPACES = { 'RGB ': 'srgb', GRAY: 'b-w', CMYK: 'cmyk' };
const spaceOf = (profile) => SPACES[profile.toString('latin1', 16, 20)];

/** Pictures with an embedded profile, by format. Embedding it with libvips would convert the pixels as well. */
const PICTURES = {
  async jpg(profile) {
    const encoded = cube().toColourspace(spaceOf(profile)).jpeg({ quality: 95, chromaSubsampling: '4:4:4' });
    const bytes = spaceOf(profile) === 'cmyk' ? fs.readFileSync(CMYK) : await encoded.toBuffer();
    const half = profile.length >> 1;
    const parts = [profile.subarray(0, half), profile.subarray(half)].map((part, at) => {
      const head = Buffer.from(`\xff\xe2\0\0ICC_PROFILE\0${String.fromCharCode(at + 1)}\x02`, 'latin1');
      head.writeUInt16BE(part.length + head.length - 2, 2);
      return Buffer.concat([head, part]);
    });
    return Buffer.concat([bytes.subarray(0, 2), ...parts, withoutProfile(bytes.subarray(2))]);
  },
  async png(profile) {
    const bytes = await cube().toColourspace(spaceOf(profile)).png().toBuffer();
    const data = Buffer.concat([Buffer.from('SECRET\0\0'), deflateSync(profile, { level: 9 })]);
    return Buffer.concat([bytes.subarray(0, 33), chunk('iCCP', data), bytes.subarray(33)]);
  },
  async webp(profile) {
    const bytes = await cube().webp({ lossless: true }).toBuffer();
    const head = Buffer.from('RIFF____WEBPVP8X\x0a\0\0\0\x20\0\0\0\x1a\0\0\x1a\0\0ICCP____', 'latin1');
    head.writeUInt32LE(profile.length, head.length - 4);
    const whole = Buffer.concat([head, profile, Buffer.alloc(profile.length & 1), bytes.subarray(12)]);
    whole.writeUInt32LE(whole.length - 8, 4);
    return whole;
  },
};
/** Removes the segments of a profile from those of a JPEG, which begin after its first two bytes. */
function withoutProfile(segments) {
  const length = 2 + segments.readUInt16BE(2);
  if (segments[1] === 0xda) return segments;
  const rest = withoutProfile(segments.subarray(length));
  return segments[1] === 0xe2 ? rest : Buffer.concat([segments.subarray(0, length), rest]);
}
// WebP has no grey, and only JPEG has CMYK.
const FORMATS = { srgb: ['jpg', 'png', 'webp'], 'b-w': ['jpg', 'png'], cmyk: ['jpg'] };

/**
 * Hashes of the pixels in sRGB, as lcms2 converts them for libvips with the picture's own profile, and of the pixels in
 * the file.
 */
async function pixelsOf(bytes) {
  const converted = await sharp(bytes, { failOn: 'warning' }).toColourspace('srgb').raw().toBuffer();
  const { space } = await sharp(bytes).metadata();
  const own = await sharp(bytes, { ignoreIcc: true }).pipelineColourspace(space).toColourspace(space).raw().toBuffer();
  return { converted: sha256(converted), own: sha256(own) };
}

describe('a colour profile', () => {
  for (const name of PROFILES) {
    const plain = fs.readFileSync(path.join(FOLDER, `${name}.icc`));
    for (const format of FORMATS[spaceOf(plain)]) {
      test(`${name} in a ${format} keeps its colours and nothing else [M2]`, async () => {
        const bytes = await PICTURES[format](withPersonalData(plain));
        const { icc: sent } = await sharp(bytes).metadata();
        assert.ok(sent.equals(withPersonalData(plain)));
        assert.equal(personalTextsIn(sent).length, 4);

        const stored = await storedOf(bytes);
        const { icc } = await sharp(stored).metadata();
        assert.deepEqual([personalTextsIn(stored), personalTextsIn(icc)], [[], []]);
        assert.deepEqual(coloursOf(icc), coloursOf(plain));
        const header = Buffer.from(plain.subarray(0, 128));
        header.writeUInt32BE(icc.length, 0);
        for (const [start, end] of [
          [4, 8],
          [24, 36],
          [40, 64],
          [80, 128],
        ])
          header.fill(0, start, end);
        assert.deepEqual(icc.subarray(0, 128), header);
        const texts = tagsOf(icc).slice(0, 2);
        assert.deepEqual(
          texts.map(([signature]) => signature),
          ['desc', 'cprt'],
        );
        for (const [, text] of texts) assert.match(text.toString('latin1').replaceAll('\0', ''), /-$/);

        const [sentPixels, storedPixels] = [await pixelsOf(bytes), await pixelsOf(stored)];
        assert.deepEqual(storedPixels, sentPixels);
        assert.ok((await storedOf(stored)).equals(stored));
      });
    }
  }

  test('affects the colours, without which the tests would prove nothing [M2]', async () => {
    for (const name of ['DisplayP3-v4', 'AdobeCompat-v2', 'CGATS001Compat-v2-micro', 'tables-v4']) {
      const bytes = await PICTURES.jpg(fs.readFileSync(path.join(FOLDER, `${name}.icc`)));
      const { converted } = await pixelsOf(await storedOf(bytes));
      const unconverted = await sharp(bytes, { ignoreIcc: true }).toColourspace('srgb').raw().toBuffer();
      assert.notEqual(converted, sha256(unconverted), name);
    }
  });
});
