// @ts-check
// One long job and what befalls it: attempts, the kill, the lease that runs down, the result.
// It keeps the story; the timeline draws it.

/** @typedef {import("./shore.js").Shore} Shore */
/** @typedef {import("./ledger.js").Mark} Mark */
/**
 * What a kill tells, in the clock of this page.
 * @typedef {object} Kill
 * @property {number} leaseLeftMs how long the lease of the job still holds; 0 when it went back at once
 * @property {string} what e.g. "Process 4711 got SIGKILL"
 */
/** @typedef {{ number: number, fromMs: number, toMs: number | null, percent: number }} Segment */

const SECONDS = 8;
/** Far enough across that the kill visibly costs something. */
const KILL_AT_PERCENT = 15;

export class Crossing {
  /** @type {string | null} */
  jobId = null;
  /** @type {Mark | null} */
  mark = null;
  startMs = 0;
  /** @type {Segment[]} one a run of the job's code, newest last */
  segments = [];
  /** @type {{ atMs: number, leaseUntilMs: number, what: string } | null} */
  killed = null;
  /** @type {number | null} */
  endMs = null;
  /** A kill is asked for and waits until the job is under way. */
  isArmed = false;
  /** A worker that goes down gives its jobs back at once: no lease to wait out, no attempt charged. */
  isUncharged;
  #shore;
  #kill;

  /**
   * @param {Shore} shore
   * @param {() => Promise<Kill>} kill
   */
  constructor(shore, kill) {
    this.#shore = shore;
    this.#kill = kill;
    this.isUncharged = shore.name === "tab";
  }

  get isUnderWay() {
    return this.jobId !== null && this.endMs === null;
  }

  /** Submit the long job. */
  async start() {
    const handle = await this.#shore.cross(SECONDS);
    this.#follow(handle.id);
  }

  /** Kill the worker in the middle of a long job, submitting one if none is under way. */
  async kill() {
    this.isArmed = true;
    try {
      if (!this.isUnderWay) {
        await this.start();
      }
      await this.#until(() => this.endMs !== null || (this.mark?.percent ?? 0) >= KILL_AT_PERCENT);
      if (this.endMs === null) {
        await this.#killNow();
      }
    } finally {
      this.isArmed = false;
    }
  }

  async #killNow() {
    const { leaseLeftMs, what } = await this.#kill();
    const atMs = performance.now();
    this.killed = { atMs, leaseUntilMs: atMs + leaseLeftMs, what };
    this.#close(atMs, this.mark?.percent);
  }

  /** @param {string} jobId */
  #follow(jobId) {
    Object.assign(this, { jobId, mark: null, startMs: performance.now(), segments: [], killed: null, endMs: null });
  }

  /** Bring the story up to date; call it at every turn. */
  update() {
    const single = [...this.#shore.ledger.singles.values()].filter(({ task }) => task === "wait").at(-1);
    if (single && single.id !== this.jobId && single.phase !== "done") {
      this.#follow(single.id); // Found after a reload, or submitted in another tab.
    }
    this.mark = this.jobId ? (this.#shore.ledger.singles.get(this.jobId) ?? null) : null;
    if (this.mark && this.endMs === null) {
      this.#read(this.mark, performance.now());
    }
  }

  /**
   * @param {Mark} mark
   * @param {number} now
   */
  #read(mark, now) {
    const current = this.segments.at(-1);
    const isNext = mark.attempt + mark.interruptions > (current?.number ?? 0);
    if (mark.phase === "running" && isNext) {
      this.#close(now);
      this.segments.push({ number: mark.attempt + mark.interruptions, fromMs: now, toMs: null, percent: mark.percent });
    } else if (mark.phase === "waiting") {
      this.#close(now);
    } else if (mark.phase !== "running") {
      this.#close(now);
      this.endMs = now;
    }
    if (current?.toMs === null) {
      current.percent = mark.percent;
    }
  }

  /**
   * @param {number} now
   * @param {number} [percent] how far it came, if more is known than was drawn
   */
  #close(now, percent) {
    const current = this.segments.at(-1);
    if (current && current.toMs === null) {
      Object.assign(current, { toMs: now, percent: percent ?? current.percent });
    }
  }

  /** @param {() => boolean} holds */
  async #until(holds) {
    while (!holds()) {
      await new Promise((wake) => setTimeout(wake, 50));
      this.update();
    }
  }
}
