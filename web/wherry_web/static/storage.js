// @ts-check
/** Whether what is stored in this browser is safe, and whether some of it is gone. */

import { WherryError } from "./errors.js";

/**
 * Asks the browser once not to evict what is stored; some ask the visitor, so there must be something to keep.
 *
 * @returns {Promise<boolean>}
 */
export async function keepStorage() {
  if (await navigator.storage?.persisted?.()) return true;
  return (await navigator.storage?.persist?.().catch(() => false)) ?? false;
}

/**
 * Remembers outside of IndexedDB which store was here, so that its loss is noticed at the next start.
 *
 * Browsers evict databases without a word and leave localStorage alone, most of the time.
 */
export class Marker {
  #key;

  /** @param {string} name of the store */
  constructor(name) {
    this.#key = `wherry:store:${name}`;
  }

  /**
   * Compares the store that was opened with the one of the last visit, and remembers it.
   *
   * @param {string} id of the store
   * @returns {WherryError | undefined} `evicted`, when that was another one
   */
  check(id) {
    const last = this.#read();
    this.#write({ id, seenMs: Date.now() });
    if (!last || last.id === id) return undefined;
    const data = { lost: last.id, store: id, lastSeen: new Date(last.seenMs).toISOString() };
    const remedy = "submit what is missing again.";
    return new WherryError("evicted", `the browser deleted this site's jobs after ${data.lastSeen}: ${remedy}`, { data });
  }

  /** Its loss has been told: the next start says nothing. */
  forget() {
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // There is none to forget.
    }
  }

  /** @returns {{ id: string, seenMs: number } | undefined} */
  #read() {
    try {
      const { id, seenMs } = JSON.parse(localStorage.getItem(this.#key) ?? "");
      return { id: String(id), seenMs: Number(seenMs) };
    } catch {
      return undefined;
    }
  }

  /** @param {{ id: string, seenMs: number }} value */
  #write(value) {
    try {
      localStorage.setItem(this.#key, JSON.stringify(value));
    } catch {
      // A browser that forbids it cannot tell of a loss either.
    }
  }
}
