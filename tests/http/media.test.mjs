// GET and HEAD /media/avatars/…: the contents of the bucket, as RFC 9110 requires, straight from R2 (cold) and from the
// Cache API (warm).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { problem } from '../support/dialects.mjs';
import { startWorker } from '../support/worker.mjs';

const MIB = 1024 * 1024;
/** Options for tests that only read what they share. */
const TOGETHER = { concurrency: 8 };
const TYPES = { jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png', gif: 'image/gif', webp: 'image/webp' };
const ROUTE = 'GET /media/avatars/*';
/** Headers of every response that contains a picture or confirms that it is unchanged. */
const SERVED = {
  'cache-control': 'public, max-age=31536000, immutable',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  'x-content-type-options': 'nosniff',
};
const TITLES = {
  404: 'Not Found',
  405: 'Method Not Allowed',
  412: 'Precondition Failed',
  416: 'Range Not Satisfiable',
  500: 'Internal Server Error',
};

/** Returns bytes that look random but are the same in every run. */
const noise = (length) => createHash('shake256', { outputLength: length }).update('perfil').digest();
/** Converts bytes to a string of one character each, for readable failures of comparisons. */
const text = (bytes) => bytes.toString('latin1');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

let worker, bare, ten;
const agent = new http.Agent({ keepAlive: true });
before(async () => {
  [worker, bare] = await Promise.all([startWorker(), startWorker({ bindings: false })]);
  ten = await picture(noise(10));
});
after(() => {
  agent.destroy();
  return Promise.all([worker?.stop(), bare?.stop()]);
});

/** Sends the path and the headers unchanged, which fetch would normalise, and returns the raw response. */
function send(target, { method = 'GET', headers = {}, vars, faults, on = worker } = {}) {
  const orders = {
    ...(vars && { 'x-test-variables': JSON.stringify(vars) }),
    ...(faults && { 'x-test-faults': JSON.stringify(faults) }),
  };
  return new Promise((resolve, reject) => {
    const request = http.request(
      on.url,
      { method, path: target, agent, headers: { ...orders, ...headers } },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const all = {};
          for (let at = 0; at < response.rawHeaders.length; at += 2)
            (all[response.rawHeaders[at].toLowerCase()] ??= []).push(response.rawHeaders[at + 1]);
          const {
            'x-request-id': requestId,
            'x-test-d1-calls': d1,
            'x-test-d1-rows-written': _rows,
            'x-test-r2-reads': reads,
            'x-test-r2-writes': writes,
            date,
            connection,
            'keep-alive': alive,
            ...rest
          } = Object.fromEntries(Object.entries(all).map(([name, values]) => [name, values.join(', ')]));
          resolve({
            status: response.statusCode,
            headers: rest,
            bytes: Buffer.concat(chunks),
            requestId,
            d1Calls: Number(d1),
            r2Reads: Number(reads),
            r2Writes: Number(writes),
          });
        });
      },
    );
    request.on('error', reject);
    request.end();
  });
}

let directories = 0;
/** Stores bytes under a key that has not been requested yet, and returns its URL. */
async function stored(bytes, { ext = 'png', metadata } = {}) {
  const key = `avatars/${++directories}/${sha256(bytes)}.${ext}`;
  await worker.bucket.put(key, bytes, metadata);
  return `/media/${key}`;
}

/**
 * Requests a target so that it is cached, which may take longer than the response, and checks that the next response
 * comes from the cache.
 */
async function warmed(target, options) {
  const first = await send(target, options);
  await worker.idle();
  const second = await send(target, options);
  assert.deepEqual([first.status, second.status, second.r2Reads], [200, 200, 0]);
  return target;
}

/**
 * Stores a picture, and returns its bytes, its tag and a cached URL. Equal bytes under equal file names have equal
 * tags.
 */
async function picture(bytes, ext = 'png') {
  const warm = await warmed(await stored(bytes, { ext }));
  const {
    headers: { etag },
  } = await send(warm);
  return { bytes, ext, warm, etag };
}

/** The expected response, except for ids and counts. */
function shown({ bytes, ext, etag }, status, [first, last] = [], allow) {
  const body = (part) => ({ 'content-length': String(part.length), 'content-type': TYPES[ext] });
  switch (status) {
    case 200:
      return { status, headers: { ...SERVED, ...body(bytes), 'accept-ranges': 'bytes', etag }, body: text(bytes) };
    case 206: {
      const part = bytes.subarray(first, last + 1);
      return {
        status,
        headers: { ...SERVED, ...body(part), 'content-range': `bytes ${first}-${last}/${bytes.length}`, etag },
        body: text(part),
      };
    }
    case 304:
      return { status, headers: { ...SERVED, etag }, body: '' };
    default:
      return {
        status,
        body: JSON.stringify(problem(status, TITLES[status])),
        headers: {
          'cache-control': 'no-store',
          'content-type': 'application/problem+json',
          'x-content-type-options': 'nosniff',
          ...(status === 416 && { 'content-range': `bytes */${bytes.length}` }),
          ...(allow && { allow }),
        },
      };
  }
}
/** The part of a response that `shown` describes: for a refusal only the relevant headers, otherwise all of them. */
function seen({ status, headers, bytes }) {
  const { 'accept-ranges': ranges, ...rest } = headers;
  const body = text(bytes);
  if (status === 200) return { status, headers, body };
  if (status < 400) return { status, headers: rest, body };
  const matter = ['allow', 'cache-control', 'content-range', 'content-type', 'etag', 'x-content-type-options'];
  return {
    status,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => matter.includes(name))),
    body,
  };
}

/**
 * Requests a picture cold and warm, and checks that both responses are as expected and have the same headers. HEAD
 * ignores ranges.
 */
async function both(of, headers, status, range, methods = ['HEAD', 'GET']) {
  const target = await stored(of.bytes, of);
  // HEAD comes first, because a GET may fill the cache.
  for (const method of methods) {
    const [cold, warm] = await Promise.all([target, of.warm].map((url) => send(url, { method, headers })));
    const expected =
      method === 'GET'
        ? shown(of, status, range)
        : { ...shown(of, [206, 416].includes(status) ? 200 : status), body: '' };
    assert.deepEqual(seen(cold), expected);
    assert.deepEqual([warm.status, warm.headers, text(warm.bytes)], [cold.status, cold.headers, text(cold.bytes)]);
    assert.deepEqual([cold.r2Reads > 0, warm.r2Reads, cold.d1Calls, warm.d1Calls], [true, 0, 0, 0]);
    assert.notEqual(cold.requestId, warm.requestId);
  }
}

