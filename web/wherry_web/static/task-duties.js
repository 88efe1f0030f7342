// @ts-check
/**
 * What a worker for JavaScript tasks does besides running jobs: it settles what nobody else will, hands back the jobs of the
 * dead, hears of resumed queues and tells its vitals.  Python's servers do the same; any number of them may.
 */

import { Calls } from "./keeper-calls.js";
import { handBackFrozen } from "./keeper-frozen.js";
import { handBack, PREFIX, running } from "./keeper-rows.js";
import { afterLapse } from "./task-decisions.js";
import { deadVitals, takenBy, vitalsOf } from "./task-vitals.js";

/** @import { JobRow, Store } from "./messages.js" */
/** @import { TaskHost } from "./page-tasks.js" */
/** @import { Doing } from "./task-vitals.js" */
/** @typedef {{ vitals: () => Doing, resumed: () => void, taken: (name: string, message: string) => void }} Told */

/** Between two looks at the pauses, and two tellings of the vitals. */
const LOOK_MS = 4_000;
const VITALS_MS = 10_000;
const BATCH = 500;

export class TaskDuties {
  #store;
  #host;
  #name;
  #told;
  #startedMs = Date.now();
  #vitalsMs = -Infinity;
  #paused = new Set();
  #ended = new AbortController();
  /** @type {Set<string>} */
  #watched = new Set();
  /** @type {BroadcastChannel | undefined} */
  #channel;
  #grace;
  /** @type {Map<string, number>} when lapsed leases that are left to others were found, by job and fence */
  #foundMs = new Map();

  /** @param {Store} store @param {TaskHost & { local: boolean }} host @param {string} name of the worker @param {Told} told */
  constructor(store, host, name, told) {
    this.#store = store;
    this.#host = host;
    this.#name = name;
    this.#told = told;
    this.#grace = new Grace(host.leaseMs);
  }

