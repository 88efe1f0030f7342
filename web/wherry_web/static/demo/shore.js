// @ts-check
// One shore: its queue, and what this page knows of the jobs there.  The same class serves both.

import { INDEX_TASK, Ledger } from "./ledger.js";
import { DemoError } from "./problem.js";

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
  #stop = new AbortController();

  /**
   * @param {ShoreName} name
   * @param {TakeOutput} takeOutput gets the output of each index job
   */
  constructor(name, takeOutput) {
    this.name = name;
    this.#takeOutput = takeOutput;
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
        for (let next = await first; !next.done; next = await events.next()) {
          this.#hear(next.value);
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
  #hear(event) {
    this.dirty = true;
    if (event.type === "progress") {
      this.ledger.progress(event.id, event.progress);
      return;
    }
    const { job } = event;
    if (job.task === INDEX_TASK && job.runId && isLater(job.runId, this.ledger.runId)) {
      this.ledger.begin(job.runId); // Another tab, or the terminal, started a run.
      if (this.queue) {
        void this.#loadRun(this.queue, job.runId);
      }
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
    const runId = newest.jobs[0]?.runId;
    if (runId) {
      if (runId !== this.ledger.runId) {
        this.ledger.begin(runId);
      }
      await this.#loadRun(queue, runId);
    }
    for (const task of ["wait", "file.statistics"]) {
      const { jobs } = await queue.query({ task: [task], limit: 1 });
      jobs.forEach((job) => this.#take(job, false));
    }
    this.dirty = true;
  }

  /**
   * @param {Queue} queue
   * @param {string} runId
   */
  async #loadRun(queue, runId) {
    /** @type {string | undefined} */
    let cursor;
    do {
      const page = await queue.query({ runId, limit: PAGE, cursor });
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
    const queue = this.#need();
    this.listing = true;
    this.dirty = true;
    try {
      const list = await this.#submit(LISTING, null, "list of modules");
      const { modules, python, implementation } = /** @type {any} */ (await list.result());
      this.python = pythonName(python, implementation);
      if (modules.length === 0) {
        throw new DemoError("no_sources", "This Python has no sources of its standard library.", {
          remedy: "Build the site again with `python3 build.py site`: it packs them.",
        });
      }
      const runId = `index-${new Date().toISOString().replace(/\D/g, "")}-${this.name}`;
      const handles = await queue.submitMany(INDEX_TASK, modules, { runId });
      this.ledger.begin(runId);
      handles.forEach((handle, at) => this.ledger.expect(handle.id, INDEX_TASK, modules[at]));
      // Some may have run before their handles came back.
      await this.#loadRun(queue, runId);
    } finally {
      this.listing = false;
      this.dirty = true;
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

/**
 * Run ids carry their instant, so a later run is told by its text.
 * @param {string} runId
 * @param {string | null} known
 */
const isLater = (runId, known) => known === null || runId > known;

/**
 * @param {string} version
 * @param {string} implementation
 */
export const pythonName = (version, implementation) =>
  implementation === "Pyodide" ? `Python ${version} in WebAssembly` : `${implementation} ${version}`;
