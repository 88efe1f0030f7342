// @ts-check
// What went wrong with something a person asked for; it stays until it is closed.

import { button } from "./dom.js";
import { problemPanel } from "./problem.js";

export class Notices {
  #frame;

  /** @param {HTMLElement} frame */
  constructor(frame) {
    this.#frame = frame;
  }

  /**
   * Do something and show why it failed, if it does.
   * @param {() => Promise<unknown>} act
   * @param {string} what e.g. "The index was not started"
   */
  async guard(act, what) {
    try {
      await act();
    } catch (error) {
      this.show(what, error);
    }
  }

  /**
   * @param {string} what
   * @param {unknown} error
   */
  show(what, error) {
    const panel = problemPanel(what, error);
    panel.dataset.testid = "error";
    panel.classList.add("notice");
    panel.querySelector(".problem-steps")?.append(button("Close", () => panel.remove()));
    this.#frame.replaceChildren(panel);
  }
}
