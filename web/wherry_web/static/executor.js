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
import { Interrupts } from "./interrupts.js";
import { importTasks, likelyPackages } from "./tasks.js";
import { requireSame } from "./version.js";

/** @import { Environment } from "./environment.js" */
/** @import { Meta } from "./idb-schema.js" */
/**
 * @typedef {Environment & { version: string, worker: string, url: string, concurrency: number, leaseMs: number, keep: object, isolated: boolean,
 *   meta?: Meta, server?: object, interrupts?: SharedArrayBuffer }} Boot
 */

/** Python's side; undefined while it boots. @type {any} */
let python;

/** @type {() => number} bytes of Python's memory */
let memory = () => 0;
let lastEntered = 0;

/** @param {Boot} boot */
async function start(boot) {
  requireSame(boot.version, "Python's worker");
  const fetches = new Fetches((loaded, total) => progress("runtime", loaded, total));
  // While it is held the keepers know that this worker lives.
  await new Promise((granted) => void navigator.locks.request(`wherry:w:${boot.worker}`, () => new Promise(() => granted(undefined))));
  progress("runtime");
  const pyodide = await bootPython(boot.runtime, boot.lock, likelyPackages(boot), fetches);
  pyodide.registerJsModule("wherry_idb", { openStore: async () => ({ ...store, ready: async () => boot.meta }) });
  memory = () => pyodide._module.HEAPU8.length;
  pyodide._api.on_fatal = async (/** @type {unknown} */ error) => postMessage({ type: "crashed", reason: String(error) });
  const interrupts = boot.interrupts && new Interrupts(boot.interrupts);
  if (interrupts) pyodide.setInterruptBuffer(interrupts.signal);
  progress("tasks");
  const module = pyodide.pyimport("wherry_web.executor");
  python = module.Executor(bridge(interrupts));
  await importTasks(pyodide, python, boot, fetches);
  fetches.stop();
  progress("start");
  const { worker, url, concurrency, leaseMs, keep, isolated, server } = boot;
  const learned = await python.start(JSON.stringify({ worker, url, concurrency, lease: leaseMs / 1000, keep, isolated, server }));
  progress("ready");
  postMessage({ type: "ready", learned: JSON.parse(learned) });
}

/** @param {string} phase */
function progress(phase, loaded = 0, total = 0) {
  postMessage({ type: "progress", progress: { phase, loaded, total } });
}

/** The attempt that was left last and is not told yet. @type {{ id: string, fence: number } | undefined} */
let left;

/** Tells what was left: with the next attempt, before anything else that is told, or when Python lets go of the thread. */
function tellLeft() {
  if (left) postMessage({ type: "leave", ...left, bytes: memory() });
  left = undefined;
}

/** A microtask will tell what was left: one for all that is left in a turn. */
let telling = false;

function tellLeftSoon() {
  telling = false;
  tellLeft();
}

/** What Python tells the keeper. @param {Interrupts | undefined} interrupts */
function bridge(interrupts) {
  return {
    /** @param {string} id @param {number} fence @param {boolean} blocks */
    enter: (id, fence, blocks) => {
      postMessage({ type: "enter", id, fence, blocks, number: ++lastEntered, left });
      left = undefined;
      return lastEntered;
    },
    /** @param {string} id @param {number} fence */
    leave: (id, fence) => {
      tellLeft();
      left = { id, fence };
      if (!telling) queueMicrotask(tellLeftSoon);
      telling = true;
    },
    /** @param {string} text */
    report: (text) => {
      tellLeft();
      postMessage({ type: "report", report: JSON.parse(text) });
    },
    asked: () => JSON.stringify(interrupts?.read() ?? [0, "lost"]),
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
      tellLeft();
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
