// @ts-check
/** The manifest of a store: what its tasks are called and what their jobs get by default. */

import { WherryError } from "./errors.js";

/** @import { Hold, Store } from "./messages.js" */
/** @typedef {{ hold: Hold, key: string | null, period_ms: number }} Policy of uniqueness; without a key it is the input's fingerprint */

/**
 * A task as the store's manifest knows it.
 * @typedef {{ name: string, queue: string, max_attempts: number, backoff: string, timeout_ms: number | null, priority: number,
 *   priority_step_ms?: number, place: string, tags?: string[], code_hash: string,
 *   unique?: Policy | null,
 *   ordering_key?: string | null, schema?: Record<string, any>, language?: string }} Entry
 */

/** How long an entry of the manifest is believed: a server may get newer code while the page is open. */
const FRESH_MS = 5_000;

/** The manifest of a store, read when a task is first submitted. */
export class Manifest {
  /** @type {Map<string, { entry: Promise<Entry>, readMs: number }>} */
  #known = new Map();
  /** @type {Map<string, Promise<Entry>>} tasks of this page, and those of its site */
  #own;

  /**
   * @param {Store} store
   * @param {() => Promise<void>} announced resolves once this page's own tasks are in the manifest
   * @param {Entry[]} [known] without asking anybody: they were read from the very code that the page brings
   */
  constructor(store, announced, known = []) {
    this.store = store;
    this.announced = announced;
    this.#own = new Map(known.map((entry) => [entry.name, Promise.resolve(entry)]));
  }

  /**
   * @param {string} name
   * @returns {Promise<Entry>}
   * @throws {WherryError} `task_unknown`
   */
  entry(name) {
    const own = this.#own.get(name);
    if (own) return own;
    const known = this.#known.get(name);
    if (known && performance.now() - known.readMs < FRESH_MS) return known.entry;
    const entry = this.#read(name);
    this.#known.set(name, { entry, readMs: performance.now() });
    entry.catch(() => this.#known.delete(name));
    return entry;
  }

  /** A task that this page is about to register. @param {string} name @param {Promise<{ entry: Entry, told: Promise<void> }>} declared */
  own(name, declared) {
    if (this.#own.has(name)) return;
    const entry = declared.then(({ entry }) => entry);
    entry.catch(() => undefined);
    this.#own.set(name, entry);
    // What is refused is this page's no more.
    declared.then(({ told }) => told).catch(() => this.#own.delete(name));
  }

  /** @param {string} name @returns {Promise<Entry>} */
  async #read(name) {
    const found = (await this.#stored(name)) ?? (await this.announced(), await this.#stored(name));
    if (found) return found;
    const names = (await this.store.call("read", { kind: "task" })).map(({ key }) => key);
    const near = nearest(name, names);
    const remedy = near ? `did you mean ${JSON.stringify(near)}?` : "name its module in `tasks` of open(), or start a server that has it.";
    throw new WherryError("task_unknown", `no task is named ${JSON.stringify(name)}: ${remedy}`, { data: { name, near, known: names } });
  }

  /** @param {string} name @returns {Promise<Entry | undefined>} */
  async #stored(name) {
    const records = await this.store.call("read", { kind: "task", prefix: name });
    const found = records.find(({ key }) => key === name);
    return found && JSON.parse(found.value);
  }
}

/**
 * The known name that differs in the fewest letters, if it is near enough to be meant.
 *
 * @param {string} name @param {string[]} known
 * @returns {string | undefined}
 */
function nearest(name, known) {
  const [best] = known.map((one) => ({ one, far: distance(name, one) })).sort((a, b) => a.far - b.far);
  return best && best.far <= Math.max(2, name.length / 3) ? best.one : undefined;
}

/** Letters to insert, remove or replace (Levenshtein). @param {string} a @param {string} b */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
    }
    row = next;
  }
  return row[b.length];
}
