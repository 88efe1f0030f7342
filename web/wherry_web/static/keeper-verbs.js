// @ts-check
/**
 * Carries out the verbs of an executor.
 *
 * Here and not in the executor itself: Python may block its thread at any moment, and a transaction
 * that is open on a blocked thread stops every writer of the store, the renewals included.
 */

import { factsOf } from "./facts.js";

/** @import { Facts } from "./facts.js" */
/** @import { Attempt, Attempts } from "./keeper-attempts.js" */
/** @import { Claimed, Settlement, TextStore } from "./messages.js" */
/** @typedef {{ type: "verb", call: number, name: string, text: string }} VerbMessage */

/** In a tab every attempt has an end, or an endless loop would hold its lease for ever. */
const LONGEST_MS = 600_000;

export class VerbService {
  #store;
  #attempts;
  #post;
  #full;
  #isFull = false;
  #hintPending = false;
  #hintWanted = false;

  /**
   * @param {{ store: TextStore, full: (facts: Facts | undefined) => void }} duties `full`: the disk is, or is no more
   * @param {Attempts} attempts hears what was claimed and settled @param {(message: object) => void} post to the executor
   */
  constructor({ store, full }, attempts, post) {
    this.#store = store;
    this.#full = full;
    this.#attempts = attempts;
    this.#post = post;
  }

  /** @param {VerbMessage} message */
  async answer({ call, name, text }) {
    try {
      const result = name === "exchange" ? await this.#exchange(text) : await this.#store.verb(name, text);
      this.#post({ type: "answer", call, result });
      if (this.#isFull && name === "exchange") this.#tell(undefined);
    } catch (error) {
      this.#post({ type: "answer", call, error: this.#forPython(factsOf(error)) });
    }
  }

  /** A full disk is no error of any job: Python tries again until there is room. @param {Facts} facts */
  #forPython(facts) {
    if (facts.code !== "quota") return facts;
    this.#tell(facts);
    return { ...facts, code: "storage_unavailable" };
  }

  /** @param {Facts | undefined} full */
  #tell(full) {
    this.#isFull = full !== undefined;
    this.#full(full);
  }

  /** @param {string} text */
  async #exchange(text) {
    const parameters = JSON.parse(text);
    const result = await this.#store.call("exchange", parameters);
    const nowMs = performance.now();
    parameters.settle.forEach((/** @type {Settlement} */ lease) => this.#attempts.settled(lease, nowMs));
    for (const job of result.jobs) {
      job.timeout_ms ??= LONGEST_MS;
      this.#attempts.claimed(attemptOf(job, job.timeout_ms, nowMs));
    }
    return JSON.stringify(result);
  }

  /** There may be changes: tells the executor, but not again before it has heard. */
  hint() {
    this.#hintWanted = this.#hintPending;
    if (!this.#hintPending) this.#post({ type: "hint" });
    this.#hintPending = true;
  }

  heardHint() {
    this.#hintPending = false;
    if (this.#hintWanted) this.hint();
  }
}

/** @param {Claimed} job @param {number} timeoutMs @param {number} claimedMs @returns {Attempt} */
function attemptOf({ id, fence, deadline_left_ms: leftMs }, timeoutMs, claimedMs) {
  if (leftMs === null || leftMs >= timeoutMs) return { id, fence, claimedMs, limitMs: timeoutMs, limit: "timeout" };
  return { id, fence, claimedMs, limitMs: Math.max(0, leftMs), limit: "deadline" };
}
