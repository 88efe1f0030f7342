// @ts-check
/** The leader's office: it has Python run in a nested worker, replaces that when it ends, and hands back the jobs of the dead. */

import { Executor, PREFIX } from "./keeper-executor.js";
import { handBack, running } from "./keeper-rows.js";

/** @import { Environment } from "./environment.js" */
/** @import { Facts } from "./facts.js" */
/** @import { KeeperOptions, KeeperState } from "./keeper.js" */
/** @import { IndexedDBStore } from "./idb.js" */
/** @import { BootProgress } from "./wherry.js" */

/**
 * @typedef {object} Office
 * @property {IndexedDBStore} store
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

export class Leader {
  #office;
  /** @type {Executor | undefined} */
  #executor;
  #failures = 0;
  #resigned = new AbortController();
  /** @type {Set<string>} */
  #watched = new Set();

  /** @param {Office} office */
  constructor(office) {
    this.#office = office;
  }

  /** The name under which jobs are claimed here. */
  get worker() {
    return this.#executor?.name;
  }

  /** Leads until closed. */
  async lead() {
    if (this.#resigned.signal.aborted) return;
    const over = new Promise((resolve) => this.#resigned.signal.addEventListener("abort", resolve));
    this.#spawn();
    const rows = await running(this.#office.store).catch(() => []);
    for (const { worker } of rows) if (worker) this.watch(worker);
    await over;
  }

  #spawn() {
    const { store, environment, options, booted, changed } = this.#office;
    const startedMs = performance.now();
    this.#executor = new Executor({
      store,
      environment,
      options,
      booted,
      ready: () => void this.#ready(),
      blocked: (blocked) => changed({ python: blocked ? "blocked" : "ready" }),
      ended: (failure) => this.#ended(failure, performance.now() - startedMs),
    });
    changed({ python: "booting" });
  }

  async #ready() {
    await this.#office.announce().catch(() => undefined);
    this.#office.changed({ python: "ready", announced: true });
  }

  /** @param {Facts | undefined} failure undefined: it was replaced on purpose @param {number} livedMs */
  #ended(failure, livedMs) {
    const name = /** @type {string} */ (this.worker);
    this.#executor = undefined;
    // What it claimed at the last moment, or could not be settled before it ended.
    this.watch(name);
    if (this.#resigned.signal.aborted) return;
    if (!failure) return this.#spawn();
    this.#failures = livedMs < SHORT_LIFE_MS ? this.#failures + 1 : 1;
    const goesOn = failure.retryable || (failure.code === "executor_crashed" && this.#failures < MOST_FAILURES);
    this.#office.changed({ python: "failed", failure: { ...failure, retryable: goesOn } });
    if (!goesOn) return;
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, 30_000);
    setTimeout(() => this.#resigned.signal.aborted || this.#spawn(), waitMs);
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
    if (!worker.startsWith(PREFIX) || worker === this.worker || this.#watched.has(worker)) return;
    this.#watched.add(worker);
    navigator.locks
      .request(`wherry:w:${worker}`, { signal: this.#resigned.signal }, () => handBack(this.#office.store, worker))
      .catch(() => undefined)
      .finally(() => this.#watched.delete(worker));
  }

  /** Ends Python as a crash would: nothing is settled before. */
  kill() {
    this.#executor?.end();
  }

  /** @param {number} drainMs how long running jobs may go on; the rest is handed back */
  async close(drainMs) {
    this.#resigned.abort();
    await this.#executor?.close(drainMs);
  }

  /** The store is gone: there is nothing to hand back. */
  abandon() {
    this.#resigned.abort();
    this.#executor?.end();
    this.#office.changed({ python: "off" });
  }
}
