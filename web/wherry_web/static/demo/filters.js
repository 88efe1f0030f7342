// @ts-check
// Which shore's names are shown: one of three buttons is pressed.

import { button, h, setAttribute } from "./dom.js";

/** @typedef {import("./shore.js").ShoreName} ShoreName */

/** @type {[string, ShoreName | null][]} */
const CHOICES = [
  ["Both shores", null],
  ["This tab", "tab"],
  ["Server", "server"],
];

/** @param {(shore: ShoreName | null) => void} choose told the shore, null for both */
export function makeFilters(choose) {
  const controls = CHOICES.map(([label, shore]) => {
    const control = button(label, () => press(control, shore), {
      class: "segment",
      "aria-pressed": String(shore === null),
      "data-testid": `filter-${shore ?? "both"}`,
    });
    return control;
  });
  /**
   * @param {HTMLButtonElement} pressed
   * @param {ShoreName | null} shore
   */
  function press(pressed, shore) {
    controls.forEach((control) => setAttribute(control, "aria-pressed", String(control === pressed)));
    choose(shore);
  }
  return h("div", { class: "segments", role: "group", "aria-label": "Names from" }, ...controls);
}
