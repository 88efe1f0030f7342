// @ts-check
/** When a worker of a tab renews its leases. */

/** Between two looks at whether an attempt was asked to stop. */
const PAUSE_MS = 200;

/**
 * Which leases are due: all of them after a third of a lease, and after a hint, as the verdict of a renewal tells
 * of a cancel, those of attempts that are not new.  A busy worker hears a hint at each of its own calls, and most of
 * its attempts end before they are looked at.
 */
export class LeaseClock {
  #leaseMs;
  #renewedMs = 0;
  #lookedMs = 0;
  #hinted = false;

  /** @param {number} leaseMs */
  constructor(leaseMs) {
    this.#leaseMs = leaseMs;
  }

  /** All leases are new. @param {number} nowMs */
  start(nowMs) {
    this.#renewedMs = nowMs;
  }

  /** There may be a cancel. */
  hint() {
    this.#hinted = true;
  }

  /**
   * The attempts whose leases are to be renewed now; whoever asks does so.
   *
   * @template {{ claimedMs: number }} A
   * @param {A[]} held @param {number} nowMs
   * @returns {A[]}
   */
  due(held, nowMs) {
    const all = nowMs - this.#renewedMs >= this.#leaseMs / 3;
    if (!all && !(this.#hinted && nowMs - this.#lookedMs >= PAUSE_MS)) return [];
    this.#lookedMs = nowMs;
    if (all) this.#renewedMs = nowMs;
    const due = all ? held : held.filter(({ claimedMs }) => nowMs - claimedMs >= PAUSE_MS);
    // The others' turn comes if they last.
    this.#hinted = due.length < held.length;
    return due;
  }
}
