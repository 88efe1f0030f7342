// @ts-check
/** The queue as a page sees it: the same over a store in this browser and over a server. */

/// <reference lib="esnext.disposable" />
import { Follower, callSafely } from "./follower.js";
import { Handle } from "./handle.js";
import { invalidInput, whereOf } from "./options.js";
import { Manifest, newJob } from "./submission.js";
import { eventsOf } from "./stream.js";
import { notFound, viewOf } from "./views.js";

/** @import { Alteration, NewJob, Store } from "./messages.js" */
/** @import * as api from "./wherry.js" */

/** Jobs that one call stores or changes. */
const BATCH = 512;

/**
 * What stands behind a queue: the keeper of this tab, or a server.
 *
 * @typedef {object} Backing
 * @property {Store} store
 * @property {() => api.Status} status
 * @property {(type: string, fn: (status: api.Status) => void) => () => void} on
 * @property {() => Promise<void>} announced resolves once this page's own tasks are in the manifest
 * @property {() => void} submitted told before the first submit
 * @property {() => Promise<void>} killExecutor
 * @property {(drainMs: number) => Promise<unknown>} close resolves to why those who wait wait no longer
 */

/** @implements {api.Queue} */
export class Queue {
  #backing;
  #store;
  #follower;
  #manifest;

  /** @param {Backing} backing */
  constructor(backing) {
    this.#backing = backing;
    this.#store = backing.store;
    this.#follower = new Follower(backing.store);
    this.#manifest = new Manifest(backing.store, backing.announced);
    this.debug = { killExecutor: () => backing.killExecutor() };
  }

  /**
   * Stores one job; when this resolves the job outlives the tab.
   *
   * @param {string} task @param {any} [input] left out: null, for a task that takes none
   * @param {api.SubmitOptions} [options]
   * @throws {WherryError} `task_unknown`, `invalid_input`, `not_json`, `payload_too_large`, `job_not_found` (in `after`)
   */
  async submit(task, input, options = {}) {
    const inputs = [arguments.length < 2 ? null : input];
    return (await this.submitMany(task, inputs, options))[0];
  }

  /**
   * Stores many jobs of one task; all inputs are checked before the first is stored.
   *
   * @param {string} task @param {any[]} inputs @param {api.SubmitOptions} [options]
   */
  async submitMany(task, inputs, options = {}) {
    if (typeof task !== "string") throw invalidInput("submit", ["task: must be the name of a task"]);
    this.#backing.submitted();
    const entry = await this.#manifest.entry(task);
    const jobs = await Promise.all(inputs.map((input) => newJob(entry, input, options)));
    /** @type {Handle[]} */
    const handles = [];
    for (let start = 0; start < jobs.length; start += BATCH) {
      handles.push(...(await this.#add(jobs.slice(start, start + BATCH))));
    }
    return handles;
  }

  /** @param {NewJob[]} jobs */
  async #add(jobs) {
    const added = await this.#store.call("add", { jobs });
    const refused = jobs.find((_, index) => added[index].verdict === "refused");
    if (refused) throw await this.#parentMissing(refused);
    return added.map(({ id, verdict }) => new Handle(this.#follower, id, verdict === "duplicate" ? id : undefined));
  }

  /** @param {NewJob} job */
  async #parentMissing({ id, after = [] }) {
    const parents = after.map(({ parent }) => parent);
    const found = (await this.#store.call("get", { ids: parents })).map((row) => row.id);
    return notFound(parents.find((parent) => !found.includes(parent)) ?? id);
  }

  /** A handle on a job that was submitted elsewhere. @param {string} id */
  handle(id) {
    return new Handle(this.#follower, id);
  }

  /** @param {string} id */
  async get(id) {
    const [row] = await this.#store.call("get", { ids: [id] });
    return row && viewOf(row);
  }

  /** A page of jobs, newest first, and the cursor of the next. @param {api.Filter} [filter] */
  async query(filter = {}) {
    const { limit = 100, cursor = null } = filter;
    const { rows, next } = await this.#store.call("query", { where: whereOf(filter), limit, cursor });
    return { jobs: rows.map(viewOf), ...(next != null && { cursor: next }) };
  }

  /** @param {api.Filter} [filter] @param {"state" | "queue" | "task"} [by] */
  async count(filter = {}, by = "state") {
    const counts = await this.#store.call("count", { where: whereOf(filter), by: [by] });
    return Object.fromEntries(counts.map(([[key], count]) => [key, count]));
  }

  /** @param {string | api.Filter} which */
  cancel(which) {
    return this.#alter(which, "cancel");
  }

  /** Puts failed, cancelled and disabled jobs back, their history kept. @param {string | api.Filter} which */
  retry(which) {
    return this.#alter(which, "requeue");
  }

  /** Removes final jobs. @param {string | api.Filter} which */
  remove(which) {
    return this.#alter(which, "remove");
  }

  /**
   * @param {string | api.Filter} which @param {Alteration} change
   * @returns {Promise<number>} how many were changed
   * @throws {WherryError} `job_not_found` for an id that is not stored
   */
  async #alter(which, change) {
    const where = typeof which === "string" ? { ids: [which] } : whereOf(which);
    let total = 0;
    for (;;) {
      const changed = await this.#store.call("alter", { where, change, limit: BATCH });
      total += changed.length;
      if (changed.length < BATCH) break;
    }
    if (!total && typeof which === "string" && !(await this.get(which))) throw notFound(which);
    return total;
  }

  /** Events from now on, or since a cursor. @param {{ since?: string, signal?: AbortSignal }} [options] */
  events(options = {}) {
    return eventsOf(this.#store, options);
  }

  status() {
    return this.#backing.status();
  }

  /**
   * @param {"status" | "update" | "evicted"} type @param {(status: api.Status) => void} fn
   * @returns {() => void} ends it
   */
  on(type, fn) {
    if (!["status", "update", "evicted"].includes(type)) throw invalidInput("on", [`type: ${JSON.stringify(type)} is none of status, update, evicted`]);
    return this.#backing.on(type, (status) => callSafely(() => fn(status)));
  }

  /** @param {{ drain?: number }} [options] seconds that running jobs may go on; the rest goes back uncharged */
  async close({ drain = 0 } = {}) {
    this.#follower.close(await this.#backing.close(Math.round(drain * 1000)));
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }
}
