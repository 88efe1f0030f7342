// @ts-check
/**
 * The worker in which Python runs, nested in the keeper of the leading tab.
 *
 * Python may block this thread.  What the keeper must know is therefore posted before Python goes
 * on: messages leave a thread that then blocks.
 */

import { bootPython } from "./boot.js";
import { WherryError } from "./errors.js";
import { errorOf, factsOf } from "./facts.js";
import { Fetches } from "./fetches.js";
import { importTasks, likelyPackages } from "./tasks.js";

/** @import { Environment } from "./environment.js" */
/** @import { Meta } from "./idb-schema.js" */
/** @typedef {Environment & { worker: string, url: string, concurrency: number, leaseMs: number, meta?: Meta, server?: object }} Boot */

/** Python's side; undefined while it boots. @type {any} */
let python;

/** @param {Boot} boot */
async function start(boot) {
  const fetches = new Fetches((loaded, total) => progress("runtime", loaded, total));
  // While it is held the keepers know that this worker lives.
  await new Promise((granted) => void navigator.locks.request(`wherry:w:${boot.worker}`, () => new Promise(() => granted(undefined))));
  progress("runtime");
  const pyodide = await bootPython(boot.runtime, boot.lock, ["wherry", ...likelyPackages(boot)], fetches);
  pyodide.registerJsModule("wherry_idb", { openStore: async () => ({ ...store, ready: async () => boot.meta }) });
  progress("tasks");
  const module = pyodide.pyimport("wherry_web.executor");
  python = module.Executor(bridge());
  await importTasks(pyodide, python, boot, fetches);
  fetches.stop();
  progress("start");
  await python.start(JSON.stringify({ worker: boot.worker, url: boot.url, concurrency: boot.concurrency, lease: boot.leaseMs / 1000, server: boot.server }));
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

/** @type {Map<number, { resolve: (text: string) => void, reject: (error: WherryError) => void }>} */
const calls = new Map();
let lastCall = 0;

/** @type {Set<() => void>} */
const listeners = new Set();

/** The store for Python: the keeper carries out its verbs, on a thread that is never blocked. */
const store = {
  /** @param {string} name @param {string} text @returns {Promise<string>} */
  verb: (name, text) =>
    new Promise((resolve, reject) => {
      calls.set(++lastCall, { resolve, reject });
      postMessage({ type: "verb", call: lastCall, name, text });
    }),
  /** @param {() => void} callback */
  listen(callback) {
    listeners.add(callback);
    queueMicrotask(callback);
    return () => listeners.delete(callback);
  },
  close: async () => listeners.clear(),
};

/** @type {Record<string, (message: any) => unknown>} */
const DOES = {
  boot: (message) =>
    start(message).catch((error) => {
      postMessage({ type: "failed", error: error instanceof WherryError ? factsOf(error) : { code: "python_failed", message: `Python did not start: ${error.message ?? error}` } });
    }),
  answer: ({ call, result, error }) => {
    const { resolve, reject } = /** @type {any} */ (calls.get(call));
    calls.delete(call);
    if (error) reject(errorOf(error));
    else resolve(result);
  },
  hint: () => {
    for (const callback of listeners) callback();
    postMessage({ type: "hinted" });
  },
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
