// Real pictures over HTTP: what is stored of each, according to decoders that share no code with the worker (libvips,
// UPNG).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import UPNG from 'upng-js';
import { CONTENT_TYPES, chunk, clearPictures, formOf, objectOf, objects, png, sha256 } from '../support/avatars.mjs';
import { coloursOf } from '../support/profiles.mjs';
import { assertRefused } from '../support/responses.mjs';
import { startWorker } from '../support/worker.mjs';

const FOLDER = path.resolve(import.meta.dirname, '../fixtures/pictures');
const PROFILE = '/api/profile/42/update/';
const NOT_IMAGE = {
  avatar: ['Upload a valid image. The file you uploaded was either not an image or a corrupted image.'],
};
const FOTO_NOT_IMAGE = { message: "El campo 'foto' debe ser una imagen JPEG, PNG, GIF o WebP válida" };
const PICTURES = Object.fromEntries(
  fs
    .readdirSync(FOLDER)
    .filter((name) => /\.(jpg|png|gif|webp)$/.test(name))
    .map((name) => [name, fs.readFileSync(path.join(FOLDER, name))]),
);

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());
beforeEach(() => clearPictures(worker));

/** Uploads a picture, which must be accepted with this extension, and returns the stored bytes as they are served. */
async function storedOf(bytes, extension) {
  const response = await worker.put(PROFILE, { as: 42, form: formOf({ avatar: bytes }) });
  assert.equal(response.status, 200, response.text);
  const { avatar } = response.json;
  const served = await worker.send('GET', avatar);
  assert.deepEqual([served.status, served.headers.get('content-type')], [200, CONTENT_TYPES[extension]]);
  const stored = Buffer.from(served.bytes);
  const key = `avatars/42/${sha256(stored)}.${extension}`;
  assert.equal(avatar, `/media/${key}`);
  await worker.idle();
  assert.deepEqual(await objects(worker), [objectOf(key, stored)]);
  return stored;
}
const refuses = (bytes) =>
  assertRefused(worker, PROFILE, { as: 42, form: formOf({ avatar: bytes }) }, 400, NOT_IMAGE, { d1: 0, r2: [0, 0] });

/** Everything that is visible of a picture: every frame's pixels in the file's own colours, and how to show them. */
async function seen(bytes) {
  const open = () => sharp(bytes, { animated: true, failOn: 'warning' });
  const {
    width,
    height,
    channels,
    space,
    depth,
    pages,
    pageHeight,
    loop,
    delay,
    hasAlpha,
    isProgressive,
    isPalette,
    bitsPerSample,
    chromaSubsampling,
    icc,
    orientation = 1,
  } = await open().metadata();
  const inOwn = await open().pipelineColourspace(space).toColourspace(space).raw({ depth }).toBuffer();
  const inRgb = await open().raw().toBuffer();
  const turned = await sharp(bytes).autoOrient().raw().toBuffer({ resolveWithObject: true });
  const frames = bytes.subarray(1, 4).toString() === 'PNG' ? animationOf(bytes) : undefined;
  return {
    width,
    height,
    channels,
    space,
    depth,
    pages,
    pageHeight,
    loop,
    delay,
    hasAlpha,
    isProgressive,
    isPalette,
    bitsPerSample,
    chromaSubsampling,
    orientation,
    frames,
    icc: icc && coloursOf(icc),
    pixels: sha256(inOwn),
    rgb: sha256(inRgb),
    turned: [turned.info.width, turned.info.height, sha256(turned.data)],
  };
}
/** The frames of a PNG, of which libvips only shows the first. */
function animationOf(bytes) {
  const decoded = UPNG.decode(new Uint8Array(bytes).buffer);
  const {
    width,
    height,
    depth,
    ctype,
    tabs: { acTL },
  } = decoded;
  return {
    width,
    height,
    depth,
    ctype,
    acTL,
    rects: decoded.frames.map(({ rect, delay, dispose, blend }) => ({ rect, delay, dispose, blend })),
    pixels: UPNG.toRGBA8(decoded).map((frame) => sha256(Buffer.from(frame))),
  };
}
/** The metadata of a picture. */
async function metadataOf(bytes) {
  const { exif, xmp, iptc, comments, orientation } = await sharp(bytes, { animated: true }).metadata();
  return { exif, xmp, iptc, comments, orientation };
}
const NEEDLES = [
  'SECRET',
  'GPS',
  'ns.adobe.com/xap',
  'xmpmeta',
  'XMP',
  'Photoshop 3.0',
  '8BIM',
  'tEXt',
  'zTXt',
  'iTXt',
  'tIME',
  'vpAg',
  'Comment',
  'ImageMagick',
  'Adobe Photoshop',
];
const needles = (bytes) => NEEDLES.filter((needle) => bytes.includes(needle));

