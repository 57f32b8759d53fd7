// Writes src/domain/common_passwords.bin, the table of the passwords that PASSWORD_BLOCKLIST refuses, from Django's
// list of common passwords (tests/fixtures/passwords/README.md).
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync, gunzipSync } from 'node:zlib';
import { root } from './lib.mjs';

const SOURCE = path.join(root, 'tests/fixtures/passwords/common-passwords.txt.gz');
export const TABLE = path.join(root, 'src/domain/common_passwords.bin');

/** How many passwords ASVS 5.0 asks for (6.2.4). */
const COUNT = 3000;
/** The fewest characters that seam takes in a password. */
const SHORTEST = 6;

/**
 * The first passwords of the list that are long enough, the most common first. The list has a few entries outside
 * ASCII, which somebody has decoded with the wrong character set; they are left out.
 */
export function mostCommon() {
  const all = gunzipSync(fs.readFileSync(SOURCE)).toString('utf8').split('\n');
  const isOurs = (word) => word.length >= SHORTEST && /^[!-~]+$/.test(word);
  return all.filter(isOurs).slice(0, COUNT);
}

function sharedStart(one, other) {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

/**
 * Passwords in alphabetical order, each as a capital letter and a text. The letter says how many characters the
 * password before loses at its end (A for none, B for one), and the text is what it gets in their place. There are no
 * capitals in the passwords.
 */
export function tableOf(passwords) {
  let previous = '';
  const entries = [...passwords].sort().map((word) => {
    const shared = sharedStart(word, previous);
    const entry = String.fromCharCode('A'.charCodeAt(0) + previous.length - shared) + word.slice(shared);
    if (!/^[A-Z][^A-Z]+$/.test(entry)) throw new Error(`the table has no way to write ${word}`);
    previous = word;
    return entry;
  });
  return entries.join('');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const table = deflateRawSync(tableOf(mostCommon()), { level: 9 });
  fs.writeFileSync(TABLE, table);
  console.log(`${path.relative(root, TABLE)}: ${table.length} bytes`);
}
