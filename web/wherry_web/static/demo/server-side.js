// @ts-check
// The right shore: what the server says of itself, its queue, and how its worker fares.

import { open } from "../wherry.js";
import { pythonName } from "./format.js";
import { DemoError } from "./problem.js";
import { call } from "./session.js";

/** @typedef {import("./shore.js").Shore} Shore */
/** @typedef {import("./session.js").Door} Door */
/** @typedef {{ state: "ready" | "building" | "absent" | "failed", log: string | null, remedy: string | null }} Site */
/** @typedef {{ state: "starting" | "running" | "restarting" | "stopped", name: string, pid: number | null, restarts: number, error: string | null }} Worker */
/** @typedef {{ wherry: string, python: string, implementation: string, storage: string, lease_ms: number, tasks: import("./code-view.js").TaskSource[] }} Info */

const POLL_MS = 2000;
const POLL_SOON_MS = 300;

export class ServerSide {
  /** @type {Worker | null} */
  worker = null;
  /** @type {Info | null} */
  info = null;
  #shore;
  #door;
  #token;
  #heard;
  #informed;
  #timer = 0;

  /**
   * @param {Shore} shore
   * @param {Door} door
   * @param {string | null} token
   * @param {{ heard: (site: Site | null) => void, informed: (info: Info) => void }} tell
   *   `heard` at each answer of the server, with null when there is none; `informed` when it told of itself
   */
  constructor(shore, door, token, { heard, informed }) {
    this.#shore = shore;
    this.#door = door;
    this.#token = token;
    this.#heard = heard;
    this.#informed = informed;
  }

  /** Ask how the server is, now and from then on. */
  async watch() {
    clearTimeout(this.#timer);
    let wait = POLL_MS;
    try {
      const { site, worker } = await call(this.#door, null, "GET", "/api/demo/status");
      this.worker = worker;
      if (this.#shore.state === "offline" && this.#shore.queue) {
        // What was missed is read at once, whenever the feed's own next attempt would be.
        this.#shore.attach(this.#shore.queue);
      }
      this.#shore.set({ state: worker.state === "running" ? "online" : "restarting" });
      this.#tellFailure(worker);
      this.#heard(site);
      wait = worker.state === "running" && site.state === "ready" ? POLL_MS : POLL_SOON_MS;
      await this.#connect();
    } catch (error) {
      this.#shore.set({ state: "offline" });
      this.#lost(error);
    }
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.watch(), wait);
  }

  /** @param {Worker} worker */
  #tellFailure({ state, name, error }) {
    if (state !== "stopped") {
      this.#shore.failure = null;
    } else if (!this.#shore.failure) {
      this.#shore.failure = new DemoError("worker_stopped", lastLine(error) ?? `The worker ${name} is not running.`, {
        remedy: "It is not started again by itself: end `wherry demo` in the terminal, and start it anew.",
      });
    }
  }

  /** @param {unknown} error */
  #lost(error) {
    this.#heard(null);
    if (this.#shore.loaded) {
      this.#shore.staleSince ??= new Date();
    } else {
      this.#shore.set({ problem: error });
    }
  }

  /** Read what the server says of itself, and open its queue, once. */
  async #connect() {
    if (this.#shore.queue) {
      return;
    }
    this.info = /** @type {Info} */ (await call(this.#door, this.#token, "GET", "/api/demo/info"));
    this.#informed(this.info);
    const { implementation, python, storage } = this.info;
    this.#shore.set({ python: pythonName(python, implementation), place: `jobs in ${STORAGES[storage] ?? storage}` });
    const url = new URL("/", document.baseURI).href;
    this.#shore.attach(await open({ url, ...(this.#token ? { token: this.#token } : {}) }));
  }

  /**
   * Kill the worker process, as a power cut would.
   * @param {string | null} jobId the job whose lease is of interest
   * @returns {Promise<import("./crossing.js").Kill>}
   */
  async kill(jobId) {
    const told = await call(this.#door, this.#token, "POST", "/api/demo/kill-worker");
    /** @type {{ id: string, lease_until_ms: number }[]} */
    const jobs = told.jobs;
    const lease = jobs.find(({ id }) => id === jobId);
    void this.watch();
    return {
      leaseLeftMs: lease ? Math.max(0, lease.lease_until_ms - told.at_ms) : told.lease_ms,
      what: `Process ${told.pid} got SIGKILL`,
    };
  }

  /** @returns {import("./shore-view.js").Pill} */
  get pill() {
    switch (this.#shore.state) {
      case "online":
        return { word: `Online, worker ${this.worker?.pid ?? ""}`.trim(), tone: "good" };
      case "restarting":
        return this.worker?.state === "stopped"
          ? { word: "Worker stopped", tone: "bad" }
          : { word: "Worker restarting", tone: "busy" };
      case "offline":
        return { word: "Offline", tone: "bad" };
      default:
        return { word: "Connecting", tone: "busy" };
    }
  }
}

/** @param {string | null} text */
const lastLine = (text) => text?.trimEnd().split("\n").at(-1)?.trim();

/** @type {Record<string, string>} */
const STORAGES = { sqlite: "SQLite", memory: "memory", postgres: "Postgres" };
