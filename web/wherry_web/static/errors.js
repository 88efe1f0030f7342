// @ts-check
/**
 * The one error class of wherry in JavaScript, and foreign errors made into it.
 *
 * `code` is stable and meant for programs; the message says what happened and what to do.
 */

export class WherryError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ cause?: unknown, jobId?: string, retryable?: boolean, data?: Record<string, unknown> }} [more]
   *   `retryable`: the same call may succeed later.  `data`: the facts of the message, for programs.
   */
  constructor(code, message, more = {}) {
    super(message, { cause: more.cause });
    this.name = "WherryError";
    this.code = code;
    this.jobId = more.jobId;
    this.retryable = more.retryable ?? false;
    this.data = more.data ?? {};
  }
}

/** @param {string} url of a store @param {unknown} [cause] */
export function wasClosed(url, cause) {
  return new WherryError("storage_unavailable", `${url} was closed: open it again.`, { cause });
}

/** @type {Record<string, [code: string, remedy: string, retryable: boolean]>} */
const OF_INDEXEDDB = {
  QuotaExceededError: ["quota", "the disk or this site's share of it is full: remove finished jobs, or free space.", true],
  InvalidStateError: ["storage_unavailable", "the database was closed meanwhile: open the store again.", true],
  AbortError: ["storage_unavailable", "the browser ended the transaction, nothing of it was stored: try again.", true],
  UnknownError: ["storage_unavailable", "the browser could not read or write its files: free disk space, or restart it.", true],
};

/**
 * An error of IndexedDB as ours; ours pass unchanged.
 *
 * @param {unknown} error
 * @param {string} place the store's URL
 * @returns {WherryError}
 */
export function ofIndexedDB(error, place) {
  if (error instanceof WherryError) return error;
  const { name = "Error", message = String(error) } = error instanceof Error || error instanceof DOMException ? error : {};
  const [code, remedy, retryable] = OF_INDEXEDDB[name] ?? ["storage_error", "this is a bug in wherry or its caller.", false];
  return new WherryError(code, `${place}: ${remedy} (${name}: ${message})`, { cause: error, retryable });
}
