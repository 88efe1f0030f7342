// @ts-check
/** wherry in a page: `open()` gives a queue, kept in this browser or on a server.  See wherry.d.ts. */

export { open } from "./open.js";
export { WherryError } from "./errors.js";
export { PermanentError, RetryableError, Snooze } from "./task-errors.js";

/** @import { OfflineOptions, OfflineState } from "./wherry.js" */

/**
 * Loaded only by pages that are kept for later.
 *
 * @param {OfflineOptions} [options] @returns {Promise<OfflineState>}
 */
export const offline = async (options) => (await import("./offline.js")).offline(options);

/** What this site keeps in the browser, in bytes. */
export const storageUse = async () => (await import("./offline.js")).storageUse();
