// The table of common passwords is what scripts/passwords.mjs makes of Django's list.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { mostCommon, TABLE, tableOf } from '../../scripts/passwords.mjs';

test('the table holds the 3,000 most common passwords of six characters and more', () => {
  const passwords = mostCommon();
  assert.deepEqual([passwords.length, new Set(passwords).size], [3000, 3000]);
  assert.deepEqual(passwords.slice(0, 4), ['123456', '123456789', 'qwerty', 'password']);
  // Another version of zlib may compress it in another way.
  assert.equal(inflateRawSync(fs.readFileSync(TABLE)).toString(), tableOf(passwords));
});
