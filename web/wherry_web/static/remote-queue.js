// @ts-check
/** What stands behind a queue that is kept on a server. */

import { WherryError } from "./errors.js";
import { openRemote } from "./remote.js";

/** @import { Backing } from "./queue.js" */
/** @import { RemoteStore } from "./remote.js" */
/** @import { OpenOptions, Status } from "./wherry.js" */

/** @implements {Backing} */
export class Remote {
  /** @type {Set<(status: Status) => void>} */
  #listeners = new Set();
  /** @type {undefined} tasks of a page run in a store of its browser */
  taskHost = undefined;

  /** @param {RemoteStore} store @param {boolean} bigint whether large integers become BigInts */
  constructor(store, bigint) {
    this.store = store;
    this.bigint = bigint;
    const { scopes, capabilities } = store.about;
    /** What the token may do, and what the server's storage can. */
    this.capabilities = new Set([...scopes, ...["priority", "limits"].filter((name) => capabilities[name] === true)]);
    this.changed = () => {
      for (const fn of [...this.#listeners]) fn(this.status());
    };
    for (const type of ["online", "offline"]) addEventListener(type, this.changed);
  }

  /** @param {string} url @param {OpenOptions} options */
  static async open(url, { token, getToken = () => token ?? "", bigint = false, signal }) {
    const remote = new Remote(await openRemote({ url, getToken }), bigint);
    signal?.addEventListener("abort", () => void remote.close());
    return remote;
  }

  /** @returns {Status} */
  status() {
    return { role: "client", python: "off", online: navigator.onLine, isolated: crossOriginIsolated, persisted: false };
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
