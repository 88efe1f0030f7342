// @ts-check
/** Unique keys: at most one job holds one. */

import { answer } from "./idb-schema.js";

/** @import { Work } from "./idb-work.js" */
/** @import { Hold, Stored } from "./messages.js" */
/** @typedef {{ key: string, id: string, until_ms?: number }} Holder */

/** Who holds which unique key. */
export class Uniques {
  /** @type {Map<string, Holder>} */
  #held = new Map();

  /** @param {Work} work */
  constructor(work) {
    this.work = work;
    this.store = work.transaction.objectStore("uniques");
  }

  /** @param {string[]} keys */
  async load(keys) {
    const found = await Promise.all(keys.map((key) => answer(this.store.get(key))));
    for (const held of found) if (held) this.#held.set(held.key, held);
  }

  /**
   * The other job that holds a key, if any.
   *
   * @param {string} key @param {string} id of the job that asks
   */
  holder(key, id) {
    const held = this.#held.get(key);
    const over = held?.until_ms !== undefined && held.until_ms <= this.work.nowMs;
    return held && held.id !== id && !over ? held.id : undefined;
  }

  /** Whether the key of a job may be its own (again). @param {Stored} job */
  async allows(job) {
    if (job.unique_key == null) return true;
    await this.load([job.unique_key]);
    return this.holder(job.unique_key, job.id) === undefined;
  }

  /**
   * Gives up the key of a job, if it holds it in one of these ways.
   *
   * @param {Stored} job @param {Hold[]} holds
   */
  async free(job, ...holds) {
    if (job.unique_key == null || !job._.hold || !holds.includes(job._.hold)) return;
    await this.load([job.unique_key]);
    if (this.#held.get(job.unique_key)?.id !== job.id) return;
    this.#held.delete(job.unique_key);
    this.store.delete(job.unique_key);
  }

  /** @param {Stored} job */
  take(job) {
    const key = /** @type {string} */ (job.unique_key);
    /** @type {Holder} */
    const held = { key, id: job.id };
    if (job._.hold === "period") held.until_ms = this.work.nowMs + (job._.period_ms ?? 0);
    this.#held.set(key, held);
    this.store.put(held);
  }
}
