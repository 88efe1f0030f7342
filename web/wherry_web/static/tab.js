// @ts-check
/** The page's end of its keeper: the store that is kept in this browser, and what Python is doing. */

import { wasClosed, WherryError } from "./errors.js";
import { errorOf, factsOf } from "./facts.js";
import { callSafely } from "./follower.js";
import { Listeners } from "./listeners.js";
import { keepStorage, Marker } from "./storage.js";
import { Line } from "./tab-line.js";
import { VERSION } from "./version.js";

/** @import { KeeperEvent, KeeperState, KeeperOptions } from "./keeper.js" */
/** @import { VerbName, Verbs, Store } from "./messages.js" */
/** @import { OpenedStore } from "./page-tasks.js" */
/** @import { ServerPage } from "./server-page.js" */
/** @import { OpenOptions, ServerOptions, Status } from "./wherry.js" */

const LEASE_S = 30;

/** What a store in this browser can do. */
const CAPABILITIES = new Set(["observe", "submit", "work", "operate", "priority", "tasks", "offline"]);

/** @implements {Store} */
export class Tab {
  /** @type {Map<string, Set<(status: Status) => void>>} */
  #listeners = new Map();
  #hinted = new Listeners();
  /** @type {WherryError | undefined} why it is closed */
  #closed;
  /** @type {KeeperState} */
  #state = { role: "follower", python: "off", announced: false, outdated: false };
  #line;
  #storeId = "";
  #left = new AbortController();
  #persisted = false;
  /** @type {WherryError | undefined} the store of the last visit is gone */
  #evicted;
  #marker;
  #asked = false;
  /** @type {ServerPage | undefined} */
  #server;

  /** @param {string} name @param {IDBTransactionDurability} durability @param {OpenOptions} options */
  constructor(name, durability, options) {
    this.store = this;
    this.url = `indexeddb:${name}`;
    this.options = options;
    this.capabilities = CAPABILITIES;
    this.bigint = options.bigint ?? false;
    /** @type {OpenedStore} */
    this.opened = { store: name, durability, options };
    this.#marker = new Marker(name);
    this.#line = new Line(() => ({ name, durability, ...keeperOptions(options) }), (event) => this.#hear(event), () => this.#server?.token);
  }

  /** @param {string} name @param {IDBTransactionDurability} durability @param {OpenOptions} options */
  static async open(name, durability, options) {
    const tab = new Tab(name, durability, options);
    try {
      await tab.#start();
    } catch (error) {
      tab.#line.rest();
      throw error;
    }
    options.signal?.addEventListener("abort", () => void tab.close(0));
    return tab;
  }

