// The table of common passwords is up to date: it is what scripts/passwords.mjs generates from Django's list.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { mostCommon, TABLE, tableOf } from '../../scripts/passwords.mjs';

test('the table has the 3,000 most common passwords of at least six characters', () => {
  const passwords = mostCommon();
  assert.deepEqual([passwords.length, new Set(passwords).size], [3000, 3000]);
  assert.deepEqual(passwords.slice(0, 4), ['123456', '123456789', 'qwerty', 'password']);
  // The contents are compared, because another version of zlib may compress them differently.
  assert.equal(inflateRawSync(fs.readFileSync(TABLE)).toString(), tableOf(passwords));
});
