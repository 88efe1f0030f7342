// @ts-check
// One shore: its queue, and what this page knows of the jobs there.  The same class serves both.

import { pythonName } from "./format.js";
import { INDEX_TASK, Ledger } from "./ledger.js";
import { DemoError } from "./problem.js";
import { keep, kept } from "./session.js";

/** @typedef {import("../wherry.js").Queue} Queue */
/** @typedef {import("../wherry.js").QueueEvent} QueueEvent */
/** @typedef {import("../wherry.js").Job} Job */
/** @typedef {"tab" | "server"} ShoreName */
/** @typedef {(shore: ShoreName, output: import("../wherry.js").Json) => void} TakeOutput */

const PAGE = 200;
const RETRY_MS = 1000;
const LISTING = "library.modules";

export class Shore {
  ledger = new Ledger();
  /** @type {Queue | null} */
  queue = null;
  /** What the state attribute says; each shore has words of its own. */
  state = "connecting";
  /** Read from the store at least once. */
  loaded = false;
  /** @type {Date | null} since when what is shown may be old */
  staleSince = null;
  /** @type {unknown} what stands in the way of this shore; null when nothing does */
  problem = null;
  /** @type {unknown} why its Python does not run; jobs can be submitted and seen all the same */
  failure = null;
  /** @type {string} e.g. "Python 3.14.0 in WebAssembly" */
  python = "";
  /** Where its jobs are kept. */
  place = "";
  /** True from the click until all jobs of the index run are submitted. */
  listing = false;
  dirty = true;
  #takeOutput;
  /** Where this tab keeps that an index was asked for, until all its jobs are submitted. */
  #listed;
  #stop = new AbortController();

  /**
   * @param {ShoreName} name
   * @param {TakeOutput} takeOutput gets the output of each index job
   */
  constructor(name, takeOutput) {
    this.name = name;
    this.#takeOutput = takeOutput;
    this.#listed = `wherry.listed.${name}`;
  }

  /** @param {Partial<Pick<Shore, "state" | "problem" | "python" | "place">>} change */
  set(change) {
    Object.assign(this, change);
    this.dirty = true;
  }

  /**
   * Follow a queue, from now until `detach`.
   * @param {Queue} queue
   */
  attach(queue) {
    this.detach();
    this.queue = queue;
    this.#stop = new AbortController();
    void this.#follow(queue, this.#stop.signal);
  }

  detach() {
    this.#stop.abort();
    this.queue = null;
  }