  async start() {
    await this.#look();
    this.#every(LOOK_MS, () => this.#look());
    // A server sees to its own store.
    if (this.#host.local) await this.#guard();
  }

  async #guard() {
    const channel = (this.#channel = new BroadcastChannel(`wherry:${this.#host.store}`));
    const calls = new Calls(channel, (of) => of === `worker:${this.#name}`);
    channel.addEventListener("message", ({ data }) => this.#met(data));
    for (const { worker } of await running(this.#store)) if (worker) this.#watch(worker);
    channel.postMessage({ type: "tasks", worker: this.#name, first: true });
    // Each for itself: a frozen tab would keep an office that only one can hold.
    this.#every(Math.min(3_000, this.#host.leaseMs / 2), async () => {
      await handBackFrozen(this.#store, calls, (worker) => worker === this.#name);
      await this.#sweep();
    });
  }

  /** @param {number} ms @param {() => Promise<void>} does */
  #every(ms, does) {
    // What fails is done at the next time.
    const timer = setInterval(() => void does().catch(() => undefined), ms);
    this.#ended.signal.addEventListener("abort", () => clearInterval(timer));
  }

  stop() {
    this.#ended.abort();
    this.#channel?.close();
  }

  /** Nobody is to wait for this worker. */
  async end() {
    this.stop();
    await this.#store.call("write", { writes: [{ kind: "worker", key: this.#name, expected: null, value: null }] }).catch(() => undefined);
  }

  // --- the dead --------------------------------------------------------------------------------------
  /** Another worker, of this kind or of Python's. @param {{ type: string, worker?: string, first?: boolean }} message of a keeper */
  #met({ type, worker, first }) {
    if (worker) this.#watch(worker);
    // Whoever is new learns of this one.
    if (first || type === "hello") this.#channel?.postMessage({ type: "tasks", worker: this.#name, first: false });
  }

  /** Hands back its jobs as soon as it is dead: each worker holds the lock of its name while it lives. @param {string} worker */
  #watch(worker) {
    if (!worker.startsWith(PREFIX) || worker === this.#name || this.#watched.has(worker)) return;
    this.#watched.add(worker);
    navigator.locks
      .request(`wherry:w:${worker}`, { signal: this.#ended.signal }, () => handBack(this.#store, worker))
      .catch(() => undefined)
      .finally(() => this.#watched.delete(worker));
  }

  // --- the slow round --------------------------------------------------------------------------------
  async #look() {
    const paused = new Set((await this.#store.call("read", { kind: "pause" })).map(({ key }) => key));
    if ([...this.#paused].some((key) => !paused.has(key))) this.#told.resumed();
    this.#paused = paused;
    if (performance.now() - this.#vitalsMs < VITALS_MS) return;
    this.#vitalsMs = performance.now();
    const nowMs = Date.now();
    const doing = this.#told.vitals();
    await this.#store.call("write", { writes: [vitalsOf(this.#name, this.#host.concurrency, this.#startedMs, nowMs, doing)] });
    for (const removal of await deadVitals(this.#store, nowMs)) await this.#store.call("write", { writes: [removal] });
    for (const name of doing.tasks) {
      const taken = await takenBy(this.#store, name, this.#host.local);
      if (taken) this.#told.taken(name, taken.message);
    }
  }

  async #sweep() {
    /** @type {string | null} */
    let cursor = null;
    const foundMs = this.#foundMs;
    this.#foundMs = new Map();
    do {
      /** @type {import("./messages.js").Verbs["query"][1]} */
      const page = await this.#store.call("query", { where: { lapsed: true, oldest_first: true }, limit: BATCH, cursor });
      const judged = this.#grace.allows(Date.now(), performance.now());
      const rows = page.rows.filter((row) => row.lapse !== "lease" || (!this.#leaves(row, foundMs) && judged && !this.#grace.spares(row.lease_until_ms)));
      const settle = rows.flatMap((row) => afterLapse(row) ?? []);
      if (settle.length) await this.#store.call("exchange", { settle });
      cursor = page.next;
    } while (cursor !== null);
  }

  /**
   * Whether a lapsed lease is left to `handBackFrozen`, here and in other tabs: the same as `wherry_web/executor.py`.
   *
   * @param {JobRow} row @param {Map<string, number>} foundMs
   */
  #leaves({ id, fence, worker }, foundMs) {
    const key = `${id}/${fence}`;
    const sinceMs = foundMs.get(key) ?? performance.now();
    this.#foundMs.set(key, sinceMs);
    return worker?.startsWith(PREFIX) && performance.now() - sinceMs < this.#host.leaseMs / 3 + 10_000;
  }
}

/** Nothing is expired for one lease after a start, a freeze or a jump of the clock: the same as `wherry/sweeper.py`. */
class Grace {
  #leaseMs;
  /** @type {number | undefined} */
  #untilMs;
  #wallMs = 0;
  #steadyMs = 0;
  #jumpedFromMs = 0;
  #jumpedToMs = 0;

  /** @param {number} leaseMs */
  constructor(leaseMs) {
    this.#leaseMs = leaseMs;
  }

  /** Whether leases may be judged now. @param {number} wallMs @param {number} steadyMs of a clock that never jumps */
  allows(wallMs, steadyMs) {
    const aheadMs = wallMs - this.#wallMs - (steadyMs - this.#steadyMs);
    if (this.#untilMs === undefined || aheadMs > 1_000) {
      if (this.#untilMs !== undefined) [this.#jumpedFromMs, this.#jumpedToMs] = [wallMs - aheadMs, wallMs];
      this.#untilMs = steadyMs + this.#leaseMs;
    }
    [this.#wallMs, this.#steadyMs] = [wallMs, steadyMs];
    return steadyMs >= this.#untilMs;
  }

  /** Whether a lease only seems to be over, because the jump went past its end. @param {number | null | undefined} leaseUntilMs */
  spares(leaseUntilMs) {
    if (leaseUntilMs == null || leaseUntilMs <= this.#jumpedFromMs || leaseUntilMs >= this.#jumpedToMs) return false;
    return this.#wallMs < leaseUntilMs + this.#jumpedToMs - this.#jumpedFromMs;
  }
}
