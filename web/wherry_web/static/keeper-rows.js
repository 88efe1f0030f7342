// @ts-check
/** What keepers read and write in the store, beside the verbs that they carry out for others. */

import { interrupted } from "./keeper-decisions.js";

/** @import { JobRow, Store } from "./messages.js" */

/** Of the names of workers in tabs, which hold a Web Lock while they live. */
export const PREFIX = "tab:";

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

/**
 * When the first pending job of these tasks is due; undefined if there is none.
 *
 * @param {Store} store @param {string[]} tasks
 * @returns {Promise<number | undefined>} milliseconds since 1970
 */
export async function firstDue(store, tasks) {
  const { rows } = await store.call("query", { where: { states: ["pending"], tasks, oldest_first: true }, limit: 100 });
  return rows.length ? Math.min(...rows.map(({ run_at_ms: atMs }) => atMs)) : undefined;
}

/** Gives a dead worker's jobs back, their attempts uncharged. @param {Store} store @param {string} worker */
export async function handBack(store, worker) {
  const settle = (await running(store, worker)).map(interrupted);
  if (settle.length) await store.call("exchange", { settle });
}

/** An environment stays in the store so long after its last start. */
const FORGET_MS = 30 * 24 * 3600_000;

/**
 * Those who wait with a submit look at the manifest again, and tabs opened later know that they need not wait.
 *
 * @param {Store} store @param {string} hash of the environment whose tasks are in the manifest now
 */
export async function announce(store, hash) {
  const value = JSON.stringify({ at_ms: Date.now() });
  const old = (await store.call("read", { kind: "environment" })).filter((record) => JSON.parse(record.value).at_ms < Date.now() - FORGET_MS);
  const forget = old.map(({ key }) => ({ kind: "environment", key, expected: null, value: null }));
  await store.call("write", { writes: [...forget, { kind: "environment", key: hash, expected: null, value }] });
}
