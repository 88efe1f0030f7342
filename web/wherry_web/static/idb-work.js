// @ts-check
/**
 * One transaction of the store: jobs are loaded once, changed in memory and written once.
 *
 * A transaction dies when its task ends with no request pending, and Python's `await` always ends
 * the task.  So each verb starts and finishes its transaction in one call from Python, and awaits
 * nothing but its own requests.
 */

import { readJobs } from "./idb-merge.js";
import { answer } from "./idb-schema.js";

/** @import { Change, ChangeKind, JobRow, Lapse, Stored } from "./messages.js" */

/** @typedef {[namespace: string, queue: string, task: string]} Lane */

/** @type {ReadonlySet<string>} */
export const FINAL = new Set(["completed", "failed", "cancelled", "disabled"]);

/**
 * Carries out `work` in one transaction.
 *
 * Settles on the transaction's end, not on a request's: a full disk shows as an abort only.
 *
 * @template T
 * @param {IDBDatabase} db
 * @param {string[]} stores
 * @param {IDBTransactionMode} mode
 * @param {IDBTransactionDurability} durability
 * @param {(transaction: IDBTransaction) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function transact(db, stores, mode, durability, work) {
  const transaction = db.transaction(stores, mode, { durability });
  /** @type {Promise<void>} */
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    // No error of its own: `work` or the browser ended it.
    transaction.onabort = () => reject(transaction.error ?? new DOMException("the transaction was ended", "AbortError"));
  });
  const result = work(transaction).then(
    (value) => {
      transaction.commit();
      return value;
    },
    (error) => {
      end(transaction);
      throw error;
    },
  );
  const [outcome, ending] = await Promise.allSettled([result, done]);
  // What the browser says (a full disk) explains more than the request that it ended.
  if (ending.status === "rejected" && transaction.error) throw ending.reason;
  if (outcome.status === "rejected") throw outcome.reason;
  if (ending.status === "rejected") throw ending.reason;
  return outcome.value;
}

/** @param {IDBTransaction} transaction */
function end(transaction) {
  try {
    transaction.abort();
  } catch {
    // The browser has ended it already.
  }
}

/** What a verb does with jobs inside its transaction. */
export class Work {
  /** @type {Map<string, Stored | null>} null: known to be absent */
  #loaded = new Map();
  /** @type {Set<Stored>} */
  #dirty = new Set();
  /** @type {Set<Stored>} */
  #created = new Set();
  /** @type {IDBRequest | undefined} */
  #lastAdd;
  /** @type {Map<string, Lane>} lanes that are stored, by their text */
  #lanes = new Map();
  /** @type {Change[]} */
  changed = [];
  /** @type {{ token: string, taken: string[] } | undefined} */
  #claim;

  /** @param {IDBTransaction} transaction @param {number} nowMs the store's clock */
  constructor(transaction, nowMs) {
    this.transaction = transaction;
    this.nowMs = nowMs;
    this.jobs = transaction.objectStore("jobs");
  }

