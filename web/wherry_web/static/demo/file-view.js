// @ts-check
// Drop a file: its statistics are computed by a job in this tab, and the file goes nowhere else.

import { barList } from "./bars.js";
import { button, h, setAttribute, setText } from "./dom.js";
import { duration, figure, number, size } from "./format.js";
import { DemoError, problemPanel } from "./problem.js";

/** @typedef {import("./shore.js").Shore} Shore */
/** @typedef {{ name: string, type: string, filled: number, empty: number, distinct: number, min: string | number | null, max: string | number | null, mean: number | null }} Column */

/** A job's input holds 1 MiB as JSON text; quotes and line ends grow there. */
const MOST_BYTES = 1_048_576;
const MOST_WORDS = 12;

export class FileView {
  #shore;
  #started;
  #input = h("input", { type: "file", id: "file", class: "visually-hidden", "data-testid": "file-input", accept: ".csv,.tsv,.txt,.md,.json,.log,.py,text/*" });
  #body = h("div", { class: "file-body", "aria-live": "polite" });
  element;

  /**
   * @param {Shore} shore the tab's
   * @param {() => unknown} started told when a file was taken
   */
  constructor(shore, started) {
    this.#shore = shore;
    this.#started = started;
    this.#input.addEventListener("change", () => {
      void this.#take(this.#input.files?.[0]);
      this.#input.value = "";
    });
    this.element = h(
      "section",
      { class: "panel file", "aria-labelledby": "file-title" },
      h("div", { class: "panel-head" }, h("h2", { id: "file-title" }, "A file of yours"), h("p", { class: "panel-aside" }, "This file never leaves the tab")),
      this.#input,
      this.#body,
    );
    this.#listenForDrops();
    this.#showEmpty();
  }

  #listenForDrops() {
    // The whole page takes the file: a drop beside the panel would otherwise make the browser leave the page.
    let depth = 0;
    document.addEventListener("dragenter", () => setAttribute(this.element, "data-over", (depth += 1) > 0));
    document.addEventListener("dragleave", () => setAttribute(this.element, "data-over", (depth -= 1) > 0));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      setAttribute(this.element, "data-over", false);
      void this.#take(event.dataTransfer?.files[0]);
    });
  }

  #choose() {
    return h("label", { class: "button", for: "file" }, "Choose a file");
  }

  #showEmpty() {
    const words = "Drop a text or CSV file anywhere on this page. A job in this tab counts its words and describes its columns.";
    this.#body.replaceChildren(h("div", { class: "drop" }, h("p", {}, words), this.#choose()));
  }

  /** @param {File | undefined} file */
  async #take(file) {
    if (!file) {
      return;
    }
    try {
      this.#started();
      this.#showProgress(file.name);
      const text = await readText(file);
      const handle = await this.#shore.statistics(file.name, text);
      const forget = handle.onProgress(({ percent, message }) => this.#progress(percent, message));
      const found = await handle.result().finally(forget);
      const job = await handle.job();
      this.#showResult(found, job);
    } catch (error) {
      const panel = problemPanel(`No statistics of ${file.name}`, error);
      panel.dataset.testid = "error";
      this.#body.replaceChildren(panel, h("div", { class: "drop drop-again" }, this.#choose()));
    }
  }

  #told = h("p", { class: "file-told tabular" });
  #bar = h("span", { class: "file-bar" });

  /** @param {string} name */
  #showProgress(name) {
    this.#progress(0, "waiting for Python");
    const rows = Array.from({ length: 4 }, () => h("span", { class: "skeleton-row" }));
    this.#body.replaceChildren(h("p", { class: "file-name" }, name), this.#told, this.#bar, ...rows);
  }

  /**
   * @param {number} percent
   * @param {string} message
   */
  #progress(percent, message) {
    setText(this.#told, `${message}, ${Math.round(percent)} %`);
    this.#bar.style.setProperty("--done", String(percent / 100));
  }

  /**
   * @param {any} found what `file.statistics` returned
   * @param {import("../wherry.js").Job} job
   */
  #showResult(found, job) {
    const took = job.started && job.finished ? `, ${duration(job.finished.getTime() - job.started.getTime())}` : "";
    const facts = { "data-testid": "file-result", "data-kind": found.kind, "data-lines": found.lines, "data-rows": found.rows };
    this.#body.replaceChildren(
      h(
        "div",
        { class: "file-result", ...facts },
        h("p", { class: "file-name" }, found.name, h("span", { class: "file-told" }, `ran in this tab${took}`)),
        factList(found),
        found.columns && columnTable(found.columns),
        found.frequent.length > 0 && barList("Frequent words", found.frequent.slice(0, MOST_WORDS)),
        h("div", { class: "steps" }, this.#choose(), button("Put it away", () => this.#showEmpty())),
      ),
    );
  }
}

/** @param {File} file */
async function readText(file) {
  if (file.size > MOST_BYTES) {
    throw new DemoError("payload_too_large", `${file.name} has ${size(file.size)}.`, {
      remedy: `A job's input holds ${size(MOST_BYTES)}: choose a smaller file, or the first part of this one.`,
    });
  }
  return file.text();
}

/** @param {any} found */
function factList(found) {
  /** @type {[string, string][]} */
  const facts = [
    ["Size", size(found.bytes)],
    ["Lines", number(found.lines)],
    ["Words", number(found.words)],
    ["Different words", number(found.unique_words)],
    ["Longest line", number(found.longest_line)],
  ];
  if (found.kind === "csv") {
    facts.splice(2, 0, ["Rows", number(found.rows)], ["Columns", number(found.columns.length)]);
  }
  return h("dl", { class: "facts" }, ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "tabular" }, value))));
}

/** @param {Column[]} columns */
function columnTable(columns) {
  const names = ["Column", "Type", "Filled", "Distinct", "Least", "Mean", "Most"];
  const isNumber = [false, false, true, true, true, true, true];
  return h(
    "div",
    { class: "table-frame", tabindex: 0, role: "region", "aria-label": "Columns of the file" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ...names.map((name, at) => h("th", { scope: "col", class: isNumber[at] && "right" }, name)))),
      h("tbody", {}, ...columns.map(columnRow)),
    ),
  );
}

/** @param {Column} column */
function columnRow({ name, type, filled, empty, distinct, min, mean, max }) {
  /** @param {string} text */
  const cell = (text) => h("td", { class: "right tabular" }, text);
  const share = filled + empty > 0 ? `${Math.round((100 * filled) / (filled + empty))} %` : "–";
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, name),
    h("td", {}, type),
    cell(share),
    cell(number(distinct)),
    ...[min, mean, max].map((value) => cell(shown(value))),
  );
}

/** @param {string | number | null} value */
const shown = (value) => (value === null ? "–" : typeof value === "number" ? figure(value) : value);
