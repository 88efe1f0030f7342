// @ts-check
/** What workers tell of themselves: one record each, as `wherry/vitals.py` has it. */

import { WherryError } from "./errors.js";

/** @import { Entry } from "./manifest.js" */
/** @import { RecordWrite, Store } from "./messages.js" */
/** @typedef {{ tasks: string[], active: number, done: number }} Doing */

/** Vitals that were not renewed for so long are those of a dead worker. */
const STALE_MS = 45_000;

/** A page is no process; Python has a number in the tab, too. */
const NO_PROCESS = 0;

/**
 * @param {string} name @param {number} concurrency @param {number} startedMs @param {number} nowMs @param {Doing} doing
 * @returns {RecordWrite}
 */
export function vitalsOf(name, concurrency, startedMs, nowMs, { tasks, active, done }) {
  const value = JSON.stringify({
    name, host: location.host, pid: NO_PROCESS, namespaces: [""], queues: null, tasks, concurrency, active, done,
    started_at_ms: startedMs, last_claim_at_ms: nowMs, last_finish_at_ms: null, heartbeat_at_ms: nowMs,
  });
  return { kind: "worker", key: name, expected: null, value };
}

/** Deletes of records that nobody renews. @param {Store} store @param {number} nowMs */
export async function deadVitals(store, nowMs) {
  const records = await store.call("read", { kind: "worker" });
  const dead = records.filter(({ value }) => JSON.parse(value).heartbeat_at_ms < nowMs - STALE_MS);
  return dead.map(({ key, version }) => ({ kind: "worker", key, expected: version, value: null }));
}

/**
 * Why a name cannot be this page's: jobs of one name run in one language, or workers would take each other's.
 *
 * @param {Store} store @param {string} name
 * @param {boolean} local whether the store is this browser's own
 * @returns {Promise<WherryError | undefined>} `duplicate_task`
 */
export async function takenBy(store, name, local) {
  const found = (await store.call("read", { kind: "task", prefix: name })).find(({ key }) => key === name);
  /** @type {Entry | undefined} */
  const entry = found && JSON.parse(found.value);
  if (!entry || entry.language === "javascript") return undefined;
  // What no living worker has may be left from an older build of the app.
  const workers = (await store.call("read", { kind: "worker" })).map(({ value }) => JSON.parse(value));
  const others = workers.filter((one) => one.tasks.includes(name) && one.pid !== NO_PROCESS && one.heartbeat_at_ms >= Date.now() - STALE_MS);
  const locks = new Set((await navigator.locks.query()).held?.map((lock) => lock.name));
  // Workers in tabs of this browser hold a lock while they live; those of a page that was reloaded are gone.
  const holder = others.find((one) => !local || !one.name.startsWith("tab:") || locks.has(`wherry:w:${one.name}`));
  if (!holder) return undefined;
  const message = `the worker ${holder.name} runs jobs of a task ${JSON.stringify(name)} written in Python: give yours another name.`;
  return new WherryError("duplicate_task", message, { data: { name, worker: holder.name } });
}
