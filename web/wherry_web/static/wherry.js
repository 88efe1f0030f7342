// @ts-check
/** wherry in a page: `open()` gives a queue, kept in this browser or on a server.  See wherry.d.ts. */

export { open } from "./open.js";
export { WherryError } from "./errors.js";
export { PermanentError, RetryableError, Snooze } from "./task-errors.js";
