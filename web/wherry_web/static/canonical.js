// @ts-check
/**
 * Canonical JSON (RFC 8785) and the fingerprint of an input, the same as `wherry/canonical.py`.
 *
 * A BigInt is written in full: integers beyond 2^53 have no other form that keeps them.
 */

import { WherryError } from "./errors.js";
import { hexOf } from "./ids.js";

export { newId } from "./ids.js";

/**
 * RFC 8785 text: members sorted by UTF-16 code units, ECMAScript numbers.
 *
 * @param {unknown} value
 * @param {string} [path] the place of `value` in the whole, for the error
 * @returns {string}
 * @throws {WherryError} `not_json`
 */
export function canonical(value, path = "$") {
  if (Array.isArray(value)) return `[${value.map((item, index) => canonical(item, `${path}[${index}]`)).join(",")}]`;
  if (isPlain(value)) {
    // The default order of strings is by UTF-16 code units, as the RFC asks.
    const names = Object.keys(value).sort();
    return `{${names.map((name) => `${quoted(name, path)}:${canonical(value[name], `${path}.${name}`)}`).join(",")}}`;
  }
  if (typeof value === "string") return quoted(value, path);
  if (typeof value === "bigint") return value.toString();
  if (value === null || typeof value === "boolean" || Number.isFinite(value)) return JSON.stringify(value);
  throw notJson(path, describe(value));
}

/** @param {string} text @param {string} path */
function quoted(text, path) {
  // With the `u` flag a whole pair is one character, so this finds halves only.
  if (/\p{Surrogate}/u.test(text)) throw notJson(path, "text with half of a surrogate pair");
  return JSON.stringify(text);
}

/** @param {string} path @param {string} found */
function notJson(path, found) {
  const remedy = "which JSON cannot hold: pass text, finite numbers, lists or objects.";
  return new WherryError("not_json", `${path} is ${found}, ${remedy}`, { data: { path, found } });
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isPlain(value) {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @param {unknown} value */
function describe(value) {
  if (typeof value === "number") return `the number ${value}`;
  return typeof value === "object" && value ? `a ${value.constructor?.name ?? "object"}` : `a ${typeof value}`;
}

/**
 * SHA-256 of the canonical text, 64 hexadecimal digits.
 *
 * @param {unknown} value
 * @returns {Promise<string>}
 * @throws {WherryError} `not_json`; `not_secure_context` where the browser has no SHA-256
 */
export async function fingerprint(value) {
  return digestOf(canonical(value));
}

/**
 * @param {string} text canonical
 * @throws {WherryError} `not_secure_context` where the browser has no SHA-256
 */
export async function digestOf(text) {
  if (!globalThis.crypto?.subtle) {
    throw new WherryError("not_secure_context", "this page has no crypto.subtle: serve it from https:// or from localhost.");
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return hexOf(new Uint8Array(digest));
}
