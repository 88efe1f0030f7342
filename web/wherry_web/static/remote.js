// @ts-check
/**
 * A wherry server as a store: the same verbs as `idb.js`, over fetch.
 *
 * Every verb may be repeated as it was, so a call is tried again while the server cannot be reached.
 * The feed is read by fetch streaming, because an EventSource sends no Authorization header.
 */

import { wasClosed, WherryError } from "./errors.js";
import { errorOf, PASSING, pause, Watch } from "./remote-http.js";

/** @import { TextStore, VerbName, Verbs } from "./messages.js" */

/** Version of the verbs' form that this code speaks, as `wherry/storage/wire.py`. */
const PROTOCOL = 1;

const API = "/api/v1";

/** Between tries. */
const PAUSES_MS = [100, 400, 1600];
/** How long a server may take for one verb. */
const ANSWER_MS = 30_000;
/** An event stream without even a heartbeat for so long is dead; servers send one every 15 s. */
const SILENCE_MS = 50_000;
/** First and longest pause before the stream is opened again. */
const RECONNECT_MS = [200, 10_000];

/**
 * @typedef {object} RemoteOptions
 * @property {string} url where the server is; a path if it is mounted under one
 * @property {() => string | undefined | Promise<string | undefined>} [getToken] asked before every request, so
 *   that a token may be renewed
 */

/**
 * What a server says of itself.
 *
 * @typedef {object} Hello
 * @property {string} name `wherry`
 * @property {number} protocol
 * @property {string | null} store_id
 * @property {number} generation
 * @property {number} now_ms
 * @property {{ max_payload: number, max_body: number, max_page: number, max_wait_s: number }} limits
 * @property {Record<string, unknown>} capabilities
 * @property {string[]} scopes what the token may do; empty when one is wanted and none was sent
 */

/**
 * Meets a server.
 *
 * @param {RemoteOptions} options
 * @returns {Promise<RemoteStore>}
 * @throws {WherryError} `unauthorized`, `cors`, `not_a_store`, `reload_needed`, `storage_unavailable`
 */
export async function openRemote(options) {
  const store = new RemoteStore(options);
  store.about = await meet(store);
  return store;
}

/**
 * What a server says of itself, once it is sure that this code and its token are welcome.
 *
 * @param {RemoteStore} store
 * @returns {Promise<Hello>}
 * @throws {WherryError} as `openRemote`
 */
export async function meet(store) {
  const hello = await store.hello();
  const { name, protocol, scopes } = hello;
  if (name !== "wherry" || !Array.isArray(scopes)) {
    throw new WherryError("not_a_store", `${store.url} is no wherry server: check the address.`);
  }
  if (protocol > PROTOCOL) {
    throw new WherryError("reload_needed", `${store.url} is newer than this page's code: reload the page.`);
  }
  if (!scopes.length) {
    throw new WherryError("unauthorized", `${store.url} wants a token: pass getToken.`);
  }
  return hello;
}

/** One server.  @implements {TextStore} */
export class RemoteStore {
  #getToken;
  #closing = new AbortController();
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {AbortController | undefined} ends the event stream */
  #stream;
  /** @type {Hello} */
  // @ts-expect-error set by `openRemote`, which comes first
  about;

  /** @param {RemoteOptions} options */
  constructor({ url, getToken = () => undefined }) {
    this.url = url.replace(/\/+$/, "");
    this.#getToken = getToken;
  }

  /**
   * Who answers.  Needs no token; one that is wrong is told.
   *
   * @returns {Promise<Hello>}
   * @throws {WherryError} `unauthorized`, `cors`, `not_a_store`, `storage_unavailable`
   */
  async hello() {
    const { response, text } = await this.#send("GET", "/", undefined);
    if (!response.ok) throw errorOf(this.url, response, text);
    try {
      return JSON.parse(text) ?? {};
    } catch (error) {
      throw new WherryError("not_a_store", `${this.url} answers with something else than a wherry server: check the address.`, { cause: error });
    }
  }

  /**
   * One verb as text: a JSON object in, a JSON value out.
   *
   * @param {string} name @param {string} text
   * @returns {Promise<string>}
   * @throws {WherryError} the server's own, by its code; `storage_unavailable`, `data.outcome_unknown` says
   *   whether the call may have been applied
   */
  async verb(name, text) {
    const { response, text: answer } = await this.#send("POST", `/verbs/${name}`, text);
    if (!response.ok) throw errorOf(this.url, response, answer);
    return answer;
  }

  /**
   * @template {VerbName} N
   * @param {N} name
   * @param {Verbs[N][0]} parameters
   * @returns {Promise<Verbs[N][1]>}
   */
  async call(name, parameters) {
    return JSON.parse(await this.verb(name, JSON.stringify(parameters)));
  }

