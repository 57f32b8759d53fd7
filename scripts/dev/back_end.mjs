// The demo back end of `npm run dev -- --origin`. It serves seam's paths and keeps its users in memory. Perfil does not
// know the users who sign up here, and therefore passes on their updates. Perfil posts the changes that it makes itself
// to /changes here, so that these users stay up to date.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { mint } from '../secret.mjs';

const CHANGES = '/changes';
/** The last ID that was assigned. The IDs of the demo accounts are lower. */
let lastId = 1000;
const people = new Map(
  [
    { idUser: 1, full_name: 'Jane Doe', email: 'jane.doe@example.com', roleId: 1 },
    { idUser: 5, full_name: 'María González', email: 'maria.gonzalez@example.com', roleId: 3 },
    { idUser: 6, full_name: 'Luis Pérez', email: 'luis.perez@example.com', roleId: 1 },
    { idUser: 7, full_name: 'Jane Smith', email: 'jane.smith@example.com', roleId: 2 },
    { idUser: 42, full_name: 'Alice Wonderland', email: 'alice@example.com', roleId: 2 },
    { idUser: 43, full_name: 'Bob Inactive', email: 'bob@example.com', roleId: 2 },
  ].map((person) => [person.idUser, person]),
);
/** The columns that this back end takes from a change, each with this back end's own name for it. */
const FIELDS = { full_name: 'full_name', email: 'email', role_id: 'roleId' };
const reply = (status, message, data) => ({ status, body: { success: status < 400, message, data: data ?? null } });

/** @type {[string, RegExp, (ids: string[], body: any) => any][]} */
const ROUTES = [
  ['GET', /^\/api\/v1\/users\/?$/, () => reply(200, 'the people of the demo back end', [...people.values()])],
  ['GET', /^\/api\/v1\/users\/(\d+)$/, ([id]) => found(id, (person) => reply(200, 'from the demo back end', person))],
  [
    'PUT',
    /^\/api\/v1\/users\/(\d+)$/,
    ([id], change) => found(id, (person) => reply(200, 'changed at the demo back end', Object.assign(person, change))),
  ],
  [
    'POST',
    /^\/api\/v1\/users\/?$/,
    async (_, person) => {
      const idUser = ++lastId;
      people.set(idUser, { ...person, idUser });
      return reply(201, 'signed up at the demo back end', { idUser, token: await mint(idUser, 'seam', 3600) });
    },
  ],
];

const found = (id, action) =>
  people.has(Number(id)) ? action(people.get(Number(id))) : reply(404, `the demo back end has no user ${id}`);

/** Stores the fields of a change that this back end also has. Returns a line for the terminal. */
function store({ id, route, subject, fields, record }) {
  const what = `change ${id} (${route}) of ${Object.entries(subject)[0].join(' ')}: ${fields.join(', ')}`;
  const person = people.get(record?.identities?.seam);
  const known = person ? fields.filter((field) => field in FIELDS) : [];
  for (const field of known) person[FIELDS[field]] = record[field];
  return `demo back end: received ${what}; ${known.length > 0 ? `stored ${known.join(', ')}` : 'nothing to store'}`;
}

/** Stores the changes in a delivery if its signature is valid. Returns the HTTP status to reply with. */
function receive(webhook, headers, text) {
  let event;
  try {
    event = webhook.verify(text, headers);
  } catch (error) {
    console.error(`demo back end: rejected a delivery of changes: ${error.message}`);
    return 401;
  }
  for (const change of event.data.changes) console.log(store(change));
  return 204;
}

async function respond(method, url, text) {
  const { pathname } = new URL(url, 'http://origin');
  for (const [routeMethod, pattern, action] of ROUTES) {
    const match = method === routeMethod && pattern.exec(pathname);
    if (match) return action(match.slice(1), text === '' ? {} : JSON.parse(text));
  }
  return reply(404, `the demo back end has no endpoint ${method} ${pathname}`);
}

/** Starts the back end on a free port. Returns the settings that make it Perfil's origin and receiver of changes. */
export async function startDemoBackEnd() {
  // Not imported at the top, because the packages may not have been installed when this module was loaded.
  const { Webhook } = await import('standardwebhooks');
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const webhook = new Webhook(secret);
  const server = http.createServer(async (request, response) => {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    if (request.url === CHANGES) return response.writeHead(receive(webhook, request.headers, text)).end();
    const { status, body } = await respond(request.method, request.url, text).catch((error) =>
      reply(400, `the demo back end cannot read the request: ${error.message}`),
    );
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
    response.end(`${JSON.stringify(body)}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;
  return { ORIGIN: url, CHANGES_URL: url + CHANGES, CHANGES_SECRET: secret };
}
