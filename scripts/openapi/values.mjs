// The values for the names in double braces in prose.json and description.md, from tests/facts.json and wrangler.toml.
import { read } from '../../tests/support/project.mjs';

const KIB = 1024;
const MIB = KIB * KIB;
const size = (bytes) => (bytes < MIB ? `${bytes / KIB} KiB` : `${bytes / MIB} MiB`);
const grouped = (number) => number.toLocaleString('en-US');
const listed = (names) => `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** Reads the settings that are shipped in wrangler.toml. */
function settings() {
  const [config] = read('wrangler.toml').split(/^\[+env\./m);
  const variable = (name) => Number(new RegExp(`^${name} = "(\\d+)"$`, 'm').exec(config)?.[1]);
  const rates = [...config.matchAll(/^name = "(RATE_\w+)"[^[]*?limit = (\d+), period = (\d+)/gm)];
  return {
    pictureBytes: variable('AVATAR_MAX_BYTES'),
    picturePixels: variable('AVATAR_MAX_PIXELS'),
    rates: Object.fromEntries(rates.map(([, name, limit]) => [name, limit])),
    periods: rates.map(([, , , period]) => Number(period)),
  };
}

/** Returns the status of a refusal, which must be the same in every dialect. */
function statusOf(dialects, code) {
  const statuses = new Set(Object.values(dialects).map(({ refusals }) => refusals[code].status));
  if (statuses.size !== 1) throw new Error(`the dialects refuse ${code} with different statuses`);
  return [...statuses][0];
}

/** Returns a pattern of file extensions. One that is also accepted in capitals is accepted in any letter case. */
function endingsOf(endings) {
  const inAnyCase = (ending) => ending.replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);
  const small = endings.filter((ending) => ending === ending.toLowerCase());
  return small.map((ending) => (endings.includes(ending.toUpperCase()) ? inAnyCase(ending) : ending)).join('|');
}

export function valuesOf({ limits, pictures, dialects, endpoints }) {
  const { pictureBytes, picturePixels, rates, periods } = settings();
  if (periods.some((period) => period !== limits.rate_period_seconds))
    throw new Error('a rate limit in wrangler.toml has another period than the one in Retry-After');
  return {
    json: size(limits.json_bytes),
    overhead: size(limits.form_overhead_bytes),
    token: size(limits.token_bytes),
    picture: size(pictureBytes),
    pictureBytes,
    pixels: grouped(picturePixels),
    side: grouped(limits.picture_side),
    body_seconds: limits.body_seconds,
    slowest: size(limits.body_bytes_per_further_second),
    database: limits.database_seconds,
    bucket: limits.bucket_seconds,
    hashing: limits.hashing_milliseconds / 1000,
    period: limits.rate_period_seconds,
    retry_after: limits.retry_after_seconds,
    ...rates,
    too_large: statusOf(dialects, 'too_large'),
    bad_token: statusOf(dialects, 'bad_token'),
    too_many_requests: statusOf(dialects, 'too_many_requests'),
    invalid: statusOf(dialects, 'malformed'),
    unavailable: Object.values(endpoints)[0].unavailable.status,
    prefixes: listed(Object.keys(dialects).map((prefix) => `\`${prefix}\``)),
    endings: endingsOf(Object.keys(pictures)),
  };
}

/** Copies some prose, with every `{{name}}` in its texts replaced by its value. */
export function fill(prose, values) {
  return JSON.parse(JSON.stringify(prose), (_, part) =>
    typeof part === 'string'
      ? part.replace(/\{\{(\w+)\}\}/g, (_, name) => {
          if (values[name] === undefined || Number.isNaN(values[name])) throw new Error(`{{${name}}} has no value`);
          return values[name];
        })
      : part,
  );
}