/** Checks that the URL itself is refused: with 404, or with 405 and the allowed methods. */
async function refuses(target, status, { method = 'GET', allow, ...options } = {}) {
  const response = await send(target, { method, ...options });
  const expected = shown({}, status, [], allow);
  if (method === 'HEAD') expected.body = '';
  assert.deepEqual([target, seen(response), response.d1Calls, response.r2Writes], [target, expected, 0, 0]);
  assert.match(response.requestId, /^[0-9a-f]{32}$/);
  return response;
}

describe('a picture', () => {
  for (const ext of Object.keys(TYPES)) {
    const title = `.${ext} is ${TYPES[ext]} for GET and HEAD, from R2 and from the cache, with every header [M4 R10]`;
    test(title, async () => {
      const of = await picture(noise(300), ext);
      await both(of, {}, 200);
      assert.match(of.etag, /^"[\x21\x23-\x7e]+"$/);
    });
  }
  test('the extension determines the headers, not the metadata that an object was stored with [M4]', async () => {
    const metadata = {
      contentType: 'text/html; charset=utf-8',
      contentDisposition: 'attachment',
      contentEncoding: 'gzip',
      contentLanguage: 'es',
      cacheControl: 'no-store',
    };
    for (const ext of Object.keys(TYPES)) {
      const bytes = Buffer.from('<script>alert(1)</script>');
      const { etag } = await picture(bytes, ext);
      const target = await stored(bytes, { ext, metadata });
      for (const response of [await send(target), await send(await warmed(target))])
        assert.deepEqual(seen(response), shown({ bytes, ext, etag }, 200));
    }
  });
  test('different bytes have different tags [M4]', async () => {
    const tags = await Promise.all([10, 11, 300].map(async (length) => (await picture(noise(length))).etag));
    assert.equal(new Set(tags).size, 3);
  });
  for (const key of [
    'avatars/x.png',
    'avatars/a/b/c/d.png',
    'avatars/-/_/..a.png',
    'avatars/a.gif/b.png',
    'avatars/A-Z_0.9/Ab.c.png',
    `avatars/${'k'.repeat(1012)}.png`,
  ]) {
    test(`the key ${key.slice(0, 40)} is served [M4]`, async () => {
      await worker.bucket.put(key, ten.bytes);
      for (const target of [`/media/${key}`, await warmed(`/media/${key}`)]) {
        const response = await send(target);
        assert.deepEqual(seen(response), shown({ ...ten, etag: response.headers.etag }, 200));
      }
    });
  }
  test('a picture with a file name given by a camera is served [M4 N4]', async () => {
    await worker.bucket.put('avatars/IMG_0001.JPG', ten.bytes);
    const response = await send('/media/avatars/IMG_0001.JPG');
    assert.deepEqual([response.status, response.headers['content-type']], [200, 'image/jpeg']);
  });
  test('an empty object is served empty, and only a suffix range of it is satisfiable [M4]', async () => {
    const empty = await picture(noise(0));
    await both(empty, {}, 200);
    for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=1-2', 'bytes=-0']) await both(empty, { range }, 416);
    // RFC 9110 14.1.2: the only satisfiable range of an empty object is a suffix, and no Content-Range could describe
    // it.
    await both(empty, { range: 'bytes=-1' }, 200);
    await both(empty, { 'if-none-match': empty.etag, range: 'bytes=0-' }, 304);
  });
  test('unrelated request headers do not change the response [M4]', async () => {
    for (const headers of [
      { authorization: 'Bearer x.y.z' },
      { cookie: 'a=b' },
      { 'accept-encoding': 'gzip, br' },
      { accept: 'text/html' },
      { 'cache-control': 'no-cache', pragma: 'no-cache' },
      { 'content-type': 'text/html' },
      { 'accept-language': 'es' },
    ])
      await both(ten, headers, 200);
  });
  test('it needs neither a secret nor a database [M4]', async () => {
    const response = await send(await stored(ten.bytes), { vars: { JWT_SECRET: '' } });
    assert.deepEqual([seen(response), response.d1Calls], [shown(ten, 200), 0]);
  });
});

