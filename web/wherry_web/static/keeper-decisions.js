// @ts-check
/** What follows when the keeper, not Python, ends an attempt: pure, the same as `wherry/retry.py`. */

/** @import { JobRow, Settlement } from "./messages.js" */
/** @typedef {"cancel" | "lost" | "timeout" | "deadline"} StopReason */

/** So that a job that always takes its tab down with it still ends. */
const MAX_INTERRUPTIONS = 20;

/**
 * The attempt ended through no fault of the job: a closed tab, a neighbour that had to be stopped.
 *
 * @param {JobRow} row
 * @returns {Settlement}
 */
export function interrupted({ id, fence, attempt, interruptions }) {
  if (interruptions < MAX_INTERRUPTIONS) return { id, fence, kind: "release" };
  const message = `interrupted ${interruptions + 1} times: its workers end before it does.`;
  return { id, fence, kind: "fail", error: errorLine("interrupted", message, attempt) };
}

/**
 * The attempt blocked Python until it was stopped from outside.
 *
 * @param {JobRow} row @param {StopReason} reason
 * @param {number} limitMs
 * @param {number} chance in [0, 1), places the delay within the backoff's jitter
 * @returns {Settlement}
 */
export function stopped(row, reason, limitMs, chance) {
  const { id, fence, attempt, max_attempts, backoff } = row;
  if (reason === "lost") return interrupted(row);
  if (reason === "cancel") return { id, fence, kind: "cancel" };
  if (reason === "deadline") {
    return { id, fence, kind: "fail", error: errorLine("deadline_exceeded", "its deadline passed while it ran", attempt, "JobTimeout") };
  }
  const message = `the attempt took longer than its timeout of ${limitMs / 1000} s`;
  const error = errorLine("timeout", message, attempt, "JobTimeout");
  if (attempt >= max_attempts) return { id, fence, kind: "fail", error };
  return { id, fence, kind: "retry", error, delay_ms: delayMs(backoff, attempt, chance) };
}

/**
 * @param {string} policy @param {number} attempt @param {number} chance
 * @returns {number} milliseconds
 */
export function delayMs(policy, attempt, chance) {
  const { first_ms = 1000, factor = 2, limit_ms = 300_000, jitter = 0.2, delays_ms } = JSON.parse(policy);
  if (delays_ms?.length) return delays_ms[Math.min(attempt, delays_ms.length) - 1];
  return Math.round(Math.min(limit_ms, first_ms * factor ** Math.min(attempt - 1, 64)) * (1 - jitter * chance));
}

/** @param {string} code @param {string} message @param {number} attempt @param {string} [type] */
function errorLine(code, message, attempt, type = "WherryError") {
  return JSON.stringify({ type, module: "wherry.errors", message, code, attempt });
}