  /**
   * @param {Queue} queue
   * @param {AbortSignal} signal
   */
  async #follow(queue, signal) {
    while (!signal.aborted) {
      try {
        const events = queue.events({ signal })[Symbol.asyncIterator]();
        // The feed is open before the state is read: what happens in between is then told twice, not lost.
        const first = events.next();
        first.catch(() => undefined);
        await this.#load(queue);
        this.#fresh();
        void this.#resume();
        for (let next = await first; !next.done; next = await events.next()) {
          await this.#hear(next.value);
        }
      } catch (error) {
        this.#stale(error, signal);
      }
      await new Promise((wake) => setTimeout(wake, RETRY_MS));
    }
  }

  #fresh() {
    this.loaded = true;
    this.staleSince = null;
    this.set({ problem: null });
  }

  /**
   * @param {unknown} error
   * @param {AbortSignal} signal
   */
  #stale(error, signal) {
    if (signal.aborted) {
      return;
    }
    this.staleSince ??= new Date();
    this.set({ problem: error });
  }

  /** @param {QueueEvent} event */
  async #hear(event) {
    this.dirty = true;
    if (event.type === "progress") {
      this.ledger.progress(event.id, event.progress);
      return;
    }
    const { job } = event;
    if (this.ledger.isOfLaterRun(job) && this.queue) {
      // Another tab, or the terminal, started a run.
      await this.#show(this.queue, job);
    }
    this.#take(job, true);
  }

  /**
   * @param {Job} job
   * @param {boolean} live
   */
  #take(job, live) {
    this.ledger.take(job, { live });
    if (job.task === INDEX_TASK && job.state === "completed" && job.runId === this.ledger.runId) {
      this.#takeOutput(this.name, job.output);
    }
  }

  /** @param {Queue} queue */
  async #load(queue) {
    const newest = await queue.query({ task: [INDEX_TASK], limit: 1 });
    if (newest.jobs[0]) {
      await this.#show(queue, newest.jobs[0]);
    }
    for (const task of ["wait", "file.statistics"]) {
      const { jobs } = await queue.query({ task: [task], limit: 1 });
      jobs.forEach((job) => this.#take(job, false));
    }
    this.dirty = true;
  }

  /**
   * Show the run that a job belongs to.
   * @param {Queue} queue
   * @param {Job} job
   */
  async #show(queue, { runId, created }) {
    if (runId && runId !== this.ledger.runId) {
      this.ledger.begin(runId, created);
    }
    await this.#loadRun(queue, runId ?? "");
  }

  /**
   * @param {Queue} queue
   * @param {string} runId
   */
  async #loadRun(queue, runId) {
    /** @type {string | undefined} */
    let cursor;
    do {
      const page = await queue.query({ runId, oldestFirst: true, limit: PAGE, cursor });
      page.jobs.forEach((job) => this.#take(job, false));
      cursor = page.cursor;
      this.dirty = true;
    } while (cursor && runId === this.ledger.runId);
  }

  /**
   * Index the standard library that this shore has: one job lists the modules, then one job a module.
   * @throws whatever the queue throws; nothing is submitted then
   */
  async index() {
    this.listing = true;
    this.dirty = true;
    try {
      const list = await this.#submit(LISTING, null, "list of modules");
      keep(this.#listed, list.id);
      await this.#indexListed(list);
    } finally {
      keep(this.#listed, null);
      this.listing = false;
      this.dirty = true;
    }
  }

  /** Go on with an index that a reload of this page cut off between its list and its jobs. */
  async #resume() {
    const listed = kept(this.#listed);
    if (listed === null || this.listing) {
      return;
    }
    this.listing = true;
    try {
      await this.#indexListed(this.#need().handle(listed));
    } catch {
      // The list is gone or failed: its card says so, and the button is there again.
    } finally {
      keep(this.#listed, null);
      this.listing = false;
    }
  }

  /** @param {import("../wherry.js").Handle} list */
  async #indexListed(list) {
    const queue = this.#need();
    const { modules, python, implementation } = /** @type {any} */ (await list.result());
    this.python = pythonName(python, implementation);
    if (modules.length === 0) {
      throw new DemoError("no_sources", "This Python has no sources of its standard library.", {
        remedy: "Build the site again with `python3 build.py site`: it packs them.",
      });
    }
    const runId = `index-${list.id}`;
    const { jobs } = await queue.query({ runId, limit: modules.length });
    // The page may have been cut off in the middle of its submits.
    const known = new Set(jobs.map(({ input }) => input));
    const missing = modules.filter((/** @type {string} */ module) => !known.has(module));
    const handles = await queue.submitMany(INDEX_TASK, missing, { runId });
    const first = jobs[0] ?? (await handles[0]?.job());
    if (first) {
      await this.#show(queue, first);
    }
  }

  /**
   * Submit one job and show it at once.
   * @param {string} task
   * @param {import("../wherry.js").Json} input
   * @param {string} label
   */
  async #submit(task, input, label) {
    const handle = await this.#need().submit(task, input);
    this.ledger.expect(handle.id, task, label);
    this.dirty = true;
    return handle;
  }

  /**
   * Submit a job that takes a while, so that a person can watch what happens to it.
   * @param {number} seconds
   */
  cross(seconds) {
    return this.#submit("wait", seconds, `wait ${seconds} s`);
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  statistics(name, text) {
    return this.#submit("file.statistics", { name, text }, name);
  }

  /** Cancel what is left of the index run. */
  cancel() {
    return this.#need().cancel({ ...this.#run(), state: ["pending", "running"] });
  }

  /** Put the cancelled jobs of the index run back. */
  async putBack() {
    const queue = this.#need();
    const count = await queue.retry({ ...this.#run(), state: ["cancelled"] });
    if (this.ledger.runId) {
      await this.#loadRun(queue, this.ledger.runId);
    }
    return count;
  }

  #run() {
    return { task: [INDEX_TASK], runId: this.ledger.runId ?? "" };
  }

  #need() {
    if (!this.queue) {
      throw new Error(`The queue of the ${this.name} is not open yet. Wait until its shore says so.`);
    }
    return this.queue;
  }
}
