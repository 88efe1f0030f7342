// @ts-check
// Every job of a run as one small mark: state by shape and colour, the name on hover or by arrow keys.

import { h, setAttribute, setText } from "./dom.js";
import { counted, duration } from "./format.js";

/** @typedef {import("./ledger.js").Mark} Mark */
/** @typedef {import("./ledger.js").Ledger} Ledger */

/** More marks than this would be slower to lay out than to read; the counts above still tell all. */
const MOST = 2000;

export class Field {
  #marks = h("div", { class: "field", role: "listbox", tabindex: 0, "aria-label": "Jobs of the index run" });
  #told = h("p", { class: "field-told tabular" });
  element = h("div", { class: "field-frame" }, this.#marks, this.#told);
  /** @type {Map<string, HTMLElement>} */
  #byId = new Map();
  /** @type {Mark[]} */
  #order = [];
  #active = -1;
  #generation = -1;
  #prefix;

  /** @param {string} shore makes the ids of the marks unique on the page */
  constructor(shore) {
    this.#prefix = `mark-${shore}-`;
    this.#marks.addEventListener("pointerover", (event) => this.#point(event.target));
    this.#marks.addEventListener("pointerdown", (event) => this.#point(event.target));
    this.#marks.addEventListener("pointerleave", () => this.#choose(-1));
    this.#marks.addEventListener("keydown", (event) => this.#step(event));
    this.#marks.addEventListener("blur", () => this.#choose(-1));
  }

  /**
   * @param {Ledger} ledger
   * @param {Set<Mark>} changed
   * @param {string} resting what the line under the field says while no mark is chosen
   */
  render(ledger, changed, resting) {
    if (ledger.generation !== this.#generation) {
      this.#clear(ledger.generation);
    }
    for (const mark of this.#byId.size < ledger.marks.size ? ledger.marks.values() : changed) {
      this.#show(mark, ledger);
    }
    setAttribute(this.#marks, "aria-label", fieldLabel(ledger));
    setAttribute(this.element, "data-empty", ledger.total === 0);
    const chosen = this.#order[this.#active];
    setText(this.#told, chosen ? tell(chosen) : resting);
  }

  /** @param {number} generation */
  #clear(generation) {
    this.#generation = generation;
    this.#byId.clear();
    this.#order = [];
    this.#active = -1;
    this.#marks.replaceChildren();
  }

  /**
   * @param {Mark} mark
   * @param {Ledger} ledger
   */
  #show(mark, ledger) {
    if (!ledger.marks.has(mark.id)) {
      return;
    }
    const element = this.#byId.get(mark.id) ?? this.#add(mark);
    if (element) {
      setAttribute(element, "data-phase", mark.phase);
      setAttribute(element, "data-state", mark.state);
      setAttribute(element, "data-depth", mark.phase === "done" ? depth(mark.size) : null);
      setAttribute(element, "data-again", mark.attempt > 1 || mark.interruptions > 0);
      setAttribute(element, "aria-label", `${mark.label}, ${mark.phase}`);
    }
  }

  /** @param {Mark} mark */
  #add(mark) {
    if (this.#order.length >= MOST) {
      return null;
    }
    const place = this.#order.push(mark) - 1;
    const element = h("i", {
      class: "mark",
      role: "option",
      id: `${this.#prefix}${place}`,
      "aria-selected": "false",
      "data-testid": "mark",
      "data-job": mark.id,
      "data-place": place,
    });
    this.#byId.set(mark.id, element);
    this.#marks.append(element);
    return element;
  }

  /** @param {EventTarget | null} target */
  #point(target) {
    const place = target instanceof HTMLElement ? target.dataset.place : undefined;
    if (place !== undefined) {
      this.#choose(Number(place));
    }
  }

  /** @param {KeyboardEvent} event */
  #step(event) {
    const row = this.#rowLength();
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row };
    const by = steps[event.key];
    if (by !== undefined && this.#order.length > 0) {
      event.preventDefault();
      this.#choose(Math.min(Math.max(this.#active < 0 ? 0 : this.#active + by, 0), this.#order.length - 1));
    }
  }

  #rowLength() {
    const children = /** @type {HTMLElement[]} */ ([...this.#marks.children]);
    const top = children[0]?.offsetTop;
    const next = children.findIndex((child) => child.offsetTop !== top);
    return next < 0 ? children.length : next;
  }

  /** @param {number} place -1 for none */
  #choose(place) {
    const before = this.#marks.children[this.#active];
    const now = this.#marks.children[place];
    this.#active = place;
    before?.setAttribute("aria-selected", "false");
    now?.setAttribute("aria-selected", "true");
    setAttribute(this.#marks, "aria-activedescendant", now?.id);
    const chosen = this.#order[place];
    if (chosen) {
      setText(this.#told, tell(chosen));
    }
  }
}

/** @param {Ledger} ledger */
function fieldLabel({ total, counts }) {
  return total === 0
    ? "Jobs of the index run: none yet"
    : `${counted(total, "job")}: ${counts.done} done, ${counts.running} running, ${counts.waiting} waiting, ${counts.failed} failed`;
}

/**
 * A step from 0 to 3, each about a quarter of the standard library's modules.
 * @param {number} names
 */
const depth = (names) => [4, 12, 30].filter((step) => names >= step).length;

/** @param {Mark} mark */
function tell(mark) {
  const took = mark.startedMs && mark.finishedMs ? ` in ${duration(mark.finishedMs - mark.startedMs)}` : "";
  const again = mark.attempt > 1 ? `, attempt ${mark.attempt}` : "";
  const moved = mark.interruptions > 0 ? `, ${counted(mark.interruptions, "interruption")}` : "";
  const error = mark.phase === "failed" ? `: ${mark.error}` : "";
  const result = mark.result ? `, ${mark.result}` : "";
  return `${mark.label} ${mark.state}${took}${result}${again}${moved}${error}`;
}
