// @ts-check
/** Errors between page, keeper and executor: structured clones drop `code`, so they travel as plain facts. */

import { WherryError } from "./errors.js";

/** @typedef {{ code: string, message: string, jobId?: string, retryable?: boolean, data?: Record<string, unknown> }} Facts */

/** @param {unknown} error @returns {Facts} */
export function factsOf(error) {
  if (error instanceof WherryError) {
    const { code, message, jobId, retryable, data } = error;
    return { code, message, jobId, retryable, data };
  }
  return { code: "error", message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
}

/** @param {Facts} facts */
export function errorOf({ code, message, ...more }) {
  return new WherryError(code, message, more);
}
