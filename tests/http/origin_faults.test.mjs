// Origins that are down, hang, break off or return nonsense. Also streams of every kind, in bounded memory.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { falcon, seam } from '../support/dialects.mjs';
import { startBareOrigin, startOrigin } from '../support/origin.mjs';
import { startWorker } from '../support/worker.mjs';

const MIB = 1024 * 1024;
const problem = (status, title) => ({ type: 'about:blank', title, status });

/** The body that reports a failure of the origin, by path: each dialect's, and that of other paths. */
const BODIES = [
  ['/api/personas/5/foto', () => ({ message: 'Error al actualizar foto' })],
  ['/api/v1/users/7', () => seam('Error interno del servidor')],
  ['/users', (status, title) => falcon(status, title, 'Internal server error')],
  ['/api/profile/42/update/', () => ({ error: 'Internal server error' })],
  ['/api/v1/login', () => seam('Error interno del servidor')],
  ['/x', problem],
];

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker.stop());

/** Checks the response and the log line if an origin fails. */
async function assertFailed(vars, faults, status, title, cause) {
  for (const [path, bodyOf] of BODIES) {
    const response = await worker.send('POST', path, { json: { a: 1 }, vars, faults });
    assert.deepEqual([response.status, response.json], [status, bodyOf(status, title)], path);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(response.headers.get('retry-after'), null);
    const line = await worker.logOf(response);
    assert.deepEqual([line.status, line.origin, line.origin_status], [status, true, undefined]);
    assert.match(line.cause, cause);
    const { level } = worker.lines.find(({ message }) => message.includes(response.requestId));
    assert.equal(level, 'error');
  }
}

describe('an origin that fails [X4]', () => {
  test('that is down is a 502 [X4]', async () => {
    const origin = await startOrigin();
    await origin.stop();
    await assertFailed({ ORIGIN: origin.url }, undefined, 502, 'Bad Gateway', /^origin: /);
  });

  test('that closes the connection without a response is a 502 [X4]', async () => {
    const origin = await startBareOrigin((socket) => socket.destroy());
    try {
      await assertFailed({ ORIGIN: origin.url }, undefined, 502, 'Bad Gateway', /^origin: /);
    } finally {
      await origin.stop();
    }
  });

  for (const [name, garbage] of [
    ['noise', 'noise\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.7\r\n'],
    ['an invalid status', 'HTTP/1.1 wrong\r\n\r\n'],
    ['a head that ends in the middle', 'HTTP/1.1 200 OK\r\nContent-'],
    ['bytes', randomBytes(512).toString('latin1')],
  ]) {
    test(`that returns ${name} is a 502 [X4]`, async () => {
      const origin = await startBareOrigin((socket) => socket.end(garbage, 'latin1'));
      try {
        await assertFailed({ ORIGIN: origin.url }, undefined, 502, 'Bad Gateway', /^origin: /);
      } finally {
        await origin.stop();
      }
    });
  }

  test('that begins no response within 30 s is a 504 [X4]', async () => {
    const origin = await startBareOrigin(() => {});
    try {
      const started = Date.now();
      // Timers run 100 times as fast, so 30 s take 300 ms.
      await assertFailed(
        { ORIGIN: origin.url },
        { pace: 100 },
        504,
        'Gateway Timeout',
        /^origin: no response within 30 s$/,
      );
      assert.ok(Date.now() - started >= 300 * BODIES.length - 50, 'the worker waited for the origin');
    } finally {
      await origin.stop();
    }
  });

  test('the 30 s begin with the last byte of the request, however long that takes [X4]', async () => {
    const origin = await startOrigin();
    try {
      const body = new ReadableStream({
        async pull(controller) {
          for (let i = 0; i < 8; i++) {
            controller.enqueue(new Uint8Array([i]));
            await pause(100);
          }
          controller.close();
        },
      });
      // The upload takes 800 ms, while 30 s take 300 ms.
      const options = { body, vars: { ORIGIN: origin.url }, faults: { pace: 100 } };
      const response = await worker.send('POST', '/x', options);
      assert.equal(response.status, 200);
      assert.deepEqual([...origin.received[0].body], [0, 1, 2, 3, 4, 5, 6, 7]);
    } finally {
      await origin.stop();
    }
  });

  test('a response that breaks off later cuts the stream off [X4]', async () => {
    const origin = await startBareOrigin((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      setTimeout(() => socket.destroy(), 50);
    });
    const chunked = await startBareOrigin((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      setTimeout(() => socket.destroy(), 50);
    });
    try {
      for (const { url } of [origin, chunked])
        await assert.rejects(worker.send('GET', '/x', { vars: { ORIGIN: url } }), /terminated|fetch failed/);
      const after = await worker.send('GET', '/health');
      assert.equal(after.status, 200);
    } finally {
      await origin.stop();
      await chunked.stop();
    }
  });
});

