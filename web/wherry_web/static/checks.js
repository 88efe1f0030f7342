// @ts-check
/** Checks of single values at the public doors, the same as `wherry/checks.py`: each says what is wrong, if anything. */

import { WherryError } from "./errors.js";

/** @typedef {(value: any) => string | false | null | undefined} Check what is wrong with a value, if anything */

const LONGEST = 1000;
/** A century later is still an instant that Python and JavaScript can show. */
const CENTURY_S = 3_155_760_000;
const FIRST_YEAR = 1970;
const LAST_YEAR = 9000;

/** @type {Check} */
export const text = (value) =>
  (typeof value !== "string" || !value || value.length > LONGEST || /[\p{Cc}\p{Surrogate}]/u.test(value)) &&
  `must be printable text of 1 to ${LONGEST} characters`;
/** @type {Check} */
export const texts = (value) => (!Array.isArray(value) || value.some(text)) && "must be a list of printable texts";
/** @type {Check} */
export const textOrTexts = (value) => (Array.isArray(value) ? texts(value) : text(value));
/** The feed names a job's place as `queue/task`. @type {Check} */
export const queueName = (value) => text(value) || (value.includes("/") && "must hold no '/'");
/** @type {Check} */
export const seconds = (value) =>
  (!Number.isFinite(value) || value < 0 || value > CENTURY_S) && "must be a number of seconds, not negative, at most a century";
/** @type {Check} */
export const positiveSeconds = (value) => seconds(value) || (value === 0 && "must be more than 0 seconds");
/** @type {Check} */
export const instant = (value) => {
  if (!(value instanceof Date) || !Number.isFinite(value.getTime())) return "must be a valid Date";
  const year = value.getUTCFullYear();
  return (year <= FIRST_YEAR || year >= LAST_YEAR) && `must lie between ${FIRST_YEAR} and ${LAST_YEAR}`;
};
/** @type {Check} */
export const count = (value) => wholeNumber(value, 1, 1_000_000);
/** @type {Check} */
export const priority = (value) => wholeNumber(value, -1000, 1000);
/** @type {Check} */
export const address = (value) => typeof value !== "string" && !(value instanceof URL) && "must be an address";
/** @type {Check} */
export const callback = (value) => typeof value !== "function" && "must be a function";
/** @type {Check} */
export const flag = (value) => typeof value !== "boolean" && "must be true or false";
/** @type {Check} */
export const abortSignal = (value) => !(value instanceof AbortSignal) && "must be an AbortSignal";

/** @param {unknown} value @param {number} least @param {number} most */
export function wholeNumber(value, least, most) {
  return !(Number.isInteger(value) && Number(value) >= least && Number(value) <= most) && `must be a whole number from ${least} to ${most}`;
}

/** One of some words. @param {readonly string[]} words @returns {Check} */
export function oneOf(words) {
  return (value) => !words.includes(value) && `must be one of ${words.join(", ")}`;
}

/** A key, or a policy. @type {Check} */
export const unique = (value) => {
  if (typeof value === "string") return text(value);
  if (typeof value !== "object") return POLICY;
  const { until, within, key, ...rest } = value;
  if (Object.keys(rest).length || (until === undefined) === (within === undefined)) return POLICY;
  if (within !== undefined && positiveSeconds(within)) return `within ${positiveSeconds(within)}`;
  if (until !== undefined && until !== "started" && until !== "done") return POLICY;
  return key != null && text(key) && `key ${text(key)}`;
};
const POLICY = 'must be a key, or a policy such as {until: "done"}, {until: "started", key: "k"} or {within: 60}';

/**
 * Checks options by name.
 *
 * @param {string} what the function that was called
 * @param {unknown} given @param {Record<string, Check>} checks
 * @param {string[]} [problems] found already
 * @throws {WherryError} `invalid_input`; `data.problems` are lines `name: what is wrong`
 */
export function check(what, given, checks, problems = []) {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw invalidInput(what, ["options: must be an object"]);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(checks, name)) problems.push(`${name}: no such option; there are ${Object.keys(checks).join(", ")}`);
    else if (value != null) {
      const problem = checks[name](value);
      if (problem) problems.push(`${name}: ${problem}`);
    }
  }
  if (problems.length) throw invalidInput(what, problems);
}

/** @param {string} what @param {string[]} problems */
export function invalidInput(what, problems) {
  return new WherryError("invalid_input", `invalid input for ${what}: ${problems.join("; ")}`, { data: { problems } });
}
