// @ts-check
/**
 * The worker beside a page that has tasks written in JavaScript: it claims their jobs, hands them to the page, holds their
 * leases, and settles what the page says of them.
 *
 * The functions run on the page and cannot be ended from here.  What does not stop when asked is settled all the same: its
 * fence is gone, and whatever it returns later is refused.
 */

import { WherryError } from "./errors.js";
import { newId } from "./ids.js";
import { openStore } from "./idb.js";
import { expose } from "./link.js";
import { openRemote } from "./remote.js";
import { TaskAttempts } from "./task-attempts.js";
import { TaskDuties } from "./task-duties.js";
import { takenBy } from "./task-vitals.js";

/** @import { Entry } from "./manifest.js" */
/** @import { Claimed, ClaimRequest, Report, Settlement, Store } from "./messages.js" */
/** @import { StopReason } from "./page-attempt.js" */
/** @import { TaskHost } from "./page-tasks.js" */
/**
 * @typedef {{ type: "run", jobs: Claimed[] } | { type: "stop", id: string, fence: number, reason: StopReason }
 *   | { type: "held", settle: Settlement[] } | { type: "taken", name: string, message: string }} TaskEvent
 */

/** A storage that fails for a moment is asked again after so long, at first and at last. */
const RETRY_MS = [100, 5_000];
/** Nothing is missed if a hint is: a claim is made at least so often. */
const SAFETY_MS = 30_000;
const TICK_MS = 200;

class TaskKeeper {
  /** @type {Store} */
  // @ts-expect-error set by `open`, which comes first
  #store;
  /** @type {TaskHost} */
  // @ts-expect-error set by `open`, which comes first
  #host;
  /** @type {(event: TaskEvent) => void} */
  #tell = () => undefined;
  /** The name under which jobs are claimed; whoever holds the lock of that name lives. */
  #worker = "";
  /** The jobs are kept in this browser. */
  #local = true;
  #names = new Set();
  /** @type {TaskAttempts} */
  // @ts-expect-error set by `open`, which comes first
  #attempts;
  /** @type {TaskDuties | undefined} */
  #duties;
  /** @type {Promise<void> | undefined} the loop that claims and settles */
  #working;
  #claiming = true;
  #shown = true;
  #over = false;
  #done = 0;
  /** @type {ClaimRequest | null} under way: asked again by the same token, it claims nothing twice */
  #claim = null;
  #rung = false;
  /** @type {() => void} */
  #wake = () => undefined;

  /**
   * @param {Omit<TaskHost, "signal" | "getToken">} host
   * @param {(event: TaskEvent) => Promise<void>} tell the page
   * @param {() => Promise<string>} [getToken] of a server, if the jobs are kept there
   */
  async open(host, tell, getToken) {
    this.#host = host;
    this.#tell = (event) => void tell(event);
    this.#worker = `tab:${host.label && `${host.label}:`}${newId().slice(-12)}`;
    this.#local = !getToken;
    this.#store = getToken ? await openServer(host.store, getToken) : await openStore(host.store, { durability: host.durability, onclosed: () => this.#lost() });
    this.#attempts = new TaskAttempts(this.#store, host.leaseMs, this.#tell, () => this.#ring());
  }

