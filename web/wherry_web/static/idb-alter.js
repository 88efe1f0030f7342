// @ts-check
/** `alter`: what people do to jobs: cancel, requeue, disable, remove. */

import { matching } from "./idb-find.js";
import { Lines } from "./idb-order.js";
import { forget } from "./idb-records.js";
import { finish } from "./idb-settle.js";
import { Uniques } from "./idb-unique.js";
import { FINAL } from "./idb-work.js";

/** @import { Work } from "./idb-work.js" */
/** @import { Alteration, Filter, Stored } from "./messages.js" */

/** @type {Record<Alteration, (work: Work, job: Stored) => Promise<boolean>>} false: it does not apply */
const ALTERATIONS = { cancel, requeue, disable, remove };

/**
 * @param {Work} work
 * @param {{ where: Filter, change: Alteration, limit: number }} parameters
 * @returns {Promise<string[]>}
 */
export async function alter(work, { where, change, limit }) {
  /** @type {string[]} */
  const changed = [];
  if (limit < 1) return changed;
  const oldest = { ...where, oldest_first: true };
  for await (const found of matching(work, oldest, { after: null, size: Math.min(limit, 100) })) {
    const job = work.adopt(found);
    if (!job || !(await ALTERATIONS[change](work, job))) continue;
    changed.push(job.id);
    if (changed.length === limit) break;
  }
  return changed;
}

/** @param {Work} work @param {Stored} job */
async function cancel(work, job) {
  if (FINAL.has(job.state) || job.cancel_requested_at_ms != null) return false;
  job.cancel_requested_at_ms = work.nowMs;
  if (job.state === "running") work.change(job, "cancelling");
  else await finish(work, job, "cancelled");
  return true;
}

/** @param {Work} work @param {Stored} job */
async function requeue(work, job) {
  const uniques = new Uniques(work);
  if (!FINAL.has(job.state) || job.state === "completed" || !(await uniques.allows(job))) return false;
  if (job.unique_key != null) uniques.take(job);
  job.max_attempts = job.attempt + job.base_attempts;
  job.finished_at_ms = job.cancel_requested_at_ms = job.purge_at_ms = job.doomed = undefined;
  job._.settled = undefined;
  job.waiting_for = 0;
  job._.again = true;
  job.hidden = false;
  if (job.deadline_at_ms != null && job.deadline_at_ms <= work.nowMs) job.deadline_at_ms = undefined;
  work.makeDue(job, work.nowMs);
  const lines = new Lines(work);
  await lines.load([job.ordering_key]);
  lines.join(job);
  if (job.waiting_for) job.state = "blocked";
  work.change(job, "released");
  return true;
}

/** @param {Work} work @param {Stored} job */
async function disable(work, job) {
  if (FINAL.has(job.state)) return false;
  if (job.state === "running") job.fence += 1;
  await finish(work, job, "disabled");
  return true;
}

/** @param {Work} work @param {Stored} job */
async function remove(work, job) {
  if (!FINAL.has(job.state)) return false;
  await new Uniques(work).free(job, "queued", "done", "period");
  job.revision += 1;
  work.tell(job, "removed");
  work.remove(job);
  forget(work.transaction, job.id);
  return true;
}
