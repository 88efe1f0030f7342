// @ts-check
/** From what a caller says to a `NewJob`, as `wherry/submission.py` does: what can be wrong is found before anything is stored. */

import { canonical, digestOf, newId } from "./canonical.js";
import { invalidInput } from "./checks.js";
import { requireSize, textOf, valueOf } from "./plain.js";
import { problemsWith } from "./schema.js";

/** @import { Entry, Policy } from "./manifest.js" */
/** @import { Edge, NewJob } from "./messages.js" */
/** @import { SubmitOptions, Unique } from "./wherry.js" */

/**
 * An input as it is now: the caller may change the object while the submit is under way.
 *
 * @typedef {{ text: string, canonical: string, name: string }} Snapshot `name`: what errors call it
 */

/**
 * @param {unknown} input @param {string} task @param {boolean} bigint whether a BigInt is an integer
 * @param {string} [index] `[0]` and so on, of one among several
 * @returns {Snapshot}
 * @throws {WherryError} `not_json`, `payload_too_large`
 */
export function snapshotOf(input, task, bigint, index = "") {
  const text = textOf(input, { bigint, path: `$${index}` });
  const name = `input${index && `s${index}`}`;
  requireSize(text, `${name} of ${task}`);
  return { text, canonical: canonical(input), name };
}

/** @param {Entry} task @param {Snapshot[]} inputs @throws {WherryError} `invalid_input` for the first that is not as the task says */
export function requireValid({ name, schema }, inputs) {
  if (!schema) return;
  for (const input of inputs) {
    const problems = problemsWith(valueOf(input.text, true), schema, input.name);
    if (problems.length) throw invalidInput(name, problems);
  }
}

/**
 * A job ready to be stored, by options and of an input that were checked.
 *
 * @param {Entry} task @param {Snapshot} input @param {SubmitOptions} options
 * @returns {Promise<NewJob>}
 * @throws {WherryError} `not_secure_context`
 */
export async function newJob(task, input, options) {
  // Before anything is waited for: among equals the order of ids is that of the line.
  const id = options.id ?? newId();
  const { priority, delay, timeout, maxAttempts, unique, after, tags, runId, orderingKey = task.ordering_key } = options;
  const fingerprint = await digestOf(input.canonical);
  return {
    id,
    namespace: "",
    queue: task.queue,
    task: task.name,
    input: input.text,
    fingerprint,
    priority: priority ?? task.priority,
    delay_ms: delay == null ? null : Math.round(delay * 1000),
    run_at_ms: options.runAt?.getTime() ?? null,
    deadline_at_ms: options.deadline?.getTime() ?? null,
    timeout_ms: timeout == null ? task.timeout_ms : Math.max(1, Math.round(timeout * 1000)),
    max_attempts: maxAttempts ?? task.max_attempts,
    backoff: task.backoff,
    unique: uniqueOf(task, unique, fingerprint),
    after: (after ?? []).map(edgeOf),
    ordering_key: orderingKey == null ? null : `/${orderingKey}`,
    run_id: runId ?? null,
    tags: [...new Set([...(task.tags ?? []), ...(tags ?? [])])],
    priority_step_ms: task.priority_step_ms,
    code_hash: task.code_hash,
    place: task.place,
  };
}

/** @param {NonNullable<SubmitOptions["after"]>[number]} parent @returns {Edge} */
function edgeOf(parent) {
  if (typeof parent === "string") return { parent };
  const { id, onFailure } = /** @type {{ id: string, onFailure?: Edge["on_failure"] }} */ (parent);
  return { parent: id, ...(onFailure && { on_failure: onFailure }) };
}

/** A policy as stores and the manifest have it; a bare key holds until its job is done. @param {string | Unique} given @returns {Policy} */
export function policyOf(given) {
  if (typeof given === "string") return { hold: "done", key: given, period_ms: 0 };
  const key = given.key ?? null;
  if (given.within !== undefined) return { hold: "period", key, period_ms: Math.max(1, Math.round(given.within * 1000)) };
  return { hold: given.until === "started" ? "queued" : "done", key, period_ms: 0 };
}

/**
 * Which key the job holds: as the caller says, none if that is null, else as the task says.
 *
 * @param {Entry} task @param {string | Unique | null | undefined} given @param {string} digest
 * @returns {NewJob["unique"]}
 */
function uniqueOf({ name, unique }, given, digest) {
  const policy = given === undefined ? unique : given && policyOf(given);
  if (!policy) return null;
  // Keys of tasks with a slash in their name never meet.
  const task = name.replaceAll("%", "%25").replaceAll("/", "%2F");
  return { key: `/${task}/${policy.key ?? `input:${digest}`}`, hold: policy.hold, period_ms: policy.period_ms };
}
