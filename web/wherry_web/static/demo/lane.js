// @ts-check
// The water between the banks: cards of the jobs in flight, each as far across as its job has come.
// A few places that stay where they are; with hundreds of jobs the lane shows a sample.

import { h, setAttribute, setText } from "./dom.js";
import { duration } from "./format.js";
import { INDEX_TASK } from "./ledger.js";
import { SHORE_WORDS } from "./marks.js";

/** @typedef {import("./ledger.js").Mark} Mark */
/** @typedef {import("./ledger.js").Ledger} Ledger */
/** @typedef {import("./shore.js").ShoreName} ShoreName */

const PLACES = 3;
/** A card is shown at least this long, or nobody could read it. */
const READABLE_MS = 1100;

export class Lane {
  /** @type {Place[]} */
  #places = [];
  #hint = h("p", { class: "lane-hint" });
  element;

  /** @param {ShoreName} shore */
  constructor(shore) {
    for (let at = 0; at < PLACES; at += 1) {
      this.#places.push(new Place(shore));
    }
    const tracks = this.#places.map((place) => h("div", { class: "track" }, place.element));
    this.element = h("div", { class: "lane" }, ...tracks, this.#hint);
  }

  /**
   * @param {Ledger} ledger
   * @param {Set<Mark>} changed
   * @param {string} hint what the empty water says
   */
  render(ledger, changed, hint) {
    const now = performance.now();
    for (const mark of this.#wanted(ledger, changed)) {
      this.#seat(mark, now);
    }
    this.#places.forEach((place) => place.render());
    setText(this.#hint, this.#places.some((place) => place.mark) ? "" : hint);
  }

  /**
   * Jobs that deserve a place, those people asked for first.
   * @param {Ledger} ledger
   * @param {Set<Mark>} changed
   */
  #wanted(ledger, changed) {
    const singles = [...ledger.singles.values()].filter(({ phase }) => phase === "running" || phase === "waiting");
    /** @type {Mark[]} */
    const running = [];
    /** @type {Mark[]} */
    const landed = [];
    for (const mark of changed) {
      if (mark.phase === "running" || ledger.singles.has(mark.id)) {
        running.push(mark);
      } else if (mark.phase !== "waiting") {
        landed.push(mark);
      }
    }
    return [...singles, ...running, ...landed.slice(-PLACES)];
  }

  /**
   * @param {Mark} mark
   * @param {number} now
   */
  #seat(mark, now) {
    if (this.#places.some((place) => place.mark?.id === mark.id)) {
      return;
    }
    const free =
      this.#places.find((place) => place.mark === null) ??
      this.#places.find((place) => place.mayGive(mark, now));
    free?.seat(mark, now);
  }
}

/** One place of the lane. */
class Place {
  /** @type {Mark | null} */
  mark = null;
  #seatedMs = 0;
  #name = h("span", { class: "card-name" });
  #state = h("i", { class: "mark", "aria-hidden": "true" });
  #told = h("p", { class: "card-told tabular" });
  #bar = h("span", { class: "card-bar" });
  #shore;

  /** @param {ShoreName} shore */
  constructor(shore) {
    this.#shore = shore;
    this.element = h(
      "article",
      { class: "card", "data-testid": "job", "data-shore": shore, hidden: true },
      h("p", { class: "card-head" }, this.#state, this.#name),
      this.#told,
      this.#bar,
    );
  }

  /**
   * A place is given up once its job has ended and could be read; a job that takes long keeps it.
   * @param {Mark} wanting
   * @param {number} now
   */
  mayGive(wanting, now) {
    const isOld = now - this.#seatedMs > READABLE_MS;
    const isOver = this.mark?.phase !== "running" && this.mark?.phase !== "waiting";
    const yields = this.mark?.task === INDEX_TASK && wanting.task !== INDEX_TASK;
    return yields || (isOld && isOver && (this.mark?.task === INDEX_TASK || now - this.#seatedMs > 8 * READABLE_MS));
  }

  /**
   * @param {Mark} mark
   * @param {number} now
   */
  seat(mark, now) {
    this.mark = mark;
    this.#seatedMs = now;
    this.element.hidden = false;
    // Start at the left bank without travelling there from where the last card landed.
    this.element.dataset.fresh = "";
    this.#move(0);
    void this.element.offsetWidth;
    delete this.element.dataset.fresh;
  }

  render() {
    const { mark } = this;
    if (!mark) {
      return;
    }
    const values = { job: mark.id, task: mark.task, state: mark.state, attempt: mark.attempt, percent: Math.round(mark.percent) };
    Object.entries(values).forEach(([name, value]) => setAttribute(this.element, `data-${name}`, value));
    setAttribute(this.#state, "data-phase", mark.phase);
    setText(this.#name, mark.label);
    setText(this.#told, this.#tell(mark));
    setAttribute(this.#told, "data-testid", mark.phase === "done" ? "job-result" : null);
    this.#move(mark.phase === "done" ? 100 : mark.percent);
  }

  /** @param {number} percent */
  #move(percent) {
    this.element.style.setProperty("--across", String(percent / 100));
  }

  /** @param {Mark} mark */
  #tell(mark) {
    if (mark.phase === "done") {
      const took = mark.startedMs && mark.finishedMs ? `, ${duration(mark.finishedMs - mark.startedMs)}` : "";
      return `${mark.result && `${mark.result}, `}ran ${this.#shore === "tab" ? "in this tab" : `on the ${SHORE_WORDS.server}`}${took}`;
    }
    if (mark.phase === "waiting") {
      return mark.attempt > 0 ? `waiting for attempt ${mark.attempt + 1}` : "waiting";
    }
    return mark.phase === "running" ? `${mark.message || "running"}, ${Math.round(mark.percent)} %` : mark.error || mark.state;
  }
}
