// @ts-check
/** What follows an attempt of a task written in JavaScript, and a lapse: pure, the same as `wherry/retry.py`. */

import { WherryError } from "./errors.js";
import { delayMs } from "./keeper-decisions.js";
import { RetryableError, Snooze } from "./task-errors.js";

/** @import { Claimed, JobRow, Settlement } from "./messages.js" */

/** What a dead worker held starts again soon: a task's backoff is for its own errors. */
const LONGEST_WAIT_AFTER_LAPSE_MS = 1_000;
const LONGEST_TRACEBACK = 16_000;

/** Trying again cannot help. */
const PERMANENT = new Set(["permanent", "invalid_input", "invalid_output", "not_json", "payload_too_large", "deadline_exceeded"]);

/**
 * @param {Claimed} job @param {unknown} error that the task threw
 * @param {number} chance in [0, 1), places the delay within the backoff's jitter
 * @returns {Settlement}
 */
export function afterAttempt({ id, fence, attempt, max_attempts, backoff }, error, chance) {
  if (error instanceof Snooze) return { id, fence, kind: "snooze", delay_ms: Math.round(error.delay * 1000) };
  const line = errorLine(error, attempt);
  if (attempt >= max_attempts || PERMANENT.has(codeOf(error))) return { id, fence, kind: "fail", error: line };
  if (error instanceof RetryableError && error.at) return { id, fence, kind: "retry", error: line, run_at_ms: error.at.getTime() };
  const waitMs = error instanceof RetryableError && error.delay != null ? Math.round(error.delay * 1000) : delayMs(backoff, attempt, chance);
  return { id, fence, kind: "retry", error: line, delay_ms: waitMs };
}

/**
 * What becomes of a job that is over although nobody settled it; undefined if it is not.
 *
 * @param {JobRow} row
 * @returns {Settlement | undefined}
 */
export function afterLapse(row) {
  const { id, fence, lapse, attempt, max_attempts, worker } = row;
  if (!lapse) return undefined;
  const settlement = { id, fence, if_lapsed: true };
  if (lapse === "doomed") {
    if (row.doomed === "cancel") return { ...settlement, kind: "cancel" };
    return { ...settlement, kind: "fail", error: lineOf("parent_failed", "a job it waits for did not complete", attempt) };
  }
  if (lapse === "deadline") {
    return { ...settlement, kind: "fail", error: lineOf("deadline_exceeded", "its deadline passed", attempt, "JobTimeout") };
  }
  if (row.cancel_requested_at_ms != null) return { ...settlement, kind: "cancel" };
  const message = `worker ${worker} stopped renewing its lease: it died, froze, or lost the storage`;
  const error = lineOf("lease_lapsed", message, attempt, "LeaseLost");
  if (attempt >= max_attempts) return { ...settlement, kind: "fail", error };
  return { ...settlement, kind: "retry", error, delay_ms: Math.min(delayMs(row.backoff, attempt, 0), LONGEST_WAIT_AFTER_LAPSE_MS) };
}

/**
 * One attempt's error as one line of JSON.
 *
 * @param {unknown} error anything that can be thrown @param {number} attempt
 */
export function errorLine(error, attempt) {
  const ours = error instanceof WherryError;
  const { name, message, stack } = error instanceof Error || error instanceof DOMException ? error : { name: "Error", message: String(error), stack: "" };
  return JSON.stringify({
    type: wellFormed(name),
    module: ours ? "wherry.errors" : "javascript",
    message: wellFormed(message),
    code: codeOf(error),
    attempt,
    // The innermost frames come first.
    traceback: wellFormed(stack ?? "").slice(0, LONGEST_TRACEBACK),
  });
}

/** Halves of surrogate pairs are no text that JSON readers take. @param {unknown} said */
function wellFormed(said) {
  return String(said).replace(/\p{Surrogate}/gu, "\ufffd");
}

/** @param {unknown} error */
function codeOf(error) {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && code ? wellFormed(code) : "error";
}

/** @param {string} code @param {string} message @param {number} attempt @param {string} [type] */
function lineOf(code, message, attempt, type = "WherryError") {
  return JSON.stringify({ type, module: "wherry.errors", message, code, attempt });
}
