// @ts-check
/** The attempts that a page runs: their leases, limits and reports, and what is to be settled of them. */

import { interrupted, stopped } from "./keeper-decisions.js";
import { LeaseClock } from "./lease-clock.js";

/** @import { Claimed, JobRow, Report, Settlement, Store } from "./messages.js" */
/** @import { TaskEvent } from "./task-keeper.js" */

/**
 * @typedef {object} Attempt
 * @property {Claimed} job
 * @property {number} claimedMs
 * @property {number} limitMs
 * @property {"timeout" | "deadline"} limit what the limit is
 * @property {{ reason: "cancel" | "timeout" | "deadline", atMs: number }} [asked] to stop
 * @property {Settlement} [end] what follows it
 */

/** In a tab every attempt has an end, or one that hangs would hold its lease for ever. */
const LONGEST_MS = 600_000;
/** What an attempt that is asked to stop gets to clean up. */
const GRACE_MS = 1_000;
/** Between two writes of progress. */
const PAUSE_MS = 200;

export class TaskAttempts {
  #store;
  #leaseMs;
  #tell;
  #ring;
  /** @type {Map<string, Attempt>} */
  #running = new Map();
  /** @type {Map<string, Report>} */
  #reports = new Map();
  #clock;
  /** @type {Promise<void>} */
  #writing = Promise.resolve();
  #writtenMs = 0;
  /** @type {() => void} */
  #idle = () => undefined;

  /** @param {Store} store @param {number} leaseMs @param {(event: TaskEvent) => void} tell the page @param {() => void} ring wakes who settles */
  constructor(store, leaseMs, tell, ring) {
    this.#store = store;
    this.#leaseMs = leaseMs;
    this.#clock = new LeaseClock(leaseMs);
    this.#tell = tell;
    this.#ring = ring;
  }

  get size() {
    return this.#running.size;
  }

  /** @param {Claimed[]} jobs @param {number} nowMs */
  claimed(jobs, nowMs) {
    if (!this.size) this.#clock.start(nowMs);
    for (const job of jobs) {
      const timeoutMs = job.timeout_ms ?? LONGEST_MS;
      const leftMs = job.deadline_left_ms ?? Infinity;
      const limit = leftMs < timeoutMs ? "deadline" : "timeout";
      this.#running.set(job.id, { job, claimedMs: nowMs, limitMs: Math.max(0, Math.min(leftMs, timeoutMs)), limit });
    }
    if (jobs.length) this.#tellHeld();
  }

  // --- their ends ------------------------------------------------------------------------------------
  /** The page says what came of one. @param {Settlement} settlement */
  finish(settlement) {
    const attempt = this.#running.get(settlement.id);
    if (attempt?.job.fence !== settlement.fence || attempt.end) return;
    const { asked } = attempt;
    // What completes before it is settled otherwise has completed.
    attempt.end = settlement.kind === "complete" || !asked || asked.reason === "cancel" ? settlement : this.#stopped(attempt, asked.reason);
  }

