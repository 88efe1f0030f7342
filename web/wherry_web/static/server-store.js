// @ts-check
/**
 * A server's store as the executor of a tab that works for it sees it.
 *
 * It keeps the book of what was claimed here, for a token that may only work cannot look at jobs; and no
 * claim leaves that the rules forbid, or for a task that the server keeps to itself.
 */

import { WherryError } from "./errors.js";
import { room } from "./server-rules.js";

/** @import { Claimed, ClaimRequest, JobRow, TextStore, VerbName, Verbs } from "./messages.js" */
/** @import { Conditions, Limits } from "./server-rules.js" */

/** The server's manifest is read again after so long. */
const MANIFEST_MS = 60_000;

/** What is waited for the answer to a claim under way before the book is read: its jobs are in there then. */
const ANSWER_MS = 1_000;

const REFUSALS = new Set(["unauthorized", "forbidden"]);

/**
 * @typedef {object} Employment
 * @property {Limits} limits
 * @property {number} taken jobs before these
 * @property {() => Conditions} conditions
 * @property {(book: JobRow[]) => void} booked told what is claimed here, after each change
 * @property {(error: WherryError) => void} refused told when the token is no longer good for this
 */

/** @implements {TextStore} */
export class ServerStore {
  #remote;
  #employment;
  /** @type {Map<string, JobRow>} */
  #book = new Map();
  #taken;
  #done = 0;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** Token of a claim whose answer did not come: it is repeated whatever the rules say, or what it took would lapse. */
  #unanswered = "";
  /** @type {Promise<unknown>} the exchange under way */
  #exchanging = Promise.resolve();
  /** @type {Set<string>} names of tasks that run on the server only */
  #kept = new Set();
  #readMs = -Infinity;

  /** @param {TextStore} remote @param {Employment} employment */
  constructor(remote, employment) {
    this.#remote = remote;
    this.#employment = employment;
    this.#taken = employment.taken;
    this.url = remote.url;
  }

  /** Jobs claimed so far. */
  get taken() {
    return this.#taken;
  }

  /** Attempts settled so far. */
  get done() {
    return this.#done;
  }

  /**
   * @template {VerbName} N
   * @param {N} name @param {Verbs[N][0]} parameters
   * @returns {Promise<Verbs[N][1]>}
   */
  async call(name, parameters) {
    if (name === "exchange") {
      const exchanged = this.#exchange(/** @type {any} */ (parameters));
      this.#exchanging = Promise.allSettled([this.#exchanging, exchanged]);
      return /** @type {any} */ (await exchanged);
    }
    // Asked by the keeper only, for what runs here.
    if (name === "query") return /** @type {any} */ ({ rows: await this.#booked(), next: null });
    return this.#remote.call(name, parameters);
  }

  /** For Python. @param {string} name @param {string} text */
  async verb(name, text) {
    return name === "exchange" ? JSON.stringify(await this.call(name, JSON.parse(text))) : this.#remote.verb(name, text);
  }

  /** It was met before. @returns {Promise<undefined>} */
  async ready() {
    return undefined;
  }

  /** @param {() => void} callback */
  listen(callback) {
    const own = () => callback();
    this.#listeners.add(own);
    const stop = this.#remote.listen(own);
    return () => {
      this.#listeners.delete(own);
      stop();
    };
  }

  /** The rules may allow more now. */
  look() {
    for (const listener of [...this.#listeners]) listener();
  }

  async close() {
    this.#listeners.clear();
    await this.#remote.close();
  }

  /** What could not be handed back: its leases lapse. */
  forget() {
    this.#book.clear();
    this.#employment.booked([]);
  }

  /** @param {Verbs["exchange"][0]} parameters @returns {Promise<Verbs["exchange"][1]>} */
  async #exchange({ settle, claim: asked = null }) {
    try {
      const claim = asked && (await this.#allowed(asked));
      if (!claim && !settle.length) return { verdicts: [], jobs: [], next_due_in_ms: null };
      this.#unanswered = claim?.token ?? this.#unanswered;
      const answer = await this.#remote.call("exchange", { settle, claim });
      if (claim) this.#unanswered = "";
      this.#note(settle.map(({ id }) => id), answer.jobs, claim?.worker ?? null);
      return answer;
    } catch (error) {
      if (error instanceof WherryError && REFUSALS.has(error.code)) this.#employment.refused(error);
      throw error;
    }
  }

  /** @param {ClaimRequest} claim @returns {Promise<ClaimRequest | null>} */
  async #allowed(claim) {
    if (claim.token === this.#unanswered) return claim;
    const limit = room(claim.limit, this.#employment.conditions(), this.#employment.limits, this.#taken);
    if (!limit) return null;
    if (performance.now() - this.#readMs >= MANIFEST_MS) await this.#readManifest();
    const tasks = claim.tasks.filter((name) => !this.#kept.has(name));
    return tasks.length ? { ...claim, tasks, limit } : null;
  }

  async #readManifest() {
    const tasks = await this.#remote.call("read", { kind: "task" });
    this.#kept = new Set(tasks.filter(({ value }) => JSON.parse(value).place === "server").map(({ key }) => key));
    this.#readMs = performance.now();
  }

  /** What is claimed here. @returns {Promise<JobRow[]>} */
  async #booked() {
    await Promise.race([this.#exchanging, new Promise((late) => setTimeout(late, ANSWER_MS))]);
    return [...this.#book.values()];
  }

  /** @param {string[]} settled @param {Claimed[]} claimed @param {string | null} worker */
  #note(settled, claimed, worker) {
    if (!settled.length && !claimed.length) return;
    for (const id of settled) this.#done += Number(this.#book.delete(id));
    for (const job of claimed) {
      this.#taken += Number(this.#book.get(job.id)?.fence !== job.fence);
      this.#book.set(job.id, /** @type {JobRow} */ (/** @type {unknown} */ ({ ...job, worker })));
    }
    this.#employment.booked([...this.#book.values()]);
  }
}
