// @ts-check
// How this page reaches its server: the token, and one door for all requests that can be shut.

import { DemoError } from "./problem.js";

const KEY = "wherry.token";

/**
 * The token from the address's fragment, moved to this tab's session and out of the address bar.
 * @returns {string | null}
 */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) {
    return kept(KEY);
  }
  history.replaceState(null, "", location.pathname + location.search);
  keep(KEY, given);
  return given;
}

/**
 * Keep a text as long as this tab lives, reloads included; null forgets it.
 * @param {string} key
 * @param {string | null} text
 */
export function keep(key, text) {
  attempt(() => (text === null ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, text)));
}

/** @param {string} key */
export const kept = (key) => attempt(() => sessionStorage.getItem(key)) ?? null;

/**
 * @template T
 * @param {() => T} act
 * @returns {T | undefined} undefined where the browser blocks storage
 */
function attempt(act) {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/** The page's way to the network.  While it is shut, requests fail as they do without a network. */
export class Door {
  #shut = new AbortController();
  #fetch;
  isOpen = true;

  /** @param {typeof fetch} through */
  constructor(through) {
    this.#fetch = through;
  }

  /**
   * As `fetch`; a request or a stream under way when the door shuts is cut off.
   * @type {typeof fetch}
   */
  fetch = async (resource, options) => {
    const cut = this.#shut.signal;
    const own = options?.signal ?? (resource instanceof Request ? resource.signal : null);
    try {
      return await this.#fetch(resource, { ...options, signal: own ? AbortSignal.any([own, cut]) : cut });
    } catch (error) {
      throw cut.aborted ? new TypeError("Failed to fetch: this page is offline") : error;
    }
  };

  /** @param {boolean} open */
  set(open) {
    this.isOpen = open;
    if (!open) {
      this.#shut.abort();
    } else if (this.#shut.signal.aborted) {
      this.#shut = new AbortController();
    }
  }
}

/**
 * Call an endpoint of the demo.
 * @param {Door} door
 * @param {string | null} token
 * @param {string} method
 * @param {string} path
 * @returns {Promise<any>} the JSON it answered
 * @throws {DemoError} with the server's own code, `server_unreachable` or `unauthorized`
 */
export async function call(door, token, method, path) {
  /** @type {Response} */
  let response;
  try {
    response = await door.fetch(path, { method, headers: token ? { Authorization: `Bearer ${token}` } : {} });
  } catch (error) {
    throw new DemoError("server_unreachable", `The server did not answer ${path}.`, {
      remedy: "Is `wherry demo` still running in the terminal? Start it again; what the tab holds goes on meanwhile.",
      cause: error,
    });
  }
  if (response.ok) {
    return response.json();
  }
  throw await refusal(response);
}

/** @param {Response} response */
async function refusal(response) {
  /** @type {{ code?: string, detail?: string, title?: string, remedy?: string }} */
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401) {
    return new DemoError("unauthorized", "The server does not accept this page's token, or the page has none.", {
      remedy: "Open the address that `wherry demo` printed: the token is the part after #.",
    });
  }
  const cause = problem.detail ?? problem.title ?? `The server answered ${response.status}.`;
  const remedy = problem.remedy ?? "Reload the page; if it stays, look at the terminal where `wherry demo` runs.";
  return new DemoError(problem.code ?? `http_${response.status}`, cause, { remedy });
}
