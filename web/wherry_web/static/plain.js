// @ts-check
/** Values that JSON holds as they are: nothing is dropped or changed on the way, as `JSON.stringify` would. */

import { WherryError } from "./errors.js";
import { newId } from "./ids.js";

/** @typedef {{ path: string, found: string, remedy: string }} Trouble `path` grows from its end while the search returns */

const DEEPEST = 500;

/** Bytes of JSON that every store takes. */
export const MAX_PAYLOAD = 1_049_600;

const PLAIN = "pass text, finite numbers, lists or objects.";

/** What to do about objects of the platform, by the name of their class. @type {Record<string, string>} */
const REMEDIES = {
  Date: "pass its toISOString().",
  Map: "pass Object.fromEntries(map), or a list of pairs.",
  Set: "pass a list: [...set].",
  Blob: "pass its text, or keep it elsewhere and pass its address.",
  File: "pass its text, or keep it elsewhere and pass its address.",
  ArrayBuffer: "pass base64 text or a list of numbers.",
  Promise: "await it first.",
};

/**
 * The JSON text of a value.
 *
 * @param {unknown} value
 * @param {{ path?: string, bigint?: boolean }} [options] what the whole is called; whether a BigInt is an integer or refused
 * @returns {string}
 * @throws {WherryError} `not_json`; `data.path` is the place in the value, such as `$.rows[3].at`
 */
export function textOf(value, { path = "$", bigint = false } = {}) {
  const trouble = troubleIn(value, [], bigint);
  if (trouble) {
    const data = { path: path + trouble.path, found: trouble.found };
    throw new WherryError("not_json", `${data.path} is ${data.found}, which JSON cannot hold: ${trouble.remedy}`, { data });
  }
  return bigint ? withIntegers(value) : JSON.stringify(value);
}

/**
 * Integers are written in full: no number of JavaScript keeps those beyond 2^53.
 *
 * @param {unknown} value
 */
function withIntegers(value) {
  const mark = newId();
  let met = false;
  const text = JSON.stringify(value, (_, part) => {
    if (typeof part !== "bigint") return part;
    met = true;
    return `${mark}${part}`;
  });
  return met ? text.replaceAll(new RegExp(`"${mark}(-?\\d+)"`, "g"), "$1") : text;
}

/** A whole string, or an integer of 16 digits and more that is no fraction. */
const STRING_OR_LARGE = /"(?:[^"\\]|\\.)*"|(?<![\w.+-])-?\d{16,}(?![\d.eE])/g;

/**
 * What JSON text says.
 *
 * @param {string} text
 * @param {boolean} bigint whether integers that a number cannot hold become BigInts, instead of the nearest number
 */
export function valueOf(text, bigint) {
  if (!bigint || !/\d{16}/.test(text)) return JSON.parse(text);
  const mark = newId();
  const marked = text.replaceAll(STRING_OR_LARGE, (part) => (part[0] === '"' || Number.isSafeInteger(Number(part)) ? part : `"${mark}${part}"`));
  return JSON.parse(marked, (_, part) => (typeof part === "string" && part.startsWith(mark) ? BigInt(part.slice(mark.length)) : part));
}

/**
 * Refuses text that stores do not take.
 *
 * @param {string} text @param {string} what it is, as an error calls it
 * @throws {WherryError} `payload_too_large`
 */
export function requireSize(text, what) {
  if (text.length * 3 <= MAX_PAYLOAD) return;
  const size = new TextEncoder().encode(text).length;
  if (size <= MAX_PAYLOAD) return;
  const message = `${what} is ${size} bytes of JSON, over the limit of ${MAX_PAYLOAD}: store the data elsewhere and pass a reference to it.`;
  throw new WherryError("payload_too_large", message, { data: { size, limit: MAX_PAYLOAD } });
}

// --- what JSON cannot hold ------------------------------------------------------------------------------
/** @param {unknown} value @param {object[]} above @param {boolean} bigint @returns {Trouble | undefined} */
function troubleIn(value, above, bigint) {
  switch (typeof value) {
    case "boolean":
      return undefined;
    case "string":
      return isWhole(value) ? undefined : halfPair();
    case "number":
      return Number.isFinite(value) ? undefined : trouble(String(value), "pass null or text instead.");
    case "bigint":
      return bigint ? undefined : trouble("a bigint", "pass text, or open the queue with `bigint: true`.");
    case "undefined":
      return trouble("undefined", "leave the property out, or pass null.");
    case "object":
      return value === null ? undefined : troubleWithin(value, above, bigint);
    default:
      return trouble(`a ${typeof value}`, PLAIN);
  }
}

/** @param {object} value @param {object[]} above @param {boolean} bigint @returns {Trouble | undefined} */
function troubleWithin(value, above, bigint) {
  if (above.includes(value)) return trouble("part of itself", "break the circle, by an id for example.");
  if (above.length > DEEPEST) return trouble("nested too deep", `at most ${DEEPEST} levels are kept.`);
  if (!isPlain(value)) return foreign(value);
  above.push(value);
  const found = Array.isArray(value) ? troubleInList(value, above, bigint) : troubleInMembers(value, above, bigint);
  above.pop();
  return found;
}

/** @param {unknown[]} list @param {object[]} above @param {boolean} bigint @returns {Trouble | undefined} */
function troubleInList(list, above, bigint) {
  // By index, because `forEach` passes over holes, which become null.
  for (let index = 0; index < list.length; index += 1) {
    const found = troubleIn(list[index], above, bigint);
    if (found) return { ...found, path: `[${index}]${found.path}` };
  }
  return undefined;
}

/** @param {object} value @param {object[]} above @param {boolean} bigint @returns {Trouble | undefined} */
function troubleInMembers(value, above, bigint) {
  const [symbol] = Object.getOwnPropertySymbols(value);
  if (symbol) return { ...trouble("named by a symbol", "name it by text."), path: `[${String(symbol)}]` };
  for (const name of Object.keys(value)) {
    const found = isWhole(name) ? troubleIn(readOf(value, name), above, bigint) : halfPair();
    if (found) return { ...found, path: `${/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`}${found.path}` };
  }
  return undefined;
}

/** @param {object} value @param {string} name */
function readOf(value, name) {
  try {
    return /** @type {Record<string, unknown>} */ (value)[name];
  } catch {
    // A getter that throws gives nothing.
    return undefined;
  }
}

/** Lists and objects made by braces, of this window or of another one. @param {object} value */
function isPlain(value) {
  if (Array.isArray(value)) return !("toJSON" in value);
  const prototype = Object.getPrototypeOf(value);
  return (prototype === null || Object.getPrototypeOf(prototype) === null) && !("toJSON" in value);
}

/** @param {object} value */
function foreign(value) {
  const name = String(value.constructor?.name || "object");
  const article = /^[AEIOU]/i.test(name) ? "an" : "a";
  if (ArrayBuffer.isView(value)) return trouble(`${article} ${name}`, REMEDIES.ArrayBuffer);
  return trouble(`${article} ${name}`, REMEDIES[name] ?? "pass a plain object, such as { ...value }.");
}

/** @param {string} text */
function isWhole(text) {
  // With the `u` flag a whole pair is one character, so this finds halves only.
  return !/\p{Surrogate}/u.test(text);
}

function halfPair() {
  return trouble("text with half a surrogate pair", "cut text between characters, not within one.");
}

/** @param {string} found @param {string} remedy @returns {Trouble} */
function trouble(found, remedy) {
  return { path: "", found, remedy };
}
