// npm run changes -- [--account 42] [--by 7] [--since 2026-11-01] [--json] [--remote] [--env NAME]
// Shows who changed what, from the newest rows of the change feed. The latest change is last. See docs/operations.md.
import { parseArgs } from 'node:util';
import { rowsOf } from './database.mjs';
import { assertNotTakenByNpm, Trouble } from './lib.mjs';
import { installPackages } from './setup.mjs';

/** Maximum number of changes that are shown, because a query for all of them could take too long. */
const MAX_CHANGES = 1000;
const SHOWN_LIMIT = MAX_CHANGES.toLocaleString('en-US');
const USAGE = `usage: npm run changes -- [options]
  --account ID    only changes to this account and its persona
  --by ID         only changes that this account made
  --since TIME    only changes since this time in UTC: 2026-11-01 or 2026-11-01T08:30
  --json          prints JSON
  --remote        reads the deployed database instead of the local one
  --env NAME      the environment of wrangler.toml

ID is the account's own ID in Perfil. At most the newest ${SHOWN_LIMIT} changes are shown.`;

/** Converts a time to the database's format; undefined if it is not a valid time. */
function timeOf(text) {
  const [, day, time = '00:00'] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)Z?)?$/.exec(text) ?? [];
  const date = new Date(`${day}T${time}Z`);
  // JavaScript converts the 31st of February to the 3rd of March.
  return date.getTime() && date.toISOString().startsWith(day) ? date.toISOString() : undefined;
}

function parse() {
  assertNotTakenByNpm('changes', ['remote', 'env', 'account', 'by', 'since']);
  try {
    const { values } = parseArgs({
      options: {
        account: { type: 'string' },
        by: { type: 'string' },
        since: { type: 'string' },
        json: { type: 'boolean', default: false },
        remote: { type: 'boolean', default: false },
        env: { type: 'string' },
      },
    });
    const isId = (text) => text === undefined || /^[1-9]\d{0,14}$/.test(text);
    const since = values.since === undefined ? undefined : timeOf(values.since);
    const isName = values.env === undefined || /^[\w-]+$/.test(values.env);
    if (isId(values.account) && isId(values.by) && isName && (values.since === undefined || since))
      return { ...values, since };
  } catch {
    /* an unknown option: the usage is shown */
  }
  throw new Trouble(USAGE);
}

/** Builds the query. Only IDs and times that were checked are inserted into it. */
function query({ account, by, since }) {
  const conditions = [
    ...(account
      ? [`(account_id = ${account} OR persona_id IN (SELECT id FROM personas WHERE user_id = ${account}))`]
      : []),
    ...(by ? [`actor_id = ${by}`] : []),
    // IDs increase with time, so this reads only the rows since then.
    ...(since ? [`id > coalesce((SELECT id FROM changes WHERE at < '${since}' ORDER BY id DESC LIMIT 1), 0)`] : []),
  ];
  return [
    'SELECT id, at, request_id, route, actor_id, actor_back_end, account_id, persona_id, fields,',
    '(SELECT n.id FROM identities n WHERE n.account_id = actor_id AND n.back_end = actor_back_end) AS actor_own_id,',
    '(SELECT json_group_object(n.back_end, n.id) FROM identities n WHERE n.account_id = changes.account_id) AS ids',
    'FROM changes',
    ...(conditions.length > 0 ? [`WHERE ${conditions.join(' AND ')}`] : []),
    `ORDER BY id DESC LIMIT ${MAX_CHANGES + 1}`,
  ].join(' ');
}

/** Converts a row to the JSON output. */
function changeOf(row) {
  const { id, at, request_id, route, actor_id, actor_back_end, actor_own_id, account_id, persona_id } = row;
  return {
    id,
    at,
    request_id,
    route,
    actor: { account: actor_id, ...(actor_back_end && { back_end: actor_back_end, id: actor_own_id }) },
    subject: account_id === null ? { persona: persona_id } : { account: account_id, ids: JSON.parse(row.ids) },
    fields: JSON.parse(row.fields),
  };
}

/** Describes an account or a persona. `ids` are its IDs in back ends, as pairs of back end and ID. */
const describe = (what, id, ids) =>
  [
    `${what} ${id}`,
    ...(ids.length > 0 ? [`(${ids.map((pair) => pair.filter(Boolean).join(' ')).join(', ')})`] : []),
  ].join(' ');

/** Converts a change to a line of the table. */
const lineOf = ({ id, at, request_id, route, actor, subject, fields }) => [
  String(id),
  at.replace('T', ' ').replace(/\.\d+Z$/, ''),
  describe('account', actor.account, actor.back_end ? [[actor.back_end, actor.id]] : []),
  subject.persona
    ? describe('persona', subject.persona, [])
    : describe('account', subject.account, Object.entries(subject.ids)),
  fields.join(', '),
  route,
  request_id,
];

function print(changes) {
  const lines = [['ID', 'When (UTC)', 'Who', 'Whose', 'Fields', 'Route', 'Request'], ...changes.map(lineOf)];
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  for (const line of lines)
    console.log(
      line
        .map((cell, at) => cell.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    );
}

const options = parse();
await installPackages();
const rows = await rowsOf(query(options), options);
const changes = rows.slice(0, MAX_CHANGES).reverse().map(changeOf);
if (options.json) console.log(JSON.stringify(changes, undefined, 2));
else if (changes.length > 0) print(changes);
else console.log('no changes');
if (rows.length > MAX_CHANGES)
  console.error(
    `perfil: only the newest ${SHOWN_LIMIT} changes are shown; narrow them down with --account, --by or --since`,
  );
