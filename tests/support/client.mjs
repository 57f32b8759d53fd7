// Sends requests to a running worker: those that clients send, and those for the test paths of counting.mjs.
import { TABLES } from './project.mjs';
import { token } from './tokens.mjs';

/**
 * @typedef {object} RequestOptions
 * @property {number} [as] the account whose token is sent with the request
 * @property {string} [token] a token to send instead
 * @property {unknown} [json] a value to send
 * @property {FormData} [form] a form to send
 * @property {import('undici-types').BodyInit} [body] raw bytes to send
 * @property {Record<string, string>} [vars] variables for this request only
 * @property {Record<string, unknown>} [faults] failing bindings (counting.mjs) for this request only
 * @property {string} [deployment] the name of the deployment that gets the request; a new one by default
 * @property {Record<string, string>} [headers]
 */

/** @param {RequestOptions} options */
const headersOf = ({ json, vars, faults, deployment, headers }, credential, formType) => ({
  ...(formType && { 'content-type': formType }),
  ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
  ...(json === undefined ? {} : { 'content-type': 'application/json' }),
  ...(vars && { 'x-test-variables': JSON.stringify(vars) }),
  ...(faults && { 'x-test-faults': JSON.stringify(faults) }),
  ...(deployment && { 'x-test-deployment': deployment }),
  ...headers,
});

/** The counts of counting.mjs, given a function that reads a header. */
export const countsOf = (header) => ({
  /** D1 calls as counted outside the worker. */
  d1Calls: Number(header('x-test-d1-calls')),
  /** Rows that D1 counts as written, by batches only. */
  rowsWritten: Number(header('x-test-d1-rows-written')),
  /** R2 calls before the response: get, head and list are reads, put and delete are writes. */
  r2Reads: Number(header('x-test-r2-reads')),
  r2Writes: Number(header('x-test-r2-writes')),
});

async function responseOf(response, target) {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  return {
    /** The requested path, with its query. */
    target,
    status: response.status,
    headers: response.headers,
    bytes,
    text,
    /** The parsed body; throws if it is not JSON. */
    get json() {
      return JSON.parse(text);
    },
    ...countsOf((name) => response.headers.get(name)),
    requestId: response.headers.get('x-request-id'),
  };
}

/** Sends requests to the worker at `url`. */
export const sender =
  (url) =>
  /** @param {RequestOptions} options */
  async (method, target, options = {}) => {
    const { as, json, form } = options;
    const credential = options.token ?? (as === undefined ? undefined : await token(as));
    // A form is encoded as a browser would encode it, but sent in one piece, because the worker may respond and close
    // the connection before the whole body has been sent.
    const encoded = form && new Response(form);
    const body = form ? await encoded.arrayBuffer() : options.body;
    const response = await fetch(url + target, {
      method,
      redirect: 'manual',
      headers: headersOf(options, credential, encoded?.headers.get('content-type')),
      body: json === undefined ? body : JSON.stringify(json),
      ...(body instanceof ReadableStream && { duplex: 'half' }),
    });
    return responseOf(response, target);
  };

/** Functions that call the test paths of counting.mjs, below `url`. */
export function testPaths(url) {
  async function own(path, options) {
    const response = await fetch(`${url}/.tests/${path}`, options);
    if (!response.ok && response.status !== 404) throw new Error(await response.text());
    return response;
  }
  /** @returns {Promise<any>} */
  const post = async (path, value) => (await own(path, { method: 'POST', body: JSON.stringify(value) })).json();
  return {
    /** Runs SQL directly against the database and returns its rows. */
    sql: async (query, ...parameters) => (await post('sql', [{ sql: query, parameters }]))[0].results,
    /**
     * Every table's rows and the bucket's objects, as text. The text is the same before and after a request that
     * changes nothing.
     */
    dump: async () => {
      const queries = TABLES.map((table) => ({ sql: `SELECT * FROM ${table} ORDER BY 1, 2`, parameters: [] }));
      const [tables, objects] = await post('dump', queries);
      return JSON.stringify([tables.map(({ results }) => results), objects]);
    },
    /** The bucket itself. */
    bucket: bucketOf(own),
    /**
     * The size of WebAssembly's memory in bytes and the number of handles to JavaScript objects, after a garbage
     * collection.
     * @returns {Promise<{memory: number, handles: number}>}
     */
    usage: async () => /** @type {any} */ (await (await own('usage')).json()),
    /**
     * The D1 calls and written rows of a deployment since its last request began, including those after the response.
     * @returns {Promise<{d1: number, rows: number}>}
     */
    costOf: async (deployment) => {
      const response = await own('cost', { method: 'POST', body: deployment });
      return /** @type {any} */ (await response.json());
    },
    /** Resolves when all background work of requests (wait_until) has finished. */
    idle: async () => void (await own('idle')),
    /** Resolves when a request has reached its fault `hold:name` or `stall:name`. */
    held: async (name) => void (await own('held', { method: 'POST', body: name })),
    /** Releases that request, and any that reaches the fault later. */
    release: async (name) => void (await own('held', { method: 'DELETE', body: name })),
  };
}

function bucketOf(own) {
  const object = (key, query = {}) => `r2?${new URLSearchParams({ key, ...query })}`;
  return {
    /** Every object, by key: `{key, size, etag, uploaded, contentType, cacheControl}`. */
    list: async () => (await own('r2')).json(),
    /** An object's bytes, or null. */
    get: async (key) => {
      const response = await own(object(key));
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
    },
    put: async (key, body, httpMetadata = {}) =>
      void (await own(object(key, { metadata: JSON.stringify(httpMetadata) }), { method: 'PUT', body })),
    /** Stores an object for each of the keys, with the key as its content. */
    fill: async (keys) => void (await own('r2', { method: 'POST', body: JSON.stringify(keys) })),
    delete: async (key) => void (await own(object(key), { method: 'DELETE' })),
    /** Removes all objects. */
    clear: async () => void (await own('r2', { method: 'DELETE' })),
  };
}