async function assertOnlyPictureKept(bytes, extension) {
  const stored = await storedOf(bytes, extension);
  assert.deepEqual(await seen(stored), await seen(bytes));
  const { exif, orientation = 1, ...rest } = await metadataOf(stored);
  assert.deepEqual(rest, { xmp: undefined, iptc: undefined, comments: undefined });
  // An orientation requires Exif data of a header and one entry; other pictures need none.
  assert.ok((exif?.length ?? 0) <= (orientation === 1 ? 0 : 40), `${exif?.length} bytes of Exif`);
  assert.deepEqual(needles(stored), []);
  // The stored picture has no metadata left: uploading it again gives the same object.
  assert.deepEqual(await storedOf(stored, extension), stored);
  return stored;
}

describe('a fixture', () => {
  const EXPECTED = {
    'phone.jpg': { orientation: 6, exif: true, xmp: true, iptc: true, icc: true },
    'progressive.jpg': { orientation: 3, exif: true, isProgressive: true },
    'cmyk.jpg': { space: 'cmyk', xmp: true, icc: true },
    'grey.jpg': { space: 'b-w' },
    'restarts.jpg': { exif: true },
    'interlaced.png': { orientation: 8, isProgressive: true, exif: true, icc: true, comments: true },
    'palette.png': { isPalette: true, hasAlpha: true, comments: true },
    'deep.png': { depth: 'ushort' },
    'alpha.png': { hasAlpha: true, comments: true },
    'animated.png': { hasAlpha: true, comments: true, frames: 3 },
    'still.gif': { isPalette: true },
    'animated.gif': { pages: 3, loop: 6 },
    'simple.webp': {},
    'lossy.webp': { orientation: 6, exif: true, xmp: true, icc: true },
    'lossless.webp': { hasAlpha: true },
    'extended.webp': { exif: true },
    'alpha.webp': { hasAlpha: true, xmp: true },
    'animated.webp': { orientation: 2, pages: 3, exif: true, hasAlpha: true },
  };
  test('has the expected properties, without which the tests would prove nothing [M2]', async () => {
    assert.deepEqual(Object.keys(PICTURES).sort(), Object.keys(EXPECTED).sort());
    for (const [name, expected] of Object.entries(EXPECTED)) {
      const { exif, xmp, iptc, comments } = await metadataOf(PICTURES[name]);
      const { frames, icc, ...all } = await seen(PICTURES[name]);
      const facts = {
        ...all,
        exif: !!exif,
        xmp: !!xmp,
        iptc: !!iptc,
        comments: !!comments,
        icc: !!icc,
        frames: frames?.pixels.length,
      };
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, facts[key]])), expected, name);
    }
  });
  for (const [name, bytes] of Object.entries(PICTURES)) {
    const extension = name.split('.').pop();
    const title =
      `${name} is stored with identical pixels, its colours, its orientation, ` + 'and nothing else [M1 M2 M3]';
    test(title, () => assertOnlyPictureKept(bytes, extension));
    test(`${name} is stored without the bytes after its end [M1 M2]`, async () => {
      const plain = await storedOf(bytes, extension);
      for (const tail of ['\0', '<script>alert(1)</script>', 'PK\u0003\u0004SECRET', bytes]) {
        assert.deepEqual(await storedOf(Buffer.concat([bytes, Buffer.from(tail)]), extension), plain);
      }
    });
    test(`${name} is refused if it is cut off at any point [M1 R7]`, async () => {
      // Some metadata follows the picture itself, so the stored bytes are cut off instead.
      const whole = await storedOf(bytes, extension);
      for (const length of [
        4,
        16,
        40,
        whole.length >> 2,
        whole.length >> 1,
        ((whole.length * 9) / 10) | 0,
        whole.length - 12,
        whole.length - 1,
      ])
        await refuses(whole.subarray(0, length));
    });
  }
  test("a phone's picture is stored the same way for a persona [P5 M2]", async () => {
    const stored = await storedOf(PICTURES['phone.jpg'], 'jpg');
    const { status, json } = await worker.put('/api/personas/6/foto', {
      as: 6,
      form: formOf({ foto: PICTURES['phone.jpg'] }),
    });
    assert.deepEqual([status, json.foto_url], [200, `${worker.url}/media/avatars/6/${sha256(stored)}.jpg`]);
    assert.deepEqual(await worker.bucket.get(`avatars/6/${sha256(stored)}.jpg`), new Uint8Array(stored));
  });
});

