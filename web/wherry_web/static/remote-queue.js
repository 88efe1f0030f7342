// @ts-check
/** What stands behind a queue that is kept on a server. */

import { wasClosed } from "./errors.js";
import { openRemote } from "./remote.js";

/** @import { OpenedStore } from "./page-tasks.js" */
/** @import { Backing } from "./queue.js" */
/** @import { RemoteStore } from "./remote.js" */
/** @import { OpenOptions, Status } from "./wherry.js" */

/** @implements {Backing} */
export class Remote {
  /** @type {Set<(status: Status) => void>} */
  #listeners = new Set();

  /** @param {RemoteStore} store @param {OpenedStore} opened */
  constructor(store, opened) {
    this.store = store;
    this.opened = opened;
    this.bigint = opened.options.bigint ?? false;
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
    const { token, getToken = () => token ?? "", signal } = options;
    const remote = new Remote(await openRemote({ url, getToken }), { store: url, durability: "relaxed", options, getToken });
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
    return wasClosed(this.store.url);
  }
}