describe('preconditions', TOGETHER, () => {
  const tagOf = (text) => text.slice(1, -1);
  const IF_NONE_MATCH = [
    ['its tag', (t) => t, 304],
    ['its tag in the weak form', (t) => `W/${t}`, 304],
    ['any', () => '*', 304],
    ['a list that ends in its tag', (t) => `"a", "b", ${t}`, 304],
    ['a list that begins with its tag', (t) => `${t}, "a"`, 304],
    ['a list without spaces', (t) => `"a",W/"b",${t},"c"`, 304],
    ['a list with its weak form', (t) => `"a", W/${t}`, 304],
    ['a list with tabs and empty elements', (t) => `, ,"a" ,\t${t} ,`, 304],
    ['a list with commas inside tags', (t) => `"a,b", ",", ${t}`, 304],
    ['a list with an empty tag', (t) => `"", ${t}`, 304],
    ['a list with a tag that ends in a backslash', (t) => `"a\\", ${t}`, 304],
    ['a list with a tag beyond ASCII', (t) => `"\xe9", ${t}`, 304],
    ['a long list', (t) => `${'"0123456789abcdef", '.repeat(200)}${t}`, 304],
    ['two header lines', (t) => ['"a"', t], 304],
    ['another tag', () => '"other"', 200],
    ['other tags', () => '"a", W/"b"', 200],
    ['its tag cut short', (t) => `${t.slice(0, -2)}"`, 200],
    ['its tag with more', (t) => `${t.slice(0, -1)}0"`, 200],
    ['its tag in upper case', (t) => t.toUpperCase(), 200],
    ['a tag that holds its text between commas', (t) => `"a,${tagOf(t)},b"`, 200],
    ['its text without quotes', tagOf, 200],
    ['its text with one quote', (t) => `"${tagOf(t)}`, 200],
    ['its text in single quotes', (t) => `'${tagOf(t)}'`, 200],
    ['its tag after w/', (t) => `w/${t}`, 200],
    ['its tag after W/ and a space', (t) => `W/ ${t}`, 200],
    ['its tag after two W/', (t) => `W/W/${t}`, 200],
    ['a star in quotes', () => '"*"', 200],
    ['garbage', () => 'garbage', 200],
    ['nothing', () => '', 200],
  ];
  const IF_MATCH = [
    ['its tag', (t) => t, 200],
    ['any', () => '*', 200],
    ['a list with its tag', (t) => `"a", ${t}`, 200],
    ['a list with commas inside tags', (t) => `"a,b",${t}`, 200],
    ['two header lines', (t) => ['"a"', t], 200],
    ['its tag in the weak form', (t) => `W/${t}`, 412],
    ['another tag', () => '"other"', 412],
    ['a list with its weak form', (t) => `"a", W/${t}`, 412],
    ['a tag that holds its text between commas', (t) => `"a,${tagOf(t)},b"`, 412],
    ['a star in quotes', () => '"*"', 412],
    ['its text without quotes', tagOf, 412],
    ['garbage', () => 'garbage', 412],
  ];
  for (const [name, rows] of [
    ['if-none-match', IF_NONE_MATCH],
    ['if-match', IF_MATCH],
  ]) {
    for (const [what, value, status] of rows) {
      test(`${name} with ${what} is ${status}, for GET and HEAD, cold and warm [M4]`, async () => {
        await both(ten, { [name]: value(ten.etag) }, status);
      });
    }
  }

  const FUTURE = 'Fri, 01 Jan 2100 00:00:00 GMT';
  const PAST = 'Sat, 01 Jan 2000 00:00:00 GMT';
  const FIRST = { range: 'bytes=0-0' };
  const BEYOND = { range: 'bytes=10-' };
  const OTHER = '"other"';
  const PRECEDENCE = [
    ['a failed match comes first', (t) => ({ 'if-match': OTHER, 'if-none-match': t, ...FIRST }), 412],
    ['a failed match comes before a range beyond the end', () => ({ 'if-match': OTHER, ...BEYOND }), 412],
    ['a tag in both if-match and if-none-match is not modified', (t) => ({ 'if-match': t, 'if-none-match': t }), 304],
    ['a match allows the range', (t) => ({ 'if-match': t, ...FIRST }), 206, [0, 0]],
    ['not modified comes before a range', (t) => ({ 'if-none-match': t, ...FIRST }), 304],
    ['not modified comes before a range beyond the end', (t) => ({ 'if-none-match': `W/${t}`, ...BEYOND }), 304],
    ['not modified comes before if-range', (t) => ({ 'if-none-match': '*', 'if-range': t, ...FIRST }), 304],
    ['modified allows the range', () => ({ 'if-none-match': OTHER, ...FIRST }), 206, [0, 0]],
    ['modified allows a range beyond the end', () => ({ 'if-none-match': OTHER, ...BEYOND }), 416],
    [
      'modified with another if-range returns the whole',
      () => ({ 'if-none-match': OTHER, 'if-range': OTHER, ...FIRST }),
      200,
    ],
    [
      'all conditions together, if true, allow the range',
      (t) => ({ 'if-match': '*', 'if-none-match': OTHER, 'if-range': t, ...FIRST }),
      206,
      [0, 0],
    ],
    [
      'if-modified-since is ignored alongside if-none-match',
      () => ({ 'if-none-match': OTHER, 'if-modified-since': FUTURE }),
      200,
    ],
    [
      'if-none-match decides alongside if-modified-since',
      (t) => ({ 'if-none-match': t, 'if-modified-since': PAST }),
      304,
    ],
    ['if-unmodified-since is ignored alongside if-match', (t) => ({ 'if-match': t, 'if-unmodified-since': PAST }), 200],
    // No response has a Last-Modified to compare with.
    ['dates alone are ignored', () => ({ 'if-modified-since': FUTURE, 'if-unmodified-since': PAST }), 200],
  ];
  for (const [what, headers, status, range] of PRECEDENCE)
    test(`${what}: ${status} [M4]`, () => both(ten, headers(ten.etag), status, range));

  test('preconditions are not evaluated for missing pictures and other methods [M4 R8]', async () => {
    for (const headers of [{ 'if-match': '*' }, { 'if-match': OTHER }, { 'if-none-match': '*' }, FIRST, BEYOND]) {
      for (const method of ['GET', 'HEAD']) await refuses('/media/avatars/42/nothing.png', 404, { method, headers });
      await refuses(ten.warm, 405, { method: 'DELETE', headers, allow: 'GET, HEAD' });
    }
  });
});

