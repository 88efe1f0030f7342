// @ts-check
/** What `remote.js` needs of HTTP: problems as errors, requests that end in time, pauses. */

import { WherryError } from "./errors.js";

/** A proxy, or a server that is restarting, says these; the next try may find it well. */
export const PASSING = new Set([429, 502, 503, 504]);

/** Members of a problem that say nothing of their own. */
const PLAIN = new Set(["type", "title", "status", "detail", "code"]);

/**
 * A refusal as the error that the server had.
 *
 * @param {string} url the server's @param {Response} response @param {string} text its body
 * @returns {WherryError}
 */
export function errorOf(url, response, text) {
  const problem = problemIn(response, text);
  const retryable = response.status >= 500 || PASSING.has(response.status);
  if (problem) {
    const data = Object.fromEntries(Object.entries(problem).filter(([name]) => !PLAIN.has(name)));
    const jobId = typeof data.job_id === "string" ? data.job_id : undefined;
    return new WherryError(problem.code, problem.detail, { retryable, jobId, data });
  }
  if (retryable) {
    const data = { outcome_unknown: true };
    return new WherryError("storage_unavailable", `${url} answers ${response.status}: try again later.`, { retryable, data });
  }
  const answer = response.status || "with a redirect";
  return new WherryError("not_a_store", `${url} answers ${answer}, not as a wherry server: check the address.`);
}

/** @param {Response} response @param {string} text @returns {{ code: string, detail: string, [more: string]: unknown } | undefined} */
function problemIn(response, text) {
  if (!response.headers.get("content-type")?.startsWith("application/problem+json")) return undefined;
  try {
    const problem = JSON.parse(text);
    return typeof problem?.code === "string" && typeof problem.detail === "string" ? problem : undefined;
  } catch {
    return undefined;
  }
}

/** Aborts when another signal does, or when nothing happens for a while. */
export class Watch {
  #controller = new AbortController();
  #ms;
  #outer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #abort = () => this.#controller.abort();

  /** @param {number} ms @param {AbortSignal} outer */
  constructor(ms, outer) {
    this.#ms = ms;
    this.#outer = outer;
    if (outer.aborted) this.#abort();
    outer.addEventListener("abort", this.#abort);
    this.restart();
  }

  get signal() {
    return this.#controller.signal;
  }

  restart() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#abort, this.#ms);
  }

  /** Ends the request if it is still under way. */
  stop() {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#abort);
    this.#abort();
  }
}

/** Resolves after a while, or at once when the signal aborts. @param {number} ms @param {AbortSignal} signal */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve(undefined);
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
