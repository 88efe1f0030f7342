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
import { Builds } from "./keeper-builds.js";
import { Calls } from "./keeper-calls.js";
import { Office } from "./keeper-office.js";
import { announce } from "./keeper-rows.js";
import { expose } from "./link.js";
import { whyNotRun } from "./loading.js";
import { requireSame } from "./version.js";

/** @import { Environment } from "./environment.js" */
/** @import { WherryError } from "./errors.js" */
/** @import { Facts } from "./facts.js" */
/** @import { IndexedDBStore } from "./idb.js" */
/** @import { Leader } from "./keeper-leader.js" */
/** @import { Settlement, VerbName, Verbs } from "./messages.js" */
/** @import { Conditions } from "./server-rules.js" */
/** @import { ServerOptions, ServerWork } from "./server-work.js" */
/** @import { BootProgress, OpenOptions, ServerStatus } from "./wherry.js" */

/**
 * @typedef {object} KeeperOptions
 * @property {string} version of the page's wherry
 * @property {string} url of the store, with its options
 * @property {string} name of the store
 * @property {IDBTransactionDurability} durability
 * @property {string[][]} sources path ("": from the address) and address of each task module
 * @property {string[]} packages
 * @property {string} runtime address of the folder beside wherry.js
 * @property {string | null} assets address of a built site to take it from instead
 * @property {boolean} work
 * @property {number} concurrency
 * @property {number} isolated executors for the tasks with `isolation="worker"`, at most
 * @property {number} leaseMs
 * @property {NonNullable<OpenOptions["keep"]>} keep
 * @property {string} label part of the workers' names
 * @property {boolean} visible the page is seen
 * @property {ServerOptions} [server] whose jobs are run here too
 */
/** @typedef {"off" | "booting" | "ready" | "blocked" | "failed"} PythonState of the leader's Python, wherever that is */
/**
 * `announced`: the manifest has this environment's tasks; `outdated`: a newer build of the app does the work; `full`: the disk is.
 * @typedef {{ role: "leader" | "follower", python: PythonState, announced: boolean, outdated: boolean, failure?: Facts, full?: Facts, server?: ServerStatus }} KeeperState
 */
/**
 * @typedef {{ type: "hint" } | { type: "state", state: KeeperState } | { type: "boot", progress: BootProgress }
 *   | { type: "closed", error: Facts } | { type: "held", settle: Settlement[] }} Told what the keeper tells the page
 * @typedef {Told | { type: "stuck" }} KeeperEvent what the page hears of it
 */

