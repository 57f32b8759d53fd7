// A back end behind the worker: a real HTTP server on loopback that records the requests that it gets.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

/**
 * @typedef {object} ReceivedRequest
 * @property {string} method
 * @property {string} url path and query, unchanged
 * @property {http.IncomingHttpHeaders} headers
 * @property {string[]} rawHeaders
 * @property {Buffer} body
 */

const listening = async (server) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`;
};

const closed = (server) =>
  new Promise((resolve) => {
    server.close(() => resolve(undefined));
    server.closeAllConnections?.();
  });

/**
 * Starts an origin. Until `reply` is changed, it returns 200 with `{"origin": true}`. Requests are read to the end and
 * recorded in `received`, in order, before `reply` is called. With `streams`, they are not read, and `received` stays
 * empty.
 */
export async function startOrigin({ streams = false } = {}) {
  /** @type {ReceivedRequest[]} */
  const received = [];
  const origin = {
    url: '',
    received,
    /** @type {(request: http.IncomingMessage, response: http.ServerResponse, body: Buffer) => void} */
    reply: (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
      response.end('{"origin":true}');
    },
    server: http.createServer(async (request, response) => {
      if (streams) return origin.reply(request, response, Buffer.alloc(0));
      const pieces = [];
      try {
        for await (const piece of request) pieces.push(piece);
      } catch {
        return;
      }
      const { method, url, headers, rawHeaders } = request;
      const body = Buffer.concat(pieces);
      received.push({ method, url, headers, rawHeaders, body });
      origin.reply(request, response, body);
    }),
    stop: () => closed(origin.server),
  };
  origin.url = await listening(origin.server);
  return origin;
}

/** Starts a server of raw connections; `talk` gets each one once the head of its request has arrived. */
export async function startBareOrigin(talk) {
  const open = new Set();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    let head = '';
    socket.on('data', function read(piece) {
      head += piece.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', read);
      talk(socket, head);
    });
  });
  const url = await listening(server);
  return {
    url,
    stop: async () => {
      for (const socket of open) socket.destroy();
      await closed(server);
    },
  };
}

/**
 * Sends raw bytes to the worker, and returns everything that it sends until it closes the connection or falls silent.
 */
export async function exchange(worker, text, quiet = 500) {
  const { hostname, port } = new URL(worker.url);
  const socket = net.connect(Number(port), hostname);
  socket.setTimeout(quiet, () => socket.destroy());
  await once(socket, 'connect');
  socket.write(text);
  let all = '';
  socket.on('data', (piece) => {
    all += piece.toString('latin1');
  });
  await once(socket, 'close').catch(() => undefined);
  return all;
}
