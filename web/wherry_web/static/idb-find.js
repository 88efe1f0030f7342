// @ts-check
/** `get`, `query`, `count`: which index answers a filter, and what it leaves to be checked. */

import { merged, pages, pagesBackwards, readJobs } from "./idb-merge.js";
import { answer } from "./idb-schema.js";
import { FINAL, lapseOf, rowOf } from "./idb-work.js";

/** @import { CountBy, Filter, JobRow, State, Stored } from "./messages.js" */
/** @import { Pages, Source } from "./idb-merge.js" */
/** @typedef {{ jobs: IDBObjectStore, nowMs: number }} View jobs as they are at one instant */
/** @typedef {[state: State, namespace: string, queue: string, task: string]} Group */
/** @typedef {(lower: IDBValidKey, upper: IDBValidKey) => Pages} Reader between two ids, exclusive */

/** Jobs read at once when it is not known how many fit. */
const PAGE = 64;

/** An array sorts behind all texts. */
const END = /** @type {IDBValidKey} */ ([]);

/**
 * @param {View} view @param {{ ids: string[] }} parameters
 * @returns {Promise<JobRow[]>}
 */
export async function get(view, { ids }) {
  const found = await readJobs(view.jobs, [...new Set(ids)]);
  return found.flatMap((job) => (job ? [rowOf(job, view.nowMs)] : []));
}

/**
 * @param {View} view @param {{ where: Filter, limit: number, cursor?: string | null }} parameters
 * @returns {Promise<{ rows: JobRow[], next: string | null }>}
 */
export async function query(view, { where, limit, cursor = null }) {
  /** @type {JobRow[]} */
  const rows = [];
  if (limit < 1) return { rows, next: null };
  for await (const job of matching(view, where, { after: cursor, size: Math.min(limit, PAGE) })) {
    rows.push(rowOf(job, view.nowMs));
    if (rows.length === limit) return { rows, next: job.id };
  }
  return { rows, next: null };
}

/**
 * @param {View} view @param {{ where: Filter, by?: CountBy[] }} parameters
 * @returns {Promise<[string[], number][]>}
 */
export async function count(view, { where, by = [] }) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  /** @param {Pick<JobRow, CountBy>} job @param {number} more */
  const grow = (job, more) => {
    const key = JSON.stringify(by.map((name) => job[name]));
    counts.set(key, (counts.get(key) ?? 0) + more);
  };
  if (isGrouped(where)) {
    const index = view.jobs.index("shown");
    const groups = await groupsOf(view, where);
    const sizes = await Promise.all(groups.map((group) => answer(index.count(IDBKeyRange.bound(group, [...group, END])))));
    groups.forEach(([state, , queue, task], at) => grow({ state, queue, task }, sizes[at]));
  } else {
    for await (const job of matching(view, where, { after: null, size: PAGE })) grow(job, 1);
  }
  return Array.from(counts, ([key, total]) => [JSON.parse(key), total]);
}

/**
 * Jobs that match, by id.
 *
 * @param {View} view @param {Filter} where
 * @param {{ after: string | null, size: number }} place behind which id to start; how many are wanted
 */
export async function* matching(view, where, { after, size }) {
  const backwards = !where.oldest_first;
  const readers = await readersFor(view, where, size, backwards);
  const [lower, upper] = backwards ? [FIRST, after ?? END] : [after ?? FIRST, END];
  const compare = backwards ? byNewest : byOldest;
  for await (const job of merged(readers.map((read) => read(lower, upper)), compare)) {
    if (matches(job, where, view.nowMs)) yield job;
  }
}

/** A number sorts before all texts. */
const FIRST = /** @type {IDBValidKey} */ (0);

/** @param {Stored} a @param {Stored} b */
function byOldest(a, b) {
  return a.id < b.id ? -1 : 1;
}

/** @param {Stored} a @param {Stored} b */
function byNewest(a, b) {
  return a.id > b.id ? -1 : 1;
}

// --- which index answers -----------------------------------------------------------------------------

/**
 * @param {View} view @param {Filter} where @param {number} size @param {boolean} backwards
 * @returns {Promise<Reader[]>}
 */
async function readersFor(view, where, size, backwards) {
  const { jobs, nowMs } = view;
  if (where.ids) return [named(jobs, where.ids, size, backwards)];
  // Few, and not in the order of ids: their keys are read and sorted.
  if (where.expired) return [named(jobs, await idsIn(jobs.index("purge"), IDBKeyRange.upperBound(nowMs)), size, backwards)];
  if (where.lapsed) {
    const running = idsIn(jobs.index("shown"), IDBKeyRange.bound(["running"], ["running", END]));
    const over = idsIn(jobs.index("over"), IDBKeyRange.upperBound(nowMs));
    return [named(jobs, (await Promise.all([running, over])).flat(), size, backwards)];
  }
  if (where.run_id != null) return [prefixed(jobs.index("run"), [where.run_id], size, backwards)];
  // Only completed jobs are in that index, which is for those who look for an output.
  if (where.fingerprint && where.states?.every((state) => state === "completed")) {
    return [prefixed(jobs.index("print"), [where.fingerprint], size, backwards)];
  }
  if (!isNarrow(where)) return [whole(jobs, size, backwards)];
  const groups = await groupsOf(view, where);
  return groups.map((group) => prefixed(jobs.index("shown"), group, size, backwards));
}