/** Tries again after a network failure. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

class Keeper {
  /** @type {KeeperState} */
  #state = { role: "follower", python: "off", announced: true, outdated: false };
  #environment = "";
  #closing = new AbortController();
  #visible = true;
  #hiddenMs = 0;
  /** @type {IndexedDBStore} */
  // @ts-expect-error set by `open`, which comes first
  #store;
  /** @type {BroadcastChannel} */
  // @ts-expect-error set by `open`, which comes first
  #channel;
  /** @type {Calls} */
  // @ts-expect-error set by `open`, which comes first
  #calls;
  /** @type {Builds} */
  // @ts-expect-error set by `open`, which comes first
  #builds;
  /** @type {Office | undefined} */
  #office;
  /** @type {Leader | undefined} */
  #leader;
  /** @type {(event: KeeperEvent) => Promise<void> | void} */
  #tell = () => undefined;
  /** @type {ServerWork | undefined} */
  #serverWork;
  /** Jobs of the server that this page took while it led before. */
  #taken = 0;
  /** @type {() => Promise<string>} */
  #getToken = async () => "";
  /** @type {Conditions | undefined} */
  #conditions;

  /**
   * @param {KeeperOptions} options
   * @param {(event: KeeperEvent) => Promise<void>} tell the page
   * @param {() => Promise<string>} [getToken] for the server
   * @returns {Promise<Opened>}
   */
  async open(options, tell, getToken) {
    requireSame(options.version, "keeper");
    this.#tell = tell;
    this.#getToken = getToken ?? this.#getToken;
    this.seen(options.visible);
    const gathering = options.sources.length ? this.#gather(options) : undefined;
    this.#store = await openStore(options.name, { durability: options.durability, onclosed: (error) => this.#lost(error) });
    this.#store.listen(atOnce(() => this.#hint()));
    this.#channel = new BroadcastChannel(`wherry:${options.name}`);
    this.#calls = new Calls(this.#channel, (of) => this.#stands(of));
    this.#builds = new Builds(this.#calls, (change) => this.#become(change, this.#environment));
    if (gathering) {
      this.#state = { ...this.#state, announced: false };
      this.#join(options, gathering).catch((error) => this.#closing.signal.aborted || this.#become({ python: "failed", failure: factsOf(error) }));
    }
    return { state: this.#state, storeId: (await this.#store.ready()).store_id };
  }

  /** @template {VerbName} N @param {N} name @param {Verbs[N][0]} parameters */
  call(name, parameters) {
    return this.#store.call(name, parameters);
  }

  /** @param {number} drainMs how long running jobs may go on */
  async close(drainMs) {
    await Promise.all([this.#leader?.close(drainMs), this.#serverWork?.close(drainMs)]);
    this.#closing.abort();
    void this.#office?.leave();
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
    void this.#office?.leave();
    void this.#tell({ type: "closed", error: factsOf(error) });
  }

  #hint() {
    this.#leader?.hint();
    void this.#office?.look();
    return this.#tell({ type: "hint" });
  }

  // --- the page ------------------------------------------------------------------------------------
  /** Whether people see the page. @param {boolean} visible */
  seen(visible) {
    this.#visible = visible;
    this.#hiddenMs = performance.now();
    if (visible) void this.#office?.look();
  }

  /** It may have been frozen for long: what it knew is old, and others may have taken its office. */
  async show() {
    // Fails, and tells the page, when the store was deleted or upgraded meanwhile.
    const known = await this.#store.call("read", { kind: "environment" }).catch(() => undefined);
    if (!known || this.#closing.signal.aborted) return;
    if (await this.#office?.lost()) await this.#leader?.close(0);
    this.#leader?.renew();
    if (this.#office) void this.#office.stand();
    await this.#hint();
  }

  // --- the environment and its leader -----------------------------------------------------------
  /** @param {KeeperOptions} options @param {Promise<Environment | undefined>} gathering */
  async #join(options, gathering) {
    const environment = await gathering;
    if (!environment) return;
    const { hash } = environment;
    this.#environment = hash;
    this.#channel.addEventListener("message", ({ data }) => this.#overheard(data, hash));
    this.#hello();
    const [known] = await this.#store.call("read", { kind: "environment", prefix: hash });
    if (known) this.#become({ announced: true });
    if (!options.work || this.#closing.signal.aborted) return;
    this.#office = new Office({
      lock: officeOf(options.name, hash),
      hash,
      calls: this.#calls,
      visible: () => this.#visible,
      lead: () => this.#lead(environment, options),
      resign: async () => this.#leader?.close(0),
    });
    const minding = setInterval(() => void this.#mind(options.leaseMs), options.leaseMs / 3);
    this.#closing.signal.addEventListener("abort", () => clearInterval(minding));
    await this.#office.stand();
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

  /** Holds the office until it resigns. @param {Environment} environment @param {KeeperOptions} options */
  async #lead(environment, options) {
    const { hash } = environment;
    const found = await this.#leaders();
    if (!found || !this.#office?.holds) return;
    this.#leader = new found.Leader({
      store: this.#store,
      calls: this.#calls,
      environment,
      options,
      booted: (progress) => void this.#tell({ type: "boot", progress }),
      changed: (change) => {
        this.#become({ role: "leader", ...change }, hash);
        // After the tab's own Python, which people wait for.
        if (change.python === "ready") void this.#serve(environment, options);
      },
      announce: () => announce(this.#store, hash),
    });
    this.#hello();
    await this.#leader.lead();
    this.#leader = undefined;
    this.#builds.resigned();
    await this.#serverWork?.close(0);
    this.#taken = this.#serverWork?.taken ?? this.#taken;
    this.#serverWork = undefined;
    if (this.#closing.signal.aborted) return;
    this.#become({ role: "follower", python: "off", outdated: false, full: undefined, server: undefined });
    this.#hello();
  }

  /** Only tabs that lead load what that takes. */
  async #leaders() {
    try {
      return await import("./keeper-leader.js");
    } catch (error) {
      this.#become({ python: "failed", failure: factsOf(await whyNotRun("./keeper-leader.js", error)) });
      // Another tab may have it.
      await new Promise((resolve) => setTimeout(resolve, FIRST_RETRY_MS));
      return undefined;
    }
  }

  /** Runs the jobs of a server too, if this tab was asked to. @param {Environment} environment @param {KeeperOptions} options */
  async #serve(environment, options) {
    const { server } = options;
    if (!server || this.#serverWork) return;
    const { ServerWork } = await import("./server-work.js");
    if (this.#serverWork || !this.#leader || this.#closing.signal.aborted) return;
    this.#serverWork = new ServerWork({
      environment,
      options,
      server,
      taken: this.#taken,
      getToken: this.#getToken,
      held: (settle) => void this.#tell({ type: "held", settle }),
      changed: (status) => this.#become({ server: status }, environment.hash),
    });
    if (this.#conditions) this.#serverWork.learn(this.#conditions);
    this.#serverWork.begin();
  }

  /** What is to be done now and then. @param {number} leaseMs */
  async #mind(leaseMs) {
    const leader = this.#leader;
    if (!leader) return this.#office?.look();
    await leader.mind();
    await this.#builds.mind(leader);
    // Browsers slow down, freeze and discard pages that nobody sees.
    if (this.#visible || !leader.idle || this.#serverWork?.active || performance.now() - this.#hiddenMs < leaseMs) return undefined;
    if (await this.#calls.answers(`visible:${this.#environment}`)) await leader.close(0);
    return undefined;
  }

  /** @param {Partial<KeeperState>} change @param {string} [hash] given by the leader, who tells the other tabs */
  #become(change, hash) {
    const { failure: _, ...state } = this.#state;
    this.#state = { ...(change.python ? state : this.#state), ...change };
    void this.#tell({ type: "state", state: this.#state });
    if (hash) this.#broadcast(hash);
  }

  // --- other keepers -------------------------------------------------------------------------------
  /** Whether it answers for something that another keeper asks for. @param {string} of */
  #stands(of) {
    const [what, name] = [of.slice(0, of.indexOf(":")), of.slice(of.indexOf(":") + 1)];
    if (what === "worker") return this.#leader?.has(name) ?? false;
    if (name !== this.#environment || !this.#office) return false;
    return what === "leader" ? this.#office.holds : this.#visible && !this.#office.holds;
  }

  /** Asks those who lead to say so. */
  #hello() {
    this.#channel.postMessage({ type: "hello", environment: this.#environment, loadedMs: this.#builds.loadedMs });
  }

  /** @param {string} environment */
  #broadcast(environment) {
    const { python, announced, failure, full, outdated, server } = this.#state;
    if (this.#closing.signal.aborted) return;
    const state = { python, announced, failure, full, outdated, server };
    const { worker, tasks } = this.#leader ?? {};
    this.#channel.postMessage({ type: "leader", environment, worker, tasks, loadedMs: this.#builds.loadedMs, state });
  }

  /** @param {any} data of another keeper @param {string} hash */
  #overheard(data, hash) {
    const { type, environment, worker, state } = data;
    const leader = this.#leader;
    if (leader && worker) leader.watch(worker);
    if (leader && type === "hello") this.#broadcast(hash);
    if (environment !== hash) return type === "leader" && leader && this.#builds.meet(leader, data);
    if (type === "hello") this.#builds.welcome(data.loadedMs);
    if (leader && type === "kill") leader.kill();
    if (!leader && type === "leader") this.#become(state);
    return undefined;
  }
}

/** Name of the Web Lock whose holder leads. @param {string} store @param {string} hash of the environment */
function officeOf(store, hash) {
  return `wherry:leader:${store}:${hash}`;
}

/** @typedef {Keeper} KeeperApi */
/** @typedef {{ state: KeeperState, storeId: string }} Opened */

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
