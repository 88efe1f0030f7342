// @ts-check
/** Settling attempts, and what follows: freed keys, freed children, sleepers that wake. */

import { doom } from "./idb-add.js";
import { closeUp, Lines } from "./idb-order.js";
import { answer } from "./idb-schema.js";
import { Uniques } from "./idb-unique.js";
import { FINAL, lapseOf } from "./idb-work.js";

/** @import { Work } from "./idb-work.js" */
/** @import { Settlement, Signal, Stored, Verdict, Wake } from "./messages.js" */
/** @typedef {"completed" | "failed" | "cancelled" | "disabled"} FinalState */

/** `wherry.storage.protocol.HIDDEN_FOR_MS`. */
const HIDDEN_FOR_MS = 60_000;

/** @type {Partial<Record<string, FinalState>>} */
const ENDS_AS = { complete: "completed", fail: "failed", cancel: "cancelled", disable: "disabled" };

/**
 * @param {Work} work @param {Settlement[]} settlements
 * @returns {Promise<Verdict[]>}
 */
export async function settle(work, settlements) {
  await work.load(settlements.flatMap(({ id, wake }) => [id, ...(wake?.jobs ?? [])]));
  /** @type {Verdict[]} */
  const verdicts = [];
  for (const settlement of settlements) verdicts.push(await settleOne(work, settlement));
  return verdicts;
}

/**
 * @param {Work} work @param {Settlement} settlement
 * @returns {Promise<Verdict>}
 */
async function settleOne(work, settlement) {
  const { fence, kind, error } = settlement;
  const job = work.job(settlement.id);
  if (!job) return "unknown";
  if (job._.settled?.[0] === fence && job._.settled[1] === kind) {
    return job.state === "cancelled" && kind !== "cancel" ? "cancel" : "ok";
  }
  if (job.fence !== fence || !maySettle(job, settlement, work.nowMs)) return "lost";
  job._.settled = [fence, kind];
  if (error != null) job.errors = `${job.errors ?? ""}${error}\n`;
  const state = ENDS_AS[kind];
  if (state) {
    await finish(work, job, state, settlement);
  } else if (job.cancel_requested_at_ms != null) {
    await finish(work, job, "cancelled", settlement);
    return "cancel";
  } else {
    revive(work, job, settlement);
  }
  return "ok";
}

/** @param {Stored} job @param {Settlement} settlement @param {number} nowMs */
function maySettle(job, { if_lapsed }, nowMs) {
  return if_lapsed ? lapseOf(job, nowMs) !== null : job.state === "running";
}

/**
 * Ends a job.
 *
 * @param {Work} work @param {Stored} job @param {FinalState} state
 * @param {Settlement} [settlement] none when it ends without an attempt
 */
export async function finish(work, job, state, settlement) {
  letGo(job);
  job.state = state;
  job.finished_at_ms = work.nowMs;
  job.wake = job._.waits = undefined;
  if (state === "completed") job.output = settlement?.output;
  if (settlement?.retain_ms != null) {
    job.hidden = settlement.retain_ms === 0;
    job.purge_at_ms = work.nowMs + (settlement.retain_ms || HIDDEN_FOR_MS);
  }
  work.change(job, state);
  await new Uniques(work).free(job, "queued", "done");
  await new Lines(work).leave(job);
  if (job._.waited) await freeWaiting(work, job);
  if (job.behind == null) return;
  job.behind = undefined;
  work.save(job);
}

/** @param {Stored} job */
function letGo(job) {
  job.lease_until_ms = job._.token = undefined;
}

/** @param {Work} work @param {Stored} job @param {Settlement} settlement */
function revive(work, job, { kind, run_at_ms, delay_ms = 0, wake }) {
  letGo(job);
  if (kind !== "retry") job.attempt -= 1;
  if (kind === "release") job.interruptions += 1;
  if (kind === "suspend") {
    suspend(work, job, wake ?? {});
    return;
  }
  work.makeDue(job, run_at_ms ?? work.nowMs + delay_ms);
  work.change(job, kind === "retry" ? "retrying" : "released");
}

// --- those who wait --------------------------------------------------------------------------------

/**
 * Children of a job that is final now, and sleepers that waited for it.
 *
 * @param {Work} work @param {Stored} ended
 */
async function freeWaiting(work, ended) {
  work.flush();
  /** @type {Stored[]} */
  const waiting = await answer(work.jobs.index("waits").getAll(ended.id));
  for (const found of waiting) {
    const job = work.adopt(found);
    if (!job?._.waits?.includes(ended.id)) continue;
    job._.waits = job._.waits.filter((id) => id !== ended.id);
    work.save(job);
    if (job.state === "blocked") freeChild(work, job, ended);
    else if (job.state === "suspended" && !job._.waits.length) resume(work, job);
  }
}

/** @param {Work} work @param {Stored} child @param {Stored} parent */
function freeChild(work, child, parent) {
  for (const edge of (!child._.again && child.after) || []) {
    if (edge.parent !== parent.id) continue;
    child.waiting_for = (child.waiting_for ?? 0) - 1;
    doom(child, edge, parent);
  }
  closeUp(child, parent);
  if (child.waiting_for || child.doomed) return;
  work.makeDue(child, child.run_at_ms);
  work.change(child, "released");
}

/** @param {Work} work @param {Stored} job @param {Wake} wake */
function suspend(work, job, wake) {
  const { after_ms, signals = [], jobs = [] } = wake;
  // A removed job was final before it was removed.
  const unfinished = jobs.map((id) => work.job(id)).filter((other) => other && !FINAL.has(other.state));
  job.state = "suspended";
  job.wake = wake;
  if (signals.some((name) => job._.signals?.includes(name)) || (jobs.length && !unfinished.length)) {
    resume(work, job);
    return;
  }
  if (after_ms != null) job.run_at_ms = work.nowMs + after_ms;
  job._.waits = unfinished.map((other) => watch(work, /** @type {Stored} */ (other)));
  work.change(job, "suspended");
}

/** @param {Work} work @param {Stored} job @returns {string} its id */
function watch(work, job) {
  if (!job._.waited) {
    job._.waited = true;
    work.save(job);
  }
  return job.id;
}

/** Wakes a sleeper. @param {Work} work @param {Stored} job */
function resume(work, job) {
  work.makeDue(job, work.nowMs);
  work.change(job, "released");
}

/**
 * @param {Work} work @param {{ signals: Signal[] }} parameters
 * @returns {Promise<Verdict[]>}
 */
export async function signal(work, { signals }) {
  const records = work.transaction.objectStore("records");
  await work.load(signals.map(({ job_id }) => job_id));
  /** @type {Verdict[]} */
  const verdicts = [];
  for (const { job_id, name, dedup, payload } of signals) {
    const key = `${job_id}/${name}/${dedup}`;
    const job = work.job(job_id);
    const known = job && (await answer(records.getKey(["signal", key])));
    if (!job || known || FINAL.has(job.state)) {
      verdicts.push(!job ? "unknown" : known ? "duplicate" : "refused");
      continue;
    }
    records.put({ kind: "signal", key, version: 1, value: payload });
    receive(work, job, name);
    verdicts.push("ok");
  }
  return verdicts;
}

/** @param {Work} work @param {Stored} job @param {string} name of a signal that came */
function receive(work, job, name) {
  job._.signals = [...new Set([...(job._.signals ?? []), name])];
  work.save(job);
  if (job.state === "suspended" && job.wake?.signals?.includes(name)) resume(work, job);
}