describe('ranges', TOGETHER, () => {
  const HUGE = '9'.repeat(40);
  const WHOLE = [0, 9];
  /** For a picture of ten bytes: the header, the status, the bytes. */
  const RANGES = [
    ['bytes=0-0', 206, [0, 0]],
    ['bytes=9-9', 206, [9, 9]],
    ['bytes=3-6', 206, [3, 6]],
    ['bytes=0-', 206, WHOLE],
    ['bytes=0-9', 206, WHOLE],
    ['bytes=9-', 206, [9, 9]],
    ['bytes=5-10', 206, [5, 9]],
    ['bytes=5-99', 206, [5, 9]],
    ['bytes=-1', 206, [9, 9]],
    ['bytes=-9', 206, [1, 9]],
    ['bytes=-10', 206, WHOLE],
    ['bytes=-11', 206, WHOLE],
    [`bytes=0-${HUGE}`, 206, WHOLE],
    [`bytes=-${HUGE}`, 206, WHOLE],
    ['bytes=1-4294967296', 206, [1, 9]],
    ['bytes=1-18446744073709551615', 206, [1, 9]],
    ['bytes=1-18446744073709551616', 206, [1, 9]],
    ['bytes=-9007199254740993', 206, WHOLE],
    ['bytes=000-0001', 206, [0, 1]],
    [`bytes=${'0'.repeat(40)}8-`, 206, [8, 9]],
    ['BYTES=0-0', 206, [0, 0]],
    ['Bytes=-1', 206, [9, 9]],
    ['bytes=10-', 416],
    ['bytes=10-10', 416],
    ['bytes=10-20', 416],
    ['bytes=99-', 416],
    ['bytes=-0', 416],
    ['bytes=-000', 416],
    [`bytes=${HUGE}-`, 416],
    [`bytes=${HUGE}-${HUGE}`, 416],
    ['bytes=4294967296-', 416],
    ['bytes=18446744073709551616-', 416],
    ['bytes=1-0', 200],
    ['bytes=9-8', 200],
    ['bytes=20-10', 200],
    [`bytes=${HUGE}-1`, 200],
    ['bytes=0-0,2-3', 200],
    ['bytes=0-0, -1', 200],
    ['bytes=0-0,99-', 200],
    ['bytes=99-,100-', 200],
    ['bytes=0-0,x', 200],
    [['bytes=0-0', 'bytes=2-3'], 200],
    ['items=0-0', 200],
    ['bytesx=0-0', 200],
    ['byte=0-0', 200],
    ['none=', 200],
    ['items=99-', 200],
    ['bytes', 200],
    ['bytes=', 200],
    ['bytes=-', 200],
    ['bytes=,', 200],
    ['bytes=0', 200],
    ['bytes=a-b', 200],
    ['bytes=0-b', 200],
    ['bytes=0x0-1', 200],
    ['bytes=0-0-0', 200],
    ['bytes=--1', 200],
    ['bytes=+0-1', 200],
    ['bytes=0-+1', 200],
    ['bytes=-+1', 200],
    ['bytes=1.0-2', 200],
    ['bytes=1e0-2', 200],
    ['bytes:0-0', 200],
    ['bytes 0-0', 200],
    ['bytes 0-0/10', 200],
    ['0-0', 200],
    ['=0-0', 200],
    ['bytes==0-0', 200],
    ['bytes=0-0;', 200],
    ['bytes="0-0"', 200],
    ['bytes=\xb2-', 200],
    ['', 200],
    ['bytes =0-0', 200],
    ['bytes=0 -0', 200],
    ['bytes=0- 0', 200],
    ['bytes=0-0 1', 200],
    ['bytes=0 0-1', 200],
    ['bytes=- 1', 200],
    ['bytes=10 -', 200],
    ['  bytes=0-0 \t', 206, [0, 0]],
  ];
  for (const [range, status, part] of RANGES) {
    const response = `${status}${part ? ` ${part.join('-')}` : ''}`;
    test(`${JSON.stringify(range).slice(0, 60)} is ${response} of ten bytes, and HEAD ignores it [M4]`, async () => {
      await both(ten, { range }, status, part);
    });
  }
  test('a picture of one byte has ranges, too [M4]', async () => {
    const one = await picture(noise(1));
    for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=0-1', 'bytes=-1', 'bytes=-2'])
      await both(one, { range }, 206, [0, 0]);
    for (const range of ['bytes=1-', 'bytes=1-1', 'bytes=-0']) await both(one, { range }, 416);
    await both(one, { range: 'bytes=1-0' }, 200);
  });

  const IF_RANGE = [
    ['its tag', (t) => t, true],
    ['its tag in the weak form', (t) => `W/${t}`],
    ['another tag', () => '"other"'],
    ['its text without quotes', (t) => t.slice(1, -1)],
    ['its text with one quote', (t) => t.slice(0, -1)],
    ['a list with its tag', (t) => `${t}, "a"`],
    ['its tag twice', (t) => [t, t]],
    ['any', () => '*'],
    ['a future date', () => 'Fri, 01 Jan 2100 00:00:00 GMT'],
    ['a past date', () => 'Sat, 01 Jan 2000 00:00:00 GMT'],
    ['garbage', () => 'garbage'],
  ];
  for (const [what, value, holds = false] of IF_RANGE) {
    test(`if-range with ${what} ${holds ? 'allows the range' : 'returns the whole'} [M4]`, async () => {
      const headers = { 'if-range': value(ten.etag) };
      await both(ten, { ...headers, range: 'bytes=2-4' }, ...(holds ? [206, [2, 4]] : [200]));
      await both(ten, { ...headers, range: 'bytes=10-' }, holds ? 416 : 200);
      await both(ten, { ...headers, range: 'bytes=4-2' }, 200);
      await both(ten, headers, 200);
    });
  }
});

