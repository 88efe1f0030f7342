// @ts-check
/**
 * The keeper's end of one executor: it starts the worker in which Python runs and holds its leases.
 *
 * Python may block its own thread for as long as it likes; this one goes on renewing.  That would
 * make an endless loop immortal, so timeouts and cancels of code that blocks are carried out here:
 * its job is settled and its neighbours are released first, then the worker is terminated.
 */

import { newId } from "./canonical.js";
import { Attempts } from "./keeper-attempts.js";
import { crashed, interrupted, kept, stopped } from "./keeper-decisions.js";
import { Interrupts } from "./interrupts.js";
import { PREFIX, running } from "./keeper-rows.js";
import { VerbService } from "./keeper-verbs.js";
import { LeaseClock } from "./lease-clock.js";
import { whyNotRun } from "./loading.js";
import { VERSION } from "./version.js";

/** @import { Environment } from "./environment.js" */
/** @import { Facts } from "./facts.js" */
/** @import { Meta } from "./idb-schema.js" */
/** @import { Attempt } from "./keeper-attempts.js" */
/** @import { StopReason } from "./keeper-decisions.js" */
/** @import { KeeperOptions } from "./keeper.js" */
/** @import { JobRow, Report, Settlement, TextStore } from "./messages.js" */
/** @import { BootProgress } from "./wherry.js" */

/** How often leases, timeouts and reports are looked at while something runs. */
const TICK_MS = 200;

/** What an executor that was asked to drain gets beyond its time to say that it has. */
const GRACE_MS = 1_000;

/** An idle executor whose memory has grown beyond this is replaced: WebAssembly never gives any back. */
const MOST_BYTES = 512 * 2 ** 20;

/**
 * What Python told of its tasks: names of all, of those with `isolation="worker"`, of those that a timeout ends for good.
 * @typedef {{ tasks: string[], isolated: string[], final_timeouts: string[] }} Learned
 */
/** @typedef {TextStore & { ready(): Promise<Meta | undefined> }} KeptStore of the tab, or of a server */
/**
 * @typedef {object} Duties
 * @property {KeptStore} store
 * @property {object} [server] facts of the server whose jobs it runs; without it those of the tab
 * @property {Environment} environment
 * @property {KeeperOptions} options
 * @property {boolean} isolated it runs the tasks with `isolation="worker"` and no others
 * @property {(progress: BootProgress) => void} booted
 * @property {(learned: Learned) => void} ready the manifest has its tasks, and it claims jobs
 * @property {(blocked: boolean) => void} blocked
 * @property {(full: Facts | undefined) => void} full the disk is full, or is no more
 * @property {(name: string, failure?: Facts, blamed?: boolean) => void} ended it is gone; without a failure it was replaced on purpose
 */

export class Executor {
  #duties;
  #worker;
  #attempts;
  #verbs;
  #ended = false;
  #told = false;
  #blocked = false;
  #clock;
  #writtenMs = 0;
  #bytes = 0;
  /** @type {Set<string>} */
  #finalTimeouts = new Set();
  /** @type {Interrupts | undefined} only where the page is cross-origin isolated */
  #interrupts = crossOriginIsolated ? new Interrupts() : undefined;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #resting;
  #restMs = Infinity;
  /** @type {Map<string, Report>} progress of code that blocks Python, which cannot write it itself */
  #reports = new Map();
  /** @type {() => void} */
  #drained = () => undefined;
  /** Whether it has ever claimed a job. */
  worked = false;

