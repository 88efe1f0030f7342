// @ts-check
/** What people ask of one job: why it is not running, a decision over what is read for it as in `wherry/reasons.py`; what it said. */

import { isFinal } from "./follower.js";
import { errorsOf } from "./views.js";

/** @import { JobRow, Store } from "./messages.js" */
/** @typedef {{ namespaces: string[], queues: string[] | null, tasks: string[], concurrency: number, active: number, heartbeat_at_ms: number }} Vitals */

/**
 * What the sentence depends on besides the job itself.
 *
 * @typedef {object} Facts
 * @property {number} nowMs
 * @property {("queue" | "task")[]} paused whichever of the job's is
 * @property {Map<string, JobRow>} related the jobs that it waits for
 * @property {Vitals[]} workers alive
 * @property {number} waiting pending jobs of its queue and task, itself included
 */

/** Vitals that were not renewed for so long are those of a dead worker. */
const STALE_MS = 45_000;
const NAMED = 3;

/** @param {Store} store @param {JobRow} row */
export async function why(store, row) {
  const wanted = waitedFor(row);
  const related = wanted.length ? await store.call("get", { ids: wanted }) : [];
  /** @type {Facts} */
  const facts = { nowMs: Date.now(), paused: [], related: new Map(related.map((one) => [one.id, one])), workers: [], waiting: 0 };
  if (row.state !== "pending") return reason(row, facts);
  const where = { namespaces: [row.namespace], states: [row.state], queues: [row.queue], tasks: [row.task] };
  const [pauses, workers, counts] = await Promise.all([
    store.call("read", { kind: "pause", prefix: `${row.namespace}/` }),
    store.call("read", { kind: "worker" }),
    store.call("count", { where }),
  ]);
  facts.paused = /** @type {const} */ (["queue", "task"]).filter((kind) => pauses.some(({ key }) => key === `${row.namespace}/${kind}/${row[kind]}`));
  facts.workers = workers.map(({ value }) => JSON.parse(value)).filter((one) => one.heartbeat_at_ms >= facts.nowMs - STALE_MS);
  facts.waiting = counts[0]?.[1] ?? 0;
  return reason(row, facts);
}

/** @param {JobRow} row */
function waitedFor({ state, wake, after = [], behind }) {
  if (state !== "blocked") return wake?.jobs ?? [];
  return [...after.map(({ parent }) => parent), ...(behind ? [behind] : [])];
}

// --- the decision ----------------------------------------------------------------------------------------
/**
 * One sentence, from the strongest reason to the weakest.
 *
 * @param {JobRow} row @param {Facts} facts
 */
export function reason(row, facts) {
  if (isFinal(row.state)) return ended(row);
  if (row.lapse === "deadline") return "Its deadline has passed: a server ends it with its next look.";
  if (row.state === "blocked") return blocked(row, facts);
  if (row.state === "suspended") return suspended(row, facts);
  return row.state === "running" ? running(row) : pending(row, facts);
}

/** @param {JobRow} row */
function ended(row) {
  const when = row.finished_at_ms == null ? "" : ` at ${at(row.finished_at_ms)}`;
  if (row.state === "completed") return `It completed${when}.`;
  const remedy = `\`queue.retry(${JSON.stringify(row.id)})\` puts it back.`;
  if (row.state !== "failed") return `It was ${row.state}${when}: ${remedy}`;
  const last = errorsOf(row).at(-1);
  return `It failed${when} on attempt ${row.attempt} of ${row.max_attempts}${last ? ` with ${last.type}: ${last.message}` : ""}: ${remedy}`;
}

/** @param {JobRow} row @param {Facts} facts */
function blocked(row, { related }) {
  if (row.doomed) return "A job that it waits for did not complete: a server ends it with its next look.";
  if (row.behind != null) {
    const before = related.get(row.behind);
    const key = (row.ordering_key ?? "").slice(row.namespace.length + 1);
    return `It comes after ${row.behind}${before ? ` (${before.state})` : ""}, the one before it of the ordering key ${JSON.stringify(key)}.`;
  }
  return `It waits for ${jobs([...related.values()].filter((one) => !isFinal(one.state)))} to finish first.`;
}

