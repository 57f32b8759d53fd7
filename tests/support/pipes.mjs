// A client for thousands of small requests, and for requests that no client library sends: it writes and reads raw
// bytes. A request takes a tenth of the time of fetch.
import net from 'node:net';
import { countsOf } from './client.mjs';

const END = '\r\n\r\n';

/** The response at the start of the bytes, with its length, or null while it is incomplete. */
function parse(bytes) {
  const end = bytes.indexOf(END);
  if (end < 0) return null;
  const [first, ...fields] = bytes.toString('latin1', 0, end).split('\r\n');
  const entries = fields.map((field) => [
    field.slice(0, field.indexOf(':')).toLowerCase(),
    field.slice(field.indexOf(':') + 1).trim(),
  ]);
  const value = (name) => entries.find(([each]) => each === name)?.[1];
  const at = end + END.length;
  const response = (text, length) => ({
    status: Number(first.split(' ')[1]),
    entries,
    text,
    length,
    closes: value('connection') === 'close',
  });
  if (value('transfer-encoding') !== 'chunked') {
    const length = Number(value('content-length') ?? 0);
    return bytes.length < at + length ? null : response(bytes.toString('utf8', at, at + length), at + length);
  }
  const chunks = [];
  for (let from = at; ; ) {
    const line = bytes.indexOf('\r\n', from);
    if (line < 0) return null;
    const size = parseInt(bytes.toString('latin1', from, line), 16);
    if (bytes.length < line + 2 + size + 2) return null;
    if (size === 0) return response(Buffer.concat(chunks).toString(), line + 4);
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    from = line + 2 + size + 2;
  }
}

/** A connection that carries one request at a time. */
class Pipe {
  #socket;
  #busy = Promise.resolve();

  constructor(url) {
    this.url = new URL(url);
  }

  send(bytes) {
    const sent = this.#busy.then(() => this.#exchange(bytes));
    this.#busy = sent.catch(() => {});
    return sent;
  }

  #exchange(bytes) {
    return new Promise((resolve, reject) => {
      const isOld = this.#socket?.writable;
      const socket = isOld ? this.#socket : net.connect(Number(this.url.port), this.url.hostname).setNoDelay();
      this.#socket = socket;
      let received = Buffer.alloc(0);
      const settle = (act, value) => {
        socket
          .removeAllListeners()
          .on('error', () => {})
          .setTimeout(0);
        act(value);
      };
      const broken = (error) => {
        this.#socket = undefined;
        socket.destroy();
        // The server may have closed the connection before this request was sent.
        if (isOld && received.length === 0) return settle(resolve, this.#exchange(bytes));
        return settle(reject, error);
      };
      socket.on('data', (data) => {
        received = received.length === 0 ? data : Buffer.concat([received, data]);
        const response = parse(received);
        if (!response) return;
        if (response.closes || received.length > response.length) {
          this.#socket = undefined;
          socket.destroy();
        }
        settle(resolve, response);
      });
      socket
        .on('error', broken)
        .on('close', () => broken(new Error('closed without a response')))
        .setTimeout(20_000, () => broken(new Error('no response')));
      socket.write(bytes);
    });
  }

  close() {
    this.#socket?.destroy();
  }
}

/**
 * Connections to a worker, one for each target. `put` sends a PUT and returns the parts of the result of `worker.put`
 * that tests of refusals need. `headers` may contain characters up to U+00FF, and `lines` are raw lines of the head.
 */
export function pipesTo(url) {
  const pipes = new Map();
  /** @typedef {{json?: unknown, body?: string | Buffer, vars?: object, headers?: object, lines?: string[]}} Options */
  const put = async (target, /** @type {Options} */ { json, body, vars, headers = {}, lines = [] } = {}) => {
    const content = Buffer.from(body ?? (json === undefined ? '' : JSON.stringify(json)));
    const fields = {
      host: new URL(url).host,
      'content-length': content.length,
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(vars && { 'x-test-variables': JSON.stringify(vars) }),
      ...headers,
    };
    const named = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
    const head = [`PUT ${target} HTTP/1.1`, ...named, ...lines].join('\r\n') + END;
    if (!pipes.has(target)) pipes.set(target, new Pipe(url));
    const { status, entries, text } = await pipes
      .get(target)
      .send(Buffer.concat([Buffer.from(head, 'latin1'), content]));
    const get = (name) => entries.find(([each]) => each === name)?.[1] ?? null;
    return {
      target,
      status,
      text,
      entries,
      headers: { get },
      requestId: get('x-request-id'),
      ...countsOf(get),
    };
  };
  return { put, close: () => pipes.forEach((pipe) => pipe.close()) };
}
