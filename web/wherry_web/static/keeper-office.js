// @ts-check
/**
 * The office of an environment: which of its tabs runs Python.
 *
 * A Web Lock elects the tab.  A frozen tab keeps its locks, so those who wait for the office ask its
 * holder now and then, and take the office from one that does not answer.  Tabs that are seen come first.
 */

/** @import { Calls } from "./keeper-calls.js" */

/** Those that are seen answer within this. */
const SEEN_MS = 150;

/** Between two looks at the holder, at least. */
const LOOK_MS = 1_000;

/**
 * @typedef {object} Candidate
 * @property {string} lock
 * @property {string} hash of the environment
 * @property {Calls} calls
 * @property {() => boolean} visible
 * @property {() => Promise<void>} lead resolves when it has resigned
 * @property {() => Promise<void>} resign ends `lead`, its jobs handed back
 */

export class Office {
  #self;
  #standing = false;
  #wanted = true;
  #steals = false;
  #lookedMs = -Infinity;
  #candidacy = new AbortController();
  /** Whether it leads, as far as this tab has heard. */
  holds = false;

  /** @param {Candidate} self */
  constructor(self) {
    this.#self = self;
  }

  /** Stands for the office, again and again, until it leaves. */
  async stand() {
    this.#wanted = true;
    if (this.#standing) return;
    this.#standing = true;
    while (this.#wanted) await this.#once();
    this.#standing = false;
  }

  async #once() {
    const { lock, resign } = this.#self;
    this.#candidacy = new AbortController();
    const options = this.#steals ? { steal: true } : { signal: this.#candidacy.signal };
    this.#steals = false;
    try {
      await navigator.locks.request(lock, options, () => this.#hold());
    } catch (error) {
      // Another tab took it, or this one stands no longer, or not in line.
      if (this.holds) await resign();
      if (!(error instanceof DOMException && error.name === "AbortError")) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    this.holds = false;
  }

  async #hold() {
    const { calls, hash, visible, lead } = this.#self;
    this.holds = this.#wanted;
    if (!this.holds) return;
    // It stands in line itself, before this tab when that asks again.
    if (!visible() && (await calls.answers(`visible:${hash}`, SEEN_MS))) return;
    await lead();
  }

  /** Asks the holder whether it lives; takes the office if not. */
  async look() {
    const { calls, hash, visible } = this.#self;
    const nowMs = performance.now();
    if (this.holds || !this.#standing || nowMs - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = Infinity;
    // A tab that is not seen asks twice, so that one that is comes first.
    const lives = (await calls.answers(`leader:${hash}`)) || (!visible() && (await calls.answers(`leader:${hash}`)));
    this.#lookedMs = performance.now();
    if (lives || this.holds || !this.#wanted) return;
    this.#steals = true;
    this.#candidacy.abort();
  }

  /** After a thaw: whether another tab took the office meanwhile, which this one may not have heard yet. */
  async lost() {
    const { calls, hash } = this.#self;
    return this.holds && (await calls.answers(`leader:${hash}`, SEEN_MS));
  }

  /** Stands no longer. */
  async leave() {
    this.#wanted = false;
    this.#candidacy.abort();
    if (this.holds) await this.#self.resign();
  }
}
