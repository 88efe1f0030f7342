// @ts-check
/** Those who want to hear of changes in a store. */

export class Listeners {
  /** @type {Set<() => void>} */
  #all = new Set();

  /**
   * Calls back once soon, then at each `call`.
   *
   * @param {() => void} callback
   * @returns {() => void} stops it
   */
  listen(callback) {
    // The same callback may come twice, and stop once.
    const own = () => callback();
    this.#all.add(own);
    queueMicrotask(() => this.#all.has(own) && own());
    return () => void this.#all.delete(own);
  }

  call() {
    for (const callback of [...this.#all]) callback();
  }

  clear() {
    this.#all.clear();
  }
}
