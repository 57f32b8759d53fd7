// A receiver of changes: a real HTTP server on loopback that verifies each post with the library published by the
// authors of Standard Webhooks.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { startOrigin } from './origin.mjs';

export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const MINUTE = '* * * * *';

/**
 * Starts a receiver. `posts` contains each verified post, in order, with the returned status. `status` is the status to
 * return, or a function that returns it or responds itself.
 */
export async function startReceiver({ secret = WEBHOOK_SECRET } = {}) {
  const server = await startOrigin();
  const webhook = new Webhook(secret);
  const receiver = {
    url: `${server.url}/changes?from=perfil`,
    /** @type {{url: string, id: string, status: number, headers: any, body: any, changes: any[], at: number}[]} */
    posts: [],
    /** @type {any} */
    status: 204,
    /** Errors of posts that could not be verified. */
    faults: [],
    /** All accepted changes. */
    get changes() {
      return receiver.posts.filter(({ status }) => status < 300).flatMap(({ changes }) => changes);
    },
    /** Forgets all posts. */
    clear: () => {
      receiver.posts = [];
    },
    /** Resolves when `count` changes have been accepted. */
    accepted: async (count, milliseconds = 10_000) => {
      for (const deadline = Date.now() + milliseconds; receiver.changes.length < count; await setTimeout(5))
        assert.ok(Date.now() < deadline, `${receiver.changes.length} of ${count} changes were delivered in time`);
      return receiver.changes;
    },
    stop: server.stop,
  };
  server.reply = async ({ url, headers }, response, text) => {
    const at = performance.now();
    try {
      const body = webhook.verify(text.toString(), /** @type {any} */ (headers));
      const { changes } = /** @type {any} */ (body).data;
      const { status } = receiver;
      const post = { url, id: String(headers['webhook-id']), status: 0, headers, body, changes, at };
      receiver.posts.push(post);
      post.status = typeof status === 'function' ? await status(response, post) : status;
      if (!response.headersSent && !response.destroyed) response.writeHead(post.status);
    } catch (error) {
      receiver.faults.push(error);
      if (!response.headersSent) response.writeHead(400);
    }
    response.end();
  };
  return receiver;
}

/**
 * Starts a receiver for each name, and returns them with the variables that configure them and a function that stops
 * them.
 */
export async function startReceivers(...names) {
  const started = await Promise.all(names.map(() => startReceiver()));
  const receivers = Object.fromEntries(names.map((name, at) => [name, started[at]]));
  const urls = Object.fromEntries(names.map((name) => [name, receivers[name].url]));
  return {
    receivers,
    vars: { CHANGES_URL: JSON.stringify(urls), CHANGES_SECRET: WEBHOOK_SECRET },
    stop: () => Promise.all(started.map((receiver) => receiver.stop())),
  };
}
