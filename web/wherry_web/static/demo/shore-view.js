// @ts-check
// One shore on the page: its Python, its counts, the lane, all jobs as marks, and the story of a kill.

import { button, h, s, setAttribute, setText } from "./dom.js";
import { Field } from "./field.js";
import { clock, counted, instant, number } from "./format.js";
import { Lane } from "./lane.js";
import { shoreMark } from "./marks.js";
import { problemPanel } from "./problem.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("./shore.js").Shore} Shore */
/** @typedef {import("./crossing.js").Crossing} Crossing */
/**
 * What differs between the shores.
 * @typedef {object} Words
 * @property {string} title
 * @property {(state: string) => string} hint what the empty water says
 * @property {string} kill the sentence beside the kill button while nothing happened yet
 * @property {(crossing: Crossing) => string} tell
 */
/** @typedef {{ word: string, tone: "good" | "busy" | "bad" }} Pill */
/** @typedef {{ index: () => unknown, cross: () => unknown, kill: () => unknown, cancel: () => unknown, putBack: () => unknown, retry: () => unknown }} Actions */

const SPARK = { width: 120, height: 28 };

export class ShoreView {
  #lane;
  #field;
  #timeline = new Timeline();
  #state = h("span", { class: "pill" });
  #sub = h("p", { class: "shore-sub" });
  #boot = h("div", { class: "boot", "data-testid": "boot" });
  #trouble = h("div", { class: "shore-trouble" });
  #counts;
  #rate = h("dd", { class: "tabular" });
  #spark = s("polyline", { fill: "none", "vector-effect": "non-scaling-stroke" });
  #buttons;
  #retry;
  /** @type {unknown} */
  #shown = null;
  element;

  /**
   * @param {Shore} shore
   * @param {Crossing} crossing
   * @param {Words} words
   * @param {Actions} actions
   */
  constructor(shore, crossing, words, actions) {
    this.#retry = actions.retry;
    this.shore = shore;
    this.crossing = crossing;
    this.words = words;
    this.#lane = new Lane(shore.name);
    this.#field = new Field(shore.name);
    this.#counts = makeCounts();
    this.#buttons = makeButtons(shore.name, actions);
    this.element = this.#build();
  }

