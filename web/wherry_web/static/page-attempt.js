// @ts-check
/** One attempt of a task written in JavaScript: what the function sees, and what is told of its end. */

import { WherryError } from "./errors.js";
import { invalidInput, text } from "./checks.js";
import { requireSize, textOf, valueOf } from "./plain.js";
import { problemsWith } from "./schema.js";
import { afterAttempt, errorLine } from "./task-decisions.js";

/** @import { Claimed, Report, Settlement } from "./messages.js" */
/** @import { PageTask } from "./page-tasks.js" */
/** @import { TaskContext } from "./wherry.js" */
/** @typedef {"cancel" | "lost" | "timeout" | "deadline" | "shutdown"} StopReason */

/** What the signal's reason says. @type {Record<StopReason, [code: string, message: string]>} */
const REASONS = {
  cancel: ["job_cancelled", "the job was cancelled."],
  lost: ["lease_lost", "another worker holds the job by now: what this attempt returns is refused."],
  timeout: ["timeout", "the attempt took longer than its timeout."],
  deadline: ["deadline_exceeded", "the job's deadline has passed."],
  shutdown: ["interrupted", "the queue was closed: the job is handed back."],
};

export class PageAttempt {
  #controller = new AbortController();
  #report;
  #bigint;

  /** @param {Claimed} job @param {boolean} bigint @param {(report: Report) => void} report */
  constructor(job, bigint, report) {
    this.job = job;
    this.#bigint = bigint;
    this.#report = report;
  }

  /**
   * Runs it to its end.
   *
   * @param {PageTask | undefined} task
   * @returns {Promise<Settlement>}
   */
  async run(task) {
    const { job } = this;
    const { id, fence } = job;
    if (!task) return { id, fence, kind: "release" };
    try {
      return { id, fence, kind: "complete", output: await this.#output(task) };
    } catch (error) {
      // It was asked to stop and did, by throwing.
      if (this.#controller.signal.aborted) return { id, fence, kind: "cancel", error: errorLine(error, job.attempt) };
      return afterAttempt(job, error, Math.random());
    }
  }

  /** @param {PageTask} task */
  async #output({ run, entry }) {
    const problems = problemsWith(valueOf(this.job.input, true), entry.schema ?? {});
    if (problems.length) throw invalidInput(entry.name, problems);
    const output = await run(valueOf(this.job.input, this.#bigint), this.#context());
    // A function that returns nothing gives null, as in Python.
    const json = textOf(output === undefined ? null : output, { bigint: this.#bigint });
    requireSize(json, `the output of ${entry.name}`);
    return json;
  }

  /** @returns {TaskContext} */
  #context() {
    const { id, fence, task, queue, attempt, max_attempts: maxAttempts } = this.job;
    const bigint = this.#bigint;
    return {
      jobId: id, task, queue, attempt, maxAttempts,
      signal: this.#controller.signal,
      progress: (percent, message, details) => {
        const bounded = Math.min(100, Math.max(0, Number(percent)));
        if (Number.isNaN(bounded)) throw invalidInput("progress", ["percent: must be a number"]);
        if (message != null && typeof message !== "string") throw invalidInput("progress", ["message: must be text"]);
        const said = details === undefined ? null : textOf(details, { path: "details", bigint });
        this.#report({ id, fence, percent: bounded, message: message ?? null, details: said });
      },
      log: (message, fields = {}) => {
        if (text(message)) throw invalidInput("log", [`message: ${text(message)}`]);
        this.#report({ id, fence, logs: [textOf({ message, ...fields }, { path: "log", bigint })] });
      },
    };
  }

  /** @param {number} fence @param {StopReason} reason the first stands */
  stop(fence, reason) {
    if (fence !== this.job.fence) return;
    const [code, message] = REASONS[reason];
    this.#controller.abort(new WherryError(code, message, { jobId: this.job.id }));
  }
}
