// @ts-check
/**
 * The worker in which Python runs, nested in the keeper of the leading tab.
 *
 * Python may block this thread.  What the keeper must know is therefore posted before Python goes
 * on: messages leave a thread that then blocks.
 */

import { bootPython, countBytes } from "./boot.js";
import { WherryError } from "./errors.js";
import { factsOf } from "./facts.js";
import { openStore, deleteStore } from "./idb.js";
import { importTasks, likelyPackages } from "./tasks.js";

/** @import { Environment } from "./environment.js" */
/** @import { IndexedDBStore, OpenOptions } from "./idb.js" */
/** @import { Claimed, Settlement } from "./messages.js" */
/** @typedef {Environment & { worker: string, url: string, concurrency: number, leaseMs: number }} Boot */

/** In a tab every attempt has an end, or an endless loop would hold its lease for ever. */
const LONGEST_MS = 600_000;

/** Python's side; undefined while it boots. @type {any} */
let python;

/** @param {Boot} boot */
async function start(boot) {
  const stopCounting = countBytes((loaded, total) => progress("runtime", loaded, total));
  // While it is held the keepers know that this worker lives.
  await new Promise((granted) => void navigator.locks.request(`wherry:w:${boot.worker}`, () => new Promise(() => granted(undefined))));
  progress("runtime");
  const pyodide = await bootPython(boot.runtime, boot.lock, ["wherry", ...likelyPackages(boot)]);
  pyodide.registerJsModule("wherry_idb", { openStore: openWatched, deleteStore });
  progress("tasks");
  const module = pyodide.pyimport("wherry_web.executor");
  python = module.Executor(bridge());
  await importTasks(pyodide, python, boot);
  stopCounting();
  progress("start");
  await python.start(JSON.stringify({ worker: boot.worker, url: boot.url, concurrency: boot.concurrency, lease: boot.leaseMs / 1000 }));
  progress("ready");
  postMessage({ type: "ready" });
}

/** @param {string} phase */
function progress(phase, loaded = 0, total = 0) {
  postMessage({ type: "progress", progress: { phase, loaded, total } });
}

/** What Python tells the keeper. */
function bridge() {
  return {
    /** @param {string} id @param {number} fence @param {boolean} blocks */
    enter: (id, fence, blocks) => postMessage({ type: "enter", id, fence, blocks }),
    /** @param {string} id @param {number} fence */
    leave: (id, fence) => postMessage({ type: "leave", id, fence }),
    /** @param {string} text */
    report: (text) => postMessage({ type: "report", report: JSON.parse(text) }),
  };
}

/**
 * The store for Python; the keeper hears of what was claimed and settled through it.
 *
 * @param {string} name @param {OpenOptions} options
 */
async function openWatched(name, options) {
  const store = await openStore(name, { ...options, onclosed: (error) => postMessage({ type: "failed", error: factsOf(error) }) });
  const verb = store.verb.bind(store);
  store.verb = (name, text) => (name === "exchange" ? exchange(store, text) : verb(name, text));
  return store;
}

/** @param {IndexedDBStore} store @param {string} text */
async function exchange(store, text) {
  const parameters = JSON.parse(text);
  const result = await store.call("exchange", parameters);
  for (const job of result.jobs) job.timeout_ms ??= LONGEST_MS;
  const settled = parameters.settle.map((/** @type {Settlement} */ { id, fence }) => ({ id, fence }));
  if (settled.length || result.jobs.length) postMessage({ type: "exchanged", settled, claimed: result.jobs.map(attemptOf) });
  return JSON.stringify(result);
}

/** @param {Claimed} job */
function attemptOf({ id, fence, timeout_ms, deadline_left_ms }) {
  const timeoutMs = timeout_ms ?? LONGEST_MS;
  const byDeadline = deadline_left_ms !== null && deadline_left_ms < timeoutMs;
  return { id, fence, limitMs: byDeadline ? Math.max(0, deadline_left_ms) : timeoutMs, limit: byDeadline ? "deadline" : "timeout" };
}

/** @type {Record<string, (message: any) => unknown>} */
const DOES = {
  boot: (message) =>
    start(message).catch((error) => {
      postMessage({ type: "failed", error: error instanceof WherryError ? factsOf(error) : { code: "python_failed", message: `Python did not start: ${error.message ?? error}` } });
    }),
  stop: ({ id, fence, reason }) => {
    python.stop_job(id, fence, reason);
    postMessage({ type: "stopping", id, fence });
  },
  drain: async ({ seconds }) => {
    await python.drain(seconds);
    postMessage({ type: "drained" });
  },
};

onmessage = ({ data }) => DOES[data.type](data);
