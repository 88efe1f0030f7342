// @ts-check
/** A stored row as people read it, and the error that an unfortunate end means to those who wait. */

import { WherryError } from "./errors.js";
import { valueOf } from "./plain.js";

/** @import { JobRow } from "./messages.js" */
/** @import { AttemptError, Job, Progress } from "./wherry.js" */

/**
 * @param {JobRow} row @param {boolean} bigint whether large integers become BigInts
 * @returns {Job}
 */
export function viewOf(row, bigint) {
  const base = {
    id: row.id,
    task: row.task,
    queue: row.queue,
    priority: row.priority,
    input: valueOf(row.input, bigint),
    progress: progressOf(row, bigint),
    tags: row.tags ?? [],
    attempts: row.attempt ?? 0,
    maxAttempts: row.max_attempts,
    interruptions: row.interruptions ?? 0,
    errors: errorsOf(row),
    home: row.home ?? "local",
    created: new Date(row.created_at_ms),
    runAt: new Date(row.run_at_ms),
    ...optional(row),
  };
  const { state } = row;
  if (state === "completed") return { ...base, state, output: valueOf(row.output ?? "null", bigint) };
  if (state === "failed" || state === "cancelled" || state === "disabled") {
    const { code, message } = endOf(row);
    return { ...base, state, error: { code, message } };
  }
  return { ...base, state };
}

/** @param {JobRow} row */
function optional(row) {
  return {
    ...(row.worker && { worker: row.worker }),
    ...(row.run_id && { runId: row.run_id }),
    ...(row.deadline_at_ms && { deadline: new Date(row.deadline_at_ms) }),
    ...(row.started_at_ms && { started: new Date(row.started_at_ms) }),
    ...(row.finished_at_ms && { finished: new Date(row.finished_at_ms) }),
  };
}

/** @param {JobRow} row @param {boolean} bigint @returns {Progress} */
export function progressOf(row, bigint) {
  const progress = { percent: row.percent ?? 0, message: row.message ?? "" };
  return row.details == null ? progress : { ...progress, details: valueOf(row.details, bigint) };
}

/** Every failed attempt's error, oldest first. @param {JobRow} row @returns {AttemptError[]} */
export function errorsOf(row) {
  const lines = (row.errors ?? "").split("\n").filter(Boolean);
  return lines.map((line) => ({ attempt: 0, type: "Error", message: "", code: "error", traceback: "", ...JSON.parse(line) }));
}

/**
 * What a final job that did not complete means to those who wait for it.
 *
 * @param {JobRow} row
 * @returns {WherryError} `job_failed` (`data`: `type message traceback code` of its last attempt), `job_cancelled`, `job_disabled`
 */
export function endOf(row) {
  const { id: jobId, state } = row;
  if (state === "cancelled") return new WherryError("job_cancelled", `job ${jobId} was cancelled: submit it again, or retry it.`, { jobId });
  if (state === "disabled") return new WherryError("job_disabled", `job ${jobId} is disabled: retry puts it back.`, { jobId });
  const { type, message, code, traceback } = errorsOf(row).at(-1) ?? { type: "Error", message: "no error was recorded", code: "error", traceback: "" };
  return new WherryError("job_failed", `job ${jobId} failed with ${type}: ${message}`, { jobId, data: { type, message, code, traceback } });
}

/** @param {string} jobId */
export function notFound(jobId) {
  return new WherryError("job_not_found", `no job ${jobId} is stored: it was removed, or belongs to another store.`, { jobId });
}
