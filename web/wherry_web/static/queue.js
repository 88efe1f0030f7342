// @ts-check
/** The queue as a page sees it: the same over a store in this browser and over a server. */

/// <reference lib="esnext.disposable" />
import { wasClosed } from "./errors.js";
import { Follower, callSafely } from "./follower.js";
import { callback, check, invalidInput, oneOf, seconds } from "./checks.js";
import { Handle } from "./handle.js";
import { Manifest } from "./manifest.js";
import { checkId, checkSubmit, checkWaiting, chosen, whereOf } from "./options.js";
import { newJob, requireValid, snapshotOf } from "./submission.js";
import { eventsOf } from "./stream.js";
import { notFound, viewOf } from "./views.js";

/** @import { Alteration, NewJob, Store } from "./messages.js" */
/** @import { OpenedStore, PageTasks } from "./page-tasks.js" */
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
 * @property {ReadonlySet<string>} capabilities
 * @property {boolean} bigint whether large integers become BigInts
 * @property {OpenedStore} opened whose jobs tasks written in JavaScript run
 * @property {(drainMs: number) => Promise<unknown>} close resolves to why those who wait wait no longer
 */

/** @implements {api.Queue} */
export class Queue {
  #backing;
  #store;
  #follower;
  #manifest;
  /** @type {Promise<PageTasks> | undefined} */
  #tasks;
  #closed = false;

