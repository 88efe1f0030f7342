// @ts-check
/**
 * The keeper: one dedicated worker per tab, JavaScript only, so that it goes on while Python computes.
 *
 * It carries out the verbs of its page, and stands for the office of the leader: the one tab of an
 * environment that runs Python, in workers nested in its keeper.
 */

import { gather } from "./environment.js";
import { factsOf } from "./facts.js";
import { openStore } from "./idb.js";
import { Leader } from "./keeper-leader.js";
import { expose } from "./link.js";

/** @import { Environment } from "./environment.js" */
/** @import { WherryError } from "./errors.js" */
/** @import { Facts } from "./facts.js" */
/** @import { IndexedDBStore } from "./idb.js" */
/** @import { Settlement, VerbName, Verbs } from "./messages.js" */
/** @import { Conditions } from "./server-rules.js" */
/** @import { ServerOptions, ServerWork } from "./server-work.js" */
/** @import { BootProgress, ServerStatus } from "./wherry.js" */

/**
 * @typedef {object} KeeperOptions
 * @property {string} url of the store, with its options
 * @property {string} name of the store
 * @property {IDBTransactionDurability} durability
 * @property {string[][]} sources path ("": from the address) and address of each task module
 * @property {string[]} packages
 * @property {string} runtime address of the folder beside wherry.js
 * @property {string | null} assets address of a built site to take it from instead
 * @property {boolean} work
 * @property {number} concurrency
 * @property {number} leaseMs
 * @property {string} label part of the workers' names
 * @property {ServerOptions} [server] whose jobs are run here too
 */
/** @typedef {"off" | "booting" | "ready" | "blocked" | "failed"} PythonState of the leader's Python, wherever that is */
/** @typedef {{ role: "leader" | "follower", python: PythonState, announced: boolean, failure?: Facts, server?: ServerStatus }} KeeperState `announced`: the manifest has this environment's tasks */
/**
 * @typedef {{ type: "hint" } | { type: "state", state: KeeperState } | { type: "boot", progress: BootProgress }
 *   | { type: "closed", error: Facts } | { type: "held", settle: Settlement[] }} KeeperEvent
 */

/** Tries again after a network failure. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/** Stays in the manifest's record of environments after its last start. */
const FORGET_MS = 30 * 24 * 3600_000;

class Keeper {
  /** @type {KeeperState} */
  #state = { role: "follower", python: "off", announced: true };
  #environment = "";
  #closing = new AbortController();
  /** @type {IndexedDBStore} */
  // @ts-expect-error set by `open`, which comes first
  #store;
  /** @type {BroadcastChannel} */
  // @ts-expect-error set by `open`, which comes first
  #channel;
  /** @type {Leader | undefined} */
  #leader;
  /** @type {(event: KeeperEvent) => Promise<void> | void} */
  #tell = () => undefined;
  /** @type {ServerWork | undefined} */
  #serverWork;
  /** @type {() => Promise<string>} */
  #getToken = async () => "";
  /** @type {Conditions | undefined} */
  #conditions;

  /**
   * @param {KeeperOptions} options
   * @param {(event: KeeperEvent) => Promise<void>} tell the page
   * @param {() => Promise<string>} [getToken] for the server
   * @returns {Promise<KeeperState>}
   */
  async open(options, tell, getToken) {
    this.#tell = tell;
    this.#getToken = getToken ?? this.#getToken;
    const gathering = options.sources.length ? this.#gather(options) : undefined;
    this.#store = await openStore(options.name, { durability: options.durability, onclosed: (error) => this.#lost(error) });
    this.#store.listen(atOnce(() => this.#tell({ type: "hint" })));
    this.#channel = new BroadcastChannel(`wherry:${options.name}`);
    if (gathering) {
      this.#state = { ...this.#state, announced: false };
      this.#join(options, gathering).catch((error) => this.#closing.signal.aborted || this.#become({ python: "failed", failure: factsOf(error) }));
    }
    return this.#state;
  }

  /** @template {VerbName} N @param {N} name @param {Verbs[N][0]} parameters */
  call(name, parameters) {
    return this.#store.call(name, parameters);
  }

