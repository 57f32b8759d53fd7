// Reads django's accounts from its SQLite file or from the output of `manage.py dumpdata`.
import { pipeline } from 'node:stream';
import { Trouble } from '../lib.mjs';
import { bytesOf, headOf } from './bytes.mjs';
import { checkColumns, hashOf, recordOf, verbatim } from './records.mjs';
import * as rules from './rules.mjs';

const DJANGO = {
  kind: 'users',
  columns: [
    'password',
    'last_login',
    'is_superuser',
    'username',
    'is_staff',
    'is_active',
    'date_joined',
    'email',
    'first_name',
    'last_name',
    'number_phone',
    'avatar',
  ],
  id: 'id',
  read: (row) => ({
    username: row.text('username', rules.djangoUsername),
    email: row.text('email', (text) => rules.email(text, 200)),
    first_name: row.name('first_name', 0, 200),
    last_name: row.name('last_name', 0, 200),
    number_phone: row.optional('number_phone', (text) => rules.line(text, 1, 10)),
    image: row.optional('avatar', rules.storedPicture),
    is_active: row.flag('is_active'),
    is_staff: row.flag('is_staff'),
    is_superuser: row.flag('is_superuser'),
    created_at: row.time('date_joined'),
    last_login: row.time('last_login'),
    ...hashOf('django', verbatim(row, 'password')),
  }),
};

export async function* django(file, findings) {
  const isSqlite = headOf(file, 16).toString('latin1') === 'SQLite format 3\0';
  const checked = { done: false };
  for await (const { where, values } of isSqlite ? djangoTable(file) : djangoJson(file, findings)) {
    if (!checked.done)
      checkColumns(file, isSqlite ? 'users_users' : 'users.users', DJANGO, Object.keys(values), findings);
    checked.done = true;
    yield recordOf(DJANGO, { table: 'users_users', where, values }, findings);
  }
  if (!checked.done)
    throw new Trouble(
      `${file} has no accounts: --from django reads a SQLite file with the table users_users, ` +
        'or the output of `manage.py dumpdata` with the model users.users',
    );
}

async function* djangoTable(file) {
  const { DatabaseSync } = await import('node:sqlite').catch(() => {
    throw new Trouble(
      'SQLite files need a newer Node: run this again with `npm run`, which uses the one in node_modules',
    );
  });
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    if (!database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'users_users'").get()) return;
    const statement = database.prepare('SELECT * FROM users_users ORDER BY id');
    statement.setReadBigInts(true);
    let count = 0;
    for (const values of statement.iterate()) yield { where: `row ${++count}`, values };
  } finally {
    database.close();
  }
}

async function* djangoJson(file, findings) {
  const { streamArray } = await import('stream-json/streamers/stream-array.js');
  try {
    for await (const { key, value } of pipeline(bytesOf(file), streamArray.withParserAsStream(), () => {})) {
      if (String(value?.model).toLowerCase() === 'users.users')
        yield { where: `record ${key + 1}`, values: { ...value.fields, id: value.pk } };
      else findings.others.set(String(value?.model), (findings.others.get(String(value?.model)) ?? 0) + 1);
    }
  } catch (error) {
    throw error instanceof Trouble
      ? error
      : new Trouble(
          `${file} is neither a SQLite file nor the complete JSON of \`manage.py dumpdata\`; ` + 'nothing was written',
        );
  }
}