describe('a picture encoded by libvips', () => {
  const scene = async (options = {}) =>
    sharp({
      create: {
        width: 61,
        height: 37,
        channels: 3,
        background: '#27c',
        noise: { type: 'gaussian', mean: 120, sigma: 40 },
      },
    })
      .png()
      .toBuffer()
      .then((bytes) => sharp(bytes, options));
  const encoders = {
    'a JPEG without subsampling': ['jpg', (image) => image.jpeg({ quality: 92, chromaSubsampling: '4:4:4' })],
    'a JPEG of mozjpeg': ['jpg', (image) => image.jpeg({ mozjpeg: true })],
    'a grey JPEG of many scans': [
      'jpg',
      (image) => image.greyscale().jpeg({ progressive: true, trellisQuantisation: true, optimiseScans: true }),
    ],
    'a JPEG with everything': [
      'jpg',
      (image) =>
        image
          .withExif({
            IFD0: { Copyright: 'SECRET', Artist: 'SECRET' },
            IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 3230/100' },
          })
          .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">SECRET</x:xmpmeta>')
          .withIccProfile('p3')
          .jpeg(),
    ],
    'a 16-bit PNG': ['png', (image) => image.toColourspace('rgb16').png()],
    'a grey PNG with an alpha channel': ['png', (image) => image.greyscale().ensureAlpha(0.5).png()],
    'an interlaced PNG with a palette': ['png', (image) => image.png({ palette: true, colours: 4, progressive: true })],
    'a one-bit PNG': ['png', (image) => image.threshold().png({ palette: true, colours: 2 })],
    'a PNG with everything': [
      'png',
      (image) =>
        image
          .withExif({ IFD0: { Copyright: 'SECRET' } })
          .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">SECRET</x:xmpmeta>')
          .withIccProfile('p3')
          .png(),
    ],
    'a GIF': ['gif', (image) => image.gif()],
    'an interlaced GIF': ['gif', (image) => image.gif({ progressive: true, colours: 8 })],
    'a lossy WebP with everything': [
      'webp',
      (image) =>
        image
          .ensureAlpha(0.5)
          .withExif({ IFD0: { Copyright: 'SECRET' } })
          .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">SECRET</x:xmpmeta>')
          .withIccProfile('p3')
          .webp(),
    ],
    'a nearly lossless WebP': ['webp', (image) => image.webp({ nearLossless: true })],
    'a lossless WebP': ['webp', (image) => image.webp({ lossless: true })],
  };
  for (const [what, [extension, encode]] of Object.entries(encoders)) {
    test(`${what} is stored with identical pixels and without metadata [M1 M2]`, async () =>
      assertOnlyPictureKept(await encode(await scene()).toBuffer(), extension));
  }

  test('an animated WebP and an animated GIF keep their frames, delays and loop counts [M2]', async () => {
    const frames = await Promise.all(
      [1, 2, 3, 4, 5].map((at) =>
        sharp({ create: { width: 20, height: 30, channels: 4, background: { r: 50 * at, g: 0, b: 9, alpha: 1 } } })
          .png()
          .toBuffer(),
      ),
    );
    const joined = () => sharp(frames, { join: { animated: true } });
    await assertOnlyPictureKept(
      await joined()
        .withExif({ IFD0: { Artist: 'SECRET' } })
        .webp({ loop: 2, delay: [30, 40, 50, 60, 70] })
        .toBuffer(),
      'webp',
    );
    await assertOnlyPictureKept(
      await joined()
        .gif({ loop: 0, delay: [30, 40, 50, 60, 70] })
        .toBuffer(),
      'gif',
    );
  });

  for (const [extension, encode] of [
    ['jpg', (image) => image.jpeg()],
    ['png', (image) => image.png()],
    ['webp', (image) => image.webp()],
  ]) {
    test(`each of the eight orientations of a ${extension} is kept [M2]`, async () => {
      for (let orientation = 1; orientation <= 8; orientation++) {
        const bytes = await encode((await scene()).withMetadata({ orientation })).toBuffer();
        assert.equal((await metadataOf(bytes)).orientation, orientation);
        const stored = await assertOnlyPictureKept(bytes, extension);
        assert.equal((await metadataOf(stored)).orientation ?? 1, orientation);
      }
    });
  }

  const plain = (width, height) => sharp({ create: { width, height, channels: 3, background: '#fff' } });
  const formats = {
    jpg: (image) => image.jpeg(),
    png: (image) => image.png({ palette: true }),
    gif: (image) => image.gif(),
    webp: (image) => image.webp({ lossless: true, effort: 0 }),
  };
  for (const [extension, encode] of Object.entries(formats)) {
    // A side of a WebP cannot exceed 16384 pixels, and libwebp encodes one less.
    const max = extension === 'webp' ? 16_383 : 16_384;
    test(`a ${extension} may have ${max} pixels per side, but not more than 16384 [M1 R7]`, async () => {
      for (const [width, height] of [
        [1, 1],
        [max, 1],
        [1, max],
      ]) {
        const { width: w, height: h } = await sharp(
          await storedOf(await encode(plain(width, height)).toBuffer(), extension),
        ).metadata();
        assert.deepEqual([w, h], [width, height]);
      }
      if (extension === 'webp') return;
      for (const [width, height] of [
        [16_385, 1],
        [1, 16_385],
      ])
        await refuses(await encode(plain(width, height)).toBuffer());
    });
  }
  test('a picture of 50,000,000 pixels is stored, and a larger one is refused [M1 R7]', async () => {
    const white = (width, height) => {
      const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
      header.writeUInt32BE(width, 0);
      header.writeUInt32BE(height, 4);
      const pixels = deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8))));
      const chunks = [chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))];
      return Buffer.concat([png().subarray(0, 8), ...chunks]);
    };
    const { width, height } = await sharp(await storedOf(white(10_000, 5_000), 'png')).metadata();
    assert.deepEqual([width, height], [10_000, 5_000]);
    await refuses(white(10_000, 5_001));
  });
  test("a phone's picture of 48 megapixels is stored [M1]", async () => {
    const bytes = await plain(8064, 6048).jpeg({ quality: 50 }).toBuffer();
    const { width, height } = await sharp(await storedOf(bytes, 'jpg')).metadata();
    assert.deepEqual([width, height], [8064, 6048]);
  });
  for (const [what, encode] of Object.entries({
    'an AVIF': (image) => image.avif({ effort: 0 }),
    'a TIFF': (image) => image.tiff(),
    'a raw picture': (image) => image.raw(),
  })) {
    test(`${what} is not a supported picture [M1 D5 R7]`, async () => refuses(await encode(plain(16, 16)).toBuffer()));
  }
});

