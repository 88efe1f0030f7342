// @ts-check
// What one shore knows of its jobs: a small mark for each, counts, and the rate of completions.
// No I/O and no elements: the shore feeds it, the views read it.

import { counted } from "./format.js";
import { Rate } from "./rate.js";

/** @typedef {import("../wherry.js").Job} Job */
/** @typedef {import("../wherry.js").Progress} Progress */
/** @typedef {"waiting" | "running" | "done" | "failed" | "cancelled"} Phase */

/**
 * One job as the page draws it.
 * @typedef {object} Mark
 * @property {string} id
 * @property {string} task
 * @property {string} label what it is about: a module, a file, a wait
 * @property {Job["state"]} state
 * @property {Phase} phase
 * @property {number} percent
 * @property {string} message
 * @property {number} attempt
 * @property {number} interruptions
 * @property {number | null} startedMs
 * @property {number | null} finishedMs
 * @property {number} touchedMs when this page last heard of it
 * @property {import("../wherry.js").Json} output null until completed; the output of an index job is not kept here
 * @property {string} result what came out, in two words
 * @property {number} size how many names came out, for an index job
 * @property {string} error
 */

/** @type {Record<Job["state"], Phase>} */
const PHASES = {
  blocked: "waiting",
  pending: "waiting",
  suspended: "waiting",
  running: "running",
  completed: "done",
  failed: "failed",
  cancelled: "cancelled",
  disabled: "cancelled",
};
export const INDEX_TASK = "library.index";

/** Marks of the index run and of the single jobs beside it. */
export class Ledger {
  /** Jobs of the index run, in the order of their submission. @type {Map<string, Mark>} */
  marks = new Map();
  /** Jobs beside it: a wait, a file, the list of modules. @type {Map<string, Mark>} */
  singles = new Map();
  /** @type {Record<Phase, number>} */
  counts = noCounts();
  /** @type {string | null} */
  runId = null;
  /** @type {Set<Mark>} */
  dirty = new Set();
  /** Grows when the marks belong to another run: views start afresh. */
  generation = 0;
  #created = new Date(0);
  #rate = new Rate();

  /**
   * Start a run; marks of the run before are dropped.
   * @param {string} runId
   * @param {Date} created when its first job was, by the store's clock
   */
  begin(runId, created) {
    this.runId = runId;
    this.#created = created;
    this.marks.clear();
    this.counts = noCounts();
    this.generation += 1;
    this.#rate.clear();
  }

  /**
   * This job is of a run that was started after the one that is shown.
   * @param {Job} job
   */
  isOfLaterRun({ task, runId, created }) {
    return task === INDEX_TASK && runId !== undefined && runId !== this.runId && created > this.#created;
  }

  get total() {
    return this.marks.size;
  }

  get finished() {
    return this.counts.done + this.counts.failed + this.counts.cancelled;
  }

  get inFlight() {
    return this.counts.waiting + this.counts.running;
  }

  /**
   * Take in a single job that was just submitted.
   * @param {string} id
   * @param {string} task
   * @param {string} label
   */
  expect(id, task, label) {
    if (!this.singles.has(id)) {
      this.#put(this.singles, blank(id, task, label), null);
    }
  }

  /**
   * Take in what the store says of a job.
   * @param {Job} job
   * @param {{ live: boolean }} how `live`: a completion counts for the rate
   */
  take(job, { live }) {
    const book = job.task === INDEX_TASK ? this.marks : this.singles;
    if (book === this.marks && job.runId !== this.runId) {
      return;
    }
    const known = book.get(job.id);
    if (known?.phase === "done") {
      return; // An older page of a query may come after the event that finished it.
    }
    const was = known?.phase ?? null;
    const mark = Object.assign(known ?? blank(job.id, job.task, labelOf(job)), seen(job));
    if (live && mark.phase === "done" && book === this.marks) {
      this.#rate.add();
    }
    this.#put(book, mark, was);
  }

  /**
   * @param {string} id
   * @param {Progress} progress
   */
  progress(id, progress) {
    const mark = this.marks.get(id) ?? this.singles.get(id);
    if (mark?.phase === "running" || mark?.phase === "waiting") {
      Object.assign(mark, { percent: progress.percent, message: progress.message, touchedMs: performance.now() });
      this.dirty.add(mark);
    }
  }

  /**
   * The job of the index run that is about this module.
   * @param {string} label
   */
  byLabel(label) {
    for (const mark of this.marks.values()) {
      if (mark.label === label) {
        return mark;
      }
    }
    return null;
  }

  /** What changed since the last call. */
  drain() {
    const changed = this.dirty;
    this.dirty = new Set();
    return changed;
  }

  /** Completions a second, over the last three seconds. */
  rate() {
    return this.#rate.now();
  }

  /** Completions of each of the last 60 seconds, oldest first. */
  rates() {
    return this.#rate.seconds();
  }

  /**
   * @param {Map<string, Mark>} book
   * @param {Mark} mark
   * @param {Phase | null} was null for a new mark
   */
  #put(book, mark, was) {
    book.set(mark.id, mark);
    this.dirty.add(mark);
    if (book === this.marks) {
      this.counts[mark.phase] += 1;
      if (was) {
        this.counts[was] -= 1;
      }
    }
  }
}

/** @returns {Record<Phase, number>} */
const noCounts = () => ({ waiting: 0, running: 0, done: 0, failed: 0, cancelled: 0 });

/**
 * @param {string} id
 * @param {string} task
 * @param {string} label
 * @returns {Mark}
 */
const blank = (id, task, label) => ({
  id,
  task,
  label,
  state: "pending",
  phase: "waiting",
  percent: 0,
  message: "",
  attempt: 0,
  interruptions: 0,
  startedMs: null,
  finishedMs: null,
  touchedMs: performance.now(),
  output: null,
  result: "",
  size: 0,
  error: "",
});

/**
 * @param {Job} job
 * @returns {Partial<Mark>}
 */
function seen(job) {
  const phase = PHASES[job.state];
  return {
    state: job.state,
    phase,
    percent: phase === "done" ? 100 : (job.progress?.percent ?? 0),
    message: job.progress?.message ?? "",
    attempt: job.attempts,
    interruptions: job.interruptions,
    startedMs: job.started?.getTime() ?? null,
    finishedMs: job.finished?.getTime() ?? null,
    touchedMs: performance.now(),
    output: job.state === "completed" && job.task !== INDEX_TASK ? job.output : null,
    result: job.state === "completed" ? resultOf(job.task, job.output) : "",
    size: job.state === "completed" && job.task === INDEX_TASK ? /** @type {any} */ (job.output).names.length : 0,
    error: "error" in job ? job.error.message : (job.errors.at(-1)?.message ?? ""),
  };
}

/**
 * @param {string} task
 * @param {any} output
 */
function resultOf(task, output) {
  switch (task) {
    case INDEX_TASK:
      return counted(output.names.length, "name");
    case "library.modules":
      return counted(output.modules.length, "module");
    case "wait":
      return `attempt ${output.attempt}`;
    default:
      return "";
  }
}

/** @param {Job} job */
function labelOf(job) {
  if (job.task === "wait") {
    return `wait ${job.input} s`;
  }
  if (typeof job.input === "string") {
    return job.input;
  }
  const named = job.input !== null && typeof job.input === "object" && "name" in job.input ? job.input.name : null;
  return typeof named === "string" ? named : job.task;
}
