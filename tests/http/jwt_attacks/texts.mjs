// Attacks through the text of a token: duplicate names, size, depth and base64. Each vector returns a token.
import { forge, HS256, luis, now, part, signed } from '../../support/forged.mjs';
import { claims, dashed, latin1, leftover, named, padded, resigned, withClaims, withHeader } from './make.mjs';

export const TEXTS = {
  'duplicates (RFC 7515 5.2, RFC 7519 4)': {
    ...named(['alg', 'typ', 'crit', 'kid', 'jku', 'x5u', 'cty'], (name) => [
      `two of the header's ${name}`,
      () =>
        forge(
          `{"alg":"HS256","typ":"JWT","crit":["x"],"kid":"1","jku":"a","x5u":"a","cty":"JSON","${name}":"x"}`.replace(
            name === 'crit' ? '' : '"crit":["x"],',
            '',
          ),
          luis(),
        ),
    ]),
    'none before HS256': () => forge('{"alg":"none","alg":"HS256"}', luis()),
    'HS256 before none': () => forge('{"alg":"HS256","alg":"none"}', luis()),
    'HS256 before none, unsigned': () => forge('{"alg":"HS256","alg":"none"}', luis(), { signature: '' }),
    'HS256 twice': () => forge('{"alg":"HS256","alg":"HS256"}', luis()),
    'HS256 twice, once escaped': () => forge('{"alg":"HS256","\\u0061lg":"HS256"}', luis()),
    ...named(
      [
        ['sub', '"5"'],
        ['sub', '"6"'],
        ['exp', '9999999999'],
        ['exp', '1'],
        ['nbf', '1'],
        ['iat', '1'],
        ['user_id', '6'],
        ['idUser', '6'],
        ['type', '"access"'],
        ['type', '"refresh"'],
        ['token_type', '"access"'],
        ['iss', '"a"'],
        ['aud', '"a"'],
      ],
      ([name, text]) => [
        `a second ${name} of ${text}`,
        () =>
          forge(
            HS256,
            `{"sub":"6","exp":${now() + 3600},"nbf":1,"iat":1,"user_id":6,"idUser":6,"type":"access",` +
              `"token_type":"access","iss":"a","aud":"a","${name}":${text}}`,
          ),
      ],
    ),
    'a second sub, escaped': () => forge(HS256, `{"sub":"6","\\u0073ub":"5","exp":${now() + 3600}}`),
    'an expired exp before a good one': () => forge(HS256, `{"sub":"6","exp":1,"exp":${now() + 3600}}`),
    'a good exp before an expired one': () => forge(HS256, `{"sub":"6","exp":${now() + 3600},"exp":1}`),
  },

  'size and depth (CVE-2025-30204)': {
    'claims of 100 KiB, correctly signed': () => forge(HS256, { ...luis(), pad: 'A'.repeat(75 * 1024) }),
    'a header of 100 KiB, correctly signed': () => withHeader({ pad: 'A'.repeat(75 * 1024) }),
    'a signature of 100 KiB': () => forge(HS256, luis(), { signature: 'A'.repeat(100 * 1024) }),
    '100 KiB of A': () => 'A'.repeat(100 * 1024),
    '100 KiB of dots': () => '.'.repeat(100 * 1024),
    '100 KiB of equals signs': () => '='.repeat(100 * 1024),
    '100 KiB of spaces in the middle': () => forge(HS256, luis()).replace('.', `${' '.repeat(100 * 1024)}.`),
    '8 KiB of dots': () => '.'.repeat(8 * 1024),
    '7 KiB of dots after a good token': () => forge(HS256, luis()) + '.'.repeat(7 * 1024),
    'seven thousand claims, correctly signed': () =>
      forge(HS256, { ...luis(), ...Object.fromEntries(Array.from({ length: 7000 }, (_, at) => [`c${at}`, 0])) }),
    ...Object.fromEntries(
      [
        ['[', ']'],
        ['{"":', '}'],
      ].flatMap(([open, close]) =>
        [500, 1400].flatMap((levels) => [
          [
            `an unknown claim of ${levels} ${open[0]}, correctly signed`,
            () => forge(HS256, claims({ x: open.repeat(levels) + (close === '}' ? '0' : '') + close.repeat(levels) })),
          ],
          [
            `an unknown header member of ${levels} ${open[0]}, correctly signed`,
            () =>
              forge(
                `{"alg":"HS256","x":${open.repeat(levels)}${close === '}' ? '0' : ''}${close.repeat(levels)}}`,
                luis(),
              ),
          ],
          [
            `a sub of ${levels} ${open[0]}`,
            () =>
              forge(HS256, claims({ sub: open.repeat(levels) + (close === '}' ? '0' : '') + close.repeat(levels) })),
          ],
        ]),
      ),
    ),
    'a header of 5000 brackets': () => forge('['.repeat(5000), luis()),
    'a payload of 5000 brackets': () => forge(HS256, '['.repeat(5000)),
    'an exp of 4000 digits': () => withClaims({ exp: '9'.repeat(4000) }),
    'a sub of 4000 digits': () => withClaims({ sub: '6'.repeat(4000) }),
    'a sub of 4000 digits as text': () => withClaims({ sub: `"${'6'.repeat(4000)}"` }),
    'an exp of 4000 decimals': () => withClaims({ exp: `${now() + 3600}.${'1'.repeat(4000)}` }),
  },

  'base64 (RFC 7515 2, RFC 4648 3)': {
    'padding on the header, correctly signed': () => resigned((header, payload) => `${padded(header)}.${payload}`),
    'padding on the payload, correctly signed': () => resigned((header, payload) => `${header}.${padded(payload)}`),
    'padding on the signature': () => `${forge(HS256, luis())}=`,
    'too much padding on the signature': () => `${forge(HS256, luis())}====`,
    'padding on every part, correctly signed': () =>
      `${resigned((header, payload) => `${padded(header)}.${padded(payload)}`)}=`,
    'padding as %3D': () => `${forge(HS256, luis())}%3D`,
    ...named([1, 2, 3], (by) => [
      `the signature's unused bits set to ${by}`,
      () =>
        ((text) => text.slice(0, text.lastIndexOf('.') + 1) + leftover(text.split('.')[2], by))(forge(HS256, luis())),
    ]),
    "the header's unused bits set, correctly signed": () =>
      resigned((header, payload) => `${leftover(header)}.${payload}`),
    "the payload's unused bits set, correctly signed": () =>
      resigned((header, payload) => `${header}.${leftover(payload)}`),
    'the standard alphabet in the signature': () =>
      dashed().replace(/[^.]*$/, (text) => text.replaceAll('-', '+').replaceAll('_', '/')),
    'the standard alphabet in the payload, correctly signed': () =>
      ((payload) => signed(`${part(HS256)}.${payload}`))(
        Buffer.from(claims({ x: '"~~~???>>>ÿÿÿ"' }))
          .toString('base64')
          .replaceAll('=', ''),
      ),
    'the standard alphabet in the header, correctly signed': () =>
      ((header) => signed(`${header}.${part(luis())}`))(
        Buffer.from('{"alg":"HS256","x":"~~~???>>>ÿÿÿ"}').toString('base64').replaceAll('=', ''),
      ),
    'both alphabets in one signature': () => dashed().replace(/[^.]*$/, (text) => text.replace('-', '+')),
    'a payload of a length that is impossible in base64, correctly signed': () =>
      resigned((header, payload) => `${header}.${payload.slice(0, payload.length - (payload.length % 4))}A`),
    ...Object.fromEntries(
      [
        [' ', 'a space'],
        ['\t', 'a tab'],
        ['=', 'an equals sign'],
        ['%20', '%20'],
        ['%0A', '%0A'],
        ['\\n', 'an escape'],
        ['\\1', 'an octal escape (CVE-2022-25898)'],
        ['~', 'a tilde'],
        ['*', 'a star'],
        ['!', 'an exclamation mark'],
        [',', 'a comma'],
        [':', 'a colon'],
        ['"', 'a quote'],
        ['\u00a0', 'a no-break space'],
        ['\u00ad', 'a soft hyphen'],
        ['\u0085', 'a next line'],
        ['ÿ', 'a byte 255'],
        [latin1('\u200b'), 'a zero-width space'],
        [latin1('Ａ'), 'a wide A'],
      ].flatMap(([text, name]) => [
        [
          `${name} in the header`,
          () => resigned((header, payload) => `${header.slice(0, 4)}${text}${header.slice(4)}.${payload}`),
        ],
        [
          `${name} in the payload`,
          () => resigned((header, payload) => `${header}.${payload.slice(0, 4)}${text}${payload.slice(4)}`),
        ],
        [`${name} in the signature`, () => forge(HS256, luis()).replace(/.{4}$/, (end) => text + end)],
        [
          `${name} before the token`,
          () =>
            (text === ' ' || text === '\t' ? '' : text) +
            forge(HS256, luis()) +
            (text === ' ' || text === '\t' ? `${text}x` : ''),
        ],
        [`${name} after the token`, () => `${forge(HS256, luis())}${text}${text === ' ' || text === '\t' ? '.' : ''}`],
        [`${name} around a dot`, () => forge(HS256, luis()).replace('.', `${text}.${text}`)],
      ]),
    ),
    'other dots': () => latin1(forge(HS256, luis()).replace('.', '。').replace('.', '．')),
    'commas in place of dots': () => forge(HS256, luis()).replaceAll('.', ','),
    'percent-encoded dots': () => forge(HS256, luis()).replaceAll('.', '%2E'),
    'the whole token in base64': () => part(forge(HS256, luis())),
    'parts encoded in base64 twice, correctly signed': () => signed(`${part(part(HS256))}.${part(part(luis()))}`),
    'parts in hexadecimal, correctly signed': () =>
      signed(`${Buffer.from(JSON.stringify(HS256)).toString('hex')}.${Buffer.from(claims()).toString('hex')}`),
    'unencoded parts, correctly signed': () => signed(`${JSON.stringify(HS256)}.${claims()}`),
  },

  'text that is not an object (RFC 8725 2.6, 3.7)': Object.fromEntries(
    [
      ['empty', ''],
      ['a space', ' '],
      ['a list', '[]'],
      ['a list of the object', null],
      ['a string', '"HS256"'],
      ['a number', '1'],
      ['null', 'null'],
      ['true', 'true'],
      ['not JSON', 'sub=6'],
      ['XML', '<sub>6</sub>'],
      ['YAML', 'alg: HS256\nsub: "6"\nexp: 9999999999'],
      ['an object without its end', '{'],
      ['NUL', '\0'],
    ]
      .flatMap(([name, text]) => [
        [`a header that is ${name}`, () => forge(text ?? [HS256], luis())],
        [`a payload that is ${name}`, () => forge(HS256, text ?? [luis()])],
      ])
      .concat(
        [
          ['a byte order mark', (text) => `\ufeff${text}`],
          ['UTF-16', (text) => Buffer.from(text, 'utf16le')],
          ['UTF-16 with its mark', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
          ['text after it', (text) => `${text}x`],
          ['another object after it', (text) => text + text],
          ['NUL after it', (text) => `${text}\0`],
          ['a comma before its end', (text) => text.replace(/\}$/, ',}')],
          ['a comment', (text) => `/**/${text}`],
          ['single quotes', (text) => text.replaceAll('"', "'")],
          ['a byte that is not UTF-8', (text) => Buffer.from(text.replace(/\}$/, ',"x":"\xff"}'), 'latin1')],
          ['an overlong sequence', (text) => Buffer.from(text.replace(/\}$/, ',"x":"\xc0\xaf"}'), 'latin1')],
          ['a surrogate in UTF-8', (text) => Buffer.from(text.replace(/\}$/, ',"x":"\xed\xa0\xbd"}'), 'latin1')],
          ['a line break in a string', (text) => text.replace(/\}$/, ',"x":"a\nb"}')],
          ['a control character in a string', (text) => text.replace(/\}$/, ',"x":"a\x01b"}')],
          ['an unknown escape', (text) => text.replace(/\}$/, ',"x":"\\x41"}')],
          ['bare names', (text) => text.replace(/"(\w+)":/g, '$1:')],
          ['a vertical tab before it', (text) => `\v${text}`],
          ['a no-break space before it', (text) => `\u00a0${text}`],
        ].flatMap(([name, of]) => [
          [`a header with ${name}`, () => forge(of(JSON.stringify(HS256)), luis())],
          [`a payload with ${name}`, () => forge(HS256, of(claims()))],
        ]),
      ),
  ),

  'invalid dates (RFC 7519 4.1.4–4.1.6)': Object.fromEntries(
    Object.entries({ exp: 3600, nbf: -3600, iat: -3600 }).flatMap(([claim, by]) =>
      [
        ['a fraction', () => `${now() + by}.5`],
        ['a float of a whole number', () => `${now() + by}.0`],
        ['an exponent', () => `${(now() + by) / 1e9}e9`],
        ['text', () => `"${now() + by}"`],
        ['a date as text', () => `"${new Date((now() + by) * 1000).toISOString()}"`],
        ['a list', () => `[${now() + by}]`],
        ['an object', () => `{"$date":${now() + by}}`],
        ['a sum', () => `${now() + by}+1`],
        ['hexadecimal', () => `0x${(now() + by).toString(16)}`],
        ['a leading zero', () => `0${now() + by}`],
        ['a plus sign', () => `+${now() + by}`],
        ...[
          '-1',
          '-9999999999',
          '-1.5',
          '-9007199254740991',
          '-9223372036854775808',
          '-1e308',
          '1e308',
          '1e309',
          '1e-400',
          '9007199254740991',
          '9007199254740992',
          '9007199254740993',
          '9223372036854775807',
          '9223372036854775808',
          '18446744073709551615',
          '18446744073709551616',
          'NaN',
          '"NaN"',
          'Infinity',
          '-Infinity',
          '"Infinity"',
          'null',
          '""',
          '"x"',
          '"never"',
          'true',
          'false',
          '[]',
          '{}',
        ].map((text) => [text, () => text]),
      ].map(([name, text]) => [`${claim} as ${name}`, () => withClaims({ [claim]: text() })]),
    ),
  ),
};
