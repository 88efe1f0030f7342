// @ts-check
/** From what a caller says to a `NewJob`, as `wherry/submission.py` does: what can be wrong is found before anything is stored. */

import { fingerprint, newId } from "./canonical.js";
import { WherryError } from "./errors.js";
import { checkSubmit, invalidInput } from "./options.js";
import { textOf } from "./plain.js";
import { problemsWith } from "./schema.js";

/** @import { NewJob, Store } from "./messages.js" */
/** @import { SubmitOptions } from "./wherry.js" */

/**
 * A task as the store's manifest knows it.
 * @typedef {{ name: string, queue: string, max_attempts: number, backoff: string, timeout_ms: number | null, priority: number,
 *   priority_step_ms?: number, place: string, tags?: string[], code_hash: string,
 *   unique?: { hold: "queued" | "done" | "period", key: string | null, period_ms: number } | null,
 *   ordering_key?: string | null, schema?: Record<string, any> }} Entry
 */

/** Bytes of JSON that every store takes. */
const MAX_PAYLOAD = 1_049_600;

/** How long an entry of the manifest is believed: a server may get newer code while the page is open. */
const FRESH_MS = 5_000;

/** The manifest of a store, read when a task is first submitted. */
export class Manifest {
  /** @type {Map<string, { entry: Promise<Entry>, readMs: number }>} */
  #known = new Map();

  /**
   * @param {Store} store
   * @param {() => Promise<void>} announced resolves once this page's own tasks are in the manifest
   */
  constructor(store, announced) {
    this.store = store;
    this.announced = announced;
  }

  /**
   * @param {string} name
   * @returns {Promise<Entry>}
   * @throws {WherryError} `task_unknown`
   */
  entry(name) {
    const known = this.#known.get(name);
    if (known && performance.now() - known.readMs < FRESH_MS) return known.entry;
    const entry = this.#read(name);
    this.#known.set(name, { entry, readMs: performance.now() });
    entry.catch(() => this.#known.delete(name));
    return entry;
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
 * A job ready to be stored.
 *
 * @param {Entry} task @param {unknown} input @param {SubmitOptions} options
 * @returns {Promise<NewJob>}
 * @throws {WherryError} `invalid_input`, `not_json`, `payload_too_large`
 */
export async function newJob(task, input, options) {
  const text = textOf(input);
  const problems = problemsWith(input, task.schema ?? {});
  if (problems.length) throw invalidInput(task.name, problems);
  requireSize(text, task.name);
  checkSubmit(options);
  const { priority, delay, timeout, maxAttempts, unique, after, tags, orderingKey = task.ordering_key } = options;
  const digest = await fingerprint(input);
  return {
    id: options.id ?? newId(),
    namespace: "",
    queue: task.queue,
    task: task.name,
    input: text,
    fingerprint: digest,
    priority: priority ?? task.priority,
    delay_ms: delay == null ? null : Math.round(delay * 1000),
    run_at_ms: options.runAt?.getTime() ?? null,
    deadline_at_ms: options.deadline?.getTime() ?? null,
    timeout_ms: timeout == null ? task.timeout_ms : Math.max(1, Math.round(timeout * 1000)),
    max_attempts: maxAttempts ?? task.max_attempts,
    backoff: task.backoff,
    unique: uniqueOf(task, unique, digest),
    after: (after ?? []).map((parent) => ({ parent: typeof parent === "string" ? parent : parent.id })),
    ordering_key: orderingKey == null ? null : `/${orderingKey}`,
    run_id: options.runId ?? null,
    tags: [...new Set([...(task.tags ?? []), ...(tags ?? [])])],
    ...(task.priority_step_ms && { priority_step_ms: task.priority_step_ms }),
    code_hash: task.code_hash,
    place: task.place,
  };
}

/**
 * Which key the job holds: that of the caller, none if that is null, else what the task says.
 *
 * @param {Entry} task @param {string | null | undefined} key @param {string} digest
 * @returns {NewJob["unique"]}
 */
function uniqueOf({ name, unique: policy }, key, digest) {
  if (key === null || (key === undefined && !policy)) return null;
  const task = name.replaceAll("%", "%25").replaceAll("/", "%2F");
  if (key !== undefined || !policy) return { key: `/${task}/${key}`, hold: "done" };
  return { key: `/${task}/${policy.key ?? `input:${digest}`}`, hold: policy.hold, period_ms: policy.period_ms };
}

/** @param {string} text @param {string} name */
function requireSize(text, name) {
  if (text.length * 4 <= MAX_PAYLOAD) return;
  const size = new Blob([text]).size;
  if (size <= MAX_PAYLOAD) return;
  const message = `the input of ${name} is ${size} bytes of JSON, over the limit of ${MAX_PAYLOAD}: store the data elsewhere and pass a reference to it.`;
  throw new WherryError("payload_too_large", message, { data: { size, limit: MAX_PAYLOAD } });
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
