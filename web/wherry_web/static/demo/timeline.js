// @ts-check
// The story of one job on one line: attempts as segments, what is left of the lease hatched, a flag at the kill
// and one at the result; beneath it one sentence.

import { h, setAttribute, setText } from "./dom.js";
import { duration } from "./format.js";

/** @typedef {import("./crossing.js").Crossing} Crossing */
/** @typedef {import("./crossing.js").Segment} Segment */

/** The whole line at first; it grows when a story lasts longer. */
const SPAN_MS = 16_000;
const GROWTH = 1.25;
/** A shorter segment has no room for its name. */
const LABEL_SHARE = 0.13;
const TICKS_S = [0, 5, 10, 15, 20, 30, 40, 60, 90];

export class Timeline {
  #line = h("div", { class: "timeline-line" });
  #ticks = h("div", { class: "timeline-ticks tabular", "aria-hidden": "true" });
  #lease = h("p", { class: "timeline-lease tabular", "data-testid": "lease", hidden: true });
  #told = h("p", { class: "timeline-told", role: "status" });
  element = h("div", { class: "timeline" }, this.#line, this.#ticks, this.#lease, this.#told);
  /** @type {Map<string, HTMLElement>} */
  #parts = new Map();
  #story = 0;
  #span = SPAN_MS;

  /**
   * @param {Crossing} crossing
   * @param {string} resting
   * @param {(crossing: Crossing) => string} tell
   */
  render(crossing, resting, tell) {
    if (crossing.startMs !== this.#story) {
      this.#begin(crossing.startMs);
    }
    const now = crossing.endMs ?? performance.now();
    while (crossing.jobId && now - crossing.startMs > this.#span * 0.94) {
      this.#span *= GROWTH;
    }
    setAttribute(this.element, "data-idle", crossing.jobId === null);
    this.#drawTicks();
    if (crossing.jobId === null) {
      this.#drawPromise(crossing.isUncharged);
    }
    this.#draw(crossing, now);
    this.#drawLease(crossing, now);
    setText(this.#told, crossing.jobId === null ? resting : tell(crossing));
  }

  /** @param {number} startMs */
  #begin(startMs) {
    this.#story = startMs;
    this.#span = SPAN_MS;
    this.#parts.clear();
    this.#line.replaceChildren();
  }

  /**
   * @param {Crossing} crossing
   * @param {number} now
   */
  #draw(crossing, now) {
    crossing.segments.forEach((segment, at) => {
      const isWide = (segment.toMs ?? now) - segment.fromMs > LABEL_SHARE * this.#span;
      const label = segment.toMs === null ? `, ${Math.round(segment.percent)} %` : "";
      this.#part(`run ${at}`, "timeline-run", segment.fromMs, segment.toMs ?? now, isWide ? `run ${at + 1}${label}` : "");
    });
    const { killed } = crossing;
    if (killed) {
      const resumed = crossing.segments.find(({ fromMs }) => fromMs > killed.atMs)?.fromMs;
      const { atMs, leaseUntilMs } = killed;
      this.#part("lease", "timeline-lease-left", atMs, Math.min(leaseUntilMs, resumed ?? leaseUntilMs), "");
      this.#part("next", "timeline-next", leaseUntilMs, Math.max(resumed ?? now, leaseUntilMs), "");
      this.#part("kill", "timeline-kill", killed.atMs, killed.atMs, "killed");
    }
    if (crossing.endMs !== null) {
      this.#part("end", "timeline-end", crossing.endMs, crossing.endMs, crossing.mark?.phase === "done" ? "result" : "ended");
    }
  }

