// @ts-check
/** Executors for the tasks with `isolation="worker"`: started when there is work for them, ended when there is none. */

import { Executor } from "./keeper-executor.js";
import { firstDue } from "./keeper-rows.js";

/** @import { Facts } from "./facts.js" */
/** @import { Duties } from "./keeper-executor.js" */

/** One that had no work for so long gives its memory back. */
const IDLE_MS = 30_000;

/** Between two looks for work. */
const LOOK_MS = 200;

/** After a failed start. */
const RETRY_MS = 2_000;

/** After one that found nothing to claim although jobs are due: their queue is paused, perhaps. */
const PAUSED_MS = 60_000;

export class Isolated {
  #duties;
  #most;
  /** @type {string[]} */
  #tasks = [];
  /** @type {Set<Executor>} */
  #live = new Set();
  #looking = false;
  #closed = false;
  #notBeforeMs = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Omit<Duties, "ready" | "blocked" | "booted">} duties `ended` is told the executor's name @param {number} most executors at once */
  constructor(duties, most) {
    this.#duties = duties;
    this.#most = most;
  }

  /** @param {string} worker */
  has(worker) {
    return [...this.#live].some(({ name }) => name === worker);
  }

  get idle() {
    return [...this.#live].every((one) => one.idle);
  }

  /** @param {string[]} tasks by name */
  begin(tasks) {
    this.#tasks = tasks;
    this.look();
  }

  /** There may be work: looks soon. */
  look() {
    if (!this.#tasks.length || this.#closed) return;
    this.#timer ??= setTimeout(() => void this.#look(), LOOK_MS);
  }

  async #look() {
    this.#timer = undefined;
    const busy = [...this.#live].every((one) => !one.idle);
    if (this.#looking || this.#closed || !busy || this.#live.size >= this.#most) return;
    this.#looking = true;
    const dueMs = await firstDue(this.#duties.store, this.#tasks).catch(() => undefined);
    this.#looking = false;
    if (dueMs === undefined || this.#closed) return;
    const waitMs = Math.max(dueMs - Date.now(), this.#notBeforeMs - performance.now());
    if (waitMs <= 0) this.#spawn();
    else this.#timer ??= setTimeout(() => void this.#look(), Math.min(waitMs, IDLE_MS));
  }

  #spawn() {
    const one = new Executor({
      ...this.#duties,
      options: { ...this.#duties.options, concurrency: 1 },
      isolated: true,
      booted: () => undefined,
      ready: () => undefined,
      blocked: () => undefined,
      ended: (_, failure) => this.#ended(one, failure),
    });
    one.restAfter(IDLE_MS);
    this.#live.add(one);
  }

  /** @param {Executor} one @param {Facts} [failure] */
  #ended(one, failure) {
    this.#live.delete(one);
    if (failure || !one.worked) this.#notBeforeMs = performance.now() + (failure ? RETRY_MS : PAUSED_MS);
    this.#duties.ended(one.name, failure);
    this.look();
  }

  kill() {
    for (const one of this.#live) one.end();
  }

  /** Renews their leases at once. */
  renew() {
    for (const one of this.#live) one.renew();
  }

  /** @param {number} drainMs */
  async close(drainMs) {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#live].map((one) => one.close(drainMs)));
  }
}
