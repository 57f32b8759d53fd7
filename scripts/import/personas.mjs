// Reads personas from a CSV file whose first line names the columns.
import { pipeline, Readable } from 'node:stream';
import { Trouble } from '../lib.mjs';
import { bytesOf, unpacked } from './bytes.mjs';
import { checkColumns, recordOf } from './records.mjs';
import * as rules from './rules.mjs';

const PERSONA = {
  kind: 'personas',
  columns: ['id', 'user_email', 'nombres', 'apellidos', 'telefono', 'dni', 'foto_url', 'created_at'],
  id: 'id',
  read: (row) => ({
    user: row.optional('user_email', (text) => rules.line(text, 1, 254)),
    nombres: row.name('nombres', 1, 100),
    apellidos: row.name('apellidos', 1, 100),
    telefono: row.optional('telefono', rules.phone),
    dni: row.text('dni', rules.nationalId),
    foto_url: row.optional('foto_url', rules.url),
    created_at: row.time('created_at'),
  }),
};

/** Detects the delimiter of the columns, which depends on the spreadsheet's locale. */
async function delimiterOf(file) {
  let head = '';
  for await (const chunk of bytesOf(file)) {
    head += chunk.toString('latin1');
    if (head.length > 4096) break;
  }
  const [line] = head.split(/[\r\n]/);
  return [',', ';', '\t'].reduce((best, each) => (line.split(each).length > line.split(best).length ? each : best));
}

export async function* personas(file, findings) {
  const { parse } = await import('csv-parse');
  const decoder = new TextDecoder('utf-8', { fatal: true });
  async function* text() {
    for await (const chunk of bytesOf(file)) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  }
  let header;
  try {
    const delimiter = await delimiterOf(file);
    const rows = pipeline(
      Readable.from(text()),
      parse({ bom: true, delimiter, relax_column_count: true, skip_empty_lines: true, info: true }),
      () => {},
    );
    for await (const { record, info } of rows) {
      if (!header) {
        header = record.map((name) => name.trim());
        checkColumns(file, 'the header', PERSONA, header, findings);
        if (new Set(header).size < header.length) throw new Trouble(`the header of ${file} names a column twice`);
        continue;
      }
      const values =
        record.length === header.length ? Object.fromEntries(header.map((name, at) => [name, record[at]])) : undefined;
      yield recordOf(PERSONA, { table: 'personas', where: `line ${info.lines}`, values }, findings);
    }
  } catch (error) {
    // A library's own messages are not printed, because they quote the input.
    if (error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new Trouble(`${file} is not UTF-8: save it as "CSV UTF-8"`);
    const trouble = unpacked(file, error);
    throw trouble instanceof Trouble
      ? trouble
      : new Trouble(
          `${file} cannot be read as CSV${error.lines ? `, line ${error.lines}: ${error.code}` : ''}; ` +
            'nothing was written',
        );
  }
  if (!header) throw new Trouble(`${file} is empty: its first line must be ${PERSONA.columns.join(',')}`);
}