  /**
   * What will be seen here, before anything happened.
   * @param {boolean} isUncharged the job goes back at once, without a lease to wait out
   */
  #drawPromise(isUncharged) {
    const leaseMs = isUncharged ? 1600 : 5800;
    this.#part("run 0", "timeline-run", 0, 1600, "");
    this.#part("lease", "timeline-lease-left", 1600, leaseMs, "");
    this.#part("next", "timeline-next", leaseMs, leaseMs + 1200, "");
    this.#part("run 1", "timeline-run", leaseMs + 1200, leaseMs + 9200, "");
  }

  /**
   * @param {string} key
   * @param {string} kind
   * @param {number} fromMs
   * @param {number} toMs
   * @param {string} label
   */
  #part(key, kind, fromMs, toMs, label) {
    let part = this.#parts.get(key);
    if (!part) {
      part = h("span", { class: kind }, h("span", { class: "timeline-label tabular" }));
      this.#parts.set(key, part);
      this.#line.append(part);
    }
    part.style.setProperty("--from", String((fromMs - this.#story) / this.#span));
    part.style.setProperty("--to", String((toMs - this.#story) / this.#span));
    if (part.firstElementChild) {
      setText(part.firstElementChild, label);
    }
  }

  #drawTicks() {
    const seconds = TICKS_S.filter((second) => second * 1000 < this.#span);
    if (this.#ticks.childElementCount !== seconds.length) {
      this.#ticks.replaceChildren(...seconds.map((second) => h("span", {}, `${second} s`)));
    }
    seconds.forEach((second, at) => {
      const tick = /** @type {HTMLElement} */ (this.#ticks.children[at]);
      tick.style.setProperty("--from", String((second * 1000) / this.#span));
    });
  }

  /**
   * @param {Crossing} crossing
   * @param {number} now
   */
  #drawLease({ killed, segments, endMs }, now) {
    const isWaiting = killed !== null && endMs === null && segments.at(-1)?.toMs !== null;
    const leftMs = isWaiting ? Math.max(0, killed.leaseUntilMs - now) : 0;
    this.#lease.hidden = !isWaiting;
    setAttribute(this.#lease, "data-left-ms", Math.round(leftMs));
    if (isWaiting) {
      setText(this.#lease, leftMs > 0 ? `lease ends in ${duration(leftMs)}` : "a worker takes it up next");
    }
  }
}

/**
 * The sentence for the server, where a lease has to run out.
 * @param {Crossing} crossing
 */
export function tellServer({ mark, killed, segments, endMs }) {
  if (!mark) {
    return "Submitted.";
  }
  if (endMs !== null) {
    return mark.phase === "done" ? serverEnd(mark.attempt, killed !== null) : `It ended as ${mark.state}: ${mark.error}`;
  }
  if (!killed) {
    return mark.phase === "running" ? `Attempt ${mark.attempt} is under way.` : "It waits for a worker.";
  }
  return segments.at(-1)?.toMs === null
    ? `Attempt ${mark.attempt} runs in a new worker. A write of the first would be refused: its fence is old.`
    : `${killed.what} at ${Math.round(segments.at(-1)?.percent ?? 0)} %. Nobody may take the job before its lease is over.`;
}

/**
 * @param {number} attempt
 * @param {boolean} wasKilled
 */
const serverEnd = (attempt, wasKilled) =>
  wasKilled
    ? `Attempt ${attempt} finished. ${attempt} attempts, one accepted result.`
    : `Finished at attempt ${attempt}, one accepted result.`;

/**
 * The sentence for the tab, where the keeper knows at once that the executor is gone.
 * @param {Crossing} crossing
 */
export function tellTab({ mark, killed, segments, endMs }) {
  if (!mark) {
    return "Submitted.";
  }
  if (endMs !== null) {
    if (mark.phase !== "done") {
      return `It ended as ${mark.state}: ${mark.error}`;
    }
    return killed
      ? `Finished. ${segments.length} runs, attempt ${mark.attempt} of the job, one accepted result.`
      : `Finished at attempt ${mark.attempt}, one accepted result.`;
  }
  if (!killed) {
    return mark.phase === "running" ? `Attempt ${mark.attempt} is under way.` : "It waits until Python has started.";
  }
  return segments.at(-1)?.toMs === null
    ? "It runs in a new Python. The keeper knew the old one was gone: no lease to wait out, no attempt charged."
    : `${killed.what} at ${Math.round(segments.at(-1)?.percent ?? 0)} %. The job went back at once; a new Python starts.`;
}
