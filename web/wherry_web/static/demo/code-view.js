// @ts-check
// The code that ran, beside what it did: each task's real source and the lines of JavaScript that submit it.

import { button, h, setAttribute } from "./dom.js";
import { highlight } from "./highlight.js";
import { problemPanel } from "./problem.js";

/** @typedef {{ name: string, place: string, file: string, first_line: number, source: string }} TaskSource */

export const SCRIPT = `import { open } from "./wherry.js";

const queue = await open({ url: "indexeddb:app", tasks: ["library.py"] });
const job = await queue.submit("library.index", "asyncio.taskgroups");
console.log(await job.result());`;

const SHOWN = ["library.index", "file.statistics", "wait"];

export class CodeView {
  #tabs = h("div", { class: "segments", role: "group", "aria-label": "Code of" });
  #place = h("p", { class: "code-place tabular" });
  #code = h("div", { class: "code-frame" });
  /** @type {Map<string, TaskSource>} */
  #sources = new Map();
  #chosen = SHOWN[0] ?? "";
  /** @type {unknown} */
  #failed = null;
  element = h(
    "section",
    { class: "panel code", "aria-labelledby": "code-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "code-title" }, "The Python that ran"), this.#tabs),
    this.#place,
    this.#code,
  );

  constructor() {
    const rows = Array.from({ length: 9 }, () => h("span", { class: "skeleton-row" }));
    this.#code.replaceChildren(h("div", { class: "code-loading" }, ...rows));
  }

  /** @param {TaskSource[]} tasks */
  show(tasks) {
    if (this.#sources.size > 0) {
      return;
    }
    this.#sources = new Map(tasks.map((task) => [task.name, task]));
    const names = SHOWN.filter((name) => this.#sources.has(name));
    this.#tabs.replaceChildren(...names.map((name) => button(name, () => this.choose(name), { class: "segment", "data-task": name })));
    this.choose(this.#chosen);
  }

  /** @param {unknown} error */
  fail(error) {
    if (this.#sources.size === 0 && error !== this.#failed) {
      this.#failed = error;
      this.#code.replaceChildren(problemPanel("The source cannot be shown", error));
    }
  }

  /** @param {string} name of a task whose source to show */
  choose(name) {
    const task = this.#sources.get(name);
    this.#chosen = name;
    for (const tab of this.#tabs.children) {
      setAttribute(tab, "aria-pressed", String(/** @type {HTMLElement} */ (tab).dataset.task === name));
    }
    if (task) {
      const lines = task.source.trimEnd().split("\n").length;
      this.#place.textContent = `${task.file.replace("/demo/py/", "wherry/examples/")}, lines ${task.first_line}–${task.first_line + lines - 1}. ${task.place === "browser" ? "Runs in a tab only." : "The same file on both shores."}`;
      this.#code.replaceChildren(codeBlock(task.source.trimEnd(), "python", `Source of ${name}`));
    }
  }
}

/**
 * @param {string} source
 * @param {"python" | "javascript"} language
 * @param {string} label
 */
export const codeBlock = (source, language, label) =>
  h("pre", { class: "code-block", tabindex: 0, role: "region", "aria-label": label }, h("code", {}, ...highlight(source, language)));