  /** @param {Attempt} attempt @param {"cancel" | "timeout" | "deadline"} reason */
  #stopped({ job, limitMs }, reason) {
    // A claim has all that the decision looks at.
    return stopped(/** @type {JobRow} */ (/** @type {unknown} */ (job)), reason, { limitMs, final: false, chance: Math.random() });
  }

  /** What is to be settled. @returns {Settlement[]} */
  ended() {
    return [...this.#running.values()].flatMap(({ end }) => end ?? []);
  }

  /** Those that have not ended are handed back. */
  release() {
    for (const attempt of this.#running.values()) {
      if (attempt.end) continue;
      const { id, fence } = attempt.job;
      attempt.end = interrupted(/** @type {JobRow} */ (/** @type {unknown} */ (attempt.job)));
      this.#tell({ type: "stop", id, fence, reason: "shutdown" });
    }
  }

  /** @param {Settlement[]} settlements that the store has taken, or refused */
  settled(settlements) {
    for (const { id, fence } of settlements) if (this.#running.get(id)?.job.fence === fence) this.#running.delete(id);
    if (settlements.length) this.#tellHeld();
    if (!this.size) this.#idle();
  }

  /** How to hand back what runs: the page does, when there is time for one request only. */
  #tellHeld() {
    const settle = [...this.#running.values()].map(({ job, end }) => end ?? interrupted(/** @type {JobRow} */ (/** @type {unknown} */ (job))));
    this.#tell({ type: "held", settle });
  }

  /** Resolves when none is left, or after a while. @param {number} ms */
  async idle(ms) {
    if (!this.size || !ms) return;
    await new Promise((resolve) => {
      this.#idle = () => resolve(undefined);
      setTimeout(resolve, ms);
    });
  }

  /** All are another's. */
  lose() {
    for (const attempt of this.#running.values()) this.#lost(attempt);
  }

  /** @param {Attempt} attempt */
  #lost({ job: { id, fence } }) {
    this.#running.delete(id);
    this.#reports.delete(id);
    this.#tell({ type: "stop", id, fence, reason: "lost" });
    this.#tellHeld();
    // Its slot is free.
    this.#ring();
  }

  // --- while they run ----------------------------------------------------------------------------------
  /** @param {number} nowMs */
  tick(nowMs) {
    for (const attempt of this.#running.values()) this.#look(attempt, nowMs);
    if (this.#reports.size && nowMs - this.#writtenMs >= PAUSE_MS) void this.write().catch(() => undefined);
    void this.#renewDue(nowMs);
  }

  /** @param {Attempt} attempt @param {number} nowMs */
  #look(attempt, nowMs) {
    if (attempt.end) return;
    if (!attempt.asked && nowMs - attempt.claimedMs >= attempt.limitMs) this.#ask(attempt, attempt.limit, nowMs);
    const { asked } = attempt;
    if (!asked || nowMs - asked.atMs < GRACE_MS) return;
    attempt.end = this.#stopped(attempt, asked.reason);
    this.#ring();
  }

  /** @param {Attempt} attempt @param {"cancel" | "timeout" | "deadline"} reason @param {number} nowMs */
  #ask(attempt, reason, nowMs) {
    attempt.asked = { reason, atMs: nowMs };
    const { id, fence } = attempt.job;
    this.#tell({ type: "stop", id, fence, reason });
  }

  /** Something changed in the store: a cancel, perhaps, of which the next renewal tells. */
  hint() {
    this.#clock.hint();
    void this.#renewDue(performance.now());
  }

  /** @param {number} nowMs */
  async #renewDue(nowMs) {
    const held = this.#clock.due([...this.#running.values()], nowMs);
    if (!held.length) return;
    const leases = held.map(({ job: { id, fence } }) => ({ id, fence }));
    // Tried again at the next third of the lease; it outlives two of them.
    const verdicts = await this.#store.call("renew", { leases, lease_ms: this.#leaseMs }).catch(() => []);
    verdicts.forEach((verdict, index) => this.#refused(held[index], verdict));
  }

  /** @param {Attempt} attempt @param {string} verdict */
  #refused(attempt, verdict) {
    if (verdict === "ok" || attempt.end || this.#running.get(attempt.job.id) !== attempt) return;
    if (verdict !== "cancel") this.#lost(attempt);
    else if (!attempt.asked) this.#ask(attempt, "cancel", performance.now());
  }

  /** @param {Report} report @param {number} nowMs */
  report(report, nowMs) {
    const attempt = this.#running.get(report.id);
    if (attempt?.job.fence !== report.fence || attempt.end) return;
    const before = this.#reports.get(report.id);
    const news = Object.fromEntries(Object.entries(report).filter(([, value]) => value !== null));
    const logs = [...(before?.logs ?? []), ...(report.logs ?? [])];
    this.#reports.set(report.id, { ...before, ...report, ...news, ...(logs.length && { logs }) });
    if (nowMs - this.#writtenMs >= PAUSE_MS) void this.write().catch(() => undefined);
  }

  /** Writes what was reported; what is on its way already has arrived then too. */
  write() {
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#writeWaiting());
    return this.#writing;
  }

  async #writeWaiting() {
    const reports = [...this.#reports.values()];
    if (!reports.length) return;
    this.#writtenMs = performance.now();
    this.#reports.clear();
    await this.#store.call("report", { reports });
  }
}
