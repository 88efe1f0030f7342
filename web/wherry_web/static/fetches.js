// @ts-check
/** Watches what Python's start fetches: how many bytes came, and what went wrong, for Pyodide tells neither. */

import { WherryError } from "./errors.js";
import { KINDS, newerBuild, problemOf, unreachable } from "./loading.js";

const TELL_EVERY_MS = 100;

/** What compressed text and code grow to, about; only how smoothly the count runs depends on it. */
const EXPANSION = 3.5;

/** The watching begins with the object and ends with `stop`. */
export class Fetches {
  #fetch = globalThis.fetch;
  #instantiate = WebAssembly.instantiateStreaming;
  #loaded = 0;
  #total = 0;
  #toldMs = 0;
  /** @type {Promise<void> | undefined} */
  #asking;
  #tell;
  /** @type {(error: WherryError) => void} */
  #fail = () => undefined;

  /** @param {(loaded: number, total: number) => void} tell bytes as they travel, at most every 100 ms */
  constructor(tell) {
    this.#tell = tell;
    /** Rejects with the first thing that goes wrong. @type {Promise<never>} */
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    this.failed.catch(() => undefined);
    globalThis.fetch = (...args) => this.#watch(args);
    WebAssembly.instantiateStreaming = (...args) =>
      this.#instantiate.apply(WebAssembly, args).catch(async (cause) => {
        // What the fetch met explains it better.
        await this.#asking;
        const remedy = "reload the page; if memory is short, close other tabs.";
        this.#fail(new WherryError("python_failed", `the browser did not take Python's WebAssembly (${cause.message}): ${remedy}`, { cause }));
        throw cause;
      });
  }

  stop() {
    globalThis.fetch = this.#fetch;
    WebAssembly.instantiateStreaming = this.#instantiate;
  }

  /** The error behind a failure: what a fetch met, or else what is given. @param {WherryError} error @returns {Promise<WherryError>} */
  async because(error) {
    await this.#asking;
    return Promise.race([this.failed, Promise.resolve(error)]).catch((found) => found);
  }

  /** @param {Parameters<typeof fetch>} args */
  async #watch(args) {
    const url = args[0] instanceof Request ? args[0].url : String(args[0]);
    const response = await this.#fetch.apply(globalThis, args).catch((cause) => {
      this.#asking = this.#ask(url, cause);
      throw cause;
    });
    const problem = problemOf(response, url, KINDS.runtime);
    if (problem) this.#asking = newerBuild(problem, url).then(this.#fail);
    else void this.#count(response);
    return response;
  }

  /** Why a fetch failed: a wheel that is not what the lock file says looks like a broken network. @param {string} url @param {unknown} cause */
  async #ask(url, cause) {
    try {
      const problem = problemOf(await this.#fetch.call(globalThis, url, { cache: "reload" }), url, KINDS.runtime);
      const remedy = "copy the whole folder that `build.py site` makes again.";
      this.#fail(problem ?? new WherryError("runtime_damaged", `${url} is not the file that pyodide-lock.json names: ${remedy}`, { cause, data: { url } }));
    } catch {
      this.#fail(unreachable(url, KINDS.runtime, cause));
    }
  }

  /** @param {Response} response */
  async #count(response) {
    const size = Number(response.headers.get("content-length"));
    this.#total += size;
    // The original goes on to the compiler, which keeps compiled code for it and for no copy.
    const reader = response.clone().body?.getReader();
    const ratio = response.headers.has("content-encoding") ? EXPANSION : 1;
    let left = size;
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      const bytes = Math.min(left, part.value.length / ratio);
      left -= bytes;
      this.#add(bytes);
    }
    this.#add(left);
  }

  /** @param {number} bytes */
  #add(bytes) {
    this.#loaded += bytes;
    if (performance.now() - this.#toldMs < TELL_EVERY_MS && this.#loaded < this.#total) return;
    this.#toldMs = performance.now();
    this.#tell(Math.round(this.#loaded), this.#total);
  }
}
