// @ts-check
/**
 * The tab as a worker of a server: a Python of its own in the leading tab runs the server's jobs.
 *
 * Of its own, so that a job of the server that blocks does not hold up the tab's.  Leases, timeouts and
 * cancels are the keeper's business as for the tab's own jobs; only the store is another.
 */

import { WherryError } from "./errors.js";
import { factsOf } from "./facts.js";
import { interrupted } from "./keeper-decisions.js";
import { Executor } from "./keeper-executor.js";
import { handBack } from "./keeper-rows.js";
import { meet, RemoteStore } from "./remote.js";
import { pause } from "./remote-http.js";
import { UNKNOWN, whyRest } from "./server-rules.js";
import { ServerStore } from "./server-store.js";

/** @import { Environment } from "./environment.js" */
/** @import { Facts } from "./facts.js" */
/** @import { KeeperOptions } from "./keeper.js" */
/** @import { JobRow, Settlement } from "./messages.js" */
/** @import { Conditions } from "./server-rules.js" */
/** @import { ServerStatus } from "./wherry.js" */

/**
 * @typedef {object} ServerOptions as `server` of open(), checked and complete
 * @property {string} url
 * @property {string[]} work queues, or `*`
 * @property {number} concurrency
 * @property {number | null} maxJobs
 * @property {number} minBattery
 */
/**
 * @typedef {object} Employer
 * @property {Environment} environment
 * @property {KeeperOptions} options
 * @property {ServerOptions} server
 * @property {number} taken jobs that this page took before
 * @property {() => Promise<string>} getToken
 * @property {(settle: Settlement[]) => void} held told how to hand back what runs here, after each change
 * @property {(status: ServerStatus) => void} changed
 */

/** Between tries to meet the server, or to start Python again. */
const RETRY_MS = [1_000, 30_000];

/** After a refusal that only another token or address ends. */
const REFUSED_MS = 60_000;

/** One that lived for so long starts again at once. */
const LONG_LIFE_MS = 10_000;

export class ServerWork {
  #employer;
  #remote;
  #store;
  /** @type {Conditions} */
  #conditions = UNKNOWN;
  /** @type {Executor | undefined} */
  #executor;
  #closing = new AbortController();
  #waking = new AbortController();
  #begun = false;
  /** @type {Promise<void> | undefined} */
  #end;
  /** @type {ServerStatus["state"]} */
  #state = "connecting";
  /** @type {Facts | undefined} */
  #error;
  /** Jobs that run here. */
  active = 0;

  /** @param {Employer} employer */
  constructor(employer) {
    const { server, taken, getToken } = employer;
    this.#employer = employer;
    this.#remote = new RemoteStore({ url: server.url, getToken });
    this.#store = new ServerStore(this.#remote, {
      limits: server,
      taken,
      conditions: () => this.#conditions,
      booked: (book) => this.#booked(book),
      refused: (error) => this.#executor?.end(factsOf(error)),
    });
  }

  /** Jobs that this page took so far. */
  get taken() {
    return this.#store.taken;
  }

  /** Meets the server and works for it until closed; called again it does nothing. */
  begin() {
    if (this.#begun) return;
    this.#begun = true;
    void this.#work();
  }

  /** @param {Conditions} conditions of the device, as the page sees them */
  learn(conditions) {
    const back = conditions.online && !this.#conditions.online;
    this.#conditions = conditions;
    if (back) this.#waking.abort();
    this.#store.look();
    this.#tell();
  }

  /**
   * Called again it waits for the same end: what is handed back must leave before the connection is closed.
   *
   * @param {number} drainMs how long running jobs may go on; the rest is handed back
   */
  close(drainMs) {
    this.#end ??= this.#close(drainMs);
    return this.#end;
  }

  /** @param {number} drainMs */
  async #close(drainMs) {
    this.#closing.abort();
    this.#waking.abort();
    await this.#executor?.close(drainMs);
    await this.#remote.close();
  }

  async #work() {
    for (let waitMs = RETRY_MS[0]; !this.#closing.signal.aborted; ) {
      const startedMs = performance.now();
      const failure = await this.#serve().catch(factsOf);
      if (performance.now() - startedMs >= LONG_LIFE_MS) waitMs = RETRY_MS[0];
      if (!failure || this.#closing.signal.aborted) continue;
      this.#become("failed", failure);
      await this.#rest(failure.retryable || failure.code === "executor_crashed" ? waitMs : REFUSED_MS);
      waitMs = Math.min(2 * waitMs, RETRY_MS[1]);
    }
  }

  /** Until the device comes online again, at most so long. @param {number} waitMs */
  async #rest(waitMs) {
    this.#waking = new AbortController();
    await pause(waitMs, this.#waking.signal);
  }

  /** One meeting, one executor. @returns {Promise<Facts | undefined>} why it ended, unless it was replaced on purpose */
  async #serve() {
    this.#become("connecting");
    const { scopes, store_id, capabilities } = await meet(this.#remote);
    if (!scopes.includes("work")) throw mayNotWork(this.#remote.url, scopes);
    const facts = { url: this.#remote.url, store_id, capabilities, queues: this.#employer.server.work };
    const failure = await this.#run(facts);
    this.#executor = undefined;
    return failure;
  }

  /** @param {object} facts of the server, for Python @returns {Promise<Facts | undefined>} */
  #run(facts) {
    const { environment, options, server } = this.#employer;
    return new Promise((resolve) => {
      if (this.#closing.signal.aborted) return resolve(undefined);
      const executor = new Executor({
        store: this.#store,
        server: facts,
        isolated: false,
        environment,
        // What becomes of the server's finished jobs is its own affair.
        options: { ...options, keep: {}, concurrency: server.concurrency },
        booted: () => undefined,
        ready: () => this.#become("working"),
        blocked: () => undefined,
        full: () => undefined,
        ended: (_, failure) => void this.#after(executor.name).then(() => resolve(failure)),
      });
      this.#executor = executor;
    });
  }

  /** Hands back what an executor left behind when it ended. @param {string} worker */
  async #after(worker) {
    await handBack(this.#store, worker).catch(() => undefined);
    this.#store.forget();
  }

  // --- what the page hears ----------------------------------------------------------------------------
  /** @param {JobRow[]} book */
  #booked(book) {
    this.active = book.length;
    this.#employer.held(book.map(interrupted));
    this.#tell();
  }

  /** @param {ServerStatus["state"]} state @param {Facts} [error] */
  #become(state, error) {
    this.#state = state;
    this.#error = error;
    this.#tell();
  }

  #tell() {
    const { taken, done } = this.#store;
    const reason = this.#state === "working" ? whyRest(this.#conditions, this.#employer.server, taken) : undefined;
    this.#employer.changed({
      state: reason ? "resting" : this.#state,
      active: this.active,
      done,
      ...(reason && { reason }),
      ...(this.#error && { error: this.#error }),
    });
  }
}

/** @param {string} url @param {string[]} scopes */
function mayNotWork(url, scopes) {
  const message = `${url}: this token may ${scopes.join(" and ")}, not work: give open() one with the scope "work" in \`server\`.`;
  return new WherryError("forbidden", message, { data: { scope: "work", scopes } });
}