  /** @param {number} drainMs how long running jobs may go on */
  async close(drainMs) {
    await Promise.all([this.#leader?.close(drainMs), this.#serverWork?.close(drainMs)]);
    this.#closing.abort();
    this.#channel.close();
    await this.#store.close();
  }

  /** Ends the executor as a crash would, wherever it runs. */
  kill() {
    if (this.#leader) this.#leader.kill();
    else this.#channel.postMessage({ type: "kill", environment: this.#environment });
  }

  /** The device's state, for those who work for a server. @param {Conditions} conditions */
  learn(conditions) {
    this.#conditions = conditions;
    this.#serverWork?.learn(conditions);
  }

  /** The store closed by itself. @param {WherryError} error */
  #lost(error) {
    this.#closing.abort();
    this.#leader?.abandon();
    void this.#serverWork?.close(0);
    void this.#tell({ type: "closed", error: factsOf(error) });
  }

  // --- the environment and its leader -----------------------------------------------------------
  /** @param {KeeperOptions} options @param {Promise<Environment | undefined>} gathering */
  async #join(options, gathering) {
    const environment = await gathering;
    if (!environment) return;
    const { hash } = environment;
    this.#environment = hash;
    this.#channel.addEventListener("message", ({ data }) => this.#overheard(data, hash));
    this.#channel.postMessage({ type: "hello", environment: hash });
    const [known] = await this.#store.call("read", { kind: "environment", prefix: hash });
    if (known) this.#become({ announced: true });
    if (!options.work) return;
    const office = `wherry:leader:${options.name}:${hash}`;
    await navigator.locks.request(office, { signal: this.#closing.signal }, () => this.#lead(environment, options));
  }

  /** @param {KeeperOptions} options @returns {Promise<Environment | undefined>} */
  async #gather(options) {
    for (let waitMs = FIRST_RETRY_MS; !this.#closing.signal.aborted; waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)) {
      try {
        return await gather(options);
      } catch (error) {
        const failure = factsOf(error);
        this.#become({ python: "failed", failure });
        if (!failure.retryable) return undefined;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
    return undefined;
  }

  /** Holds the office until the tab closes. @param {Environment} environment @param {KeeperOptions} options */
  async #lead(environment, options) {
    this.#leader = new Leader({
      store: this.#store,
      environment,
      options,
      booted: (progress) => void this.#tell({ type: "boot", progress }),
      changed: (change) => {
        this.#become({ role: "leader", ...change }, environment.hash);
        // After the tab's own Python, which people wait for.
        if (change.python === "ready") void this.#serve(environment, options);
      },
      announce: () => this.#announce(environment.hash),
    });
    await this.#leader.lead();
  }

  /** Runs the jobs of a server too, if this tab was asked to. @param {Environment} environment @param {KeeperOptions} options */
  async #serve(environment, options) {
    const { server } = options;
    if (!server || this.#serverWork) return;
    const { ServerWork } = await import("./server-work.js");
    if (this.#serverWork || this.#closing.signal.aborted) return;
    this.#serverWork = new ServerWork({
      environment,
      options,
      server,
      getToken: this.#getToken,
      held: (settle) => void this.#tell({ type: "held", settle }),
      changed: (status) => this.#become({ server: status }, environment.hash),
    });
    if (this.#conditions) this.#serverWork.learn(this.#conditions);
    this.#serverWork.begin();
  }

  /**
   * Those who wait with a submit look at the manifest again, and tabs opened later know that they need not wait.
   *
   * @param {string} hash
   */
  async #announce(hash) {
    const value = JSON.stringify({ at_ms: Date.now() });
    const old = (await this.#store.call("read", { kind: "environment" })).filter((record) => JSON.parse(record.value).at_ms < Date.now() - FORGET_MS);
    const forget = old.map(({ key }) => ({ kind: "environment", key, expected: null, value: null }));
    await this.#store.call("write", { writes: [...forget, { kind: "environment", key: hash, expected: null, value }] });
  }

  /** @param {Partial<KeeperState>} change @param {string} [hash] given by the leader, who tells the other tabs */
  #become(change, hash) {
    const { failure: _, ...state } = this.#state;
    this.#state = { ...(change.python ? state : this.#state), ...change };
    void this.#tell({ type: "state", state: this.#state });
    if (hash) this.#broadcast(hash);
  }

  /** @param {string} environment */
  #broadcast(environment) {
    const { python, announced, failure, server } = this.#state;
    if (this.#closing.signal.aborted) return;
    this.#channel.postMessage({ type: "leader", environment, worker: this.#leader?.worker, state: { python, announced, failure, server } });
  }

  /** @param {any} data of another keeper @param {string} hash */
  #overheard({ type, environment, worker, state }, hash) {
    if (this.#leader && type === "leader" && worker) this.#leader.watch(worker);
    if (environment !== hash) return;
    if (this.#leader && type === "hello") this.#broadcast(hash);
    if (this.#leader && type === "kill") this.#leader.kill();
    if (!this.#leader && type === "leader") this.#become(state);
  }
}

/** @typedef {Keeper} KeeperApi */

/**
 * A callback that is not called again while its last call is under way; calls meanwhile are joined into one.
 *
 * @param {() => Promise<void> | void} call
 */
function atOnce(call) {
  let wanted = false;
  let running = false;
  return async () => {
    wanted = true;
    if (running) return;
    for (running = true; wanted; ) {
      wanted = false;
      await call();
    }
    running = false;
  };
}

expose(new Keeper());