describe('conditions and ranges at random', () => {
  /**
   * The response to a request for `bytes` according to RFC 9110 (13.2.2, 14.2) and the decisions: the status, and the
   * first and last byte of a 206.
   */
  function model({ 'if-match': match, 'if-none-match': noneMatch, 'if-range': ifRange, range }, { bytes, etag }) {
    const tags = (list) => list.match(/(W\/)?"[^"]*"/g) ?? [];
    if (match !== undefined && match !== '*' && !tags(match).includes(etag)) return [412];
    if (
      noneMatch !== undefined &&
      (noneMatch === '*' || tags(noneMatch).some((tag) => tag.replace(/^W\//, '') === etag))
    )
      return [304];
    const spec = /^bytes=(\d*)-(\d*)$/i.exec(range ?? '');
    if (spec === null || (ifRange !== undefined && ifRange !== etag)) return [200];
    const size = BigInt(bytes.length);
    const [first, last] = spec.slice(1).map((digits) => (digits === '' ? null : BigInt(digits)));
    if (first === null && last === null) return [200];
    if (first === null) {
      if (last === 0n) return [416];
      return size === 0n ? [200] : [206, [Number(last > size ? 0n : size - last), bytes.length - 1]];
    }
    if (last !== null && last < first) return [200];
    return first >= size ? [416] : [206, [Number(first), Number(last === null || last >= size ? size - 1n : last)]];
  }

  test('the responses to 200 requests match a small model of the RFC, cold and warm [M4]', async () => {
    let state = 9110;
    const random = (below) => {
      // mulberry32
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) % below;
    };
    const any = (list) => list[random(list.length)];
    const pictures = await Promise.all(
      [0, 1, 2, 10, 257, 70_000].map((length) => picture(noise(length), any(Object.keys(TYPES)))),
    );
    const statuses = new Set();
    const cases = Array.from({ length: 200 }, () => {
      const of = any(pictures);
      const size = of.bytes.length;
      const tag = () =>
        any([of.etag, of.etag, `W/${of.etag}`, '"other"', 'W/"other"', '"a,b"', '""', any(pictures).etag]);
      const number = () =>
        any(
          [0, 1, 2, size - 1, size, size + 1, Math.floor(size / 2), random(size + 3), 2 ** 32, '9'.repeat(25)].filter(
            (n) => !(n < 0),
          ),
        );
      const list = () =>
        any([
          tag,
          tag,
          () => '*',
          () => [tag(), tag()].join(any([',', ', ', ' , ', ',,'])),
          () => [tag(), tag(), tag()].join(', '),
        ])();
      const headers = {
        ...(random(5) === 0 && { 'if-match': list() }),
        ...(random(3) === 0 && { 'if-none-match': list() }),
        ...(random(3) === 0 && { 'if-range': any([tag, tag, () => 'Fri, 01 Jan 2100 00:00:00 GMT'])() }),
        ...(random(5) !== 0 && {
          range: any([
            () => `bytes=${number()}-${number()}`,
            () => `bytes=${number()}-${number()}`,
            () => `bytes=${number()}-`,
            () => `bytes=-${number()}`,
            () => `bytes=${number()}-${number()},${number()}-`,
            () => `bytes=${number()}`,
            () => `lines=${number()}-`,
          ])(),
        }),
      };
      return { of, method: random(5) === 0 ? 'HEAD' : 'GET', headers };
    });
    await Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        for (const { of, method, headers } of cases.filter((_, at) => at % 8 === lane)) {
          const [status, part] = model(headers, of);
          statuses.add(status);
          try {
            await both(of, headers, status, part, [method]);
          } catch (error) {
            error.message =
              `${method} ${JSON.stringify(headers)} of ${of.bytes.length} bytes with the tag ${of.etag}: ` +
              `${error.message}`;
            throw error;
          }
        }
      }),
    );
    assert.deepEqual([...statuses].sort(), [200, 206, 304, 412, 416]);
  });
});

describe('the cache', () => {
  const FIRSTS = {
    HEAD: { method: 'HEAD' },
    'a range': { headers: { range: 'bytes=2-3' } },
    'a range beyond the end': { headers: { range: 'bytes=99-' } },
    'not modified': { headers: { 'if-none-match': '*' } },
    'a failed match': { headers: { 'if-match': '"other"' } },
    'a failure': { faults: { get: 'refuse', head: 'refuse' } },
    'another method': { method: 'POST' },
    'a preflight': {
      method: 'OPTIONS',
      vars: { CORS_ALLOWED_ORIGINS: '*' },
      headers: { origin: 'https://a.example', 'access-control-request-method': 'GET' },
    },
  };
  for (const [what, options] of Object.entries(FIRSTS)) {
    test(`${what} as the first request does not affect later ones [M4]`, async () => {
      const target = await stored(ten.bytes);
      const { status } = await send(target, options);
      assert.notEqual([status, options.method ?? 'GET'].join(), '200,GET');
      await worker.idle();
      for (const response of [await send(target), await send(await warmed(target))])
        assert.deepEqual(seen(response), shown(ten, 200));
      assert.deepEqual(seen(await send(target, { headers: { range: 'bytes=1-2' } })), shown(ten, 206, [1, 2]));
    });
  }
  test('after one GET nothing reads R2: GET, HEAD, not modified, a range, an unsatisfiable range [M4]', async () => {
    const target = await warmed(await stored(ten.bytes));
    const requested = [
      {},
      { method: 'HEAD' },
      { headers: { 'if-none-match': ten.etag } },
      { headers: { range: 'bytes=-1' } },
      { headers: { range: 'bytes=10-' } },
      { headers: { 'if-match': '"x"' } },
      {},
    ];
    const responses = [];
    for (const options of requested) responses.push(await send(target, options));
    assert.deepEqual(
      responses.map(({ status, r2Reads }) => [status, r2Reads]),
      [
        [200, 0],
        [200, 0],
        [304, 0],
        [206, 0],
        [416, 0],
        [412, 0],
        [200, 0],
      ],
    );
  });
  for (const query of ['?', '?v=2', '?a=/media/x&b=%00', '?../x', '??', '?x=.svg']) {
    test(`the query ${query} is not part of the key, in the bucket or the cache [M4]`, async () => {
      const [plain, requested] = [await stored(ten.bytes), await stored(ten.bytes)];
      assert.deepEqual(seen(await send(requested + query)), shown(ten, 200));
      await worker.idle();
      for (const [target, other] of [
        [requested, ''],
        [requested, query],
        [requested, '?other'],
        [await warmed(plain), query],
      ]) {
        const response = await send(target + other);
        assert.deepEqual([seen(response), response.r2Reads], [shown(ten, 200), 0]);
      }
    });
  }
  test('a missing picture is not cached [M4]', async () => {
    const key = `avatars/late/${sha256(ten.bytes)}.png`;
    for (const method of ['GET', 'HEAD', 'GET']) await refuses(`/media/${key}`, 404, { method });
    await worker.idle();
    await worker.bucket.put(key, ten.bytes);
    assert.deepEqual(seen(await send(`/media/${key}`)), shown(ten, 200));
  });
  const title = 'each response has its own request id, a valid one that was sent or a new one, cached or not [M4 R10]';
  test(title, async () => {
    const target = await stored(ten.bytes);
    const sane = await send(target, { headers: { 'x-request-id': 'first.one' } });
    await worker.idle();
    const others = [
      await send(target),
      await send(target, { headers: { 'x-request-id': 'not sane' } }),
      await send(target, { headers: { 'if-none-match': '*' } }),
      await send(target, { headers: { range: 'bytes=0-0' } }),
      await send(target, { method: 'HEAD' }),
    ];
    assert.deepEqual(
      [sane.requestId, (await send(target, { headers: { 'x-request-id': 'Next:1' } })).requestId],
      ['first.one', 'Next:1'],
    );
    for (const { requestId } of others) assert.match(requestId, /^[0-9a-f]{32}$/);
    assert.equal(new Set(others.map(({ requestId }) => requestId)).size, others.length);
  });
  test('a failing bucket does not affect a cached picture [M4]', async () => {
    const response = await send(ten.warm, { faults: { get: 'refuse', head: 'refuse' } });
    assert.deepEqual(seen(response), shown(ten, 200));
  });
});

