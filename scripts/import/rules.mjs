// The rules for the values of records. They are the same as the dialects' rules for requests (src/domain/text.rs), so
// that a record can be sent back as it was imported (contract R16). tests/import/round_trip.test.mjs compares the two.
import net from 'node:net';

const EDGES = /^\p{White_Space}+|\p{White_Space}+$/gu;
/** Invisible characters (contract R14). */
const INVISIBLE = /[\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}]/u;
const BLANK = /^[\p{White_Space}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}]*$/u;
const LABEL = /^[\p{Alphabetic}\p{N}-]{1,63}$/u;
const bytes = (text) => Buffer.byteLength(text);
/** Counts Unicode scalar values. Only a text with surrogates has to be split for that. */
const length = (text) => (/[\ud800-\udbff]/.test(text) ? [...text].length : text.length);

export const trim = (text) => text.replace(EDGES, '');

/** Checks whether a text has only white space and invisible characters. */
export const isBlank = (text) => BLANK.test(text);

/** A line of text. Like every rule, returns the reason why a trimmed text breaks it, or undefined. */
export function line(text, min, max) {
  if (!text.isWellFormed()) return 'is not valid Unicode';
  if (/\p{Cc}/u.test(text)) return 'has control characters';
  const characters = length(text);
  if (characters < min || characters > max) return `has ${characters} characters, ${min} to ${max} are allowed`;
  if (min > 0 && isBlank(text)) return 'has only invisible characters';
}

const isLabel = (label) => LABEL.test(label) && !/^-|-$/.test(label);

/** `user@domain.tld`; the user may have letters of any script (RFC 6531). */
export function email(text, max) {
  const fault = line(text, 3, max);
  if (fault) return fault;
  const at = text.lastIndexOf('@');
  const [user, domain] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  const words = user.split('.');
  const isUser = bytes(user) <= 64 && words.every((word) => /^[\p{Alphabetic}\p{N}!#$%&'*+/=?^_`{|}~-]+$/u.test(word));
  const labels = domain.split('.');
  const top = labels.at(-1);
  const isDomain =
    labels.length > 1 &&
    bytes(domain) <= 255 &&
    labels.every(isLabel) &&
    length(top) > 1 &&
    /\p{Alphabetic}/u.test(top);
  if (!isUser || !isDomain) return 'is not an e-mail address';
  if (INVISIBLE.test(text)) return 'has invisible characters';
}

/** A user name in Django. */
export function djangoUsername(text) {
  const fault = line(text, 1, 150);
  if (fault) return fault;
  if (INVISIBLE.test(text)) return 'has invisible characters';
  if (!/^[\p{Alphabetic}\p{N}_.@+-]+$/u.test(text)) return 'has characters other than letters, digits and _.@+-';
}

/** A user name in falcon, which allows everything except white space. */
export function falconUsername(text) {
  const fault = line(text, 1, 150);
  if (fault) return fault;
  if (INVISIBLE.test(text)) return 'has invisible characters';
  if (/\p{White_Space}/u.test(text)) return 'has white space';
}

/** Checks for a name or address of a host, as in a URL. */
function isHost(host) {
  if (/^\[.*\]$/.test(host)) return net.isIPv6(host.slice(1, -1)) && !host.includes('%');
  const name = host.replace(/\.$/, '');
  const labels = name.split('.');
  // Some hosts in use have underscores in their names.
  if (!labels.every((label) => isLabel(label.replaceAll('_', 'x')))) return false;
  return !/^\d*$/.test(labels.at(-1)) || net.isIPv4(name);
}

/** An absolute `http` or `https` URL. */
export function url(text) {
  const fault = line(text, 1, 2048);
  if (fault) return fault;
  const [, authority] = /^https?:\/\/([^/?#]*)/i.exec(text) ?? [];
  const [, host, port = ''] = /^(?:.*@)?((?:.*\])?[^:]*?)(?::(.*))?$/.exec(authority ?? '') ?? [];
  const isPort = /^\d*$/.test(port) && Number(port) <= 65535;
  if (/[\p{White_Space}"<>\\^`{|}]/u.test(text) || !host || !isHost(host) || !isPort) return 'is not an http(s) URL';
}

/** A path, relative or absolute, without `..`, or an `http(s)` URL. */
export function imagePath(text) {
  const fault = line(text, 1, 255);
  if (fault) return fault;
  if (text.includes('://')) return url(text);
  const decoded = ['%2e.', '%2f/', '%5c\\', '%3a:'].reduce(
    (path, pair) => path.replaceAll(pair.slice(0, 3), pair[3]),
    text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
  );
  const isPath = !/^\\|^\/[/\\]/.test(decoded) && !decoded.includes(':');
  if (!isPath || decoded.split(/[/\\?#]/).includes('..')) return 'is neither a path nor an http(s) URL';
}

/** A picture that Perfil can serve under the name that Django gave it. */
export function storedPicture(text) {
  const isPath = /^avatars(\/[\w.-]+)+$/.test(text) && !/\/\.{1,2}\//.test(text) && text.length <= 255;
  if (!isPath || !/\.(jpe?g|png|gif|webp)$/i.test(text))
    return 'is not avatars/….jpg, .jpeg, .png, .gif or .webp in letters, digits and ._-';
}

/** An optional `+` and 6 to 15 digits, which may be separated by spaces and dashes. */
export function phone(text) {
  const digits = text.replace(/\D/g, '').length;
  const isPhone = /^\+?\d[\d -]*\d$/.test(text) && digits >= 6 && digits <= 15 && text.length <= 40;
  if (!isPhone) return 'is not a telephone number of 6 to 15 digits';
}

export function nationalId(text) {
  if (!/^[A-Za-z0-9.-]{5,20}$/.test(text)) return 'is not 5 to 20 letters, digits, dots or dashes';
}
