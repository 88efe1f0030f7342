// @ts-check
/** The page's end of its keeper: the store that is kept in this browser, and what Python is doing. */

import { WherryError } from "./errors.js";
import { errorOf } from "./facts.js";
import { callSafely } from "./follower.js";
import { proxy, wrap } from "./link.js";
import { whyNotRun } from "./loading.js";

/** @import { Remote } from "./vendor/comlink.min.mjs" */
/** @import { KeeperApi, KeeperEvent, KeeperState, KeeperOptions } from "./keeper.js" */
/** @import { VerbName, Verbs, Store } from "./messages.js" */
/** @import { TaskHost } from "./page-tasks.js" */
/** @import { ServerPage } from "./server-page.js" */
/** @import { OpenOptions, ServerOptions, Status } from "./wherry.js" */

const LEASE_S = 30;

/** What a store in this browser can do. */
const CAPABILITIES = new Set(["observe", "submit", "work", "operate", "priority", "tasks", "offline"]);

/** @implements {Store} */
export class Tab {
  /** @type {Map<string, Set<(status: Status) => void>>} */
  #listeners = new Map();
  /** @type {Set<() => void>} */
  #hinted = new Set();
  /** @type {WherryError | undefined} why it is closed */
  #closed;
  /** @type {KeeperState} */
  #state = { role: "follower", python: "off", announced: false };
  /** @type {Remote<KeeperApi>} */
  #keeper;
  #worker;
  #persisted = false;
  #asked = false;
  /** @type {ServerPage | undefined} */
  #server;

  /** @param {string} name @param {OpenOptions} options */
  constructor(name, options) {
    this.store = this;
    this.url = `indexeddb:${name}`;
    this.options = options;
    this.capabilities = CAPABILITIES;
    this.bigint = options.bigint ?? false;
    /** @type {TaskHost | undefined} */
    this.taskHost = undefined;
    this.announced = this.announced.bind(this);
    this.#worker = new Worker(new URL("./keeper.js", import.meta.url), { type: "module", name: "wherry-keeper" });
    this.#keeper = wrap(this.#worker);
    this.online = () => this.#emit("status");
  }

  /** @param {string} name @param {IDBTransactionDurability} durability @param {OpenOptions} options */
  static async open(name, durability, options) {
    const tab = new Tab(name, options);
    try {
      await tab.#start(name, durability);
      tab.taskHost = taskHostOf(name, durability, options);
    } catch (error) {
      tab.#worker.terminate();
      throw error;
    }
    options.signal?.addEventListener("abort", () => void tab.close(0));
    return tab;
  }

  /** @param {string} name @param {IDBTransactionDurability} durability */
  async #start(name, durability) {
    const broken = new Promise((_, reject) => {
      this.#worker.onerror = (event) => void whyNotRun("./keeper.js", event.message || "no reason given").then(reject);
    });
    broken.catch(() => undefined);
    const hear = proxy(async (/** @type {KeeperEvent} */ event) => this.#hear(event));
    const getToken = await this.#serverToken();
    const opening = this.#keeper.open({ name, durability, ...keeperOptions(this.options) }, hear, getToken);
    this.#state = await Promise.race([opening, /** @type {Promise<never>} */ (broken)]);
    this.#persisted = (await navigator.storage?.persisted?.()) ?? false;
    for (const type of ["online", "offline"]) addEventListener(type, this.online);
    void this.#server?.start();
  }

  /** What the keeper asks for a token, when this tab works for a server. */
  async #serverToken() {
    const { server } = this.options;
    if (!server || this.options.work === false) return undefined;
    // Loaded only by pages that work for a server.
    const { ServerPage } = await import("./server-page.js");
    this.#server = new ServerPage(server, (conditions) => void this.#keeper.learn(conditions));
    return proxy(this.#server.token);
  }

