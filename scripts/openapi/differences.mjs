const isObject = (value) => value !== null && typeof value === 'object';
const escaped = (key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1');
const shown = (value) => (value === undefined ? 'nothing' : JSON.stringify(value));

/** Texts longer than this are cut to the part that differs. */
const LONG = 120;
/** Number of characters that are shown on each side of that part. */
const AROUND = 30;

/** Cuts the common beginning and end off two texts, except for `AROUND` characters. */
function cut(before, now) {
  const shorter = Math.min(before.length, now.length);
  let start = 0;
  while (start < shorter && before[start] === now[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === now.at(-1 - end)) end++;
  const from = Math.max(0, start - AROUND);
  const part = (text) => {
    const to = Math.min(text.length, text.length - end + AROUND);
    return `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`;
  };
  return [part(before), part(now)];
}

/** Returns one line for each value that differs: its JSON pointer, the old value and the new one. */
export function differences(before, now, at = '') {
  if (isObject(before) && isObject(now) && Array.isArray(before) === Array.isArray(now)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return keys.flatMap((key) => differences(before[key], now[key], `${at}/${escaped(key)}`));
  }
  if (Object.is(before, now)) return [];
  const areTexts = typeof before === 'string' && typeof now === 'string';
  const [was, is] = areTexts && Math.max(before.length, now.length) > LONG ? cut(before, now) : [before, now];
  return [`${at}: ${shown(was)} is now ${shown(is)}`];
}