describe('a large picture', () => {
  let large;
  before(async () => {
    large = { bytes: noise(3 * MIB + 1), ext: 'webp' };
  });
  const intact = (response, [first, last] = [0, large.bytes.length - 1]) =>
    assert.deepEqual(
      [response.status, response.headers['content-length'], sha256(response.bytes)],
      [
        first === 0 && last === large.bytes.length - 1 ? 200 : 206,
        String(last - first + 1),
        sha256(large.bytes.subarray(first, last + 1)),
      ],
    );

  test('it arrives intact, from R2 and from the cache, and so do its ranges [M4]', async () => {
    const target = await stored(large.bytes, large);
    const parts = [
      [0, MIB],
      [MIB - 1, MIB + 65_536],
      [3 * MIB, 3 * MIB],
      [12_345, 3 * MIB - 1],
    ];
    const ranges = async () => {
      for (const part of parts) intact(await send(target, { headers: { range: `bytes=${part.join('-')}` } }), part);
    };
    await ranges();
    intact(await send(target));
    await worker.idle();
    const warm = await send(target);
    assert.equal(warm.r2Reads, 0);
    intact(warm);
    await ranges();
  });
  test('simultaneous requests before it is cached all get the whole picture [M4]', async () => {
    const target = await stored(large.bytes, large);
    for (const response of await Promise.all(Array.from({ length: 6 }, () => send(target)))) intact(response);
  });
  test('a client that hangs up in the middle leaves no partial picture in the cache [M4]', {
    timeout: 30_000,
  }, async () => {
    const target = await stored(large.bytes, large);
    await new Promise((resolve, reject) => {
      const request = http.get(worker.url + target, { agent: false }, (response) =>
        response
          .once('data', () => request.destroy())
          .once('close', resolve)
          .on('error', () => {}),
      );
      request.on('error', reject);
    });
    await worker.idle();
    for (let round = 0; round < 3; round++) intact(await send(target));
  });
});

describe('a path without a picture', TOGETHER, () => {
  const HASH = '0'.repeat(64);
  const HIDDEN = [
    'other/x.png',
    'secret.png',
    'avatars',
    'avatars/',
    'avatars.png',
    'avatarsx/x.png',
    'Avatars/x.png',
    `avatars/42/${HASH}.svg`,
    `avatars/42/${HASH}.html`,
    `avatars/42/${HASH}`,
    'avatars/42/png',
    'avatars//x.png',
    'avatars/42//x.png',
    '/avatars/x.png',
    'avatars/42/x y.png',
    'avatars/42/x%20y.png',
    'avatars/42/é.png',
    'avatars/42/x.png/',
    'avatars/42/x.pngx',
    'avatars/42/x.png.txt',
    'avatars/42/x+y.png',
    'avatars/42/~x.png',
    'avatars/42/x,y.png',
    'avatars/42%2Fz.png',
    'avatars/42/x.png;v=1',
    'avatars/42/x.jpe',
    'avatars/42/x.avif',
    'avatars/42/x.png\n',
    'media/avatars/x.png',
  ];
  const known = `42/${HASH}.png`;
  before(() => Promise.all([`avatars/${known}`, ...HIDDEN].map((key) => worker.bucket.put(key, 'hidden'))));

  const UNKNOWN = [
    '/media',
    '/media/',
    '/media//',
    '/media?x',
    '/media/avatars',
    '/media/avatars/',
    '/media/avatars//',
    '/media/avatars.png',
    '/mediax',
    '/mediax/avatars/x.png',
    '/Media/avatars/x.png',
    '/MEDIA/AVATARS/X.PNG',
    '/media/Avatars/x.png',
    '/media/avatarsx/x.png',
    '/media/other/x.png',
    '/media/secret.png',
    '/media/x',
    '/media/media/avatars/x.png',
    `//media/avatars/${known}`,
    `/media//avatars/${known}`,
    `/media/avatars//${known}`,
    `/media/avatars/42//${HASH}.png`,
    '/media/avatars/42//x.png',
    '/media/avatars//x.png',
    '/media//avatars/x.png',
    `/media/avatars/${known}/`,
    '/media/avatars/42/x.png/',
    `/media/avatars/${known}//`,
    `/media/avatars/${known}/x`,
    `/media/avatars/42/${HASH}.svg`,
    `/media/avatars/42/${HASH}.html`,
    `/media/avatars/42/${HASH}.PNG`,
    `/media/avatars/42/${HASH}`,
    `/media/avatars/42/${HASH}.png.`,
    '/media/avatars/42/png',
    '/media/avatars/42/x.pngx',
    '/media/avatars/42/x.png.txt',
    '/media/avatars/42/x.jpe',
    '/media/avatars/42/x.avif',
    `/media/avatars/42/../${known}`,
    `/media/avatars/x/../${known}`,
    `/media/avatars/./${known}`,
    `/media/x/../avatars/${known}`,
    `/media/avatars/%2e%2e/avatars/${known}`,
    `/x/../media/avatars/${known}`,
    `/media/avatars\\${known}`,
    `/media\\avatars/${known}`,
    '/media/avatars/../secret.png',
    '/media/avatars/../other/x.png',
    '/media/avatars/42/../../secret.png',
    '/media/avatars/../../secret.png',
    '/media/avatars/..',
    '/media/avatars/.',
    '/media/avatars/42/..',
    '/media/..',
    '/media/avatars/../',
    '/media/avatars/%2e%2e/secret.png',
    '/media/avatars/%2E./secret.png',
    '/media/avatars/.%2e/other/x.png',
    '/media/avatars/%2e%2e/%2e%2e/secret.png',
    '/media/avatars/..%2fsecret.png',
    '/media/avatars/..%2Fsecret.png',
    '/media/avatars/%2e%2e%2fsecret.png',
    '/media/avatars/..%5Csecret.png',
    '/media/avatars/..\\secret.png',
    '/media/avatars/42/...%2f..%2fsecret.png',
    '/media/avatars/%252e%252e/secret.png',
    `/media/avatars/42%2F${HASH}.png`,
    `/media%2Favatars/${known}`,
    `/media/avatars%2F${known}`,
    '/media/avatars/42%2Fz.png',
    '/media/avatars/42%2fz.png',
    '/media/avatars/42/x%20y.png',
    '/media/avatars/42/x%2520y.png',
    '/media/avatars/42/x+y.png',
    '/media/avatars/42/~x.png',
    '/media/avatars/42/x,y.png',
    '/media/avatars/42/%C3%A9.png',
    '/media/avatars/42/\xc3\xa9.png',
    '/media/avatars/42/%ff.png',
    '/media/avatars/42/x%00.png',
    `/media/avatars/${known}%00`,
    '/media/avatars/42/x.png%0A',
    '/media/avatars/42/x.png%0a',
    '/media/avatars/42/x.png;v=1',
    `/media/avatars/${known}%3Fv=1`,
    `/media/avatars/${known}%20`,
    '/media/avatars/42/%.png',
    '/media/avatars/42/%zz.png',
    '/media/avatars/42/*.png',
    '/media/avatars/42/?.png',
    '/media/avatars/?key=avatars/x.png',
    // R2 itself accepts no key of more than 1024 bytes, which must not count as a failure.
    `/media/avatars/${'k'.repeat(1013)}.png`,
    `/media/avatars/${'k'.repeat(5_000)}.png`,
    `/media/avatars/${'k/'.repeat(2_500)}x.png`,
    `/media/avatars/1/${HASH}.gif`,
    '/media/avatars/x.webp',
  ];
  for (const target of UNKNOWN) {
    test(`${target.replaceAll(HASH, '0…').slice(0, 60)} is not found, cold and again [M4 R8 R10]`, async () => {
      for (const method of ['GET', 'HEAD', 'GET']) await refuses(target, 404, { method });
    });
  }
  test('outside /media/avatars, every method is not found [M4 R8]', async () => {
    for (const target of ['/media', '/media/', '/media/other/x.png', '/media/avatarsx/x.png']) {
      for (const method of ['PUT', 'POST', 'DELETE', 'OPTIONS']) await refuses(target, 404, { method });
    }
  });
});

