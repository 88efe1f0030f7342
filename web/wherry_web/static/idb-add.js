// @ts-check
/** `add`: new jobs, their unique keys, the parents they wait for. */

import { WherryError } from "./errors.js";
import { spanOf } from "./idb-merge.js";
import { Lines } from "./idb-order.js";
import { answer } from "./idb-schema.js";
import { canWrite, writeAll } from "./idb-records.js";
import { Uniques } from "./idb-unique.js";
import { FINAL } from "./idb-work.js";

/** @import { Work } from "./idb-work.js" */
/** @import { Added, Edge, NewJob, RecordWrite, Stored } from "./messages.js" */

/** Stores that `add` needs. */
export const ADD_STORES = ["jobs", "lanes", "uniques", "tails", "records", "feed"];

/** `wherry.messages.PRIORITY_STEP_MS`. */
const PRIORITY_STEP_MS = 2 ** 42;

/**
 * @param {Work} work
 * @param {{ jobs: NewJob[], records?: RecordWrite[] }} parameters
 * @returns {Promise<Added[]>}
 */
export async function add(work, { jobs, records = [] }) {
  refuseGates(jobs);
  if (records.length && !(await canWrite(work.transaction, records))) {
    return jobs.map(({ id }) => ({ id, verdict: "refused" }));
  }
  await writeAll(work.transaction, records);
  const uniques = new Uniques(work);
  const lines = new Lines(work);
  const parents = jobs.flatMap(({ after = [] }) => after.map(({ parent }) => parent));
  const [taken] = await Promise.all([
    idsTaken(work, jobs.map(({ id }) => id)),
    work.load(parents),
    uniques.load(jobs.flatMap(({ unique }) => (unique ? [unique.key] : []))),
    lines.load(jobs.map(({ ordering_key }) => ordering_key)),
  ]);
  return jobs.map((job) => addOne(work, { uniques, lines, taken }, job));
}

/**
 * Whether nothing but its id can stand in the way of any of the jobs.
 *
 * @param {{ jobs: NewJob[], records?: RecordWrite[] }} parameters
 */
export function isPlain({ jobs, records = [] }) {
  return !records.length && jobs.every(({ unique, after, ordering_key, gates }) => !unique && !after?.length && ordering_key == null && !gates?.length);
}

/**
 * Adds plain jobs without a look at what is there: the transaction fails when an id is taken.
 *
 * @param {Work} work
 * @param {{ jobs: NewJob[] }} parameters
 * @returns {Promise<Added[]>}
 */
export async function addUnseen(work, { jobs }) {
  const known = { uniques: new Uniques(work), lines: new Lines(work), taken: new Set() };
  return jobs.map((job) => addOne(work, known, job));
}

/** @param {NewJob[]} jobs */
function refuseGates(jobs) {
  if (jobs.some(({ gates = [] }) => gates.length)) {
    throw new WherryError("unsupported_by_storage", "indexeddb storage has no limits: submit without gates.", { data: { what: "limits", storage: "indexeddb" } });
  }
}

/**
 * Which of the ids are stored already.
 *
 * New ids are the newest, so nearly always nothing lies in their range and one request says so.
 *
 * @param {Work} work @param {string[]} ids
 * @returns {Promise<Set<string>>}
 */
async function idsTaken(work, ids) {
  if (!ids.length) return new Set();
  const enough = 2 * ids.length;
  const near = await answer(work.jobs.getAllKeys(spanOf(ids), enough));
  if (near.length < enough) return new Set(near.map(String));
  const found = await Promise.all(ids.map((id) => answer(work.jobs.getKey(id))));
  return new Set(found.flatMap((key) => (key === undefined ? [] : [String(key)])));
}

/**
 * @param {Work} work
 * @param {{ uniques: Uniques, lines: Lines, taken: Set<string> }} known
 * @param {NewJob} offered
 * @returns {Added}
 */
function addOne(work, { uniques, lines, taken }, offered) {
  const { id, unique, after = [] } = offered;
  if (taken.has(id)) return { id, verdict: "duplicate" };
  if (after.some(({ parent }) => !work.job(parent))) return { id, verdict: "refused" };
  const holder = unique && uniques.holder(unique.key, id);
  if (holder) return { id: holder, verdict: "duplicate" };
  taken.add(id);
  const job = made(offered, work.nowMs);
  if (unique) uniques.take(job);
  waitForParents(work, job);
  lines.join(job);
  if (job.waiting_for || job.doomed) job.state = "blocked";
  work.create(job);
  work.tell(job, "added");
  return { id, verdict: "ok" };
}

/** Fields that a row takes over as they are; unknown ones are not stored. */
const KEPT = /** @type {const} */ ([
  "deadline_at_ms", "timeout_ms", "run_id", "tags", "trace", "code_hash", "place", "origin", "origin_seq", "ordering_key",
]);

/** @param {NewJob} offered @param {number} nowMs @returns {Stored} */
function made(offered, nowMs) {
  const { id, namespace, queue, task, input, unique, max_attempts = 4 } = offered;
  const kept = Object.fromEntries(KEPT.filter((name) => offered[name] != null).map((name) => [name, offered[name]]));
  return {
    id, namespace, queue, task, input, ...kept,
    ...(unique ? { unique_key: unique.key } : {}),
    ...(offered.after?.length ? { after: offered.after } : {}),
    fingerprint: offered.fingerprint ?? "",
    priority: offered.priority ?? 0,
    priority_step_ms: offered.priority_step_ms ?? PRIORITY_STEP_MS,
    backoff: offered.backoff ?? "{}",
    state: "pending",
    created_at_ms: nowMs,
    run_at_ms: offered.run_at_ms ?? nowMs + (offered.delay_ms ?? 0),
    max_attempts, base_attempts: max_attempts, attempt: 0, interruptions: 0, fence: 0, revision: 1,
    _: unique ? { hold: unique.hold, period_ms: unique.period_ms ?? 0 } : {},
  };
}

/** @param {Work} work @param {Stored} job */
function waitForParents(work, job) {
  const waits = new Set();
  for (const edge of job.after ?? []) {
    const parent = /** @type {Stored} */ (work.job(edge.parent));
    if (FINAL.has(parent.state)) {
      doom(job, edge, parent);
    } else {
      waits.add(parent.id);
      job.waiting_for = (job.waiting_for ?? 0) + 1;
      if (parent._.waited) continue;
      parent._.waited = true;
      work.save(parent);
    }
  }
  if (waits.size) job._.waits = [...waits];
}

/**
 * What a final parent means for its child.
 *
 * @param {Stored} child @param {Edge} edge @param {Stored} parent
 */
export function doom(child, edge, parent) {
  const { on_failure = "fail" } = edge;
  if (parent.state !== "completed" && on_failure !== "run") child.doomed ??= on_failure;
}
