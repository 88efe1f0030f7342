// @ts-check
// A short list of counts with thin bars: the longest is the most.

import { h } from "./dom.js";
import { number } from "./format.js";

/**
 * @param {string} title
 * @param {[string, number][]} rows largest first
 */
export function barList(title, rows) {
  const most = rows[0]?.[1] ?? 1;
  const items = rows.map(([name, count]) => {
    const bar = h("span", { class: "bar-line" });
    bar.style.setProperty("--share", String(count / most));
    return h("li", {}, h("span", { class: "bar-name", title: name }, name), h("span", { class: "bar-count tabular" }, number(count)), bar);
  });
  return h("div", { class: "bars" }, h("h3", {}, title), h("ol", {}, ...items));
}
