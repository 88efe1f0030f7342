// @ts-check
/** Reading many jobs in few requests: by ids, by range, from several ordered sources as one. */

import { answer } from "./idb-schema.js";

/** @import { Stored } from "./messages.js" */
/** @typedef {IDBObjectStore | IDBIndex} Source */
/** @typedef {() => Promise<Stored[]>} Pages the next page, empty behind the last */

/** Fewer jobs are read one by one. */
const FEW = 8;

/**
 * Reads jobs by their ids, in their order; undefined for one that is not there.
 *
 * Jobs that belong together mostly lie together, and one request for all between the first and the last costs
 * a tenth of one each.
 *
 * @param {IDBObjectStore} jobs @param {string[]} ids each once
 * @returns {Promise<(Stored | undefined)[]>}
 */
export async function readJobs(jobs, ids) {
  if (ids.length >= FEW) {
    const enough = 2 * ids.length;
    /** @type {Stored[]} */
    const near = await answer(jobs.getAll(spanOf(ids), enough));
    if (near.length < enough) {
      const byId = new Map(near.map((job) => [job.id, job]));
      return ids.map((id) => byId.get(id));
    }
  }
  return Promise.all(ids.map((id) => answer(jobs.get(id))));
}

/** From the least to the greatest. @param {string[]} ids at least one */
export function spanOf(ids) {
  const sorted = [...ids].sort();
  return IDBKeyRange.bound(sorted[0], sorted.at(-1));
}

/**
 * Reads what lies between two keys, ascending.
 *
 * @param {Source} source
 * @param {IDBValidKey} lower exclusive
 * @param {IDBValidKey} upper exclusive
 * @param {number} size of a page
 * @param {(job: Stored) => IDBValidKey} keyOf the source's key of a job
 * @returns {Pages}
 */
export function pages(source, lower, upper, size, keyOf) {
  let after = lower;
  let over = false;
  return async () => {
    if (over) return [];
    /** @type {Stored[]} */
    const page = await answer(source.getAll(IDBKeyRange.bound(after, upper, true, true), size));
    over = page.length < size;
    if (!over) after = keyOf(page[size - 1]);
    return page;
  };
}

/**
 * Reads what lies between two keys, descending: by a cursor, as not every engine's `getAll` goes backwards.
 *
 * @param {Source} source
 * @param {IDBValidKey} lower exclusive
 * @param {IDBValidKey} upper exclusive
 * @param {number} size of a page
 * @returns {Pages}
 */
export function pagesBackwards(source, lower, upper, size) {
  const request = source.openCursor(IDBKeyRange.bound(lower, upper, true, true), "prev");
  /** @type {IDBCursorWithValue | null | undefined} */
  let cursor;
  return async () => {
    /** @type {Stored[]} */
    const page = [];
    while (cursor !== null && page.length < size) {
      cursor?.continue();
      cursor = await answer(request);
      if (cursor) page.push(cursor.value);
    }
    return page;
  };
}

/**
 * The jobs of several sources in one order.
 *
 * @param {Pages[]} sources each in that order
 * @param {(a: Stored, b: Stored) => number} compare
 * @returns {AsyncGenerator<Stored, void, void>}
 */
export async function* merged(sources, compare) {
  const first = await Promise.all(sources.map((next) => next()));
  let heads = first.map((page, index) => ({ next: sources[index], page, at: 0 })).filter(({ page }) => page.length);
  while (heads.length) {
    const best = heads.reduce((a, b) => (compare(a.page[a.at], b.page[b.at]) <= 0 ? a : b));
    yield best.page[best.at];
    best.at += 1;
    if (best.at < best.page.length) continue;
    [best.page, best.at] = [await best.next(), 0];
    if (!best.page.length) heads = heads.filter((head) => head !== best);
  }
}
