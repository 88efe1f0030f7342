// @ts-check
/** Hands back the jobs of workers that are dead. */

import { handBack, PREFIX, running } from "./keeper-rows.js";

/** @import { IndexedDBStore } from "./idb.js" */

/** Tries again when the store could not be written. */
const RETRY_MS = 1_000;

export class Heirs {
  #store;
  #over;
  /** @type {Set<string>} */
  #watched = new Set();

  /** @param {IndexedDBStore} store @param {AbortSignal} over */
  constructor(store, over) {
    this.#store = store;
    this.#over = over;
  }

  /** Watches all that hold jobs now, but for those in this tab. @param {(worker: string) => boolean} mine */
  async begin(mine) {
    const rows = await running(this.#store).catch(() => []);
    for (const { worker } of rows) if (worker && !mine(worker)) this.watch(worker);
  }

  /**
   * Hands back the jobs of another worker as soon as it is dead, at once if it is already.
   *
   * Its lock tells: each executor holds `wherry:w:NAME` while it lives and no name comes twice, so
   * that the lock is granted means that its holder is gone.  Names of other kinds prove nothing.
   *
   * @param {string} worker
   */
  watch(worker) {
    if (!worker.startsWith(PREFIX) || this.#watched.has(worker)) return;
    this.#watched.add(worker);
    navigator.locks
      .request(`wherry:w:${worker}`, { signal: this.#over }, () => this.#inherit(worker))
      .catch(() => undefined)
      .finally(() => this.#watched.delete(worker));
  }

  /** @param {string} worker */
  async #inherit(worker) {
    while (!this.#over.aborted) {
      try {
        return await handBack(this.#store, worker);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}
