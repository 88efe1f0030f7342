// @ts-check
/**
 * The attempts of one executor: what it has claimed, what runs, what was asked to stop.
 *
 * The ladder: ask Python to stop the attempt; when no answer comes, Python is blocked, and if this
 * attempt may be what blocks it, interrupt it; a second later replace the executor.
 */

/** @import { StopReason } from "./keeper-decisions.js" */

/**
 * @typedef {object} Attempt
 * @property {string} id
 * @property {number} fence
 * @property {number} claimedMs
 * @property {number} limitMs
 * @property {"timeout" | "deadline"} limit what the limit is
 * @property {number} [number] under which it can be interrupted
 * @property {number} [enteredMs] when its own code began
 * @property {boolean} [blocks] it is a plain `def`: nothing else runs in that Python meanwhile
 * @property {{ reason: StopReason, atMs: number, heard: boolean, interrupted?: boolean }} [asked] to stop
 */

/** Python answers within this, unless it is blocked. */
const ANSWER_MS = 100;

/** What blocks Python gets so long from being asked to its end. */
const GRACE_MS = 1_000;

/** What a coroutine gets beyond its time to clean up. */
const CLEANUP_MS = 5_000;

export class Attempts {
  /** @type {Map<string, Attempt>} */
  #running = new Map();
  #does;

  /** @param {Record<"ask" | "interrupt" | "replace", (attempt: Attempt, reason: StopReason) => void>} does */
  constructor(does) {
    this.#does = does;
  }

  get size() {
    return this.#running.size;
  }

  /** Those whose leases are to be renewed. */
  held() {
    return [...this.#running.values()].filter(({ asked }) => asked?.reason !== "lost");
  }

  /** The attempt that has blocked Python since before `sinceMs`. @param {number} sinceMs */
  blocking(sinceMs) {
    return [...this.#running.values()].find(({ blocks, enteredMs }) => blocks && enteredMs !== undefined && enteredMs <= sinceMs);
  }

  /** The attempt that must have broken Python, if it is known. @param {number} nowMs */
  culprit(nowMs) {
    const inside = [...this.#running.values()].filter(({ enteredMs }) => enteredMs !== undefined);
    return this.blocking(nowMs) ?? (inside.length === 1 ? inside[0] : undefined);
  }

  /** @param {Attempt} attempt */
  claimed(attempt) {
    this.#running.set(attempt.id, attempt);
  }

  /** @param {{ type: string, id: string, fence: number, number: number, blocks: boolean }} message of the executor @param {number} nowMs */
  hear({ type, id, fence, number, blocks }, nowMs) {
    const attempt = this.#running.get(id);
    if (!attempt || attempt.fence !== fence) return;
    if (type === "enter") Object.assign(attempt, { enteredMs: nowMs, blocks, number });
    else if (type === "leave") this.#left(attempt);
    else if (attempt.asked) attempt.asked.heard = true;
  }

  /** @param {Attempt} attempt */
  #left(attempt) {
    attempt.enteredMs = undefined;
    // It will not be settled.
    if (attempt.asked?.reason === "lost") this.#running.delete(attempt.id);
  }

  /** @param {{ id: string, fence: number }} lease @param {number} nowMs */
  settled({ id, fence }, nowMs) {
    const attempt = this.#running.get(id);
    if (attempt?.fence !== fence) return;
    // Settled while its code runs: by the sweeper, for its lease had lapsed.
    if (attempt.enteredMs !== undefined) this.refused(attempt, "lost", nowMs);
    else this.#running.delete(id);
  }

  /** A renewal was refused. @param {Attempt} attempt @param {StopReason} reason @param {number} nowMs */
  refused(attempt, reason, nowMs) {
    if (this.#running.get(attempt.id) !== attempt) return;
    if (!attempt.asked || (reason === "lost" && attempt.asked.reason !== "lost")) this.#ask(attempt, reason, nowMs);
  }

  /** @param {Attempt} attempt @param {StopReason} reason @param {number} nowMs */
  #ask(attempt, reason, nowMs) {
    attempt.asked = { reason, atMs: nowMs, heard: false };
    this.#does.ask(attempt, reason);
  }

  /** Carries out what is due. @param {number} nowMs */
  look(nowMs) {
    const blocker = this.blocking(nowMs);
    for (const attempt of this.#running.values()) {
      if (attempt.enteredMs === undefined) continue;
      const reason = this.#mustEnd(attempt, blocker, nowMs);
      if (reason) return this.#does.replace(attempt, reason);
    }
  }

  /**
   * Why the executor must be replaced for this attempt, if it must.
   *
   * @param {Attempt} attempt @param {Attempt | undefined} blocker @param {number} nowMs
   * @returns {StopReason | undefined}
   */
  #mustEnd(attempt, blocker, nowMs) {
    const overdue = nowMs - Number(attempt.enteredMs) >= attempt.limitMs;
    // Python's own timer stops it now, unless Python is blocked: then nobody hears this.
    if (overdue && !attempt.asked) this.#ask(attempt, attempt.limit, nowMs);
    const { asked } = attempt;
    if (!asked || (blocker && blocker !== attempt)) return undefined;
    const waitedMs = nowMs - asked.atMs;
    if (!asked.heard) {
      if (waitedMs >= ANSWER_MS) this.#interrupt(attempt, asked);
      return waitedMs >= GRACE_MS ? asked.reason : undefined;
    }
    return asked.reason !== "cancel" && waitedMs >= CLEANUP_MS ? asked.reason : undefined;
  }

  /** @param {Attempt} attempt @param {NonNullable<Attempt["asked"]>} asked */
  #interrupt(attempt, asked) {
    if (asked.interrupted) return;
    asked.interrupted = true;
    this.#does.interrupt(attempt, asked.reason);
  }
}
