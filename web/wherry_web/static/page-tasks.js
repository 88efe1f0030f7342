// @ts-check
/**
 * Tasks written in JavaScript, on the page that registered them: their functions live here and run here.
 *
 * A worker beside the page claims their jobs, renews the leases and settles (task-keeper.js), so that a
 * page which computes, or whose timers are throttled, keeps what it runs.
 */

import { digestOf } from "./canonical.js";
import { callback, check, count, flag, positiveSeconds, priority, queueName, seconds, text, texts, unique } from "./checks.js";
import { WherryError } from "./errors.js";
import { proxy, wrap } from "./link.js";
import { whyNotRun } from "./loading.js";
import { PageAttempt } from "./page-attempt.js";
import { ServerPage } from "./server-page.js";
import { policyOf } from "./submission.js";

/** @import { Remote } from "./vendor/comlink.min.mjs" */
/** @import { Check } from "./checks.js" */
/** @import { Entry } from "./manifest.js" */
/** @import { TaskEvent, TaskKeeperApi } from "./task-keeper.js" */
/** @import { Backoff, OpenOptions, TaskFunction, TaskOptions } from "./wherry.js" */

/**
 * Whose jobs they run, and how: `store` is the name of one in this browser, or the address of a server, which asks for a token.
 *
 * @typedef {{ store: string, durability: IDBTransactionDurability, work: boolean, concurrency: number, leaseMs: number, label: string,
 *   bigint: boolean, signal?: AbortSignal, getToken?: () => string | Promise<string> }} TaskHost
 * @typedef {Pick<TaskHost, "store" | "durability" | "getToken"> & { options: OpenOptions }} OpenedStore with what `open` was told
 */
/** @typedef {{ run: TaskFunction<any, any>, entry: Entry }} PageTask */

/** `wherry.messages.PRIORITY_STEP_MS` and `wherry.options.AGING_STEP_MS`. */
const PRIORITY_STEP_MS = 2 ** 42;
const AGING_STEP_MS = 60_000;

/** @type {Check} */
const delays = (value) => (!Array.isArray(value) || !value.length || value.some(seconds)) && "must be a list of seconds";
/** @type {Record<string, Check>} */
const RETRY = {
  first: seconds,
  factor: (value) => seconds(value) || (value < 1 && "must be at least 1"),
  limit: seconds,
  jitter: (value) => seconds(value) || (value > 1 && "must lie between 0 and 1"),
  delays,
};

/** @type {Record<string, Check>} */
const OPTIONS = {
  queue: queueName,
  maxAttempts: count,
  timeout: positiveSeconds,
  retry: (value) => (typeof value !== "object" || Array.isArray(value)) && "must be an object such as {first: 1, factor: 2}",
  priority,
  unique,
  orderingKey: text,
  tags: texts,
  aging: flag,
  schema: (value) => (typeof value !== "object" || Array.isArray(value)) && "must be a JSON Schema",
};

export class PageTasks {
  #host;
  /** @type {Map<string, PageTask>} */
  #tasks = new Map();
  /** @type {Map<string, PageAttempt>} by job id */
  #running = new Map();
  /** @type {import("./messages.js").Settlement[]} not told yet */
  #ended = [];
  /** @type {{ worker: Worker, keeper: Remote<TaskKeeperApi>, opened: Promise<void> } | undefined} */
  #link;
  /** @type {ServerPage | undefined} */
  #server;
  /** @type {Promise<void> | undefined} */
  #closing;

  /** @param {OpenedStore} opened */
  constructor({ options, ...opened }) {
    const { work = true, concurrency = 8, lease = 30, name: label = "", bigint = false, signal } = options;
    this.#host = /** @type {TaskHost} */ ({ ...opened, work, concurrency, leaseMs: Math.round(lease * 1000), label, bigint, signal });
    signal?.addEventListener("abort", () => void this.close(0));
  }

  /**
   * Takes a task in; jobs of it can be made at once, they run as soon as `told` is kept.
   *
   * @param {string} name @param {TaskFunction<any, any>} run @param {TaskOptions} options
   * @returns {Promise<{ entry: Entry, told: Promise<void> }>}
   * @throws {WherryError} `invalid_input`, `duplicate_task`
   */
  async register(name, run, options) {
    check("task", { name: name ?? NaN, run: run ?? NaN }, { name: text, run: callback });
    check(`task ${JSON.stringify(name)}`, options, OPTIONS);
    if (this.#tasks.has(name)) {
      throw new WherryError("duplicate_task", `a task ${JSON.stringify(name)} is registered in this page already: give one of them another name.`, { data: { name } });
    }
    const task = { run, entry: entryOf(name, options) };
    this.#tasks.set(name, task);
    task.entry.code_hash = (await digestOf(String(run))).slice(0, 16);
    const told = this.#offer(task.entry);
    told.catch(() => this.#tasks.delete(name));
    return { entry: task.entry, told };
  }

  /** @param {Entry} entry */
  async #offer(entry) {
    const { keeper, opened } = this.#open();
    await opened;
    await keeper.offer(entry);
  }

