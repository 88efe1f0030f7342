// @ts-check
/** Events of a store as an endless stream, read from its feed. */

import { WherryError } from "./errors.js";
import { isFinal } from "./follower.js";
import { progressOf, viewOf } from "./views.js";

/** @import { Change, ChangeKind, JobRow, Store } from "./messages.js" */
/** @import { QueueEvent } from "./wherry.js" */

const PAGE = 500;

/** @type {Partial<Record<ChangeKind, Exclude<QueueEvent["type"], "progress">>>} */
const TYPES = {
  added: "added",
  started: "start",
  completed: "complete",
  failed: "error",
  retrying: "retry",
  disabled: "disabled",
  cancelling: "cancelling",
  cancelled: "cancelled",
};

/**
 * @typedef {object} Which
 * @property {string} [since] a cursor; without it from now on
 * @property {string} [jobId] of this job only, until it is final
 * @property {AbortSignal} [signal]
 * @property {boolean} bigint whether large integers become BigInts
 */

/**
 * @param {Store} store @param {Which} which
 * @returns {AsyncGenerator<QueueEvent, void>}
 * @throws {WherryError} `events_lost`
 */
export async function* eventsOf(store, { since, jobId, signal, bigint }) {
  const bell = new Bell(store, signal);
  try {
    let cursor = since ?? (await store.call("changes", { since: "", limit: 1 })).cursor;
    // Looked at after the cursor was taken: what ends it from here on is in the feed.
    const last = jobId !== undefined && (await isOver(store, jobId));
    for (;;) {
      signal?.throwIfAborted();
      const page = await store.call("changes", { since: cursor, limit: PAGE });
      cursor = page.cursor;
      if (page.resync) throw new WherryError("events_lost", "some events are no longer kept: read the jobs again, then follow from now on.", { retryable: true });
      const items = page.items.filter(({ namespace, job_id }) => !namespace && (jobId === undefined || job_id === jobId));
      yield* await told(store, items, cursor, bigint);
      if (jobId !== undefined && items.some(({ kind }) => isFinal(kind))) return;
      if (page.items.length < PAGE && (last || !(await bell.rung()))) return;
    }
  } finally {
    bell.stop();
  }
}

/** @param {Store} store @param {string} jobId */
async function isOver(store, jobId) {
  const [row] = await store.call("get", { ids: [jobId] });
  return !row || isFinal(row.state);
}

/**
 * @param {Store} store @param {Change[]} items @param {string} cursor @param {boolean} bigint
 * @returns {Promise<QueueEvent[]>}
 */
async function told(store, items, cursor, bigint) {
  if (!items.length) return [];
  const ids = [...new Set(items.map(({ job_id }) => job_id))];
  const rows = new Map((await store.call("get", { ids })).map((row) => [row.id, row]));
  return items.flatMap((change) => {
    const row = rows.get(change.job_id);
    return row ? eventOf(change, row, cursor, bigint) : [];
  });
}

/** @param {Change} change @param {JobRow} row @param {string} cursor @param {boolean} bigint @returns {QueueEvent[]} */
function eventOf({ kind }, row, cursor, bigint) {
  if (kind === "progress") return [{ type: "progress", id: row.id, progress: progressOf(row, bigint), cursor }];
  const type = TYPES[kind];
  return type ? [{ type, job: viewOf(row, bigint), cursor }] : [];
}

/** Rings at every hint of the store; hints while nobody waits are joined into one. */
class Bell {
  #rang = false;
  #over = false;
  /** @type {() => void} */
  #wake = () => undefined;

  /** @param {Store} store @param {AbortSignal} [signal] */
  constructor(store, signal) {
    const stopListening = store.listen(() => {
      this.#rang = true;
      this.#wake();
    });
    const abort = () => {
      // Also when nobody waits at this moment: the next one who does must not.
      this.#rang = true;
      this.#wake();
    };
    signal?.addEventListener("abort", abort);
    this.stop = () => {
      this.#over = true;
      signal?.removeEventListener("abort", abort);
      stopListening();
      this.#wake();
    };
  }

  /** Waits for the next ring, or for the signal; false when stopped. */
  async rung() {
    if (!this.#rang) await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
    this.#rang = false;
    return !this.#over;
  }
}
