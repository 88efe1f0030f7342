// @ts-check
/** What callers say, checked at the door: every wrong option is named, and nothing was stored yet. */

import { WherryError } from "./errors.js";

/** @import { Filter as WireFilter } from "./messages.js" */
/** @import { Filter, OpenOptions, SubmitOptions } from "./wherry.js" */
/** @typedef {(value: any) => string | false | null | undefined} Check what is wrong with a value, if anything */

const LONGEST = 1000;

/** @type {Check} */
const text = (value) =>
  (typeof value !== "string" || !value || value.length > LONGEST || /\p{Cc}/u.test(value)) && `must be printable text of 1 to ${LONGEST} characters`;
/** @type {Check} */
const texts = (value) => (!Array.isArray(value) || value.some(text)) && "must be a list of printable texts";
/** @type {Check} */
const seconds = (value) => !(Number.isFinite(value) && value >= 0) && "must be a number of seconds, not negative";
/** @type {Check} */
const instant = (value) => !(value instanceof Date && Number.isFinite(value.getTime())) && "must be a valid Date";
/** @type {Check} */
const count = (value) => wholeNumber(value, 1, 1_000_000);
/** @type {Check} */
const address = (value) => typeof value !== "string" && !(value instanceof URL) && "must be an address";
/** @type {Check} */
const callback = (value) => typeof value !== "function" && "must be a function";
/** @type {Check} */
const flag = (value) => typeof value !== "boolean" && "must be true or false";

/** @param {unknown} value @param {number} least @param {number} most */
function wholeNumber(value, least, most) {
  return !(Number.isInteger(value) && Number(value) >= least && Number(value) <= most) && `must be a whole number from ${least} to ${most}`;
}

/** @type {Check} */
const parents = (value) =>
  (!Array.isArray(value) || value.some((one) => typeof (one?.id ?? one) !== "string")) && "must be a list of handles or ids";
/** @type {Check} */
const modules = (value) =>
  (!Array.isArray(value) || value.some((one) => typeof one !== "string" && Object.values(one ?? {}).some(address))) &&
  'must be a list of addresses, or of objects such as {"app/jobs.py": address}';

/** @type {Record<string, Check>} */
const SUBMIT = {
  priority: (value) => wholeNumber(value, -1000, 1000),
  delay: seconds,
  runAt: instant,
  deadline: instant,
  timeout: (value) => seconds(value) || (value === 0 && "must be more than 0 seconds"),
  maxAttempts: count,
  runId: text,
  unique: text,
  tags: texts,
  after: parents,
  orderingKey: text,
  id: (value) => text(value) || ((value.includes("/") || value.length > 200) && "must have at most 200 characters and no '/'"),
};

/** @type {Record<string, Check>} */
const OPEN = {
  url: text,
  tasks: modules,
  packages: texts,
  assets: address,
  work: flag,
  concurrency: count,
  lease: (value) => seconds(value) || (value < 1 && "must be at least 1 second"),
  name: text,
  onboot: callback,
  token: text,
  getToken: callback,
  signal: (value) => !(value instanceof AbortSignal) && "must be an AbortSignal",
};

/** @type {Record<string, Check>} */
const FILTER = {
  state: texts,
  queue: texts,
  task: texts,
  tag: text,
  runId: text,
  limit: (value) => wholeNumber(value, 1, 10_000),
  cursor: text,
  oldestFirst: flag,
};

/**
 * @param {string} what the function that was called
 * @param {object} given @param {Record<string, Check>} checks
 * @param {string[]} [problems] found already
 * @throws {WherryError} `invalid_input`; `data.problems` are lines `name: what is wrong`
 */
function check(what, given, checks, problems = []) {
  for (const [name, value] of Object.entries(given)) {
    if (!(name in checks)) problems.push(`${name}: no such option; there are ${Object.keys(checks).join(", ")}`);
    const problem = value != null && checks[name]?.(value);
    if (problem) problems.push(`${name}: ${problem}`);
  }
  if (problems.length) throw invalidInput(what, problems);
}

/** @param {string} what @param {string[]} problems */
export function invalidInput(what, problems) {
  return new WherryError("invalid_input", `invalid input for ${what}: ${problems.join("; ")}`, { data: { problems } });
}

/** @param {SubmitOptions} options */
export function checkSubmit(options) {
  const both = options.delay != null && options.runAt != null;
  check("submit", options, SUBMIT, both ? ["delay: give either delay or runAt, not both"] : []);
}

/** @param {OpenOptions} options */
export function checkOpen(options) {
  const problems = options.url ? [] : ['url: must be "indexeddb:NAME" or the address of a server'];
  if (/^https?:/.test(options.url) && options.tasks?.length) {
    problems.push("tasks: a page that connects to a server runs none; leave them out, or open an indexeddb: store for them");
  }
  check("open", options, OPEN, problems);
}

/**
 * A filter as the verbs take it; one without `limit` and `cursor`, which are not part of it.
 *
 * @param {Filter} filter
 * @returns {WireFilter}
 */
export function whereOf(filter) {
  check("a filter", filter, FILTER);
  const { state, queue, task, tag, runId, oldestFirst } = filter;
  return {
    namespaces: [""],
    states: state ?? null,
    queues: queue ?? null,
    tasks: task ?? null,
    tags: tag == null ? [] : [tag],
    run_id: runId ?? null,
    oldest_first: oldestFirst ?? false,
  };
}
