// @ts-check
// The left shore: waits for the runtime, opens the tab's queue, and says how far its Python has come.

import { open } from "../wherry.js";
import { pythonName, size } from "./format.js";
import { DemoError } from "./problem.js";

/** @typedef {import("./shore.js").Shore} Shore */
/** @typedef {import("./server-side.js").Site} Site */
/** @typedef {{ phase: string, loaded: number, total: number }} Boot */

const STORE = "indexeddb:wherry-demo";
const TASKS = ["py/basic.py", "py/library.py", "py/files.py"];

export class TabSide {
  /** @type {Boot | null} */
  boot = null;
  /** @type {import("../wherry.js").Status | null} */
  status = null;
  #shore;
  #startedMs = performance.now();
  /** @type {number | null} */
  #readyAfterMs = null;
  #isOpening = false;

  /** @param {Shore} shore */
  constructor(shore) {
    this.#shore = shore;
    shore.set({ state: "building", place: "jobs in IndexedDB" });
  }

  /**
   * Open the queue as soon as the site with the runtime is complete.
   * @param {Site | null} site null: the server does not answer; a runtime kept by the browser may still do
   */
  async arrange(site) {
    if (this.#isOpening || this.#shore.queue) {
      return;
    }
    if (site && site.state !== "ready") {
      this.#wait(site);
      return;
    }
    this.#isOpening = true;
    try {
      this.#shore.set({ state: "booting", problem: null });
      this.#attach(await open(this.#options()));
      await this.#tellPython();
    } catch (error) {
      this.#shore.set({ state: "failed", problem: error });
    } finally {
      this.#isOpening = false;
    }
  }

  async #tellPython() {
    const response = await fetch(new URL("../manifest.json", document.baseURI)).catch(() => null);
    if (response?.ok) {
      const { python } = await response.json();
      this.#shore.set({ python: pythonName(python, "Pyodide") });
    }
  }

  /** @param {Site} site */
  #wait({ state, log, remedy }) {
    if (state === "building") {
      this.#shore.set({ state: "building" });
      return;
    }
    const cause = log ?? "This server was started without the runtime for tabs.";
    const error = new DemoError(`runtime_${state}`, cause, { remedy: remedy ?? "Run `python3 build.py demo`." });
    if (this.#shore.state !== state) {
      this.#shore.set({ state: state === "absent" ? "absent" : "failed", problem: error });
    }
  }

  /** @returns {import("../wherry.js").OpenOptions} */
  #options() {
    return {
      url: STORE,
      assets: new URL("../", document.baseURI),
      packages: ["stdlib-sources"],
      tasks: TASKS.map((path) => new URL(path, document.baseURI).href),
      onboot: (boot) => {
        this.boot = boot;
        this.#shore.dirty = true;
      },
    };
  }

  /** @param {import("../wherry.js").Queue} queue */
  #attach(queue) {
    this.#shore.attach(queue);
    this.#take(queue.status());
    queue.on("status", (status) => this.#take(status));
    queue.on("update", () => this.#end("reload_needed", "Newer code of this page took the store over."));
    queue.on("evicted", () => this.#end("evicted", "The browser deleted what this page had stored."));
  }

  /**
   * @param {string} code
   * @param {string} cause
   */
  #end(code, cause) {
    this.#shore.failure = new DemoError(code, cause, { remedy: "Reload the page." });
    this.#shore.set({ state: "failed" });
  }

  /** @param {import("../wherry.js").Status} status */
  #take(status) {
    this.status = status;
    const isReady = status.python === "ready" || status.python === "blocked";
    if (isReady) {
      this.#readyAfterMs ??= performance.now() - this.#startedMs;
    }
    if (this.#shore.failure instanceof DemoError) {
      return; // The store is gone; what Python does no longer counts.
    }
    const isFailed = status.python === "failed" && !status.error?.retryable;
    this.#shore.set({ state: isFailed ? "failed" : isReady ? "ready" : "booting" });
    this.#shore.failure = isFailed ? status.error : null;
  }

  /**
   * Terminate the Python that runs, as a crash would.
   * @returns {Promise<import("./crossing.js").Kill>}
   */
  async kill() {
    await this.#shore.queue?.debug.killExecutor();
    return { leaseLeftMs: 0, what: "The tab's Python was terminated" };
  }

  /** @returns {import("./shore-view.js").Pill} */
  get pill() {
    switch (this.#shore.state) {
      case "ready":
        return { word: this.status?.role === "follower" ? "Ready, follower" : "Ready, leader", tone: "good" };
      case "booting":
        return { word: this.#booting(), tone: "busy" };
      case "building":
        return { word: "Runtime is being made", tone: "busy" };
      default:
        return { word: this.#shore.state === "absent" ? "No runtime" : "Failed", tone: "bad" };
    }
  }

  #booting() {
    const { boot } = this;
    return boot?.total ? `Booting, ${size(boot.loaded)} of ${size(boot.total)}` : "Booting";
  }
}
