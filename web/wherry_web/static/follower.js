// @ts-check
/**
 * Follows the change feed of a store: wakes those who wait for jobs, tells those who watch progress.
 *
 * The order that makes `outcome` right on every race: register, take the cursor, read the job,
 * follow.  Reading state again after a `resync` is the same `get`.
 */

import { WherryError } from "./errors.js";
import { notFound } from "./views.js";

/** @import { Change, JobRow, Store } from "./messages.js" */
/** @typedef {{ resolve: (row: JobRow) => void, reject: (error: unknown) => void }} Waiter */
/** @typedef {{ stop: () => void, ready: Promise<void> }} Run */

const PAGE = 1000;
const RETRY_MS = 500;
const ENDINGS = new Set(["completed", "failed", "cancelled", "disabled"]);

/** @param {string} word a state, or the kind of a change */
export const isFinal = (word) => ENDINGS.has(word);

/** One reader of the feed, running while somebody waits or watches. */
export class Follower {
  /** @type {Map<string, Set<Waiter>>} */
  #waiters = new Map();
  /** @type {Map<string, Set<(row: JobRow) => void>>} */
  #watchers = new Map();
  /** @type {Run | undefined} */
  #run;
  /** @type {Set<string>} jobs that somebody waits for and nobody has read yet */
  #unread = new Set();
  /** @type {Promise<void> | undefined} */
  #reading;

  /** @param {Store} store @param {boolean} bigint whether large integers become BigInts */
  constructor(store, bigint) {
    this.store = store;
    this.bigint = bigint;
  }