  #open() {
    if (this.#link) return this.#link;
    const worker = new Worker(new URL("./task-keeper.js", import.meta.url), { type: "module", name: "wherry-tasks" });
    /** @type {Remote<TaskKeeperApi>} */
    const keeper = wrap(worker);
    const { signal: _, getToken, ...host } = this.#host;
    if (getToken) this.#server = new ServerPage({ url: host.store, getToken, work: [] }, ({ shown }) => void keeper.show(shown));
    void this.#server?.start();
    const token = this.#server && proxy(this.#server.token);
    const broken = new Promise((_, reject) => {
      worker.onerror = (event) => void whyNotRun("./task-keeper.js", event.message || "no reason given").then(reject);
    });
    const opened = Promise.race([keeper.open(host, proxy(async (/** @type {TaskEvent} */ event) => this.#hear(event)), token), broken]);
    this.#link = { worker, keeper, opened };
    return this.#link;
  }

  /** @param {TaskEvent} event */
  #hear(event) {
    if (event.type === "run") for (const job of event.jobs) void this.#run(job);
    else if (event.type === "stop") this.#running.get(event.id)?.stop(event.fence, event.reason);
    else if (event.type === "held") this.#server?.holds(event.settle);
    else if (event.type === "taken") this.#gone(event.name, event.message);
  }

  /** Another worker runs jobs of that name by now. @param {string} name @param {string} message */
  #gone(name, message) {
    this.#tasks.delete(name);
    reportError(new WherryError("duplicate_task", message, { data: { name } }));
  }

  /** @param {import("./messages.js").Claimed} job */
  async #run(job) {
    const { keeper } = this.#open();
    const attempt = new PageAttempt(job, this.#host.bigint, (report) => void keeper.report(report));
    this.#running.set(job.id, attempt);
    const settlement = await attempt.run(this.#tasks.get(job.task));
    if (this.#running.get(job.id) === attempt) this.#running.delete(job.id);
    // Those that end in one turn go in one message.
    if (!this.#ended.length) queueMicrotask(() => void keeper.finish(this.#ended.splice(0)));
    this.#ended.push(settlement);
  }

  /** @param {number} drainMs how long running jobs may go on; the rest is handed back */
  close(drainMs) {
    this.#closing ??= this.#end(drainMs);
    return this.#closing;
  }

  /** @param {number} drainMs */
  async #end(drainMs) {
    if (!this.#link) return;
    const { worker, keeper, opened } = this.#link;
    await opened.then(() => keeper.close(drainMs)).catch(() => undefined);
    worker.terminate();
    this.#server?.stop();
  }
}

/** What the manifest tells of the task. @param {string} name @param {TaskOptions} options @returns {Entry} */
function entryOf(name, { queue = "default", maxAttempts = 4, timeout, retry = {}, priority: rank = 0, unique: held, orderingKey, tags = [], aging, schema }) {
  return {
    name,
    queue,
    max_attempts: maxAttempts,
    backoff: backoffOf(name, retry),
    timeout_ms: timeout == null ? null : Math.max(1, Math.round(timeout * 1000)),
    priority: rank,
    priority_step_ms: aging ? AGING_STEP_MS : PRIORITY_STEP_MS,
    place: "browser",
    tags: [...tags],
    code_hash: "",
    ordering_key: orderingKey ?? null,
    unique: held == null ? null : policyOf(held),
    schema: schema ?? {},
    language: "javascript",
  };
}

/** @param {string} name @param {Backoff} retry */
function backoffOf(name, retry) {
  check(`retry of task ${JSON.stringify(name)}`, retry, RETRY);
  const { first = 1, factor = 2, limit = 300, jitter = 0.2, delays: listed } = retry;
  if (listed) return JSON.stringify({ delays_ms: listed.map((delay) => Math.round(delay * 1000)) });
  return JSON.stringify({ first_ms: Math.round(first * 1000), factor, limit_ms: Math.round(limit * 1000), jitter });
}
