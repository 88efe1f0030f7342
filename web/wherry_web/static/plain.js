// @ts-check
/** Values that JSON holds as they are: nothing is dropped or changed on the way, as `JSON.stringify` would. */

import { WherryError } from "./errors.js";

const DEEPEST = 500;

/**
 * The JSON text of a value.
 *
 * @param {unknown} value
 * @param {string} [path] what the whole is called
 * @returns {string}
 * @throws {WherryError} `not_json`; `data.path` is the place in the value, such as `$.rows[3].at`
 */
export function textOf(value, path = "$") {
  require(value, path, []);
  return JSON.stringify(value);
}

/** @param {unknown} value @param {string} path @param {object[]} above */
function require(value, path, above) {
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "string") requireText(value, path);
  else if (typeof value === "object") requireMembers(value, path, above);
  else if (typeof value !== "number" || !Number.isFinite(value)) throw notJson(path, typeof value === "number" ? String(value) : kindOf(value));
}

/** @param {object} value @param {string} path @param {object[]} above */
function requireMembers(value, path, above) {
  if (above.includes(value)) throw notJson(path, "part of itself");
  if (above.length > DEEPEST) throw notJson(path, "nested too deep");
  if (!isPlain(value)) throw notJson(path, `a ${value.constructor?.name ?? "object"}`);
  const inner = [...above, value];
  if (Array.isArray(value)) {
    // By index, because `forEach` passes over holes, which become null.
    for (let index = 0; index < value.length; index += 1) require(value[index], `${path}[${index}]`, inner);
    return;
  }
  for (const [name, item] of Object.entries(value)) {
    requireText(name, path);
    require(item, `${path}.${name}`, inner);
  }
}

/** Lists and objects made by braces, of this window or of another one. @param {object} value */
function isPlain(value) {
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === null || Object.getPrototypeOf(prototype) === null) && !("toJSON" in value);
}

/** @param {string} value @param {string} path */
function requireText(value, path) {
  if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(value)) {
    throw notJson(path, "text with half a surrogate pair");
  }
}

/** @param {unknown} value */
function kindOf(value) {
  return value === undefined ? "undefined" : `a ${typeof value}`;
}

/** @param {string} path @param {string} found */
function notJson(path, found) {
  const data = { path, found };
  return new WherryError("not_json", `${path} is ${found}, which JSON cannot hold: pass text, finite numbers, lists or objects.`, { data });
}