describe('other methods', () => {
  for (const method of ['PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS']) {
    const title =
      `${method} is not allowed on a picture, whether it exists or not, with or without a token, and does nothing ` +
      '[M4 R8 R10]';
    test(title, async () => {
      const targets = [ten.warm, await stored(noise(20)), '/media/avatars/42/nothing.png'];
      const before = await worker.dump();
      for (const target of targets) {
        for (const headers of [
          {},
          { authorization: 'Bearer x.y.z' },
          { 'content-type': 'image/png', 'content-length': '0' },
        ]) {
          const { r2Reads } = await refuses(target, 405, { method, headers, allow: 'GET, HEAD' });
          assert.equal(r2Reads, 0);
        }
      }
      assert.equal(await worker.dump(), before);
      const after = await send(ten.warm);
      assert.deepEqual([seen(after), after.r2Reads], [shown(ten, 200), 0]);
    });
  }
});

describe('other origins', () => {
  const APP = 'https://app.example.com';
  const LIST = { CORS_ALLOWED_ORIGINS: `${APP}, https://admin.example.com` };
  /** The origin of the request, the variables, and the expected CORS headers. */
  const ORIGIN_CASES = {
    'an origin allowed': [
      { vars: LIST, headers: { origin: APP } },
      { allowed: APP, credentials: 'true', vary: 'Origin' },
    ],
    'another origin allowed': [
      { vars: LIST, headers: { origin: 'https://admin.example.com' } },
      { allowed: 'https://admin.example.com', credentials: 'true', vary: 'Origin' },
    ],
    'an origin not allowed': [{ vars: LIST, headers: { origin: 'https://evil.example' } }, { vary: 'Origin' }],
    'no origin': [{ vars: LIST }, { vary: 'Origin' }],
    'any origin if all are allowed': [
      { vars: { CORS_ALLOWED_ORIGINS: '*' }, headers: { origin: 'https://evil.example' } },
      { allowed: '*' },
    ],
    'any origin if none is allowed': [{ headers: { origin: APP } }, {}],
  };
  const cors = ({ headers }) => {
    const credentials = headers['access-control-allow-credentials'];
    const all = { allowed: headers['access-control-allow-origin'], credentials, vary: headers.vary };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  };
  const others = ({ headers }) =>
    Object.keys(headers).filter(
      (name) => name.startsWith('access-control-') && name !== 'access-control-expose-headers',
    );

  /** The headers that allow a page to read a response. */
  const allowing = ({ allowed, credentials }) => [
    ...(allowed ? ['access-control-allow-origin'] : []),
    ...(credentials ? ['access-control-allow-credentials'] : []),
  ];

  for (const [first, [filling]] of Object.entries(ORIGIN_CASES)) {
    test(`${first} filling the cache does not affect the CORS headers of later requests [M4 R11]`, async () => {
      const target = await stored(ten.bytes);
      const cold = await send(target, filling);
      assert.deepEqual([cold.status, cors(cold)], [200, ORIGIN_CASES[first][1]]);
      await worker.idle();
      for (const [options, expected] of Object.values(ORIGIN_CASES)) {
        for (const [extra, status] of [
          [{}, 200],
          [{ range: 'bytes=0-0' }, 206],
          [{ range: 'bytes=10-' }, 416],
          [{ 'if-none-match': '*' }, 304],
          [{ 'if-match': '"x"' }, 412],
        ]) {
          const response = await send(target, { ...options, headers: { ...options.headers, ...extra } });
          assert.deepEqual(
            [response.status, response.r2Reads, cors(response), others(response)],
            [status, 0, expected, allowing(expected)],
          );
        }
      }
    });
  }
  test('a refusal names an allowed origin as well, and no other [M4 R11]', async () => {
    for (const [options, expected] of Object.values(ORIGIN_CASES)) {
      for (const [target, method, status] of [
        ['/media/avatars/42/nothing.png', 'GET', 404],
        ['/media/x', 'GET', 404],
        [ten.warm, 'POST', 405],
        [ten.warm, 'OPTIONS', 405],
      ]) {
        const response = await send(target, { method, ...options });
        assert.deepEqual([response.status, cors(response)], [status, expected]);
      }
    }
  });
  const title = 'a preflight is handled for allowed origins, and is like any other method for the rest [M4 R11]';
  test(title, async () => {
    for (const [options, expected] of Object.values(ORIGIN_CASES)) {
      if (!options.headers) continue;
      for (const target of [ten.warm, '/media/avatars/42/nothing.png']) {
        const headers = {
          ...options.headers,
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'range,if-none-match',
        };
        const response = await send(target, { method: 'OPTIONS', ...options, headers });
        if (!expected.allowed) {
          assert.deepEqual(
            [seen(response), cors(response), others(response)],
            [shown({}, 405, [], 'GET, HEAD'), expected, []],
          );
          continue;
        }
        const vary = [expected.vary, 'Access-Control-Request-Headers'].filter(Boolean).join(', ');
        assert.deepEqual(
          [
            response.status,
            text(response.bytes),
            cors(response),
            response.headers['access-control-allow-methods'],
            response.headers['cache-control'],
            response.headers['x-content-type-options'],
            response.r2Reads,
          ],
          [204, '', { ...expected, vary }, 'GET, HEAD', 'no-store', 'nosniff', 0],
        );
      }
    }
  });
});