  /** @param {KeeperEvent} event */
  #hear(event) {
    if (event.type === "hint") for (const callback of [...this.#hinted]) callback();
    else if (event.type === "boot") callSafely(() => this.options.onboot?.(event.progress));
    else if (event.type === "closed") this.#end(errorOf(event.error));
    else if (event.type === "held") this.#server?.holds(event.settle);
    else {
      this.#state = event.state;
      this.#emit("status");
    }
  }

  /** The store closed by itself. @param {WherryError} error */
  #end(error) {
    this.#closed = error;
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
    return /** @type {any} */ (await this.#keeper.call(name, parameters));
  }

  /** @param {string} name @param {string} text */
  async verb(name, text) {
    return JSON.stringify(await this.call(/** @type {VerbName} */ (name), JSON.parse(text)));
  }

  /** @param {() => void} callback */
  listen(callback) {
    const own = () => callback();
    this.#hinted.add(own);
    queueMicrotask(() => this.#hinted.has(own) && own());
    return () => void this.#hinted.delete(own);
  }

  /** @param {number} [drainMs] @returns {Promise<any>} */
  async close(drainMs = 0) {
    const closed = new WherryError("storage_unavailable", `${this.url} was closed: open it again.`);
    if (this.#closed) return closed;
    this.#closed = closed;
    for (const type of ["online", "offline"]) removeEventListener(type, this.online);
    await this.#keeper.close(drainMs);
    this.#server?.stop();
    this.#worker.terminate();
    this.#emit("status");
    return closed;
  }

  // --- what it is doing ----------------------------------------------------------------------------
  /** @returns {Status} */
  status() {
    const { role, python, failure, server } = this.#state;
    return {
      role,
      python: this.#closed ? "off" : python,
      online: navigator.onLine,
      isolated: crossOriginIsolated,
      persisted: this.#persisted,
      ...(failure && { error: failure }),
      ...(server && { server }),
    };
  }

  /** @param {string} type @param {(status: Status) => void} fn */
  on(type, fn) {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(fn));
    return () => void listeners.delete(fn);
  }

  /** @param {string} type */
  #emit(type) {
    for (const fn of [...(this.#listeners.get(type) ?? [])]) fn(this.status());
  }

  /** @returns {Promise<void>} */
  async killExecutor() {
    await this.#keeper.kill();
  }

  /** Resolves once the tasks of this page are in the manifest; rejects when Python could not start. */
  announced() {
    return new Promise((resolve, reject) => {
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
  }

  /** Asks the browser once not to evict what is stored. */
  submitted() {
    if (this.#asked) return;
    this.#asked = true;
    navigator.storage?.persist?.().then((persisted) => {
      this.#persisted = persisted;
      this.#emit("status");
    });
  }
}

/** @param {string} store @param {IDBTransactionDurability} durability @param {OpenOptions} options @returns {TaskHost} */
function taskHostOf(store, durability, { work = true, concurrency = 8, lease = LEASE_S, name: label = "", bigint = false, signal }) {
  return { store, durability, work, concurrency, leaseMs: Math.round(lease * 1000), label, bigint, signal };
}

/** @param {ServerOptions} server @returns {KeeperOptions["server"]} */
function employment({ url, work, concurrency = 2, maxJobs, minBattery = 0.3 }) {
  return { url, work, concurrency, maxJobs: maxJobs ?? null, minBattery };
}

/** @param {OpenOptions} options @returns {Omit<KeeperOptions, "name" | "durability">} */
function keeperOptions({ url, tasks = [], packages = [], assets, work = true, concurrency = 8, lease = LEASE_S, name: label = "", server }) {
  /** @param {string | URL} address */
  const absolute = (address) => new URL(address, document.baseURI).href;
  return {
    url,
    sources: tasks.flatMap((one) => (typeof one === "string" || one instanceof URL ? [["", absolute(one)]] : Object.entries(one).map(([path, address]) => [path, absolute(address)]))),
    // What looks like an address is one; the rest are names for the package index.
    packages: packages.map((one) => (/\.whl(\?|#|$)/.test(one) ? absolute(one) : one)),
    runtime: new URL(/* @vite-ignore */ "./runtime/", import.meta.url).href,
    assets: assets === undefined ? null : absolute(assets).replace(/\/?$/, "/"),
    work,
    concurrency,
    leaseMs: Math.round(lease * 1000),
    label,
    ...(server && { server: employment(server) }),
  };
}