  /**
   * The row of a job once it is final.
   *
   * @param {string} jobId @param {AbortSignal} [signal] gives up waiting; the job goes on
   * @returns {Promise<JobRow>}
   * @throws {WherryError} `job_not_found`
   */
  outcome(jobId, signal) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abandon = () => end(reject, signal?.reason);
      /** @type {Waiter} */
      const waiter = { resolve: (row) => end(resolve, row), reject: (error) => end(reject, error) };
      const forget = put(this.#waiters, jobId, waiter);
      /** @param {(value: any) => void} how @param {unknown} value */
      const end = (how, value) => {
        signal?.removeEventListener("abort", abandon);
        forget();
        how(value);
        this.#stopIfIdle();
      };
      signal?.addEventListener("abort", abandon);
      this.#look(jobId).catch(waiter.reject);
    });
  }

  /**
   * Calls `watcher` at each progress of a job from now on.
   *
   * @param {string} jobId @param {(row: JobRow) => void} watcher
   * @returns {() => void} stops it
   */
  watch(jobId, watcher) {
    const forget = put(this.#watchers, jobId, watcher);
    this.#following().ready.catch(() => undefined);
    return () => {
      forget();
      this.#stopIfIdle();
    };
  }

  /** @param {unknown} error what those who wait get; their jobs go on */
  close(error) {
    for (const waiters of [...this.#waiters.values()]) for (const { reject } of [...waiters]) reject(error);
    this.#watchers.clear();
    this.#stopIfIdle();
  }

  #stopIfIdle() {
    if (this.#waiters.size || this.#watchers.size) return;
    this.#run?.stop();
    this.#run = undefined;
  }

  /** `ready` resolves once whatever is committed from now on will be seen, or when it is stopped. */
  #following() {
    this.#run ??= this.#start();
    return this.#run;
  }

  /** Reads a job, after the cursor was taken; those asked for in one turn are read together. @param {string} id */
  #look(id) {
    this.#unread.add(id);
    this.#reading ??= this.#readAll();
    return this.#reading;
  }

  async #readAll() {
    try {
      /** @type {Run} */
      let run;
      do {
        // All who waited have given up.
        if (!this.#waiters.size) return this.#unread.clear();
        run = this.#following();
        await run.ready;
      } while (run !== this.#run);
    } finally {
      this.#reading = undefined;
    }
    const ids = [...this.#unread];
    this.#unread.clear();
    for (let start = 0; start < ids.length; start += PAGE) {
      const some = ids.slice(start, start + PAGE);
      this.#resolve(byId(await this.store.call("get", { ids: some })), some);
    }
  }

  /** @returns {Run} */
  #start() {
    let stopped = false;
    let cursor = "";
    /** @type {() => void} */
    let unlisten = () => undefined;
    /** @type {() => void} */
    let release = () => undefined;
    /** @type {Run["ready"]} */
    const ready = new Promise((resolve, reject) => {
      release = resolve;
      const step = async () => {
        if (stopped) return;
        if (cursor) cursor = await this.#catchUp(cursor);
        else ({ cursor } = await this.store.call("changes", { since: "", limit: 1 }));
        resolve();
      };
      unlisten = this.store.listen(joined(step, (error) => {
        reject(error);
        if (!stopped) this.close(error);
      }));
    });
    const stop = () => {
      stopped = true;
      unlisten();
      // Whoever waits for it looks whether there is another one.
      release();
    };
    return { stop, ready };
  }

  /** @param {string} cursor @returns {Promise<string>} */
  async #catchUp(cursor) {
    for (;;) {
      const page = await this.store.call("changes", { since: cursor, limit: PAGE });
      cursor = page.cursor;
      if (page.resync) await this.#readAgain();
      else await this.#dispatch(page.items);
      if (page.resync || page.items.length < PAGE) return cursor;
    }
  }

  async #readAgain() {
    const ids = [...new Set([...this.#waiters.keys(), ...this.#watchers.keys()])];
    const rows = byId(await this.store.call("get", { ids }));
    this.#resolve(rows, ids);
    this.#tell(rows, ids);
  }

  /** @param {Change[]} items */
  async #dispatch(items) {
    const ended = idsOf(items.filter(({ kind, job_id }) => isFinal(kind) && this.#waiters.has(job_id)));
    const moved = idsOf(items.filter(({ kind, job_id }) => kind === "progress" && this.#watchers.has(job_id)));
    const ids = [...new Set([...ended, ...moved])];
    if (!ids.length) return;
    const rows = byId(await this.store.call("get", { ids }));
    this.#tell(rows, moved);
    this.#resolve(rows, ended);
  }

  /** @param {Map<string, JobRow>} rows @param {string[]} ids */
  #tell(rows, ids) {
    for (const id of ids) {
      const row = rows.get(id);
      for (const watcher of [...(row ? this.#watchers.get(id) ?? [] : [])]) callSafely(() => watcher(/** @type {JobRow} */ (row)));
    }
  }

  /** @param {Map<string, JobRow>} rows @param {string[]} ids */
  #resolve(rows, ids) {
    for (const id of ids) {
      const row = rows.get(id);
      for (const { resolve, reject } of [...(this.#waiters.get(id) ?? [])]) {
        if (!row) reject(notFound(id));
        else if (isFinal(row.state)) resolve(row);
      }
    }
  }
}

/**
 * A callback of the caller's that throws stops neither the others nor us; the page hears of it.
 *
 * @param {() => void} call
 */
export function callSafely(call) {
  try {
    call();
  } catch (error) {
    reportError(error);
  }
}

/** @param {Change[]} items */
function idsOf(items) {
  return [...new Set(items.map(({ job_id }) => job_id))];
}

/** @param {JobRow[]} rows */
function byId(rows) {
  return new Map(rows.map((row) => [row.id, row]));
}

/**
 * @template V
 * @param {Map<string, Set<V>>} sets @param {string} key @param {V} value
 * @returns {() => void} takes it out again
 */
function put(sets, key, value) {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(value));
  return () => {
    set.delete(value);
    if (!set.size && sets.get(key) === set) sets.delete(key);
  };
}

/**
 * A function that starts `step`, one at a time: calls while it runs are joined into one more.
 * What may succeed later is tried again.
 *
 * @param {() => Promise<void>} step @param {(error: unknown) => void} failed
 */
function joined(step, failed) {
  let wanted = false;
  let running = false;
  const run = async () => {
    for (wanted = true; wanted; ) {
      wanted = false;
      await step().catch(async (error) => {
        if (!(error instanceof WherryError && error.retryable)) return failed(error);
        // The cursor stands: nothing is missed, the reading goes on where it stopped.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        wanted = true;
      });
    }
  };
  return () => {
    wanted = true;
    if (running) return;
    running = true;
    run().finally(() => (running = false));
  };
}
