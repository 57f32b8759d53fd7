const isObject = (value) => value !== null && typeof value === 'object';
const escaped = (key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1');
const shown = (value) => (value === undefined ? 'nothing' : JSON.stringify(value));

/** One line for each value that differs: its JSON pointer, what it was and what it is now. */
export function differences(before, now, at = '') {
  if (isObject(before) && isObject(now) && Array.isArray(before) === Array.isArray(now)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return keys.flatMap((key) => differences(before[key], now[key], `${at}/${escaped(key)}`));
  }
  return Object.is(before, now) ? [] : [`${at}: ${shown(before)} is now ${shown(now)}`];
}
