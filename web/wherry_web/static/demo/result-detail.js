// @ts-check
// Where a result comes from: its module, and on each shore the job that read it.

import { h } from "./dom.js";
import { duration, number } from "./format.js";
import { SHORE_WORDS, shoreMark } from "./marks.js";

/** @typedef {import("./catalogue.js").Catalogue} Catalogue */
/** @typedef {import("./catalogue.js").Entry} Entry */
/** @typedef {import("./ledger.js").Mark} Mark */
/** @typedef {import("./shore.js").ShoreName} ShoreName */
/** @typedef {(shore: ShoreName, module: string) => Mark | null} FindJob */

export class ResultDetail {
  #catalogue;
  #findJob;
  element = h("div", { class: "detail", hidden: true });

  /**
   * @param {Catalogue} catalogue
   * @param {FindJob} findJob the job of the index run that read a module
   */
  constructor(catalogue, findJob) {
    this.#catalogue = catalogue;
    this.#findJob = findJob;
  }

  /** @param {Entry | null} entry */
  show(entry) {
    this.element.hidden = entry === null;
    if (entry) {
      const shores = /** @type {ShoreName[]} */ (["tab", "server"]).filter((shore) => shore in entry.lines);
      const output = shores.map((shore) => this.#catalogue.modules[shore].get(entry.module)).find(Boolean);
      this.element.replaceChildren(
        h("p", { class: "detail-module" }, h("code", {}, entry.module), output?.summary ?? ""),
        ...shores.map((shore) => this.#origin(shore, entry)),
      );
    }
  }

  /**
   * @param {ShoreName} shore
   * @param {Entry} entry
   */
  #origin(shore, entry) {
    const output = this.#catalogue.modules[shore].get(entry.module);
    const job = this.#findJob(shore, entry.module);
    const took = job?.startedMs && job.finishedMs ? `, read in ${duration(job.finishedMs - job.startedMs)}` : "";
    const facts = `line ${entry.lines[shore]} of ${number(output?.lines ?? 0)}, complexity ${number(output?.complexity.sum ?? 0)}${took}`;
    return h("p", { class: "detail-origin tabular" }, shoreMark(shore), `${SHORE_WORDS[shore]}: ${facts}`, job && jobId(job.id));
  }
}

/**
 * The end of an id, which is random: its beginning is the time, and alike for jobs of one run.
 * @param {string} id
 */
const jobId = (id) => h("code", { title: `Job ${id}` }, `job …${id.slice(-12)}`);