  /**
   * Tells the manifest of a task, and runs its jobs from now on.
   *
   * @param {Entry} entry
   * @throws {WherryError} `duplicate_task` when a worker of another kind runs jobs of that name
   */
  async offer(entry) {
    const { name } = entry;
    const value = JSON.stringify(entry);
    const taken = await takenBy(this.#store, name, this.#local);
    if (taken) throw taken;
    const known = (await this.#store.call("read", { kind: "task", prefix: name })).find(({ key }) => key === name);
    if (known?.value !== value) await this.#store.call("write", { writes: [{ kind: "task", key: name, expected: null, value }] });
    if (!this.#host.work) return;
    this.#names.add(name);
    await (this.#working ??= this.#start());
    this.#ring();
  }

  /** Holds the lock, then begins to claim. */
  async #start() {
    await new Promise((granted) => void navigator.locks.request(`wherry:w:${this.#worker}`, () => new Promise(() => granted(undefined))));
    this.#duties = new TaskDuties(this.#store, { ...this.#host, local: this.#local }, this.#worker, {
      vitals: () => ({ tasks: [...this.#names], active: this.#attempts.size, done: this.#done }),
      resumed: () => this.#ring(),
      taken: (name, message) => {
        this.#names.delete(name);
        this.#tell({ type: "taken", name, message });
      },
    });
    await this.#duties.start();
    this.#store.listen(() => {
      this.#attempts.hint();
      this.#ring();
    });
    setInterval(() => this.#attempts.tick(performance.now()), TICK_MS);
    void this.#work();
  }

  // --- claim and settle ----------------------------------------------------------------------------
  async #work() {
    let [waitMs, longestMs] = RETRY_MS;
    while (!this.#over) {
      try {
        await this.#rest(await this.#exchange());
        [waitMs] = RETRY_MS;
      } catch {
        // The store says when it is gone for good (`#lost`).
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        waitMs = Math.min(2 * waitMs, longestMs);
      }
    }
  }

  /** Settles what has ended and claims for the free slots. @returns {Promise<number>} milliseconds to rest, unless something happens */
  async #exchange() {
    this.#rung = false;
    // No settlement overtakes the reports before it.
    await this.#attempts.write();
    const settle = this.#attempts.ended();
    const free = this.#claiming && this.#shown && this.#names.size ? this.#host.concurrency - this.#attempts.size + settle.length : 0;
    if (free > 0) this.#claim ??= this.#request(free);
    const claim = this.#claim;
    if (!settle.length && !claim) return SAFETY_MS;
    const { jobs, next_due_in_ms } = await this.#store.call("exchange", { settle, claim });
    this.#claim = null;
    this.#attempts.settled(settle);
    this.#done += settle.length;
    this.#attempts.claimed(jobs, performance.now());
    if (jobs.length) this.#tell({ type: "run", jobs });
    // Some but not all that was asked for: ask once more, to learn when the next one is due.
    if (jobs.length && claim && jobs.length < claim.limit) return 0;
    return Math.min(SAFETY_MS, Math.max(1, next_due_in_ms ?? SAFETY_MS));
  }

  /** @param {number} limit @returns {ClaimRequest} */
  #request(limit) {
    const token = `${this.#worker}:${newId()}`;
    return { token, worker: this.#worker, namespaces: [""], queues: null, tasks: [...this.#names], limit, lease_ms: this.#host.leaseMs };
  }

  /** @param {number} ms */
  async #rest(ms) {
    if (this.#rung || !ms || this.#over) return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  #ring() {
    this.#rung = true;
    this.#wake();
  }

  /** @param {boolean} shown a page that leaves has handed back what it had, and takes nothing until it is shown again */
  show(shown) {
    this.#shown = shown;
    this.#ring();
  }

  // --- what the page says ------------------------------------------------------------------------------
  /** @param {Report} report */
  report(report) {
    this.#attempts.report(report, performance.now());
  }

  /** Attempts have ended. @param {Settlement[]} settlements */
  finish(settlements) {
    for (const settlement of settlements) this.#attempts.finish(settlement);
    this.#ring();
  }

  // --- the end -------------------------------------------------------------------------------------------
  /** @param {number} drainMs how long running jobs may go on; the rest is handed back uncharged */
  async close(drainMs) {
    this.#claiming = false;
    if (this.#working) {
      await this.#working;
      await this.#attempts.idle(drainMs);
      this.#over = true;
      this.#ring();
      await this.#attempts.write().catch(() => undefined);
      this.#attempts.release();
      const settle = this.#attempts.ended();
      // What cannot be settled goes back when the lock of this worker is free.
      if (settle.length) await this.#store.call("exchange", { settle }).catch(() => undefined);
    }
    await this.#duties?.end();
    await this.#store.close();
  }

  /** The store closed by itself: what runs is another's. */
  #lost() {
    this.#over = true;
    this.#duties?.stop();
    this.#attempts?.lose();
    this.#ring();
  }
}

/**
 * @param {string} url @param {() => Promise<string>} getToken
 * @throws {WherryError} `forbidden`, and what `openRemote` throws
 */
async function openServer(url, getToken) {
  const store = await openRemote({ url, getToken });
  const { scopes } = store.about;
  if (scopes.includes("work")) return store;
  await store.close();
  throw new WherryError("forbidden", `${url}: this token may ${scopes.join(" and ")}, not work: use one with the scope "work" for pages that run tasks.`, { data: { scope: "work", scopes } });
}

/** @typedef {TaskKeeper} TaskKeeperApi */

expose(new TaskKeeper());