  #build() {
    const { name } = this.shore;
    const heading = h("h2", { id: `shore-${name}-title` }, shoreMark(name), this.words.title);
    const head = h("header", { class: "shore-head" }, heading, this.#state, this.#sub);
    const { index, cancel, cross, kill } = this.#buttons;
    return h(
      "section",
      { class: "shore panel", "data-testid": `shore-${name}`, "data-shore": name, "aria-labelledby": `shore-${name}-title` },
      head,
      this.#boot,
      h("div", { class: "shore-body" }, this.#trouble, this.#numbers(), this.#lane.element, this.#field.element),
      h("footer", { class: "shore-foot" }, h("div", { class: "steps" }, cross, kill, h("span", { class: "steps-end" }, cancel, index)), this.#timeline.element),
    );
  }

  #numbers() {
    const { waiting, running, done } = this.#counts;
    const chart = s(
      "svg",
      { class: "spark", viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      this.#spark,
    );
    return h(
      "dl",
      { class: "counts" },
      h("div", {}, h("dt", {}, "Waiting"), waiting),
      h("div", {}, h("dt", {}, "Running"), running),
      h("div", {}, h("dt", {}, "Done"), done),
      h("div", { class: "counts-rate" }, h("dt", {}, "Jobs a second"), this.#rate, chart),
    );
  }

  /**
   * Draw what changed; at most four times a second.
   * @param {Pill} pill
   * @param {import("./tab-side.js").Boot | null} boot
   */
  render(pill, boot) {
    const { shore } = this;
    this.#renderHead(pill, boot);
    const changed = shore.ledger.drain();
    this.crossing.update();
    setAttribute(this.element, "data-state", shore.state);
    setAttribute(this.element, "data-loaded", shore.loaded);
    setAttribute(this.element, "data-stale", shore.staleSince !== null);
    setText(this.#sub, subtitle(shore));
    setAttribute(this.#sub, "title", shore.staleSince && instant(shore.staleSince));
    this.#renderTrouble();
    this.#renderNumbers();
    this.#lane.render(shore.ledger, changed, shore.loaded || shore.state === "building" ? this.words.hint(shore.state) : "");
    this.#field.render(shore.ledger, changed, resting(shore));
    this.#renderSteps();
    this.#timeline.render(this.crossing, this.words.kill, this.words.tell);
  }

  /**
   * @param {Pill} pill
   * @param {import("./tab-side.js").Boot | null} boot
   */
  #renderHead({ word, tone }, boot) {
    setText(this.#state, word);
    setAttribute(this.#state, "data-tone", tone);
    setAttribute(this.#boot, "data-phase", boot?.phase);
    setAttribute(this.#boot, "data-loaded", boot?.loaded);
    setAttribute(this.#boot, "data-total", boot?.total);
    this.#boot.style.setProperty("--done", String(boot?.total ? boot.loaded / boot.total : 0));
  }

  #renderTrouble() {
    const { shore } = this;
    // What was read once stays in sight; an error replaces nothing but the skeleton.
    const problem = shore.failure ?? (shore.loaded && shore.staleSince ? null : shore.problem);
    if (problem !== this.#shown) {
      this.#shown = problem;
      const panel = problem ? errorOf(shore, problem, this.#retry) : null;
      this.#trouble.replaceChildren(...(panel ? [panel] : []));
    }
  }

  #renderNumbers() {
    const { ledger } = this.shore;
    const { waiting, running, done } = this.#counts;
    setText(waiting, number(ledger.counts.waiting));
    setText(running, number(ledger.counts.running));
    done.firstChild?.replaceWith(number(ledger.counts.done));
    setText(/** @type {Element} */ (done.lastElementChild), ledger.total ? ` of ${number(ledger.total)}` : "");
    setText(this.#rate, ledger.rate() < 10 ? ledger.rate().toFixed(1) : number(Math.round(ledger.rate())));
    const attributes = { "data-testid": `progress-${this.shore.name}`, "data-done": ledger.counts.done };
    const more = { "data-total": ledger.total, "data-failed": ledger.counts.failed };
    Object.entries({ ...attributes, ...more }).forEach(([name, value]) => setAttribute(done, name, value));
    setAttribute(this.#spark, "points", sparkPoints(ledger.rates()));
  }

  #renderSteps() {
    const { shore, crossing } = this;
    const { index, cancel, cross, kill } = this.#buttons;
    const { inFlight, counts } = shore.ledger;
    const usable = shore.queue !== null && shore.loaded && shore.staleSince === null;
    index.disabled = !usable || shore.listing || inFlight > 0;
    cross.disabled = !usable || crossing.isUnderWay;
    kill.disabled = !usable || crossing.isArmed || (crossing.isUnderWay && crossing.killed !== null) || !canKill(shore);
    // They take turns in one place, so that nothing beside them moves.
    cancel.hidden = inFlight === 0 && counts.cancelled === 0;
    index.hidden = inFlight > 0;
    cancel.disabled = !usable;
    setText(cancel, inFlight > 0 ? `Cancel ${counted(inFlight, "job")}` : `Put ${counted(counts.cancelled, "job")} back`);
    setAttribute(cancel, "data-kind", inFlight > 0 ? "cancel" : "put-back");
  }
}

function makeCounts() {
  const count = () => h("dd", { class: "tabular" }, "0");
  return { waiting: count(), running: count(), done: h("dd", { class: "tabular" }, "0", h("span", { class: "of" })) };
}

/**
 * @param {import("./shore.js").ShoreName} name
 * @param {Actions} actions
 */
function makeButtons(name, { index, cross, kill, cancel, putBack }) {
  const killId = name === "server" ? "kill-worker" : "kill-worker-tab";
  const stop = button("Cancel", () => (stop.dataset.kind === "cancel" ? cancel() : putBack()), {
    "data-testid": `cancel-${name}`,
    hidden: true,
  });
  return {
    index: button("Index here", index, { "data-testid": `index-${name}`, disabled: true }),
    cross: button("Run for 8 s", cross, { "data-testid": `cross-${name}`, disabled: true }),
    kill: button("Kill the worker", kill, { class: "button button-danger", "data-testid": killId, disabled: true }),
    cancel: stop,
  };
}

/** @param {Shore} shore */
const canKill = ({ state }) => state === "ready" || state === "online";

/**
 * @param {Shore} shore
 * @param {unknown} problem
 * @param {() => unknown} retry
 */
function errorOf({ name, failure }, problem, retry) {
  const server = failure ? "The server runs no jobs" : "The server cannot be used";
  const title = name === "tab" ? "Python cannot run in this tab" : server;
  const panel = problemPanel(title, problem, { label: "Try again", act: retry });
  panel.dataset.testid = "error";
  return panel;
}

/** @param {Shore} shore */
const subtitle = ({ python, place, loaded, staleSince }) =>
  loaded && staleSince
    ? `As it was at ${clock(staleSince)}; read again when it answers.`
    : [python, place].filter(Boolean).join(", ");

/** @param {Shore} shore */
function resting({ ledger, listing, loaded }) {
  if (!loaded) {
    return "";
  }
  if (listing) {
    return "Asking this Python which modules it has.";
  }
  const { total, counts, finished } = ledger;
  if (total === 0) {
    return "Each job of the index becomes a mark here.";
  }
  const failed = counts.failed ? `, ${number(counts.failed)} failed` : "";
  const cancelled = counts.cancelled ? `, ${number(counts.cancelled)} cancelled` : "";
  return `${number(finished)} of ${counted(total, "job")} finished${failed}${cancelled}. Point at a mark for its name.`;
}

/** @param {number[]} rates */
function sparkPoints(rates) {
  const top = Math.max(10, ...rates);
  const step = SPARK.width / (rates.length - 1);
  return rates.map((rate, at) => `${(at * step).toFixed(1)},${(SPARK.height - 1 - (rate / top) * (SPARK.height - 2)).toFixed(1)}`).join(" ");
}
