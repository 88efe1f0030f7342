// @ts-check
/** One submitted job, seen from this page. */

import { callback, invalidInput } from "./checks.js";
import { checkWaiting } from "./options.js";
import { valueOf } from "./plain.js";
import { endOf, notFound, progressOf, viewOf } from "./views.js";
import { eventsOf } from "./stream.js";

/** @import { Follower } from "./follower.js" */
/** @import * as api from "./wherry.js" */

/** @implements {api.Handle<any>} */
export class Handle {
  #follower;

  /** @param {Follower} follower @param {string} id @param {string} [duplicateOf] */
  constructor(follower, id, duplicateOf) {
    this.#follower = follower;
    this.id = id;
    /** The same id when a job that stood already was returned instead of a new one. */
    this.duplicateOf = duplicateOf;
  }

  /**
   * The job's output, once it is completed, wherever it runs.
   *
   * @param {{ signal?: AbortSignal }} [options] the signal ends the waiting, not the job
   * @throws {WherryError} `job_failed`, `job_cancelled`, `job_disabled`, `job_not_found`
   */
  async result(options = {}) {
    checkWaiting(options);
    return valueOf(await this.#output(options.signal), this.#follower.bigint);
  }

  /** The output as JSON text: integers beyond 2^53 are exact in it. */
  resultText() {
    return this.#output();
  }

  /** @param {AbortSignal} [signal] */
  async #output(signal) {
    const row = await this.#follower.outcome(this.id, signal);
    if (row.state !== "completed") throw endOf(row);
    return row.output ?? "null";
  }

  async job() {
    const [row] = await this.#follower.store.call("get", { ids: [this.id] });
    if (!row) throw notFound(this.id);
    return viewOf(row, this.#follower.bigint);
  }

  /** Asks the job to stop; a pending one is cancelled at once.  False if it was final or asked already. */
  async cancel() {
    const { store } = this.#follower;
    const changed = await store.call("alter", { where: { ids: [this.id] }, change: "cancel", limit: 1 });
    if (!changed.length) await this.job();
    return changed.length > 0;
  }

  /**
   * @param {(progress: api.Progress) => void} listener
   * @returns {() => void} ends it
   */
  onProgress(listener) {
    if (callback(listener)) throw invalidInput("onProgress", [`listener: ${callback(listener)}`]);
    return this.#follower.watch(this.id, (row) => listener(progressOf(row, this.#follower.bigint)));
  }

  /** Events of this job from now on, until it is final. @param {{ signal?: AbortSignal }} [options] */
  events(options = {}) {
    checkWaiting(options);
    const { store, bigint } = this.#follower;
    return eventsOf(store, { jobId: this.id, signal: options.signal, bigint });
  }
}
