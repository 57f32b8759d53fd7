// Selects the tests for `npm test -- …`: test files of Node, and modules of the native tests.
import fs from 'node:fs';
import path from 'node:path';
import { root, Trouble } from '../lib.mjs';

const NATIVE = 'tests/native';

/** Returns all test files of Node below a folder. */
const testsBelow = (folder) =>
  fs
    .readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll(path.sep, '/')}`)
    .filter((file) => file.endsWith('.test.mjs'))
    .sort();

export const allTests = () => ['tests/scripts', 'tests/import', 'tests/http'].flatMap(testsBelow);

/** Returns cargo's name for the module of a native test: `picture::png::` for tests/native/picture/png.rs. */
const moduleOf = (file) => `${file.slice(`${NATIVE}/`.length).replace(/\.rs$/, '').replaceAll('/', '::')}::`;

/** Resolves one argument to `{files, modules}`. The empty module stands for all native tests. */
function find(argument) {
  const file = path.relative(root, path.resolve(root, argument)).replaceAll(path.sep, '/');
  const found = fs.statSync(path.join(root, file), { throwIfNoEntry: false });
  if (!found) throw new Trouble(`${argument} does not exist`);
  const isFolder = found.isDirectory();
  if (file === NATIVE || file === `${NATIVE}/main.rs`) return { modules: [''] };
  if (file.startsWith(`${NATIVE}/`) && (isFolder || file.endsWith('.rs'))) return { modules: [moduleOf(file)] };
  const files = isFolder ? testsBelow(file) : [file].filter((each) => each.endsWith('.test.mjs'));
  if (file.startsWith('tests/') && files.length > 0) return { files };
  throw new Trouble(`${argument} is not a test: specify files *.test.mjs or ${NATIVE}/*.rs, or a folder of tests`);
}

/**
 * Resolves the arguments to `{files, native, modules, options}`. With `native`, the native tests of `modules` run, or
 * all of them if it is empty. Options are passed to `node --test`; if no test is specified, it runs all of its tests.
 */
export function select(args) {
  const options = args.filter((each) => each.startsWith('-'));
  const found = args.filter((each) => !each.startsWith('-')).map(find);
  const modules = found.flatMap((each) => each.modules ?? []);
  const files = found.length === 0 ? allTests() : found.flatMap((each) => each.files ?? []);
  if (files.length === 0 && options.length > 0)
    throw new Trouble(`${options.join(' ')}: options apply to the tests of Node only, and none is specified`);
  return { files, modules: modules.includes('') ? [] : modules, native: modules.length > 0, options };
}
