// @ts-check
/** The leader at work: it has Python run in nested workers, replaces those that end, and hands back the jobs of the dead. */

import { Executor } from "./keeper-executor.js";
import { handBackFrozen } from "./keeper-frozen.js";
import { Heirs } from "./keeper-heirs.js";
import { Isolated } from "./keeper-isolated.js";

/** @import { Environment } from "./environment.js" */
/** @import { Facts } from "./facts.js" */
/** @import { Calls } from "./keeper-calls.js" */
/** @import { Learned } from "./keeper-executor.js" */
/** @import { KeeperOptions, KeeperState } from "./keeper.js" */
/** @import { IndexedDBStore } from "./idb.js" */
/** @import { BootProgress } from "./wherry.js" */

/**
 * @typedef {object} Work
 * @property {IndexedDBStore} store
 * @property {Calls} calls
 * @property {Environment} environment
 * @property {KeeperOptions} options
 * @property {(progress: BootProgress) => void} booted
 * @property {(change: Partial<KeeperState>) => void} changed
 * @property {() => Promise<void>} announce
 */

/** An executor that ends sooner than this after its start counts as a failed one. */
const SHORT_LIFE_MS = 10_000;
const MOST_FAILURES = 3;
const FIRST_RETRY_MS = 500;

/** What running jobs get when a newer build of the app takes over. */
const HAND_OVER_MS = 30_000;

export class Leader {
  #work;
  /** @type {Executor | undefined} */
  #executor;
  #isolated;
  #heirs;
  #failures = 0;
  #standsBy = false;
  #resigned = new AbortController();
  /** @type {string[]} names of all tasks that run here, once Python has told */
  tasks = [];

  /** @param {Work} work */
  constructor(work) {
    this.#work = work;
    this.#heirs = new Heirs(work.store, this.#resigned.signal);
    this.#isolated = this.#pool();
  }

  /** The name under which jobs are claimed here. */
  get worker() {
    return this.#executor?.name;
  }

  /** @param {string} worker whether it runs here */
  has(worker) {
    return worker === this.worker || this.#isolated.has(worker);
  }

  /** Nothing runs. */
  get idle() {
    return (this.#executor?.idle ?? true) && this.#isolated.idle;
  }

  /** Leads until closed. */
  async lead() {
    if (this.#resigned.signal.aborted) return;
    const over = new Promise((resolve) => this.#resigned.signal.addEventListener("abort", resolve));
    this.#spawn();
    await this.#heirs.begin((worker) => this.has(worker));
    await over;
  }

  #pool() {
    const { store, environment, options } = this.#work;
    return new Isolated({ store, environment, options, isolated: true, full: () => undefined, ended: (name) => this.#heirs.watch(name) }, options.isolated);
  }

  #spawn() {
    const { store, environment, options, booted, changed } = this.#work;
    const startedMs = performance.now();
    this.#executor = new Executor({
      store,
      environment,
      options,
      isolated: false,
      booted,
      ready: (learned) => void this.#ready(learned),
      blocked: (blocked) => changed({ python: blocked ? "blocked" : "ready" }),
      full: (full) => changed({ full }),
      ended: (name, failure, blamed) => this.#ended(name, performance.now() - startedMs, failure, blamed),
    });
    changed({ python: "booting" });
  }

  /** @param {Learned} learned */
  async #ready({ tasks, isolated }) {
    this.tasks = tasks;
    await this.#work.announce().catch(() => undefined);
    if (this.#resigned.signal.aborted) return;
    this.#work.changed({ python: "ready", announced: true });
    this.#isolated.begin(isolated);
  }

  /** @param {string} name @param {number} livedMs @param {Facts} [failure] none: it was replaced on purpose @param {boolean} [blamed] a job was at fault, and pays */
  #ended(name, livedMs, failure, blamed) {
    this.#executor = undefined;
    // What it claimed at the last moment, or could not be settled before it ended.
    this.#heirs.watch(name);
    if (this.#resigned.signal.aborted || this.#standsBy) return;
    if (!failure || blamed) return this.#spawn();
    this.#failures = livedMs < SHORT_LIFE_MS ? this.#failures + 1 : 1;
    const goesOn = failure.retryable || (failure.code === "executor_crashed" && this.#failures < MOST_FAILURES);
    this.#work.changed({ python: "failed", failure: { ...failure, retryable: goesOn } });
    if (!goesOn) return;
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, 30_000);
    setTimeout(() => this.#resigned.signal.aborted || this.#standsBy || this.#spawn(), waitMs);
  }

  /** There may be changes. */
  hint() {
    this.#isolated.look();
  }

  /** What is to be done now and then. */
  async mind() {
    const { store, calls } = this.#work;
    await handBackFrozen(store, calls, (worker) => this.has(worker)).catch(() => undefined);
  }

  /** A worker of another tab: its jobs are handed back when it dies. @param {string} worker */
  watch(worker) {
    if (!this.has(worker)) this.#heirs.watch(worker);
  }

  /** Renews all leases at once: the verdicts tell what is lost. */
  renew() {
    this.#executor?.renew();
    this.#isolated.renew();
  }

  /** Ends Python as a crash would: nothing is settled before. */
  kill() {
    this.#executor?.end();
    this.#isolated.kill();
  }

  // --- a newer build of the app ------------------------------------------------------------------
  /** Ends Python, what runs may finish; another build does the work. */
  async standBy() {
    this.#standsBy = true;
    await Promise.all([this.#executor?.close(HAND_OVER_MS), this.#isolated.close(HAND_OVER_MS)]);
  }

  /** That other build is gone. */
  goOn() {
    if (!this.#standsBy || this.#resigned.signal.aborted) return;
    this.#standsBy = false;
    this.#isolated = this.#pool();
    if (!this.#executor) this.#spawn();
  }

  // --- the end -------------------------------------------------------------------------------------
  /** @param {number} drainMs how long running jobs may go on; the rest is handed back */
  async close(drainMs) {
    this.#standsBy = true;
    await Promise.all([this.#executor?.close(drainMs), this.#isolated.close(drainMs)]);
    this.#resigned.abort();
  }

  /** The store is gone: there is nothing to hand back. */
  abandon() {
    this.#resigned.abort();
    this.kill();
    this.#work.changed({ python: "off" });
  }
}
