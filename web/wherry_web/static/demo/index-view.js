// @ts-check
// The searchable index: a field, the best results, and where each came from.

import { button, h, setAttribute, setText } from "./dom.js";
import { barList } from "./bars.js";
import { makeFilters } from "./filters.js";
import { counted, number } from "./format.js";
import { SHORE_WORDS, shoreMark } from "./marks.js";
import { ResultDetail } from "./result-detail.js";

/** @typedef {import("./catalogue.js").Catalogue} Catalogue */
/** @typedef {import("./catalogue.js").Entry} Entry */
/** @typedef {import("./shore.js").ShoreName} ShoreName */

const MOST_ROWS = 50;
const OVERVIEW_ROWS = 8;
/** While hundreds of jobs finish, the index follows once a second. */
const REBUILD_MS = 1000;
const TRY = ["TaskGroup", "Path.glob", "lru_cache", "asyncio queue"];
/** @type {ShoreName[]} */
const SHORES = ["tab", "server"];

export class IndexView {
  #catalogue;
  #field = h("input", {
    id: "search",
    type: "search",
    role: "combobox",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    placeholder: "TaskGroup, json dump, Path.glob",
    "aria-expanded": "true",
    "aria-controls": "results",
    "aria-autocomplete": "list",
    "aria-label": "Search the index",
    "data-testid": "search",
  });
  #list = h("ol", { id: "results", class: "results", role: "listbox", "aria-label": "Results", "data-testid": "search-results" });
  #note = h("p", { class: "index-note tabular", role: "status" });
  #empty = h("div", { class: "index-empty" });
  /** @type {ShoreName | null} */
  #shore = null;
  /** @type {Entry[]} */
  #best = [];
  #detail;
  #shown = "";
  #active = -1;
  #start;
  element;

  /**
   * @param {Catalogue} catalogue
   * @param {() => unknown} start what the empty index offers
   * @param {import("./result-detail.js").FindJob} findJob
   */
  constructor(catalogue, start, findJob) {
    this.#catalogue = catalogue;
    this.#detail = new ResultDetail(catalogue, findJob);
    this.#start = start;
    this.#field.addEventListener("input", () => this.#search());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keydown", (event) => this.#slash(event));
    this.element = this.#build();
  }

  #build() {
    const head = h(
      "div",
      { class: "panel-head" },
      h("h2", { id: "index-title" }, "The index"),
      makeFilters((shore) => this.#filter(shore)),
    );
    const key = h("kbd", { "aria-hidden": "true" }, "/");
    return h(
      "section",
      { class: "panel index", "aria-labelledby": "index-title" },
      head,
      h("div", { class: "search" }, this.#field, key),
      this.#note,
      this.#empty,
      this.#list,
      this.#detail.element,
    );
  }

  /**
   * @param {{ loaded: boolean, unfinished: number }} state jobs of the index that are not done yet
   */
  render({ loaded, unfinished }) {
    this.#unfinished = unfinished;
    const isDue = performance.now() - this.#rebuiltMs > (unfinished > 0 ? REBUILD_MS : 0);
    if (this.#catalogue.isBehind && isDue) {
      this.#rebuiltMs = performance.now();
      this.#catalogue.rebuild();
      this.#renderOverview();
      this.#search();
    }
    setAttribute(this.element, "data-loading", !loaded);
    const isEmpty = this.#catalogue.entries.length === 0;
    setAttribute(this.element, "data-empty", isEmpty);
    this.#field.disabled = isEmpty;
    // A count that grows every second is not worth being read aloud.
    setAttribute(this.#note, "aria-live", unfinished > 0 ? "off" : "polite");
    setText(this.#note, this.#told(loaded, unfinished));
    this.#renderEmpty(loaded, isEmpty, unfinished);
  }

  /**
   * @param {boolean} loaded
   * @param {number} unfinished
   */
  #told(loaded, unfinished) {
    const { entries, modules } = this.#catalogue;
    if (!loaded || entries.length === 0) {
      return "";
    }
    const partial = unfinished > 0 ? ` ${counted(unfinished, "job")} to go.` : "";
    const most = Math.max(modules.tab.size, modules.server.size);
    const count = Number(this.#list.dataset.count ?? 0);
    return this.#field.value.trim()
      ? `${counted(count, "name")}${count > MOST_ROWS ? `, the best ${MOST_ROWS} below` : ""}.${partial}`
      : `${number(entries.length)} names from ${counted(most, "module")}.${partial}`;
  }

  /**
   * @param {boolean} loaded
   * @param {boolean} isEmpty
   * @param {number} unfinished
   */
  #renderEmpty(loaded, isEmpty, unfinished) {
    const kind = !loaded ? "loading" : isEmpty ? (unfinished > 0 ? "first" : "empty") : this.#field.value.trim() ? "search" : "idle";
    const isUnmatched = kind === "search" && this.#list.childElementCount === 0;
    const shown = isUnmatched ? `none ${this.#field.value}` : kind;
    if (this.#empty.dataset.kind !== shown) {
      this.#empty.dataset.kind = shown;
      this.#empty.replaceChildren(...this.#emptyParts(isUnmatched ? "none" : kind));
    }
  }

  /** @param {string} kind */
  #emptyParts(kind) {
    const suggestions = () => TRY.map((text) => button(text, () => this.search(text), { class: "chip" }));
    switch (kind) {
      case "loading":
        return Array.from({ length: 5 }, () => h("span", { class: "skeleton-row" }));
      case "empty":
        return [
          h("p", {}, "Nothing is indexed yet. Each finished job adds the public names of one module."),
          h("code", { class: "command" }, 'await queue.submitMany("library.index", modules)'),
          button("Index the standard library", this.#start),
        ];
      case "first":
        return [h("p", {}, "The first modules are being read.")];
      case "idle":
        return [
          h("p", {}, "Type a name, a part of it, or a module and a name."),
          h("div", { class: "chips" }, ...suggestions()),
          this.#overview,
        ];
      case "none":
        return [
          h("p", {}, `No public name fits “${this.#field.value.trim()}”${this.#shore ? ` in ${SHORE_WORDS[this.#shore]}` : ""}.`),
          h("div", { class: "chips" }, ...suggestions()),
        ];
      default:
        return [];
    }
  }

  /** @param {string} text */
  search(text) {
    this.#field.value = text;
    this.#field.focus();
    this.#search();
  }

  #search() {
    const { best, count } = this.#catalogue.search(this.#field.value, this.#shore, MOST_ROWS);
    const terms = this.#field.value.toLowerCase().split(/[\s.]+/).filter(Boolean);
    setAttribute(this.#list, "data-count", count);
    // While jobs finish the same search runs each second: rows that stay the same keep what was chosen.
    const shown = [this.#field.value, ...best.map(({ path, lines }) => `${path} ${Object.keys(lines)}`)].join();
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.#best = best;
      this.#list.replaceChildren(...best.map((entry, at) => this.#row(entry, at, terms)));
      this.#choose(-1);
    }
    this.render({ loaded: this.element.dataset.loading === undefined, unfinished: this.#unfinished });
  }

  #overview = h("div", { class: "overview" });

  #renderOverview() {
    const lists = this.#catalogue.overview(this.#shore, OVERVIEW_ROWS).map(({ title, rows }) => barList(title, rows));
    this.#overview.replaceChildren(...lists);
  }

  #unfinished = 0;
  #rebuiltMs = -REBUILD_MS;

  /**
   * @param {Entry} entry
   * @param {number} at
   * @param {string[]} terms
   */
  #row(entry, at, terms) {
    const shores = SHORES.filter((shore) => shore in entry.lines);
    const line = entry.lines[shores[0] ?? "tab"];
    const row = h(
      "li",
      {
        class: "result",
        role: "option",
        id: `result-${at}`,
        "aria-selected": "false",
        "data-testid": "result",
        "data-name": entry.name,
        "data-module": entry.module,
        "data-found-in": entry.foundIn,
        "data-shore": shores.join(" "),
      },
      h("span", { class: "result-kind", "data-kind": entry.kind }, entry.kind),
      h("span", { class: "result-name" }, h("span", { class: "result-from" }, `${entry.foundIn}.`), ...emphasize(entry.name, terms)),
      h("span", { class: "result-place tabular" }, `${entry.module}:${line}`),
      h("span", { class: "result-shores" }, ...shores.map((shore) => shoreMark(shore, true))),
      h("span", { class: "result-summary" }, entry.summary || "No docstring."),
    );
    // Rows that scroll below a resting pointer are not chosen: only a pointer that moves chooses.
    row.addEventListener("pointermove", ({ movementX, movementY }) => {
      if ((movementX || movementY) && this.#active !== at) {
        this.#choose(at);
      }
    });
    return row;
  }

  /** @param {number} place -1 for none */
  #choose(place) {
    this.#list.children[this.#active]?.setAttribute("aria-selected", "false");
    this.#active = place;
    const row = this.#list.children[place];
    row?.setAttribute("aria-selected", "true");
    setAttribute(this.#field, "aria-activedescendant", row?.id);
    this.#detail.show(this.#best[Math.max(place, 0)] ?? null);
    return row;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.#list.childElementCount - 1;
    if (event.key === "Escape") {
      this.search("");
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = this.#active + (event.key === "ArrowDown" ? 1 : -1);
      this.#choose(Math.min(Math.max(next, 0), last))?.scrollIntoView({ block: "nearest" });
    }
  }

  /** @param {KeyboardEvent} event */
  #slash(event) {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      this.#field.focus();
      this.#field.select();
    }
  }

  /** @param {ShoreName | null} shore */
  #filter(shore) {
    this.#shore = shore;
    this.#renderOverview();
    this.#search();
  }
}

/**
 * The name with the parts that were typed marked.
 * @param {string} name
 * @param {string[]} terms
 */
function emphasize(name, terms) {
  const lower = name.toLowerCase();
  const term = terms.filter((one) => lower.includes(one)).sort((a, b) => b.length - a.length)[0];
  if (!term) {
    return [name];
  }
  const at = lower.indexOf(term);
  return [name.slice(0, at), h("mark", {}, name.slice(at, at + term.length)), name.slice(at + term.length)];
}