describe('a file that is not a valid picture', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>';
  const html = '<!doctype html><html><body><script>alert(1)</script></body></html>';
  const header = (...bytes) =>
    Buffer.from(bytes.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)));
  const riff = (kind, ...chunks) => {
    const body = Buffer.concat([Buffer.from(kind), ...chunks]);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(body.length);
    return Buffer.concat([Buffer.from('RIFF'), size, body]);
  };
  const bare = png();
  /** The bare PNG with the chunk of this type replaced by `change`. */
  const changed = (type, change) => {
    const at = bare.indexOf(type) - 4;
    const end = at + 12 + bare.readUInt32BE(at);
    return Buffer.concat([bare.subarray(0, at), change(bare.subarray(at, end)), bare.subarray(end)]);
  };
  const wrongSum = (piece) => Buffer.concat([piece.subarray(0, -1), Buffer.from([piece.at(-1) ^ 1])]);
  const sized = (width, height) =>
    changed('IHDR', (piece) => {
      const data = Buffer.from(piece.subarray(8, -4));
      data.writeUInt32BE(width, 0);
      data.writeUInt32BE(height, 4);
      return chunk('IHDR', data);
    });
  const cases = {
    'an SVG': svg,
    'an SVG after a byte order mark': `\ufeff<?xml version="1.0"?>${svg}`,
    HTML: html,
    'a script': 'alert(1)',
    'a PDF': '%PDF-1.7\n%âãÏÓ\n',
    'a ZIP': header('PK', [3, 4], '\0'.repeat(40)),
    'an empty ZIP': header('PK', [5, 6], '\0'.repeat(18)),
    'a BMP': header(
      'BM',
      [58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0],
      '\0'.repeat(28),
    ),
    'an icon': header([0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 32, 0], '\0'.repeat(60)),
    'a JPEG 2000': header([0, 0, 0, 12], 'jP  \r\n', [0x87, 10]),
    'a JPEG XL': header([0xff, 0x0a], '\0'.repeat(40)),
    'a HEIC': header([0, 0, 0, 24], 'ftypheic\0\0\0\0mif1heic'),
    'audio in RIFF': riff('WAVE', Buffer.from('fmt \x10\0\0\0'), Buffer.alloc(16)),
    'a video in RIFF': riff('AVI ', Buffer.alloc(32)),
    zeros: Buffer.alloc(4096),
    'a picture in base64': bare.toString('base64'),
    'a data URL': `data:image/png;base64,${bare.toString('base64')}`,
    'a PNG after a space': Buffer.concat([Buffer.from(' '), bare]),
    'a PNG after HTML': Buffer.concat([Buffer.from(html), bare]),
    'a JPEG after HTML': Buffer.concat([Buffer.from(html), PICTURES['grey.jpg']]),
    'a PNG whose line breaks were converted': Buffer.from(bare.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
    'the signature of a PNG': bare.subarray(0, 8),
    'a PNG without pixels': changed('IDAT', () => Buffer.alloc(0)),
    'a PNG without its end': bare.subarray(0, -12),
    'a PNG without a header': changed('IHDR', () => Buffer.alloc(0)),
    'a PNG whose header comes late': changed('IHDR', (piece) =>
      Buffer.concat([chunk('tEXt', Buffer.from('a\0b')), piece]),
    ),
    'a PNG with a wrong checksum in its header': changed('IHDR', wrongSum),
    'a PNG with a wrong checksum in its pixels': changed('IDAT', wrongSum),
    'a PNG with a wrong checksum at its end': changed('IEND', wrongSum),
    'a PNG with a byte of its pixels changed': changed('IDAT', (piece) =>
      Buffer.concat([piece.subarray(0, 10), Buffer.from([piece[10] ^ 0x55]), piece.subarray(11)]),
    ),
    'a PNG with an unknown critical chunk': changed('IEND', (piece) =>
      Buffer.concat([chunk('EVIL', Buffer.from('x')), piece]),
    ),
    'a PNG of zero width': sized(0, 2),
    'a PNG of zero height': sized(2, 0),
    'a PNG that claims a width of 16385': sized(16_385, 2),
    'a PNG that claims a height of 2³¹': sized(2, 0x80000000),
    'a PNG bomb': sized(50_000, 50_000),
    'a GIF that is a script': 'GIF89a=1;alert(1)//',
    'a GIF that is a script in a comment': header('GIF89a/*', '\0'.repeat(5), '*/=1;alert(1)'),
    'a GIF without a picture': header('GIF89a', [1, 0, 1, 0, 0, 0, 0], ';'),
    'a GIF of another version': header(
      'GIF90a',
      [1, 0, 1, 0, 0, 0, 0],
      ',',
      [0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0],
      ';',
    ),
    'a JPEG of only its first markers': header([0xff, 0xd8, 0xff, 0xe0]),
    'a JPEG without a frame': header([0xff, 0xd8, 0xff, 0xd9]),
    'a JPEG that is a script': header([0xff, 0xd8, 0xff], '/*', html, '*/=alert(1)'),
    'a WebP without a picture': riff('WEBP'),
    'a WebP of only Exif': riff('WEBP', Buffer.from('EXIF\x04\0\0\0abcd')),
    'a WebP that claims to be longer than it is': Buffer.concat([
      PICTURES['simple.webp'].subarray(0, 4),
      Buffer.from([0xff, 0xff, 0xff, 0x7f]),
      PICTURES['simple.webp'].subarray(8),
    ]),
  };
  for (const [what, content] of Object.entries(cases)) {
    test(`${what} is refused, and nothing is stored [M1 D5 R7]`, async () => {
      const bytes = Buffer.from(content);
      await refuses(bytes);
      await assertRefused(
        worker,
        '/api/personas/6/foto',
        { as: 6, form: formOf({ foto: { bytes, name: 'photo.png', type: 'image/png' } }) },
        400,
        FOTO_NOT_IMAGE,
        { d1: 0, r2: [0, 0] },
      );
    });
  }

  test('a picture whose metadata is HTML is stored without it [M1 M2]', async () => {
    const stored = await storedOf(
      changed('IDAT', (piece) => Buffer.concat([chunk('tEXt', Buffer.from(`Comment\0${html}`)), piece])),
      'png',
    );
    assert.deepEqual(stored, Buffer.from(bare));
  });
  const title =
    'far more pixels than the header announces are refused: 30 MB of zeros in 30 KB for four pixels [M1 R7]';
  test(title, () => refuses(changed('IDAT', () => chunk('IDAT', deflateSync(Buffer.alloc(30_000_000))))));
});