  /** @param {Duties} duties */
  constructor(duties) {
    this.#duties = duties;
    const { environment, options, isolated, server } = duties;
    this.#clock = new LeaseClock(options.leaseMs);
    this.name = `${PREFIX}${options.label && `${options.label}:`}${newId().slice(-12)}`;
    this.#attempts = new Attempts({
      ask: (attempt, reason) => this.#worker.postMessage({ type: "stop", id: attempt.id, fence: attempt.fence, reason }),
      interrupt: (attempt, reason) => this.#interrupts?.raise(attempt.number, reason),
      replace: (attempt, reason) => void this.#replace(attempt, reason),
    });
    // For the page, which ends a keeper that stays in there (tab-line.js).
    postMessage({ spawning: true });
    this.#worker = new Worker(new URL("./executor.js", import.meta.url), { type: "module", name: this.name });
    postMessage({ spawning: false });
    this.#verbs = new VerbService(duties, this.#attempts, (message) => this.#worker.postMessage(message));
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => void this.#broke(event);
    this.unlisten = duties.store.listen(() => this.#hint());
    const { concurrency, leaseMs, url, keep } = options;
    const boot = { type: "boot", worker: this.name, url, concurrency, leaseMs, version: VERSION, keep, isolated, server, interrupts: this.#interrupts?.memory, ...environment };
    duties.store.ready().then((meta) => this.#worker.postMessage({ ...boot, meta }));
  }

  /** Nothing runs. */
  get idle() {
    return !this.#attempts.size;
  }

  // --- what it says --------------------------------------------------------------------------------
  /** @param {any} message */
  #hear(message) {
    if (this.#ended) return;
    const { type } = message;
    if (type === "verb") void this.#verbs.answer(message).then(() => this.#tickWhileNeeded());
    else if (type === "hinted") this.#verbs.heardHint();
    else if (type === "progress") this.#duties.booted(message.progress);
    else if (type === "ready") this.#ready(message.learned);
    else if (type === "failed") this.end(message.error);
    else if (type === "crashed") void this.#crash(message.reason);
    else if (type === "drained") this.#drained();
    else if (type === "report") this.#report(message.report);
    else this.#hearAttempt(message);
  }

  /** @param {Learned} learned */
  #ready(learned) {
    this.#finalTimeouts = new Set(learned.final_timeouts);
    this.#duties.ready(learned);
    this.restAfter(this.#restMs);
  }

  /** @param {any} message */
  #hearAttempt(message) {
    this.#bytes = message.bytes ?? this.#bytes;
    if (message.left) this.#attempts.hear({ ...message.left, type: "leave" }, performance.now());
    this.#attempts.hear(message, performance.now());
  }

  /** @param {ErrorEvent} event */
  async #broke(event) {
    event.preventDefault();
    const error = await whyNotRun("./executor.js", event.message || "no reason given");
    const { code, message, data } = error;
    // The script itself is in order: it was Python that broke.
    if (code === "script_blocked" && event.message) await this.#crash(event.message);
    else this.end({ code, message, data });
  }

  // --- leases ----------------------------------------------------------------------------------------
  #tickWhileNeeded() {
    if (!this.#attempts.size || this.#ticking || this.#ended) return;
    this.worked = true;
    clearTimeout(this.#resting);
    // They were claimed just now.
    this.#clock.start(performance.now());
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  #tick() {
    const nowMs = performance.now();
    if (!this.#attempts.size) this.#rest();
    void this.#write();
    this.#renewDue();
    this.#attempts.look(nowMs);
    const blocked = this.#attempts.blocking(nowMs - TICK_MS) !== undefined;
    if (blocked !== this.#blocked) {
      this.#blocked = blocked;
      this.#duties.blocked(blocked);
    }
  }

  #rest() {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
    if (this.#bytes > MOST_BYTES) void this.close(GRACE_MS);
    else this.restAfter(this.#restMs);
  }

  /** Ends it once it had no work for so long. @param {number} idleMs */
  restAfter(idleMs) {
    this.#restMs = idleMs;
    clearTimeout(this.#resting);
    if (Number.isFinite(idleMs)) this.#resting = setTimeout(() => this.idle && void this.close(GRACE_MS), idleMs);
  }

  /** Cancels from elsewhere arrive as a hint; the verdict of the renewal then tells. */
  #hint() {
    this.#verbs.hint();
    this.#clock.hint();
    this.#renewDue();
  }

  #renewDue() {
    void this.#renew(this.#clock.due(this.#attempts.held(), performance.now()));
  }

  /** Renews all leases that it holds. */
  renew() {
    void this.#renew(this.#attempts.held());
  }

  /** @param {Attempt[]} held */
  async #renew(held) {
    if (!held.length) return;
    const { store, options } = this.#duties;
    const leases = held.map(({ id, fence }) => ({ id, fence }));
    // Tried again at the next third of the lease; it outlives two of them.
    const verdicts = await store.call("renew", { leases, lease_ms: options.leaseMs }).catch(() => []);
    verdicts.forEach((verdict, index) => {
      if (verdict !== "ok" && !this.#ended) this.#attempts.refused(held[index], verdict === "cancel" ? "cancel" : "lost", performance.now());
    });
  }

  // --- reports ---------------------------------------------------------------------------------------
  /** @param {Report} report */
  #report(report) {
    this.#reports.set(report.id, { ...this.#reports.get(report.id), ...report });
    if (performance.now() - this.#writtenMs >= TICK_MS) void this.#write();
  }

  async #write() {
    this.#writtenMs = performance.now();
    const reports = [...this.#reports.values()];
    this.#reports.clear();
    // Progress is news, not state: the next report says more.
    if (reports.length) await this.#duties.store.call("report", { reports }).catch(() => undefined);
  }

  // --- the end -----------------------------------------------------------------------------------------
  /** Stops an attempt that blocks Python. @param {Attempt} target @param {StopReason} reason */
  async #replace(target, reason) {
    this.#silence();
    await this.#settle((row) => {
      if (row.id !== target.id || row.fence !== target.fence) return interrupted(row);
      return stopped(row, reason, { limitMs: target.limitMs, final: this.#finalTimeouts.has(row.task), chance: Math.random() });
    });
    this.end();
  }

  /** Python broke down: whatever ran alone did it, and pays; the others do not. @param {string} reason */
  async #crash(reason) {
    if (this.#ended) return;
    this.#silence();
    const culprit = this.#attempts.culprit(performance.now());
    await this.#settle((row) => (row.id === culprit?.id && row.fence === culprit.fence ? crashed(row, reason, Math.random()) : interrupted(row)));
    this.end({ code: "executor_crashed", message: `Python's worker crashed: ${reason}` }, culprit !== undefined);
  }

  /**
   * Settles all that it still runs, in one transaction.
   *
   * @param {(row: JobRow) => Settlement} decide
   */
  async #settle(decide) {
    const { store, options } = this.#duties;
    try {
      const settle = (await running(store, this.name)).map((row) => kept(decide(row), options.keep));
      if (settle.length) await store.call("exchange", { settle });
    } catch {
      // What could not be settled is handed back when its lock is free.
    }
  }

  /** Lets running jobs go on for a while, hands the rest back, ends. @param {number} drainMs */
  async close(drainMs) {
    if (this.#ended) return;
    if (drainMs) {
      this.#worker.postMessage({ type: "drain", seconds: drainMs / 1000 });
      await new Promise((resolve) => {
        this.#drained = () => resolve(undefined);
        setTimeout(resolve, drainMs + GRACE_MS);
      });
    }
    this.#silence();
    await this.#settle(interrupted);
    this.end();
  }

  /** Nothing more is heard of it, and its leases are not renewed. */
  #silence() {
    this.#ended = true;
    clearInterval(this.#ticking);
    clearTimeout(this.#resting);
    this.unlisten();
  }

  /** @param {Facts} [failure] @param {boolean} [blamed] the job at fault was settled */
  end(failure, blamed) {
    this.#silence();
    this.#worker.terminate();
    // It may be closed at once while it drains.
    if (this.#told) return;
    this.#told = true;
    this.#duties.ended(this.name, failure, blamed);
  }
}
