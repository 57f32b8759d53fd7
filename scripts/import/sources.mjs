// The readers of each back end's data. They yield `{kind, table, id, where, record, faults}` for each record. A record
// without faults is imported as a whole. `kind` is the table in Perfil. `table` and `where` locate the record in the
// source, for the report. The schemas are those of the back ends; see docs/moving-over.md.
import { django } from './django.mjs';
import { dump, falcon, seam } from './dumps.mjs';
import { personas } from './personas.mjs';

export const SOURCES = {
  seam: (file, findings, options) => dump('seam', seam, file, findings, options),
  falcon: (file, findings, options) => dump('falcon', falcon, file, findings, options),
  django,
  personas,
};