  /**
   * Calls back once when the event stream is set up, then whenever there may be changes.
   *
   * All callbacks share one stream, for a browser has six connections to a server.  It is opened
   * again when it breaks, and the callbacks are called then as well.
   *
   * @param {() => void} callback
   * @returns {() => void} stops it
   */
  listen(callback) {
    const listener = () => callback();
    this.#listeners.add(listener);
    if (!this.#stream) {
      this.#stream = new AbortController();
      void this.#follow(this.#stream.signal);
    } else {
      // The stream is there, or rings as soon as it is.
      queueMicrotask(() => this.#listeners.has(listener) && listener());
    }
    return () => {
      this.#listeners.delete(listener);
      if (!this.#listeners.size) this.#hangUp();
    };
  }

  /** Ends the event stream and the requests under way. */
  async close() {
    this.#listeners.clear();
    this.#hangUp();
    this.#closing.abort();
  }

  #hangUp() {
    this.#stream?.abort();
    this.#stream = undefined;
  }

  /** @param {AbortSignal} hungUp */
  async #follow(hungUp) {
    let [pauseMs, longestMs] = RECONNECT_MS;
    while (!hungUp.aborted) {
      try {
        for await (const line of this.#lines("/events?hints=true", hungUp)) {
          pauseMs = RECONNECT_MS[0];
          if (line.startsWith("event:")) for (const listener of this.#listeners) queueMicrotask(listener);
        }
      } catch {
        // Whatever the reason was, those who read hear of it from their own calls.
      }
      await pause(pauseMs, hungUp);
      pauseMs = Math.min(2 * pauseMs, longestMs);
    }
  }

  /** @param {string} path @param {AbortSignal} hungUp @returns {AsyncGenerator<string, void>} */
  async *#lines(path, hungUp) {
    const watch = new Watch(SILENCE_MS, hungUp);
    try {
      const response = await this.#fetch("GET", path, undefined, watch.signal, { Accept: "text/event-stream" });
      if (!response.ok || !response.body) return;
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (let rest = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) return;
        watch.restart();
        const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        yield* lines;
      }
    } finally {
      watch.stop();
    }
  }

  /**
   * One request, repeated while the server cannot be reached or says that it will be back.
   *
   * @param {string} method @param {string} path @param {string | undefined} body
   * @returns {Promise<{ response: Response, text: string }>}
   */
  async #send(method, path, body) {
    for (let tries = 0; ; tries += 1) {
      const watch = new Watch(ANSWER_MS, this.#closing.signal);
      try {
        const response = await this.#fetch(method, path, body, watch.signal, body === undefined ? {} : { "Content-Type": "application/json" });
        const text = await response.text();
        if (!PASSING.has(response.status) || tries === PAUSES_MS.length) return { response, text };
      } catch (error) {
        if (this.#closing.signal.aborted) throw wasClosed(this.url, error);
        if (error instanceof WherryError) throw error;
        if (tries === PAUSES_MS.length) throw await this.#unreachable(error, method);
      } finally {
        watch.stop();
      }
      await pause(PAUSES_MS[tries] * (0.5 + Math.random()), this.#closing.signal);
    }
  }

  /**
   * @param {string} method @param {string} path @param {string | undefined} body
   * @param {AbortSignal} signal @param {Record<string, string>} headers
   */
  async #fetch(method, path, body, signal, headers) {
    const token = await this.#token();
    const authorization = token ? { Authorization: `Bearer ${token}` } : undefined;
    return fetch(`${this.url}${API}${path}`, {
      method,
      body,
      signal,
      headers: { ...headers, ...authorization },
      // A POST is never cached, and "no-store" would have the browser ask before each one whether it may send it.
      cache: method === "GET" ? "no-store" : "default",
      credentials: "omit",
      redirect: "manual",
    });
  }

  async #token() {
    try {
      return await this.#getToken();
    } catch (error) {
      throw new WherryError("unauthorized", `getToken failed: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }

  /**
   * Why nothing came.  A browser hides whether the server is away or refuses this page's origin; a request that asks for
   * no answer tells.
   *
   * @param {unknown} cause @param {string} method
   */
  async #unreachable(cause, method) {
    const here = globalThis.location?.origin;
    if (here && new URL(this.url, here).origin !== here) {
      try {
        await fetch(`${this.url}${API}/`, { mode: "no-cors", cache: "no-store", credentials: "omit" });
        return new WherryError("cors", `${this.url} does not let pages of ${here} in: start it with --cors ${here}.`, { cause });
      } catch {
        // It is away.
      }
    }
    const text = `${this.url} did not answer: is the server running, the address right, and this device online?`;
    return new WherryError("storage_unavailable", text, { cause, retryable: true, data: { outcome_unknown: method !== "GET" } });
  }
}
