// Repairs letters that Windows PowerShell has damaged. For `mysqldump seam > dump.sql`, it decodes the dump's UTF-8 in
// the console's old code page and writes the result as UTF-16, so every non-ASCII letter becomes two or more others.
// This can be undone, because each of these letters stands for one byte.
import { Trouble } from '../lib.mjs';

/** The bytes 128 to 255 in the code pages of consoles: 850 in Europe and Latin America, 437 in the United States. */
const PAGES = [
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐' +
    '└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0',
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐' +
    '└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0',
];
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Encodes a text in a code page, one character for each byte; undefined if the page lacks one of its letters. */
function bytesIn(page, text) {
  const bytes = [...text].map((char) => (char < '\x80' ? char : String.fromCharCode(page.indexOf(char) + 128)));
  return bytes.includes('\x7f') && !text.includes('\x7f') ? undefined : bytes.join('');
}

function isUtf8(bytes) {
  try {
    utf8.decode(Buffer.from(bytes, 'latin1'));
    return true;
  } catch {
    return false;
  }
}

/** Repairs a text if its first non-ASCII letters show that PowerShell has damaged it. */
export class Letters {
  /** The code pages in which the text may have been decoded. Undefined until known; empty if it was not damaged. */
  pages = undefined;
  /** Text that ends within the first run of non-ASCII letters. */
  held = '';

  /** Returns the next piece of the text as UTF-8. */
  next(piece, isLast) {
    const text = this.held + piece;
    this.held = '';
    if (this.pages === undefined) {
      const [first] = /[^\0-\x7f]+/.exec(text) ?? [];
      if (first === undefined) return Buffer.from(text);
      if (text.endsWith(first) && !isLast) {
        this.held = text;
        return Buffer.alloc(0);
      }
      this.pages = PAGES.filter((page) => isUtf8(bytesIn(page, first) ?? '\xff'));
    }
    if (this.pages.length === 0) return Buffer.from(text);
    const letters = [...new Set(text.match(/[^\0-\x7f]/gu))].join('');
    this.pages = this.pages.filter((page) => bytesIn(page, letters) !== undefined);
    if (this.pages.length === 0)
      throw new Trouble(
        'PowerShell has damaged the letters of the dump: write it with --result-file=dump.sql, not with >; ' +
          'nothing was written',
      );
    const bytes = new Map([...letters].map((char) => [char, bytesIn(this.pages[0], char)]));
    return Buffer.from(
      text.replace(/[^\0-\x7f]/gu, (char) => bytes.get(char)),
      'latin1',
    );
  }
}