  /**
   * Reads jobs that are not here yet, all requests at once.
   *
   * @param {Iterable<string>} ids
   */
  async load(ids) {
    const missing = [...new Set(ids)].filter((id) => !this.#loaded.has(id));
    const found = await readJobs(this.jobs, missing);
    found.forEach((job, index) => job ? this.adopt(job) : this.#loaded.set(missing[index], null));
  }

  /**
   * A job read by an index: the one that is here already, if there is one.
   *
   * @param {Stored} job
   * @returns {Stored | null} null when this transaction removed it
   */
  adopt(job) {
    const here = this.#loaded.get(job.id);
    if (here !== undefined) return here;
    this.#loaded.set(job.id, job);
    return job;
  }

  /** @param {string} id @returns {Stored | null | undefined} undefined: never loaded */
  job(id) {
    return this.#loaded.get(id);
  }

  /** All jobs that are here. */
  here() {
    return [...this.#loaded.values()].filter((job) => job !== null);
  }

  /** @param {Stored} job */
  save(job) {
    this.#loaded.set(job.id, job);
    this.#dirty.add(job);
  }

  /** A job that must not be there yet. @param {Stored} job */
  create(job) {
    this.#created.add(job);
    this.save(job);
  }

  /** @param {Stored} job */
  remove(job) {
    this.#dirty.delete(job);
    this.#loaded.set(job.id, null);
    this.jobs.delete(job.id);
  }

  /** A transition: the job is written and told of. @param {Stored} job @param {ChangeKind} kind */
  change(job, kind) {
    job.revision += 1;
    this.save(job);
    this.tell(job, kind);
  }

  /** @param {Stored} job @param {ChangeKind} kind */
  tell(job, kind) {
    const { id, namespace, queue, task, revision } = job;
    this.changed.push({ job_id: id, namespace, kind, revision, lane: `${queue}/${task}` });
  }

  /**
   * Pending from `runAtMs` on.
   *
   * @param {Stored} job @param {number} runAtMs
   */
  makeDue(job, runAtMs) {
    job.state = "pending";
    job.run_at_ms = runAtMs;
    job.wake = undefined;
    job._.waits = undefined;
    this.save(job);
  }

  /** Queues the writes of all changed jobs; requests run in order, so what is read next sees them. */
  flush() {
    for (const job of this.#dirty) {
      place(job, this.nowMs);
      if (job._.rank !== undefined || job._.later !== undefined) this.#keepLane(job);
      if (this.#created.delete(job)) this.#lastAdd = this.jobs.add(job);
      else this.jobs.put(job);
    }
    this.#dirty.clear();
  }

  /** @param {Stored} job that a claim may find */
  #keepLane({ namespace, queue, task }) {
    const name = [namespace, queue, task].join("\0");
    if (this.#lanes.has(name)) return;
    this.#lanes.set(name, [namespace, queue, task]);
    this.transaction.objectStore("lanes").put(1, [namespace, queue, task]);
  }

  /** Reads which lanes may hold work. */
  async loadLanes() {
    const keys = /** @type {Lane[]} */ (await answer(this.transaction.objectStore("lanes").getAllKeys()));
    for (const lane of keys) this.#lanes.set(lane.join("\0"), lane);
  }

  /** @returns {Lane[]} */
  lanes() {
    return [...this.#lanes.values()];
  }

  /** Remembers what a claim took. @param {string} token @param {string[]} taken ids, best first */
  taken(token, taken) {
    this.#claim = { token, taken };
  }

  /**
   * Writes everything, and the changes as one row of the feed.
   *
   * @returns {Promise<boolean>} whether there were any
   * @throws {DOMException} `ConstraintError` when what was created is there already
   */
  async finish() {
    this.flush();
    if (!this.changed.length) return false;
    this.transaction.objectStore("feed").add({ items: this.changed, ...this.#claim });
    // Firefox and WebKit commit what `commit()` finds under way even if it fails then, so nothing may be.
    if (this.#lastAdd) await answer(this.#lastAdd);
    return true;
  }
}

/**
 * Brings the index properties in line with the row.
 *
 * @param {Stored} job @param {number} nowMs
 */
function place(job, nowMs) {
  const pending = job.state === "pending";
  const due = pending && job.run_at_ms <= nowMs;
  const asleep = job.state === "suspended" && job.wake?.after_ms != null;
  job._.rank = due ? job.priority * job.priority_step_ms + job.run_at_ms : undefined;
  job._.later = (pending && !due) || asleep ? job.run_at_ms : undefined;
  job._.over = overAt(job);
  job._.shown = job.hidden ? undefined : job.state;
  job._.print = (job.state === "completed" && job.fingerprint) || undefined;
}

/** Running jobs are few, and found by their state. @param {Stored} job @returns {number | undefined} */
function overAt(job) {
  if (FINAL.has(job.state) || job.state === "running") return undefined;
  return job.doomed ? 0 : job.deadline_at_ms ?? undefined;
}

/**
 * Why a job is over although nobody settled it.
 *
 * @param {JobRow} job @param {number} nowMs
 * @returns {Lapse | null}
 */
export function lapseOf(job, nowMs) {
  if (FINAL.has(job.state)) return null;
  if (job.doomed) return "doomed";
  if (job.deadline_at_ms != null && job.deadline_at_ms <= nowMs) return "deadline";
  if (job.lease_until_ms != null && job.lease_until_ms <= nowMs) return "lease";
  return null;
}

/**
 * A job as the contract returns it.
 *
 * @param {Stored} job @param {number} nowMs
 * @returns {JobRow}
 */
export function rowOf(job, nowMs) {
  const { _, ...row } = job;
  return { ...row, lapse: lapseOf(job, nowMs) };
}