describe('the bucket', () => {
  const fails = async (target, method, options, cause) => {
    const response = await send(target, { method, ...options });
    const expected = shown({}, 500);
    if (method === 'HEAD') expected.body = '';
    assert.deepEqual([seen(response), response.d1Calls], [expected, 0]);
    const line = await (options.on ?? worker).logOf(response);
    assert.deepEqual([line.route, line.method, line.status, line.d1_calls], [ROUTE, method, 500, 0]);
    assert.match(line.cause, cause);
  };
  for (const kind of ['refuse', 'lose']) {
    const title =
      `if it fails (${kind}), the response hides the cause, the log has it, and the next request works ` +
      '[M4 R9 R10]';
    test(title, async () => {
      for (const [method, headers] of [
        ['GET', {}],
        ['HEAD', {}],
        ['GET', { range: 'bytes=0-0' }],
        ['GET', { 'if-none-match': '*' }],
      ]) {
        const target = await stored(ten.bytes);
        await fails(target, method, { headers, faults: { get: kind, head: kind } }, /^bucket: .*by the test/);
        assert.deepEqual(seen(await send(target)), shown(ten, 200));
      }
    });
  }
  const title = 'if none is bound, that is the cause, and refusals that need no bucket still work [M4 R9 R8]';
  test(title, async () => {
    for (const method of ['GET', 'HEAD'])
      await fails('/media/avatars/42/x.png', method, { on: bare }, /^AVATARS is not bound to an R2 bucket$/);
    for (const target of ['/media', '/media/avatars/', '/media/other/x.png', '/media/avatars/42/x.svg'])
      await refuses(target, 404, { on: bare });
    await refuses('/media/avatars/42/x.png', 405, { method: 'PUT', on: bare, allow: 'GET, HEAD' });
  });
});

describe('the log line', () => {
  const CASES = [
    ['GET', {}, 200],
    ['HEAD', {}, 200],
    ['GET', { range: 'bytes=0-0' }, 206],
    ['GET', { 'if-none-match': '*' }, 304],
    ['HEAD', { 'if-none-match': '*' }, 304],
    ['GET', { 'if-match': '"x"' }, 412],
    ['GET', { range: 'bytes=10-' }, 416],
    ['GET', { authorization: 'Bearer x.y.z' }, 200],
  ];
  /** The fields of a line except the id, the durations and the code of a refusal. */
  const said = ({ request_id, duration_ms, d1_ms, code, ...rest }) => rest;
  test('every request is one line that contains the route but not the key, cold and warm [M4 O2]', async () => {
    for (const [method, headers, status] of CASES) {
      for (const target of [await stored(ten.bytes), ten.warm]) {
        const response = await send(target, { method, headers });
        const line = await worker.logOf(response);
        assert.deepEqual(said(line), { method, route: ROUTE, status, d1_calls: 0 });
        assert.equal('code' in line, status >= 400);
        assert.equal(typeof line.duration_ms, 'number');
        assert.equal(worker.lines.filter(({ message }) => message.includes(response.requestId)).length, 1);
      }
    }
  });
  test('a missing picture is logged with the route that its path matches [M4 O2]', async () => {
    for (const [method, target, route, status] of [
      ['GET', '/media/avatars/42/nothing.png', ROUTE, 404],
      ['GET', '/media/x', null, 404],
      ['GET', '/media', null, 404],
    ]) {
      assert.deepEqual(said(await worker.logOf(await send(target, { method }))), {
        method,
        route,
        status,
        d1_calls: 0,
      });
    }
    const { status, d1_calls: d1 } = await worker.logOf(await send(ten.warm, { method: 'DELETE' }));
    assert.deepEqual([status, d1], [405, 0]);
  });
  test('no part of a path, a query or a header is in any line [M4 O2]', async () => {
    const WORD = 'Zanzibar';
    await worker.bucket.put(`avatars/${WORD}.png`, ten.bytes);
    for (const target of [`/media/avatars/${WORD}.png?q=${WORD}`, `/media/avatars/no-${WORD}.png`, `/media/${WORD}`]) {
      for (const faults of [{}, { get: 'refuse', head: 'refuse' }])
        await worker.logOf(
          await send(target, {
            faults,
            headers: {
              'if-none-match': `"${WORD}"`,
              'if-range': WORD,
              range: `${WORD}=0-`,
              cookie: WORD,
              referer: `https://${WORD}.example/`,
            },
          }),
        );
    }
    assert.equal(JSON.stringify(worker.lines).includes(WORD), false);
  });
  test('the requests of this file, including one whose client hung up, have written no other line [M4 O2]', () => {
    for (const { message } of [...worker.lines, ...bare.lines])
      assert.match(
        message,
        /^\{"request_id":"[^"]+","method":"[A-Z]+","route":("GET \/media\/avatars\/\*"|null),"status":\d{3},.*\}$/,
      );
    const ids = worker.lines.map(({ message }) => JSON.parse(message).request_id);
    assert.ok(ids.length > 1_000);
    assert.equal(new Set(ids).size, ids.length);
  });
});
