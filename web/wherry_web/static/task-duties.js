// @ts-check
/**
 * What a worker for JavaScript tasks does besides running jobs: it settles what nobody else will, hands back the jobs of the
 * dead, hears of resumed queues and tells its vitals.  Python's servers do the same; any number of them may.
 */

import { handBack, running } from "./keeper-rows.js";
import { afterLapse } from "./task-decisions.js";
import { deadVitals, takenBy, vitalsOf } from "./task-vitals.js";

/** @import { Store } from "./messages.js" */
/** @import { TaskHost } from "./page-tasks.js" */
/** @import { Doing } from "./task-vitals.js" */
/** @typedef {{ vitals: () => Doing, resumed: () => void, taken: (name: string, message: string) => void }} Told */

/** Of the names of workers in tabs, which hold a Web Lock while they live. */
const PREFIX = "tab:";
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
    this.#channel = new BroadcastChannel(`wherry:${this.#host.store}`);
    this.#channel.onmessage = ({ data }) => data?.type === "tasks" && this.#met(data);
    for (const { worker } of await running(this.#store)) if (worker) this.#watch(worker);
    this.#channel.postMessage({ type: "tasks", worker: this.#name, first: true });
    // Each for itself: a frozen tab would keep an office that only one can hold.
    this.#every(Math.min(3_000, this.#host.leaseMs / 2), () => this.#sweep());
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
  /** Another worker of this kind. @param {{ worker: string, first: boolean }} message */
  #met({ worker, first }) {
    this.#watch(worker);
    if (first) this.#channel?.postMessage({ type: "tasks", worker: this.#name, first: false });
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
    do {
      /** @type {import("./messages.js").Verbs["query"][1]} */
      const page = await this.#store.call("query", { where: { lapsed: true, oldest_first: true }, limit: BATCH, cursor });
      const judged = this.#grace.allows(Date.now(), performance.now());
      const rows = page.rows.filter(({ lapse, lease_until_ms }) => lapse !== "lease" || (judged && !this.#grace.spares(lease_until_ms)));
      const settle = rows.flatMap((row) => afterLapse(row) ?? []);
      if (settle.length) await this.#store.call("exchange", { settle });
      cursor = page.next;
    } while (cursor !== null);
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
