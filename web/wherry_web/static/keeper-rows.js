// @ts-check
/** Rows of running jobs, as the keeper sees them. */

import { interrupted } from "./keeper-decisions.js";

/** @import { JobRow, Store } from "./messages.js" */

/**
 * Running jobs, of one worker if it is named.
 *
 * @param {Store} store @param {string} [worker]
 * @returns {Promise<JobRow[]>}
 */
export async function running(store, worker) {
  /** @type {JobRow[]} */
  const found = [];
  /** @type {string | null} */
  let cursor = null;
  do {
    /** @type {{ rows: JobRow[], next: string | null }} */
    const page = await store.call("query", { where: { states: ["running"] }, limit: 1000, cursor });
    found.push(...page.rows.filter((row) => worker === undefined || row.worker === worker));
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

/** Gives a dead worker's jobs back, their attempts uncharged. @param {Store} store @param {string} worker */
export async function handBack(store, worker) {
  const settle = (await running(store, worker)).map(interrupted);
  if (settle.length) await store.call("exchange", { settle });
}