/** @param {JobRow[]} rows */
function jobs(rows) {
  const named = rows.slice(0, NAMED).map(({ id, state }) => `${id} (${state})`).join(", ");
  return `${plural(rows.length, "job")} (${named}${rows.length > NAMED ? ", ..." : ""})`;
}

/** @param {JobRow} row @param {Facts} facts */
function suspended({ wake, run_at_ms }, { related }) {
  const waits = (wake?.signals ?? []).map((name) => `the event ${JSON.stringify(name)}`);
  const left = [...related.values()].filter((one) => !isFinal(one.state));
  if (left.length) waits.push(jobs(left));
  if (wake?.after_ms != null) waits.push(at(run_at_ms));
  return `It sleeps until ${waits.join(" or ") || "it is woken"}.`;
}

/** @param {JobRow} row */
function running(row) {
  if (row.lapse === "lease") return `Its worker ${row.worker} has stopped renewing its lease: a server takes it back soon.`;
  const since = row.attempted_at_ms == null ? "" : ` since ${at(row.attempted_at_ms)}`;
  const asked = row.cancel_requested_at_ms == null ? "" : "; it is asked to stop";
  return `It is running${since} in ${row.worker}, attempt ${row.attempt} of ${row.max_attempts}${asked}.`;
}

/** @param {JobRow} row @param {Facts} facts */
function pending(row, facts) {
  const [kind] = facts.paused;
  if (kind) return `Its ${kind} ${JSON.stringify(row[kind])} is paused: \`queue.resume({${kind}: ${JSON.stringify(row[kind])}})\`.`;
  return row.run_at_ms > facts.nowMs ? later(row) : due(row, facts);
}

/** @param {JobRow} row */
function later(row) {
  const last = errorsOf(row).at(-1);
  if (last?.attempt !== row.attempt || !last) return `It is scheduled for ${at(row.run_at_ms)}.`;
  const failed = `attempt ${row.attempt} of ${row.max_attempts} failed with ${last.type}`;
  return `It waits for its retry at ${at(row.run_at_ms)}: ${failed}: ${last.message}.`;
}

/** @param {JobRow} row @param {Facts} facts */
function due(row, { workers, waiting }) {
  const task = JSON.stringify(row.task);
  if (!workers.length) return `Nothing tells that it can run ${task}: open a page, or start a server, that has it.`;
  const knowing = workers.filter(({ tasks }) => tasks.includes(row.task));
  if (!knowing.length) return `None of the ${plural(workers.length, "worker")} alive knows the task ${task}: start one that does.`;
  const fit = knowing.filter(({ namespaces, queues }) => namespaces.includes(row.namespace) && (queues?.includes(row.queue) ?? true));
  if (!fit.length) return `Workers know the task ${task}, but none of them takes the queue ${JSON.stringify(row.queue)}.`;
  const slots = fit.reduce((sum, { concurrency }) => sum + concurrency, 0);
  if (fit.some(({ active, concurrency }) => active < concurrency)) return `It is due: one of ${plural(fit.length, "worker")} with ${slots} slots will start it.`;
  const before = waiting > 1 ? `, and ${waiting} jobs of its kind wait` : "";
  return `All ${slots} slots of the ${plural(fit.length, "worker")} that can run it are taken${before}.`;
}

/** @param {number} number @param {string} noun */
function plural(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** @param {number} atMs */
function at(atMs) {
  return `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** What a job's attempts said, oldest first. @param {Store} store @param {string} id */
export async function logs(store, id) {
  const records = await store.call("read", { kind: "log", prefix: `${id}/` });
  return records.map(({ value }) => {
    const { message = "", ...fields } = JSON.parse(value);
    return { message: String(message), fields };
  });
}
