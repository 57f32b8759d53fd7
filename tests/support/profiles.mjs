// Colour profiles (ICC.1:2022, section 7): reads their contents, and adds personal data to them.

/** The tags that convert colours. */
const CONVERTING = new Set(
  ['wtpt', 'bkpt', 'chad', 'rXYZ', 'gXYZ', 'bXYZ', 'rTRC', 'gTRC', 'bTRC', 'kTRC', 'cicp', 'gamt'].concat(
    [0, 1, 2].flatMap((intent) => [`A2B${intent}`, `B2A${intent}`]),
  ),
);

/** The tags of a profile: signature and data. */
export function tagsOf(profile) {
  return Array.from({ length: profile.readUInt32BE(128) }, (_, at) => {
    const entry = 132 + 12 * at;
    const start = profile.readUInt32BE(entry + 4);
    const data = profile.subarray(start, start + profile.readUInt32BE(entry + 8));
    return [profile.toString('latin1', entry, entry + 4), data];
  });
}

/** The version, class, colour spaces and colour-converting tags of a profile. */
export function coloursOf(profile) {
  const tags = tagsOf(profile).map(([signature]) => signature);
  return [profile.toString('latin1', 8, 10), profile.toString('latin1', 12, 24), ...tags]
    .filter((word) => word.length !== 4 || CONVERTING.has(word))
    .sort();
}

const word = (number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
};
const utf16be = (text) => Buffer.from(text, 'utf16le').swap16();
const pad = (data) => Buffer.concat([data, Buffer.alloc(-data.length & 3)]);

/** Encodes text in the type of version 4 profiles; `described` does so in that of version 2. */
function localized(text) {
  const unicode = utf16be(text);
  return Buffer.concat([
    Buffer.from('mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CesES', 'latin1'),
    word(unicode.length),
    word(28),
    unicode,
  ]);
}
function described(text) {
  const ascii = Buffer.from(`${text}\0`, 'latin1');
  const unicode = utf16be(`${text}\0`);
  const length = word(ascii.length);
  const head = Buffer.from('desc\0\0\0\0', 'latin1');
  return Buffer.concat([head, length, ascii, word(0), word(unicode.length / 2), unicode, Buffer.alloc(70)]);
}

/** Texts that no stored picture may contain. */
export const PERSONAL_TEXTS = ['SECRET', 'María González', 'maria@example.com', '20.6736 N'];

/** Adds the texts, device and private tags that programs write to a profile, and a date and a hash to its header. */
export function withPersonalData(profile) {
  const isOld = profile[8] < 4;
  const text = (content) => (isOld ? described(content) : localized(content));
  const plain = (content) => Buffer.from(`text\0\0\0\0${content}\0`, 'latin1');
  const copyright = '(c) María González, maria@example.com, 20.6736 N 103.3440 W';
  const tags = [
    ['desc', text("María González's Studio Display")],
    ['cprt', isOld ? plain(copyright) : localized(copyright)],
    ...tagsOf(profile).filter(([signature]) => !['desc', 'cprt'].includes(signature)),
    ['dmnd', text('SECRET maker')],
    ['dmdd', text('SECRET model')],
    ['mmod', Buffer.from('mmod\0\0\0\0SECRET serial number', 'latin1')],
    ['meta', Buffer.concat([Buffer.from('dict\0\0\0\0', 'latin1'), utf16be('SECRET')])],
    ['targ', plain('SECRET')],
    ['SECR', Buffer.from('SECRET')],
  ];
  const header = Buffer.from(profile.subarray(0, 128));
  header.write('SECR', 4);
  header.write('\x07\xe8\0\x05\0\x06\0\x07\0\x08\0\x09', 24, 'latin1');
  header.write('SECRET-MODEL', 48);
  header.write('SECRSECRETSECRETSECR', 80);
  let end = 132 + 12 * tags.length;
  const places = new Map();
  const entries = tags.map(([signature, data]) => {
    const key = data.toString('latin1');
    if (!places.has(key)) {
      places.set(key, end);
      end += pad(data).length;
    }
    return Buffer.concat([Buffer.from(signature), word(places.get(key)), word(data.length)]);
  });
  header.writeUInt32BE(end, 0);
  const datas = [...places.keys()].map((key) => pad(Buffer.from(key, 'latin1')));
  return Buffer.concat([header, word(tags.length), ...entries, ...datas]);
}

/** The texts that occur in these bytes, in ASCII, Latin-1, UTF-8 or either UTF-16. */
export function personalTextsIn(bytes) {
  const encoded = (text) =>
    /** @type {const} */ (['latin1', 'utf8', 'utf16le']).map((encoding) => Buffer.from(text, encoding));
  return PERSONAL_TEXTS.filter((text) => [...encoded(text), utf16be(text)].some((needle) => bytes.includes(needle)));
}
