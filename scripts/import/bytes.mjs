// Reads a source as UTF-8. The file may be compressed with gzip, or in UTF-16, as PowerShell's `>` writes it.
import fs from 'node:fs';
import { pipeline, Readable, Transform } from 'node:stream';
import zlib from 'node:zlib';
import { Trouble } from '../lib.mjs';
import { Letters } from './console.mjs';

/** Returns the first bytes of a file. */
export function headOf(file, length) {
  const head = Buffer.alloc(length);
  const handle = fs.openSync(file, 'r');
  try {
    return head.subarray(0, fs.readSync(handle, head, 0, length, 0));
  } finally {
    fs.closeSync(handle);
  }
}

const BYTE_ORDER_MARKS = { fffe: 'utf-16le', feff: 'utf-16be', efbbbf: 'utf-8' };
const markOf = (bytes) =>
  Object.keys(BYTE_ORDER_MARKS).find((mark) => bytes.subarray(0, mark.length / 2).toString('hex') === mark);

/** Removes a byte order mark, and converts UTF-16 to UTF-8. */
class Decode extends Transform {
  /** The first bytes, until there are enough of them to look for a mark; then undefined. */
  head = Buffer.alloc(0);
  decoder = undefined;
  letters = new Letters();

  start(bytes) {
    const mark = markOf(bytes);
    this.head = undefined;
    if (mark === undefined || mark === 'efbbbf') return bytes.subarray(mark ? 3 : 0);
    this.decoder = new TextDecoder(BYTE_ORDER_MARKS[mark]);
    return bytes;
  }

  _transform(chunk, _encoding, done) {
    let bytes = chunk;
    if (this.head) {
      bytes = Buffer.concat([this.head, chunk]);
      if (bytes.length < 4) {
        this.head = bytes;
        return done();
      }
      bytes = this.start(bytes);
    }
    this.give(bytes, false, done);
  }

  _flush(done) {
    const rest = this.head ? this.start(this.head) : Buffer.alloc(0);
    this.give(rest, true, done);
  }

  give(bytes, isLast, done) {
    if (!this.decoder) return done(null, bytes);
    try {
      done(null, this.letters.next(this.decoder.decode(bytes, { stream: !isLast }), isLast));
    } catch (error) {
      done(error);
    }
  }
}

/**
 * Returns the bytes of a source as UTF-8. A failure ends the import: reading the stream throws it.
 * @returns {Readable}
 */
export function bytesOf(file, { chunk = 1 << 20 } = {}) {
  const read = fs.createReadStream(file, { highWaterMark: chunk });
  const decode = new Decode({ highWaterMark: chunk });
  const isPacked = headOf(file, 2).toString('hex') === '1f8b';
  const stages = isPacked ? [read, zlib.createGunzip({ chunkSize: Math.max(chunk, 64) }), decode] : [read, decode];
  // An error in any stage reaches the reader of the last one.
  pipeline(/** @type {any} */ (stages), () => {});
  return decode;
}

/** Converts a failure of gzip to an error for the operator. Other errors are returned unchanged. */
export const unpacked = (file, error) =>
  /^Z_/.test(error?.code ?? '')
    ? new Trouble(`${file} cannot be decompressed: is it complete? nothing was written`)
    : error;
