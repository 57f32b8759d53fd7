// Keys of issuers, tokens signed with them, and a server that publishes keys and can misbehave on demand. Keys and
// tokens are made with a library that shares no code with the worker (jose).
import { once } from 'node:events';
import http from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { claimsOf } from './tokens.mjs';

/** Creates a key: `{alg, kid, privateKey, publicKey, jwk}`; its owner publishes `jwk`. */
export async function newKey(alg, kid, /** @type {{modulusLength?: number}} */ { modulusLength } = {}) {
  const { privateKey, publicKey } = await generateKeyPair(alg, {
    modulusLength,
    extractable: true,
    crv: alg === 'EdDSA' ? 'Ed25519' : undefined,
  });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { alg, kid, privateKey, publicKey, jwk };
}

/** A key set, as text. */
export const setOf = (...keys) => JSON.stringify({ keys: keys.map((key) => key?.jwk ?? key) });

/** @typedef {import('./tokens.mjs').TokenOptions} TokenOptions */

/** Like `token`, but signed by the owner of the key; undefined in `header` removes a member of the header. */
export function tokenBy({ alg, kid, privateKey }, id, /** @type {TokenOptions} */ { header = {}, ...options } = {}) {
  return new SignJWT(claimsOf(id, options)).setProtectedHeader({ alg, typ: 'JWT', kid, ...header }).sign(privateKey);
}

/**
 * Starts an issuer's server on this machine. `serve` is its response until it is changed: text for the body of a 200,
 * or `(request, response) => …`. `requests` counts the requests.
 */
export async function startIssuer(serve) {
  const issuer = { serve, requests: 0, headers: undefined };
  const server = http.createServer((request, response) => {
    issuer.requests++;
    issuer.headers = request.headers;
    if (typeof issuer.serve === 'function') return issuer.serve(request, response);
    response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(issuer.serve);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  issuer.url = `http://127.0.0.1:${port}/keys`;
  issuer.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return issuer;
}