describe('streams [X1]', () => {
  /** Resident memory of the worker's process, in bytes, according to Linux. */
  const memory = (pid) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
  const canMeasure = fs.existsSync(`/proc/${process.pid}/status`);

  let origin;
  let streaming;
  before(async () => {
    origin = await startOrigin({ streams: true });
    streaming = await startWorker({ vars: { ORIGIN: origin.url }, counted: false });
  });
  after(async () => {
    await streaming.stop();
    await origin.stop();
  });

  const SIZE = 200 * MIB;
  const piece = randomBytes(MIB);
  const bounded = async (action) => {
    await streaming.send('GET', '/health');
    const before = canMeasure ? memory(streaming.pid) : 0;
    let highest = before;
    const watch = setInterval(() => {
      if (canMeasure) highest = Math.max(highest, memory(streaming.pid));
    }, 20);
    await action().finally(() => clearInterval(watch));
    assert.ok(highest - before < 48 * MIB, `${Math.round((highest - before) / MIB)} MiB more`);
  };

  for (const length of [true, false]) {
    test(`200 MB are uploaded ${length ? 'with' : 'without'} a length, in bounded memory [X1]`, async () => {
      let received = 0;
      let headers;
      origin.reply = async (request, response) => {
        ({ headers } = request);
        for await (const chunk of request) received += chunk.length;
        response.end('done');
      };
      await bounded(async () => {
        const url = new URL(`${streaming.url}/upload`);
        const request = http.request(url, { method: 'POST', headers: length ? { 'content-length': SIZE } : {} });
        for (let sent = 0; sent < SIZE; sent += MIB) if (!request.write(piece)) await once(request, 'drain');
        request.end();
        const [response] = await once(request, 'response');
        assert.equal(response.statusCode, 200);
        response.resume();
        await once(response, 'end');
      });
      assert.equal(received, SIZE);
      assert.equal(headers['content-length'], length ? String(SIZE) : undefined);
    });

    test(`200 MB are downloaded ${length ? 'with' : 'without'} a length, in bounded memory [X1]`, async () => {
      origin.reply = async (_, response) => {
        if (length) response.setHeader('content-length', SIZE);
        for (let sent = 0; sent < SIZE; sent += MIB) if (!response.write(piece)) await once(response, 'drain');
        response.end();
      };
      await bounded(async () => {
        const response = await fetch(`${streaming.url}/download`);
        assert.equal(response.headers.get('content-length'), length ? String(SIZE) : null);
        let received = 0;
        for await (const chunk of response.body) received += chunk.length;
        assert.equal(received, SIZE);
      });
    });
  }

  test('server-sent events arrive one by one [X1]', async () => {
    let next;
    origin.reply = async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let i = 1; i <= 3; i++) {
        response.write(`data: ${i}\n\n`);
        await new Promise((resolve) => {
          next = resolve;
        });
      }
      response.end();
    };
    const response = await fetch(`${streaming.url}/events`);
    const events = [];
    for await (const chunk of response.body) {
      events.push(Buffer.from(chunk).toString());
      // The origin sends the next event only after this one has arrived.
      next();
    }
    assert.deepEqual(events, ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']);
  });

  test('a WebSocket works in both directions [X1]', async () => {
    let protocol;
    origin.server.once('upgrade', (request, socket) => {
      protocol = request.headers['sec-websocket-protocol'];
      const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash('sha1').update(key).digest('base64');
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n`,
      );
      socket.on('data', (frame) => {
        // One short masked text frame (RFC 6455 section 5.2), sent back in upper case.
        const [mask, text] = [frame.subarray(2, 6), frame.subarray(6, 6 + (frame[1] & 0x7f))];
        if ((frame[0] & 0x0f) !== 1) return socket.end();
        const said = Buffer.from(text.map((byte, at) => byte ^ mask[at % 4])).toString();
        socket.write(Buffer.concat([Buffer.from([0x81, said.length]), Buffer.from(said.toUpperCase())]));
      });
    });
    const socket = new WebSocket(`${streaming.url.replace('http', 'ws')}/socket`, 'chat');
    await once(socket, 'open');
    assert.equal(protocol, 'chat');
    for (const word of ['hello', 'again']) {
      socket.send(word);
      const [{ data }] = await once(socket, 'message');
      assert.equal(data, word.toUpperCase());
    }
    socket.close();
  });

  test('100 requests at once each get their own response [X1]', async () => {
    const waiting = [];
    origin.reply = (request, response) => {
      waiting.push(() => response.end(request.url));
      if (waiting.length === 100) for (const reply of waiting.reverse()) reply();
    };
    const urls = Array.from({ length: 100 }, (_, i) => `/many/${i}`);
    const texts = await Promise.all(urls.map(async (url) => (await fetch(streaming.url + url)).text()));
    assert.deepEqual(texts, urls);
  });

  test('an early response reaches a client that is still sending [X1]', async () => {
    origin.reply = (_, response) => {
      response.writeHead(413, { connection: 'close' });
      response.end('too large');
    };
    const { hostname, port } = new URL(streaming.url);
    const socket = net.connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(`POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: ${SIZE}\r\n\r\nabc`);
    const [head] = await once(socket, 'data');
    assert.match(head.toString(), /^HTTP\/1\.1 413 /);
    socket.destroy();
  });
});
