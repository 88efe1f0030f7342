// @ts-check
/** `exchange`: settle, move due jobs up, claim. */

import { merged, pages } from "./idb-merge.js";
import { startingWith } from "./idb-records.js";
import { answer } from "./idb-schema.js";
import { settle } from "./idb-settle.js";
import { Uniques } from "./idb-unique.js";
import { lapseOf } from "./idb-work.js";

/** @import { Claimed, ClaimRequest, Exchanged, Settlement, Stored, StoredRecord } from "./messages.js" */
/** @import { Lane, Work } from "./idb-work.js" */

/** Stores that `exchange` needs. */
export const EXCHANGE_STORES = ["jobs", "lanes", "uniques", "tails", "records", "feed"];

/** Above so many lanes a claim forgets those that are empty: each costs it a read. */
const MANY_LANES = 16;

/**
 * @param {Work} work
 * @param {{ settle: Settlement[], claim?: ClaimRequest | null }} parameters
 * @returns {Promise<Exchanged>}
 */
export async function exchange(work, { settle: settlements, claim = null }) {
  // Asked for at once: each answer that is waited for alone costs as much as ten together.
  const [verdicts, due, seen, paused] = await Promise.all([
    settle(work, settlements),
    dueJobs(work),
    claim && jobsOfToken(work, claim.token),
    claim && pausedKeys(work),
    claim && work.loadLanes(),
  ]);
  moveUp(work, due);
  if (!claim) return { verdicts, jobs: [], next_due_in_ms: null };
  // Only what a claim may find must be written before it looks; the rest is written while it does.
  if (work.here().some(({ state }) => state === "pending")) work.flush();
  const lanes = lanesOf(work, claim, new Set(paused));
  const claiming = seen ? repeated(work, claim.token, seen) : take(work, claim, lanes);
  work.flush();
  const jobs = await claiming;
  return { verdicts, jobs, next_due_in_ms: jobs.length ? null : await nextDue(work, lanes) };
}

// --- scheduled jobs and sleepers ---------------------------------------------------------------------

/** @param {Work} work @returns {Promise<Stored[]>} */
function dueJobs(work) {
  return answer(work.jobs.index("later").getAll(IDBKeyRange.upperBound(work.nowMs)));
}

/** @param {Work} work @param {Stored[]} due by what was stored when this transaction began */
function moveUp(work, due) {
  due.forEach((job) => work.adopt(job));
  for (const job of work.here()) {
    if (job.run_at_ms > work.nowMs) continue;
    if (job.state === "suspended" && job.wake?.after_ms != null) {
      work.makeDue(job, job.run_at_ms);
      work.change(job, "released");
    } else if (job.state === "pending" && job._.later !== undefined) {
      // What is written now gets the place of a due job.
      work.save(job);
    }
  }
}

/**
 * Milliseconds until the next of the lanes' jobs falls due.
 *
 * @param {Work} work @param {Lane[]} lanes where nothing is due now
 */
async function nextDue(work, lanes) {
  const index = work.jobs.index("laterInLane");
  const firsts = await Promise.all(lanes.map((lane) => answer(index.getAll(IDBKeyRange.bound(lane, [...lane, []]), 1))));
  const soonest = firsts.map(([job]) => job?._.later ?? Infinity);
  if (lanes.length > MANY_LANES) {
    await forgetEmpty(work, lanes.filter((_, index) => soonest[index] === Infinity));
  }
  const atMs = Math.min(...soonest);
  return atMs === Infinity ? null : atMs - work.nowMs;
}

/** @param {Work} work @param {Lane[]} lanes without scheduled jobs */
async function forgetEmpty(work, lanes) {
  const index = work.jobs.index("ready");
  const keys = await Promise.all(lanes.map((lane) => answer(index.getKey(IDBKeyRange.bound(lane, [...lane, []])))));
  lanes.forEach((lane, at) => keys[at] === undefined && work.transaction.objectStore("lanes").delete(lane));
}

// --- the claim ---------------------------------------------------------------------------------------

/**
 * The jobs that an earlier claim with this token took; undefined if there was none.
 *
 * The feed keeps the token with the claim's changes, so it costs no write of its own.
 *
 * @param {Work} work @param {string} token
 * @returns {Promise<string[] | undefined>}
 */
async function jobsOfToken(work, token) {
  const row = await answer(work.transaction.objectStore("feed").index("token").get(token));
  return row?.taken;
}

/** @param {Work} work @param {string} token @param {string[]} ids @returns {Promise<Claimed[]>} */
async function repeated(work, token, ids) {
  await work.load(ids);
  const jobs = ids.map((id) => work.job(id)).filter((job) => job?._.token === token);
  return Promise.all(jobs.map((job) => claimed(work, /** @type {Stored} */ (job))));
}