  async #start() {
    await this.#serve();
    const { state, storeId } = await this.#line.open();
    this.#storeId = storeId;
    this.#state = state;
    this.#persisted = (await navigator.storage?.persisted?.()) ?? false;
    this.#evicted = this.#marker.check(storeId);
    this.#watchPage();
    void this.#server?.start();
  }

  /** Works for a server too, if the page asked for that. */
  async #serve() {
    const { server } = this.options;
    if (!server || this.options.work === false) return;
    // Loaded only by pages that work for a server.
    const { ServerPage } = await import("./server-page.js");
    this.#server = new ServerPage(server, (conditions) => this.#line.resting || void this.#line.call((keeper) => keeper.learn(conditions)));
  }

  /** What becomes of the page, which its keeper does not see. */
  #watchPage() {
    const { signal } = this.#left;
    const online = () => this.#emit("status");
    for (const type of ["online", "offline"]) addEventListener(type, online, { signal });
    document.addEventListener("visibilitychange", () => this.#line.resting || void this.#line.call((keeper) => keeper.seen(isSeen())), { signal });
    document.addEventListener("freeze", () => this.#line.rest(), { signal });
    addEventListener("pagehide", ({ persisted }) => persisted && this.#line.rest(), { signal });
    document.addEventListener("resume", () => void this.#wake(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && void this.#wake(), { signal });
  }

  /** The page was frozen, or is shown again: what it knew is old. */
  async #wake() {
    if (!this.#line.resting) return this.#line.call((keeper) => keeper.show());
    try {
      const { state, storeId } = await this.#line.open();
      if (storeId !== this.#storeId) return this.#end(new WherryError("evicted", `${this.url}: it was deleted while this page slept: open it again, and submit what is missing.`));
      this.#hear({ type: "state", state });
      this.#hear({ type: "hint" });
      const conditions = this.#server?.conditions();
      if (conditions) await this.#line.call((keeper) => keeper.learn(conditions));
    } catch (error) {
      const { code, message } = factsOf(error);
      this.#end(new WherryError(code === "schema_too_new" ? "reload_needed" : code, message));
    }
    return undefined;
  }

  /** @param {KeeperEvent} event */
  #hear(event) {
    if (event.type === "hint") this.#hinted.call();
    else if (event.type === "boot") callSafely(() => this.options.onboot?.(event.progress));
    else if (event.type === "closed") this.#end(errorOf(event.error));
    else if (event.type === "held") this.#server?.holds(event.settle);
    else if (event.type === "stuck") void this.#wake();
    else {
      const outdated = event.state.outdated && !this.#state.outdated;
      this.#state = event.state;
      if (outdated) this.#emit("update");
      this.#emit("status");
      if (event.state.failure?.code === "reload_needed") this.#emit("update");
    }
  }

  /** The store closed by itself. @param {WherryError} error */
  #end(error) {
    this.#closed = error;
    this.#left.abort();
    this.#line.end(error);
    if (error.code === "evicted") this.#marker.forget();
    this.#emit(error.code === "reload_needed" ? "update" : "evicted");
    this.#emit("status");
  }

  // --- the store ---------------------------------------------------------------------------------
  /**
   * @template {VerbName} N
   * @param {N} name @param {Verbs[N][0]} parameters
   * @returns {Promise<Verbs[N][1]>}
   */
  async call(name, parameters) {
    if (this.#closed) throw this.#closed;
    return this.#line.call((keeper) => /** @type {Promise<any>} */ (keeper.call(name, parameters)));
  }

  /** @param {() => void} callback */
  listen(callback) {
    return this.#hinted.listen(callback);
  }

  /** @param {number} [drainMs] @returns {Promise<any>} */
  async close(drainMs = 0) {
    const closed = wasClosed(this.url);
    if (this.#closed) return closed;
    this.#closed = closed;
    this.#left.abort();
    if (!this.#line.resting) await this.#line.call((keeper) => keeper.close(drainMs));
    this.#server?.stop();
    this.#line.end(closed);
    this.#emit("status");
    return closed;
  }

  // --- what it is doing ----------------------------------------------------------------------------
  /** @returns {Status} */
  status() {
    const { role, python, outdated, failure, full, server } = this.#state;
    const error = this.#closed ? factsOf(this.#closed) : (failure ?? full);
    return {
      role,
      python: this.#closed ? "off" : python,
      online: navigator.onLine,
      isolated: crossOriginIsolated,
      persisted: this.#persisted,
      outdated,
      ...(error && { error }),
      ...(server && { server }),
      ...(this.#evicted && { evicted: factsOf(this.#evicted) }),
    };
  }

  /** @param {string} type @param {(status: Status) => void} fn */
  on(type, fn) {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(fn));
    // What was found at the start happened before anybody could listen.
    const happened = { update: this.#state.failure?.code === "reload_needed", evicted: !!this.#evicted }[type];
    if (happened) queueMicrotask(() => listeners.has(fn) && fn(this.status()));
    return () => void listeners.delete(fn);
  }

  /** @param {string} type */
  #emit(type) {
    for (const fn of [...(this.#listeners.get(type) ?? [])]) fn(this.status());
  }

  /** @returns {Promise<void>} */
  async killExecutor() {
    await this.#line.call((keeper) => keeper.kill());
  }

  /** Resolves once the tasks of this page are in the manifest; rejects when Python could not start. */
  announced = () => new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
    const look = () => {
      const { announced, failure } = this.#state;
      if (announced) settle(resolve);
      else if (this.#closed) settle(() => reject(this.#closed));
      else if (failure && !failure.retryable) settle(() => reject(errorOf(failure)));
    };
    const stop = this.on("status", look);
    /** @param {(value: void) => void} how */
    const settle = (how) => {
      stop();
      how();
    };
    look();
  });

  /** Asks the browser once not to evict what is stored. */
  submitted() {
    if (this.#asked) return;
    this.#asked = true;
    void keepStorage().then((persisted) => {
      this.#persisted = persisted;
      this.#emit("status");
    });
  }
}

/** Phones have memory for two more at most, at 70 to 110 MB each. @param {number} wanted executors */
function mostIsolated(wanted) {
  const { userAgentData, userAgent } = /** @type {{ userAgentData?: { mobile: boolean }, userAgent: string }} */ (/** @type {unknown} */ (navigator));
  return (userAgentData?.mobile ?? /Mobi|Android/i.test(userAgent)) ? Math.min(wanted, 2) : wanted;
}

const isSeen = () => document.visibilityState === "visible";

/** @param {ServerOptions} server @returns {KeeperOptions["server"]} */
function employment({ url, work, concurrency = 2, maxJobs, minBattery = 0.3 }) {
  return { url, work, concurrency, maxJobs: maxJobs ?? null, minBattery };
}

/** @param {OpenOptions} options @returns {Omit<KeeperOptions, "name" | "durability">} */
function keeperOptions({ url, tasks = [], packages = [], assets, work = true, concurrency = 8, isolated = 1, lease = LEASE_S, keep = {}, name: label = "", server }) {
  /** @param {string | URL} address */
  const absolute = (address) => new URL(address, document.baseURI).href;
  return {
    url,
    version: VERSION,
    sources: tasks.flatMap((one) => (typeof one === "string" || one instanceof URL ? [["", absolute(one)]] : Object.entries(one).map(([path, address]) => [path, absolute(address)]))),
    // What looks like an address is one; the rest are names for the package index.
    packages: packages.map((one) => (/\.whl(\?|#|$)/.test(one) ? absolute(one) : one)),
    runtime: new URL(/* @vite-ignore */ "./runtime/", import.meta.url).href,
    assets: assets === undefined ? null : absolute(assets).replace(/\/?$/, "/"),
    work,
    concurrency,
    isolated: mostIsolated(isolated),
    leaseMs: Math.round(lease * 1000),
    keep,
    label,
    visible: isSeen(),
    ...(server && { server: employment(server) }),
  };
}
