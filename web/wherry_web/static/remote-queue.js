// @ts-check
/** What stands behind a queue that is kept on a server. */

import { WherryError } from "./errors.js";
import { openRemote } from "./remote.js";

/** @import { TaskHost } from "./page-tasks.js" */
/** @import { Backing } from "./queue.js" */
/** @import { RemoteStore } from "./remote.js" */
/** @import { OpenOptions, Status } from "./wherry.js" */

/** @implements {Backing} */
export class Remote {
  /** @type {Set<(status: Status) => void>} */
  #listeners = new Set();

  /** @param {RemoteStore} store @param {TaskHost} taskHost */
  constructor(store, taskHost) {
    this.store = store;
    this.taskHost = taskHost;
    this.bigint = taskHost.bigint;
    const { scopes, capabilities } = store.about;
    const can = ["priority", "limits"].filter((name) => capabilities[name] === true);
    /** What the token may do, and what the server's storage can. */
    this.capabilities = new Set([...scopes, ...can, ...(scopes.includes("work") ? ["tasks"] : [])]);
    this.changed = () => {
      for (const fn of [...this.#listeners]) fn(this.status());
    };
    for (const type of ["online", "offline"]) addEventListener(type, this.changed);
  }

  /** @param {string} url @param {OpenOptions} options */
  static async open(url, options) {
    const { token, getToken = () => token ?? "", bigint = false, work = true, concurrency = 8, lease = 30, name: label = "", signal } = options;
    const leaseMs = Math.round(lease * 1000);
    const host = { store: url, durability: /** @type {const} */ ("relaxed"), work, concurrency, leaseMs, label, bigint, signal, getToken };
    const remote = new Remote(await openRemote({ url, getToken }), host);
    signal?.addEventListener("abort", () => void remote.close());
    return remote;
  }

  /** @returns {Status} */
  status() {
    return { role: "client", python: "off", online: navigator.onLine, isolated: crossOriginIsolated, persisted: false, outdated: false };
  }

  /** @param {string} type @param {(status: Status) => void} fn */
  on(type, fn) {
    if (type === "status") this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  /** The server's workers have told theirs. */
  async announced() {}

  submitted() {}

  async killExecutor() {}

  async close() {
    for (const type of ["online", "offline"]) removeEventListener(type, this.changed);
    await this.store.close();
    return new WherryError("storage_unavailable", `${this.store.url} was closed: open it again.`);
  }
}