/** @param {Work} work @returns {Promise<string[]>} `NAMESPACE/queue/NAME` and `NAMESPACE/task/NAME` */
async function pausedKeys(work) {
  const keys = await answer(work.transaction.objectStore("records").getAllKeys(startingWith("pause", "")));
  return keys.map((key) => String(/** @type {IDBValidKey[]} */ (key)[1]));
}

/**
 * The lanes that may hold work for a claim.
 *
 * @param {Work} work @param {ClaimRequest} claim @param {Set<string>} paused
 * @returns {Lane[]}
 */
function lanesOf(work, { namespaces, queues, tasks }, paused) {
  return work.lanes().filter(([namespace, queue, task]) =>
    namespaces.includes(namespace) && tasks.includes(task) && (queues?.includes(queue) ?? true) &&
    !paused.has(`${namespace}/queue/${queue}`) && !paused.has(`${namespace}/task/${task}`));
}

/**
 * Leases the best due jobs of the lanes.
 *
 * @param {Work} work @param {ClaimRequest} claim @param {Lane[]} lanes
 * @returns {Promise<Claimed[]>}
 */
async function take(work, claim, lanes) {
  /** @type {Stored[]} */
  const taken = [];
  if (claim.limit < 1) return [];
  for await (const found of best(work, claim, lanes)) {
    const job = work.adopt(found);
    // Read before this transaction ended it; or over its deadline, which is not in the index: the sweeper soon ends those.
    if (job?.state !== "pending" || lapseOf(job, work.nowMs) !== null) continue;
    taken.push(job);
    if (taken.length === claim.limit) break;
  }
  if (taken.length) work.taken(claim.token, taken.map(({ id }) => id));
  return Promise.all(taken.map((job) => lease(work, claim, job)));
}

/**
 * Due jobs of the lanes, best first.
 *
 * @param {Work} work @param {ClaimRequest} claim @param {Lane[]} lanes
 */
async function* best(work, claim, lanes) {
  if (claim.ids) {
    yield* (await named(work, claim.ids, lanes)).sort(byRank);
    return;
  }
  const index = work.jobs.index("ready");
  // Enough for a fair share of each lane; who has more is asked again.
  const size = lanes.length > 1 ? Math.ceil((2 * claim.limit) / lanes.length) : claim.limit;
  yield* merged(lanes.map((lane) => pages(index, lane, [...lane, []], size, (job) => [...lane, rankOf(job), job.id])), byRank);
}

/** @param {Work} work @param {string[]} ids @param {Lane[]} lanes @returns {Promise<Stored[]>} */
async function named(work, ids, lanes) {
  await work.load(ids);
  const found = [...new Set(ids)].flatMap((id) => work.job(id) ?? []);
  return found.filter((job) => job._.rank !== undefined &&
    lanes.some(([namespace, queue, task]) => job.namespace === namespace && job.queue === queue && job.task === task));
}

/** @param {Stored} job */
function rankOf(job) {
  return job._.rank ?? 0;
}

/** @param {Stored} a @param {Stored} b */
function byRank(a, b) {
  return rankOf(a) - rankOf(b) || (a.id < b.id ? -1 : 1);
}

/** @param {Work} work @param {ClaimRequest} claim @param {Stored} job @returns {Promise<Claimed>} */
async function lease(work, { token, worker, lease_ms }, job) {
  job.state = "running";
  job.attempt += 1;
  job.fence += 1;
  job.worker = worker;
  job.lease_until_ms = work.nowMs + lease_ms;
  job.attempted_at_ms = work.nowMs;
  job.started_at_ms ??= work.nowMs;
  job._.token = token;
  work.change(job, "started");
  await new Uniques(work).free(job, "queued");
  return claimed(work, job);
}

/** @param {Work} work @param {Stored} job @returns {Promise<Claimed>} */
async function claimed(work, job) {
  const { id, fence, attempt, task, queue, namespace, input, max_attempts, interruptions, backoff } = job;
  return {
    id, fence, attempt, task, queue, namespace, input, max_attempts, interruptions, backoff,
    timeout_ms: job.timeout_ms ?? null,
    deadline_left_ms: job.deadline_at_ms == null ? null : job.deadline_at_ms - work.nowMs,
    checkpoint: job._.steps ? await checkpoint(work, id) : null,
    trace: job.trace ?? null,
  };
}

/**
 * The steps recorded so far as one JSON object, their outcomes unparsed.
 *
 * @param {Work} work @param {string} id
 */
async function checkpoint(work, id) {
  const prefix = `${id}/`;
  /** @type {StoredRecord[]} */
  const steps = await answer(work.transaction.objectStore("records").getAll(startingWith("step", prefix)));
  return `{${steps.map(({ key, value }) => `${JSON.stringify(key.slice(prefix.length))}:${value}`).join(",")}}`;
}