/** @param {IDBIndex} index @param {IDBKeyRange} range @returns {Promise<string[]>} */
async function idsIn(index, range) {
  return (await answer(index.getAllKeys(range))).map(String);
}

/** Whether the index of states and lanes leaves jobs out. @param {Filter} where */
function isNarrow({ namespaces, states, queues, tasks, finished_for_ms }) {
  return Boolean(namespaces?.length || states || queues || tasks || finished_for_ms != null);
}

/** Whether the index of states and lanes answers it alone. @param {Filter} where */
function isGrouped({ ids, run_id, fingerprint, tags, finished_for_ms, lapsed, expired }) {
  const named = ids ?? run_id ?? fingerprint ?? finished_for_ms;
  return named == null && !tags?.length && !lapsed && !expired;
}

/**
 * The groups of jobs that a filter does not leave out, by jumping from one to the next.
 *
 * @param {View} view @param {Filter} where
 * @returns {Promise<Group[]>}
 */
async function groupsOf(view, where) {
  const request = view.jobs.index("shown").openKeyCursor();
  /** @type {Group[]} */
  const groups = [];
  for (let cursor = await answer(request); cursor; cursor = await answer(request)) {
    const [state, namespace, queue, task] = /** @type {Group} */ (cursor.key);
    if (isWanted(where, { state, namespace, queue, task })) groups.push([state, namespace, queue, task]);
    cursor.continue([state, namespace, queue, task, END]);
  }
  return groups;
}

/** @param {Source} source @param {string[]} prefix @param {number} size @param {boolean} backwards @returns {Reader} */
function prefixed(source, prefix, size, backwards) {
  return (lower, upper) => {
    const [least, most] = [[...prefix, lower], [...prefix, upper]];
    return backwards ? pagesBackwards(source, least, most, size) : pages(source, least, most, size, ({ id }) => [...prefix, id]);
  };
}

/** @param {IDBObjectStore} jobs @param {number} size @param {boolean} backwards @returns {Reader} */
function whole(jobs, size, backwards) {
  return (lower, upper) => backwards ? pagesBackwards(jobs, lower, upper, size) : pages(jobs, lower, upper, size, ({ id }) => id);
}

/** @param {IDBObjectStore} jobs @param {string[]} ids @param {number} size @param {boolean} backwards @returns {Reader} */
function named(jobs, ids, size, backwards) {
  const sorted = [...new Set(ids)].sort();
  if (backwards) sorted.reverse();
  return (lower, upper) => {
    const left = sorted.filter((id) => indexedDB.cmp(id, lower) > 0 && indexedDB.cmp(id, upper) < 0);
    return async () => {
      /** @type {Stored[]} */
      let page = [];
      while (left.length && !page.length) {
        page = (await readJobs(jobs, left.splice(0, size))).flatMap((job) => job ?? []);
      }
      return page;
    };
  };
}

// --- the filter ----------------------------------------------------------------------------------------

/**
 * Whether a job passes a filter.
 *
 * @param {Stored} job @param {Filter} where @param {number} nowMs
 */
function matches(job, where, nowMs) {
  if (where.expired ? !(job.purge_at_ms != null && job.purge_at_ms <= nowMs) : job.hidden) return false;
  if (where.lapsed && lapseOf(job, nowMs) === null) return false;
  if (where.ids && !where.ids.includes(job.id)) return false;
  if (where.run_id != null && where.run_id !== job.run_id) return false;
  if (where.fingerprint != null && where.fingerprint !== job.fingerprint) return false;
  if (!isWanted(where, job) || !isOldEnough(job, where.finished_for_ms, nowMs)) return false;
  return (where.tags ?? []).every((tag) => job.tags?.includes(tag));
}

/** @param {Filter} where @param {Pick<JobRow, "state" | "namespace" | "queue" | "task">} job */
function isWanted({ namespaces, states, queues, tasks, finished_for_ms }, job) {
  return (!namespaces?.length || namespaces.includes(job.namespace)) && (states?.includes(job.state) ?? true) &&
    (queues?.includes(job.queue) ?? true) && (tasks?.includes(job.task) ?? true) && (finished_for_ms == null || FINAL.has(job.state));
}

/** @param {JobRow} job @param {number | null | undefined} forMs @param {number} nowMs */
function isOldEnough(job, forMs, nowMs) {
  if (forMs == null) return true;
  return FINAL.has(job.state) && job.finished_at_ms != null && job.finished_at_ms + forMs <= nowMs;
}
