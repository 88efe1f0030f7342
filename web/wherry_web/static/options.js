// @ts-check
/** What callers say, checked at the door: every wrong option is named, and nothing was stored yet. */

import {
  abortSignal, address, callback, check, count, flag, instant, invalidInput, oneOf, positiveSeconds, priority, seconds, text,
  textOrTexts, texts, unique, wholeNumber,
} from "./checks.js";

/** @import { Check } from "./checks.js" */
/** @import { Filter as WireFilter } from "./messages.js" */
/** @import { Filter, OpenOptions, SubmitOptions } from "./wherry.js" */

const STATES = ["blocked", "pending", "running", "suspended", "completed", "failed", "cancelled", "disabled"];
const ON_FAILURE = ["fail", "run", "cancel"];

/** @type {Check} */
const parents = (value) =>
  (!Array.isArray(value) || value.some((one) => typeof (one?.id ?? one) !== "string" || !ON_FAILURE.includes(one.onFailure ?? "fail"))) &&
  'must be a list of handles, ids, or {id, onFailure: "fail", "run" or "cancel"}';
/** @type {Check} */
const modules = (value) =>
  (!Array.isArray(value) || value.some((one) => typeof one !== "string" && !(one instanceof URL) && Object.values(one ?? {}).some(address))) &&
  'must be a list of addresses, or of objects such as {"app/jobs.py": address}';
/** @type {Check} */
const entries = (value) =>
  (!Array.isArray(value) || value.some((one) => typeof one?.name !== "string" || typeof one.queue !== "string")) && "must be what `wherry site` wrote";
/** @type {Check} */
const states = (value) => [value].flat().map(oneOf(STATES)).find(Boolean);
/** @type {Check} */
const jobId = (value) => text(value) || ((value.includes("/") || value.length > 200) && "must have at most 200 characters and no '/'");

/** @type {Check} */
function retention(value) {
  const right = (/** @type {[string, any]} */ [state, limits]) =>
    ["completed", "failed", "cancelled"].includes(state) &&
    Object.entries(limits ?? {}).every(([name, limit]) => (name === "seconds" ? !seconds(limit) : name === "jobs" && !wholeNumber(limit, 0, Infinity)));
  return !Object.entries(value).every(right) && 'must be limits by state, such as {completed: {seconds: 3600, jobs: 1000}}; there are completed, failed, cancelled';
}

/** @type {Record<string, Check>} */
const SUBMIT = {
  priority,
  delay: seconds,
  runAt: instant,
  deadline: instant,
  timeout: positiveSeconds,
  maxAttempts: count,
  runId: text,
  unique,
  tags: texts,
  after: parents,
  orderingKey: text,
  id: jobId,
};

/** @type {Record<string, Check>} */
const OPEN = {
  url: text,
  tasks: modules,
  known: entries,
  packages: texts,
  assets: address,
  work: flag,
  concurrency: count,
  isolated: (value) => wholeNumber(value, 1, 16),
  keep: retention,
  lease: (value) => seconds(value) || (value < 1 && "must be at least 1 second"),
  name: text,
  bigint: flag,
  onboot: callback,
  token: text,
  getToken: callback,
  signal: abortSignal,
  server: (value) => typeof value !== "object" && "must be an object with url and work",
};

/** @type {Record<string, Check>} */
const SERVER = {
  url: (value) => !/^https?:\/\//.test(value) && "must be the address of a server",
  token: text,
  getToken: callback,
  work: (value) => texts(value) || (!value.length && 'must name at least one queue, or "*" for all'),
  concurrency: count,
  maxJobs: count,
  minBattery: (value) => !(value >= 0 && value <= 1) && "must be a number from 0 to 1",
};

/** @type {Record<string, Check>} */
const FILTER = {
  state: states,
  queue: textOrTexts,
  task: textOrTexts,
  tag: text,
  runId: text,
  limit: (value) => wholeNumber(value, 1, 10_000),
  cursor: text,
  oldestFirst: flag,
};

/** @param {SubmitOptions} options @param {number} [jobs] that the call makes */
export function checkSubmit(options, jobs = 1) {
  const problems = [];
  if (options?.delay != null && options.runAt != null) problems.push("delay: give either delay or runAt, not both");
  if (options?.id != null && jobs > 1) problems.push("id: one id cannot name several jobs; leave it out");
  check("submit", options, SUBMIT, problems);
}

/** @param {OpenOptions} options */
export function checkOpen(options) {
  const problems = options?.url ? [] : ['url: must be "indexeddb:NAME" or the address of a server'];
  if (/^https?:/.test(options?.url) && options.tasks?.length) {
    problems.push("tasks: a page that connects to a server runs none; leave them out, or open an indexeddb: store for them");
  }
  check("open", options, OPEN, problems);
  if (options.server) checkServer(options);
}

/** @param {OpenOptions} options */
function checkServer({ url, tasks, server }) {
  const problems = [];
  if (!/^indexeddb:/.test(url)) problems.push("server: is for a tab with a store of its own, whose url is indexeddb:NAME");
  if (!tasks?.length) problems.push("tasks: are missing, and a tab can work for a server with none of them");
  if (!server?.url) problems.push("url: must be the address of a server");
  if (!server?.work) problems.push('work: must name the queues to work for, or ["*"]');
  check("open: server", /** @type {object} */ (server), SERVER, problems);
}

/** @param {unknown} id */
export function checkId(id) {
  if (typeof id !== "string" || !id) throw invalidInput("a job's id", [`id: must be the text of a job's id, not ${id === "" ? "empty" : typeof id}`]);
}

/** @param {{ since?: string, signal?: AbortSignal }} options of `events`, `result` */
export function checkWaiting(options) {
  check("waiting", options, { since: text, signal: abortSignal });
}

/**
 * A filter as the verbs take it; without `limit` and `cursor`, which are not part of it.
 *
 * @param {Filter} filter
 * @returns {WireFilter}
 */
export function whereOf(filter) {
  check("a filter", filter, FILTER);
  const { state, queue, task, tag, runId, oldestFirst } = filter;
  return {
    namespaces: [""],
    states: state == null ? null : [state].flat(),
    queues: queue == null ? null : [queue].flat(),
    tasks: task == null ? null : [task].flat(),
    tags: tag == null ? [] : [tag],
    run_id: runId ?? null,
    oldest_first: oldestFirst ?? false,
  };
}

/**
 * Which jobs a change is for.  What is named but has no value would mean every job: that is a slip, not a wish.
 *
 * @param {string} what the function that was called
 * @param {string | Filter} which
 * @returns {WireFilter}
 */
export function chosen(what, which) {
  if (typeof which === "string") {
    checkId(which);
    return { namespaces: [""], ids: [which] };
  }
  const where = whereOf(which);
  const empty = Object.entries(which).filter(([, value]) => value == null);
  const paged = ["limit", "cursor"].filter((name) => name in which);
  const problems = [
    ...empty.map(([name, value]) => `${name}: is ${value}; leave it out to mean any`),
    ...paged.map((name) => `${name}: is for query alone; all that match are changed`),
  ];
  if (problems.length) throw invalidInput(what, problems);
  return where;
}
