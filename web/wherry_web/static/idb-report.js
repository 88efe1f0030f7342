// @ts-check
/** `renew` and `report`: what a worker says of attempts under way. */

import { answer } from "./idb-schema.js";

/** @import { Work } from "./idb-work.js" */
/** @import { Lease, Report, Stored, Verdict } from "./messages.js" */

/**
 * @param {Work} work @param {{ leases: Lease[], lease_ms: number }} parameters
 * @returns {Promise<Verdict[]>}
 */
export async function renew(work, { leases, lease_ms }) {
  await work.load(leases.map(({ id }) => id));
  return leases.map((lease) => {
    const job = held(work, lease);
    if (typeof job === "string") return job;
    job.lease_until_ms = work.nowMs + lease_ms;
    work.save(job);
    return asked(job);
  });
}

/**
 * @param {Work} work @param {{ reports: Report[] }} parameters
 * @returns {Promise<Verdict[]>}
 */
export async function report(work, { reports }) {
  await work.load(reports.map(({ id }) => id));
  /** @type {Verdict[]} */
  const verdicts = [];
  for (const news of reports) {
    const job = held(work, news);
    if (typeof job !== "string") await take(work, job, news);
    verdicts.push(typeof job === "string" ? job : asked(job));
  }
  return verdicts;
}

/** The job, if it is running under that fence. @param {Work} work @param {Lease} lease @returns {Stored | Verdict} */
function held(work, { id, fence }) {
  const job = work.job(id);
  if (!job) return "unknown";
  return job.state === "running" && job.fence === fence ? job : "lost";
}

/** @param {Stored} job @returns {Verdict} */
function asked(job) {
  return job.cancel_requested_at_ms == null ? "ok" : "cancel";
}

/** @param {Work} work @param {Stored} job @param {Report} news */
async function take(work, job, { percent, message, details, logs = [], step }) {
  const records = work.transaction.objectStore("records");
  for (const line of logs) {
    job._.logs = (job._.logs ?? 0) + 1;
    records.put({ kind: "log", key: `${job.id}/${String(job._.logs).padStart(10, "0")}`, version: 1, value: line });
  }
  if (logs.length) work.save(job);
  if (step) await keepStep(work, job, step);
  if (percent == null && message == null && details == null) return;
  job.percent = percent ?? job.percent;
  job.message = message ?? job.message;
  job.details = details ?? job.details;
  work.change(job, "progress");
}

/** @param {Work} work @param {Stored} job @param {[name: string, outcome: string]} step */
async function keepStep(work, job, [name, outcome]) {
  const records = work.transaction.objectStore("records");
  const key = `${job.id}/${name}`;
  if ((await answer(records.getKey(["step", key]))) !== undefined) return;
  records.put({ kind: "step", key, version: 1, value: outcome });
  job._.steps = true;
  work.save(job);
}
