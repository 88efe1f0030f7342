// @ts-check
// The small shapes that tell a shore or a state without relying on colour.

import { h, s } from "./dom.js";

/** @typedef {import("./shore.js").ShoreName} ShoreName */

/** @type {Record<ShoreName, string>} */
export const SHORE_WORDS = { tab: "this tab", server: "server" };

/**
 * A ring for the tab, a filled square for the server.
 * @param {ShoreName} shore
 * @param {boolean} [named] say the name to those who cannot see the shape
 */
export function shoreMark(shore, named = false) {
  const shape =
    shore === "tab"
      ? s("circle", { cx: 6, cy: 6, r: 4, fill: "none", stroke: "currentColor", "stroke-width": 2 })
      : s("rect", { x: 1.5, y: 1.5, width: 9, height: 9, rx: 1.5, fill: "currentColor" });
  const label = named ? { role: "img", "aria-label": SHORE_WORDS[shore] } : { "aria-hidden": "true" };
  return s("svg", { class: "shore-mark", "data-shore": shore, viewBox: "0 0 12 12", width: 12, height: 12, ...label }, shape);
}

/**
 * The shape of a phase, as in the field of jobs.
 * @param {string} phase
 */
export const phaseMark = (phase) => h("i", { class: "mark", "data-phase": phase, "aria-hidden": "true" });
