// Writes src/domain/common_passwords.bin, the passwords that PASSWORD_BLOCKLIST refuses, from Django's list of common
// passwords (tests/fixtures/passwords/README.md).
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync, gunzipSync } from 'node:zlib';
import { root } from './lib.mjs';

const SOURCE = path.join(root, 'tests/fixtures/passwords/common-passwords.txt.gz');
export const TABLE = path.join(root, 'src/domain/common_passwords.bin');

/** The number of passwords that ASVS 5.0 requires (6.2.4). */
const COUNT = 3000;
/** Minimum length of a password in seam, in characters. */
const MIN_LENGTH = 6;

/**
 * Returns the most common passwords that are long enough, in the order of the list. A few entries are not ASCII,
 * because they were decoded with a wrong character set; they are skipped.
 */
export function mostCommon() {
  const all = gunzipSync(fs.readFileSync(SOURCE)).toString('utf8').split('\n');
  const isIncluded = (word) => word.length >= MIN_LENGTH && /^[!-~]+$/.test(word);
  return all.filter(isIncluded).slice(0, COUNT);
}

function sharedStart(one, other) {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

/**
 * Encodes passwords in alphabetical order, each as a capital letter and a text. The letter is the number of characters
 * to remove from the end of the previous password (A for none, B for one), and the text replaces them. The passwords
 * contain no capitals.
 */
export function tableOf(passwords) {
  let previous = '';
  const entries = [...passwords].sort().map((word) => {
    const shared = sharedStart(word, previous);
    const entry = String.fromCharCode('A'.charCodeAt(0) + previous.length - shared) + word.slice(shared);
    if (!/^[A-Z][^A-Z]+$/.test(entry)) throw new Error(`the table cannot represent ${word}`);
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
