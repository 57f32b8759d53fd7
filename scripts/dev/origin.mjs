// The demo back end of `npm run dev -- --origin`, in memory, like seam's: people sign up here, and Perfil, which does
// not know them, passes their updates on.
import { once } from 'node:events';
import http from 'node:http';
import { mint } from '../secret.mjs';

/** Numbers that no demo account has. */
let last = 1000;
const people = new Map([
  [6, { idUser: 6, full_name: 'Luis Pérez', email: 'luis.perez@example.com' }],
  [7, { idUser: 7, full_name: 'Jane Smith', email: 'jane.smith@example.com' }],
]);
const reply = (status, message, data) => ({ status, body: { success: status < 400, message, data: data ?? null } });

/** @type {[string, RegExp, (ids: string[], body: any) => any][]} */
const ROUTES = [
  ['GET', /^\/api\/v1\/users\/?$/, () => reply(200, 'the people of the demo origin', [...people.values()])],
  ['GET', /^\/api\/v1\/users\/(\d+)$/, ([id]) => found(id, (person) => reply(200, 'from the demo origin', person))],
  [
    'PUT',
    /^\/api\/v1\/users\/(\d+)$/,
    ([id], change) => found(id, (person) => reply(200, 'changed at the demo origin', Object.assign(person, change))),
  ],
  [
    'POST',
    /^\/api\/v1\/users\/?$/,
    async (_, person) => {
      const idUser = ++last;
      people.set(idUser, { ...person, idUser });
      return reply(201, 'signed up at the demo origin', { idUser, token: await mint(idUser, 'seam', 3600) });
    },
  ],
];

const found = (id, action) =>
  people.has(Number(id)) ? action(people.get(Number(id))) : reply(404, `the demo origin has no user ${id}`);

async function answer(method, url, text) {
  const { pathname } = new URL(url, 'http://origin');
  for (const [wanted, pattern, action] of ROUTES) {
    const match = method === wanted && pattern.exec(pathname);
    if (match) return action(match.slice(1), text === '' ? {} : JSON.parse(text));
  }
  return reply(404, `the demo origin has no ${method} ${pathname}`);
}

/** Starts it on a free port, and returns its URL. */
export async function startDemoOrigin() {
  const server = http.createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    const { status, body } = await answer(request.method, request.url, text).catch((error) =>
      reply(400, `the demo origin cannot read this: ${error.message}`),
    );
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
    response.end(`${JSON.stringify(body)}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}`;
}
