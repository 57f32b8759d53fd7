// What each back end's own data says, record by record: `{kind, table, id, where, record, faults}`. A record goes on to
// the database when it has no faults, whole; `kind` is the table here, `table` and `where` tell the reader of a report
// where the record stands in the source. The schemas are the back ends' own; see docs/moving-over.md.
import { django } from './django.mjs';
import { dump, falcon, seam } from './dumps.mjs';
import { personas } from './personas.mjs';

export const SOURCES = {
  seam: (file, told, options) => dump('seam', seam, file, told, options),
  falcon: (file, told, options) => dump('falcon', falcon, file, told, options),
  django,
  personas,
};
