// @ts-check
/** What follows when the keeper, not Python, ends an attempt: pure, the same as `wherry/retry.py`. */

/** @import { JobRow, Settlement } from "./messages.js" */
/** @import { OpenOptions } from "./wherry.js" */
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
 * @param {{ limitMs: number, final: boolean, chance: number }} how `final`: the task's own policy tries no more after
 *   a timeout; `chance` in [0, 1) places the delay within the backoff's jitter
 * @returns {Settlement}
 */
export function stopped(row, reason, { limitMs, final, chance }) {
  const { id, fence, attempt } = row;
  if (reason === "lost") return interrupted(row);
  if (reason === "cancel") return { id, fence, kind: "cancel" };
  if (reason === "deadline") {
    return { id, fence, kind: "fail", error: errorLine("deadline_exceeded", "its deadline passed while it ran", attempt, "JobTimeout") };
  }
  const message = `the attempt took longer than its timeout of ${limitMs / 1000} s`;
  const error = errorLine("timeout", message, attempt, "JobTimeout");
  return final ? { id, fence, kind: "fail", error } : failed(row, error, chance);
}

/**
 * The attempt took the whole of Python down, as code in WebAssembly can.
 *
 * @param {JobRow} row @param {string} reason @param {number} chance
 * @returns {Settlement}
 */
export function crashed(row, reason, chance) {
  return failed(row, errorLine("executor_crashed", `Python broke down while this ran alone: ${reason}`, row.attempt), chance);
}

/** @param {JobRow} row @param {string} error @param {number} chance @returns {Settlement} */
function failed({ id, fence, attempt, max_attempts, backoff }, error, chance) {
  if (attempt >= max_attempts) return { id, fence, kind: "fail", error };
  return { id, fence, kind: "retry", error, delay_ms: delayMs(backoff, attempt, chance) };
}

/** @type {Partial<Record<Settlement["kind"], "failed" | "cancelled">>} */
const ENDS_AS = { fail: "failed", cancel: "cancelled" };

/**
 * With how long the job is kept, if it ends.
 *
 * @param {Settlement} settlement @param {OpenOptions["keep"]} keep
 * @returns {Settlement}
 */
export function kept(settlement, keep) {
  const state = ENDS_AS[settlement.kind];
  const seconds = state && keep?.[state]?.seconds;
  return seconds === undefined ? settlement : { ...settlement, retain_ms: Math.round(seconds * 1000) };
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
