// @ts-check
/** Which wherry these scripts are, and what to say when another part of the page is another one. */

import { WherryError } from "./errors.js";

/** The same as `wherry.__version__`. */
export const VERSION = "0.1.0";

/**
 * Refuses to go on with parts of two versions: they would misunderstand each other in ways that nobody can find.
 *
 * @param {string} page version of what asks @param {string} part what it asks @param {string} [found] version of that
 * @throws {WherryError} `reload_needed`
 */
export function requireSame(page, part, found = VERSION) {
  if (page === found) return;
  const remedy = "reload the page; if that does not help, publish all files of one version together.";
  throw new WherryError("reload_needed", `this page runs wherry ${page}, but its ${part} is ${found}: ${remedy}`, { data: { page, found, part } });
}