  /** @param {Backing} backing @param {api.KnownTask[]} [known] */
  constructor(backing, known) {
    this.#backing = backing;
    this.#store = backing.store;
    this.#follower = new Follower(backing.store, backing.bigint);
    this.#manifest = new Manifest(backing.store, backing.announced, /** @type {any} */ (known));
    this.capabilities = backing.capabilities;
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
    if (!Array.isArray(inputs)) throw invalidInput("submitMany", ["inputs: must be a list"]);
    checkSubmit(options, inputs.length);
    // Both as they are now, whatever the caller does with them while this goes on.
    const given = { ...options };
    const snapshots = inputs.map((input, index) => snapshotOf(input, task, this.#backing.bigint, inputs.length > 1 ? `[${index}]` : ""));
    this.#backing.submitted();
    const entry = await this.#manifest.entry(task);
    requireValid(entry, snapshots);
    const make = (/** @type {number} */ start) => Promise.all(snapshots.slice(start, start + BATCH).map((snapshot) => newJob(entry, snapshot, given)));
    /** @type {Handle[]} */
    const handles = [];
    for (let start = 0, making = make(0); start < snapshots.length; ) {
      const adding = this.#add(await making);
      start += BATCH;
      // Made while the store takes those before.
      making = make(start);
      handles.push(...(await adding));
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
    checkId(id);
    return new Handle(this.#follower, id);
  }

  // --- observe -------------------------------------------------------------------------------------
  /** @param {string} id */
  async get(id) {
    checkId(id);
    const [row] = await this.#store.call("get", { ids: [id] });
    return row && viewOf(row, this.#backing.bigint);
  }

  /** A page of jobs, newest first, and the cursor of the next. @param {api.Filter} [filter] */
  async query(filter = {}) {
    const where = whereOf(filter);
    const { limit, cursor } = filter;
    const { rows, next } = await this.#store.call("query", { where, limit: limit ?? 100, cursor: cursor ?? null });
    return { jobs: rows.map((row) => viewOf(row, this.#backing.bigint)), ...(next != null && { cursor: next }) };
  }

  /** @param {api.Filter} [filter] @param {"state" | "queue" | "task"} [by] */
  async count(filter = {}, by = "state") {
    check("count", { by }, { by: oneOf(["state", "queue", "task"]) });
    const counts = await this.#store.call("count", { where: whereOf(filter), by: [by] });
    return Object.fromEntries(counts.map(([[key], count]) => [key, count]));
  }

  /** One sentence that says why a job is not running, or what became of it. @param {string} id */
  async why(id) {
    checkId(id);
    const [row] = await this.#store.call("get", { ids: [id] });
    if (!row) throw notFound(id);
    // Fetched by pages that ask.
    const { why } = await import("./why.js");
    return why(this.#store, row);
  }

  /** What the job's attempts said with `context.log`, oldest first. @param {string} id */
  async logs(id) {
    if (!(await this.get(id))) throw notFound(id);
    const { logs } = await import("./why.js");
    return logs(this.#store, id);
  }

  /** Events from now on, or since a cursor. @param {{ since?: string, signal?: AbortSignal }} [options] */
  events(options = {}) {
    checkWaiting(options);
    return eventsOf(this.#store, { ...options, bigint: this.#backing.bigint });
  }

  // --- change --------------------------------------------------------------------------------------
  /** @param {string | api.Filter} which */
  cancel(which) {
    return this.#alter("cancel", which, "cancel");
  }

  /** Puts failed, cancelled and disabled jobs back, their history kept. @param {string | api.Filter} which */
  retry(which) {
    return this.#alter("retry", which, "requeue");
  }

  /** Ends unfinished jobs as disabled. @param {string | api.Filter} which */
  disable(which) {
    return this.#alter("disable", which, "disable");
  }

  /** Removes final jobs. @param {string | api.Filter} which */
  remove(which) {
    return this.#alter("remove", which, "remove");
  }

  /**
   * @param {string} what @param {string | api.Filter} which @param {Alteration} change
   * @returns {Promise<number>} how many were changed, each once
   * @throws {WherryError} `job_not_found` for an id that is not stored
   */
  async #alter(what, which, change) {
    const where = chosen(what, which);
    if (typeof which === "string") {
      const changed = await this.#store.call("alter", { where, change, limit: 1 });
      if (!changed.length && !(await this.get(which))) throw notFound(which);
      return changed.length;
    }
    let total = 0;
    /** @type {string | null} */
    let cursor = null;
    do {
      // By page: a job that matches again at once, as one does that is retried and fails, is left alone.
      /** @type {import("./messages.js").Verbs["query"][1]} */
      const page = await this.#store.call("query", { where: { ...where, oldest_first: true }, limit: BATCH, cursor });
      const ids = page.rows.map(({ id }) => id);
      if (ids.length) total += (await this.#store.call("alter", { where: { ...where, ids }, change, limit: BATCH })).length;
      cursor = page.next;
    } while (cursor !== null);
    return total;
  }

  /**
   * Lets no job of a queue or of a task start until `resume`; those that run go on.
   *
   * @param {string | { queue: string } | { task: string }} which a queue's name, or one of both
   */
  async pause(which) {
    // Fetched by pages that ask, as is the rest of this part.
    const { pause } = await import("./pauses.js");
    await pause(this.#store, which);
  }

  /**
   * @param {string | { queue: string } | { task: string }} which
   * @returns {Promise<boolean>} false when it was not paused
   */
  async resume(which) {
    const { resume } = await import("./pauses.js");
    return resume(this.#store, which);
  }

  /** The queues and tasks that are paused. */
  async paused() {
    const { paused } = await import("./pauses.js");
    return paused(this.#store);
  }

  // --- tasks of this page ----------------------------------------------------------------------------
  /**
   * A task written in JavaScript: its jobs run in this page, and in others that register it.
   *
   * @param {string} name @param {api.TaskFunction<any, any>} run @param {api.TaskOptions} [options]
   * @throws {WherryError} `invalid_input`, `duplicate_task`; over a server `forbidden`
   */
  async task(name, run, options = {}) {
    if (this.#closed) throw wasClosed(this.#store.url);
    // Fetched by pages that have such tasks.
    this.#tasks ??= import("./page-tasks.js").then(({ PageTasks }) => new PageTasks(this.#backing.opened));
    const declared = this.#tasks.then((tasks) => tasks.register(name, run, options));
    // Known at once, so that a submit need not wait for this call.
    this.#manifest.own(name, declared);
    await (await declared).told;
  }

  // --- state -----------------------------------------------------------------------------------------
  status() {
    return this.#backing.status();
  }

  /**
   * @param {"status" | "update" | "evicted"} type @param {(status: api.Status) => void} fn
   * @returns {() => void} ends it
   */
  on(type, fn) {
    check("on", { type, fn: fn ?? NaN }, { type: oneOf(["status", "update", "evicted"]), fn: callback });
    return this.#backing.on(type, (status) => callSafely(() => fn(status)));
  }

  /** @param {{ drain?: number }} [options] seconds that running jobs may go on; the rest goes back uncharged */
  async close(options = {}) {
    check("close", options, { drain: seconds });
    const drainMs = Math.round((options.drain ?? 0) * 1000);
    this.#closed = true;
    const tasks = await this.#tasks?.catch(() => undefined);
    const [why] = await Promise.all([this.#backing.close(drainMs), tasks?.close(drainMs)]);
    this.#follower.close(why);
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }
}
