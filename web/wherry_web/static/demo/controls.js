// @ts-check
// The controls over both shores: the one primary action, going offline, a second tab.

import { byId, setAttribute, setText } from "./dom.js";
import { number } from "./format.js";

/** @typedef {import("./shore.js").Shore} Shore */
/** @typedef {import("./session.js").Door} Door */
/** @typedef {import("./notices.js").Notices} Notices */

export class Controls {
  #shores;
  #door;
  #notices;
  #index = byId("index-both", HTMLButtonElement);
  #offline = byId("go-offline", HTMLButtonElement);
  #tellOffline = byId("offline-told", HTMLElement);

  /**
   * @param {{ tab: Shore, server: Shore }} shores
   * @param {Door} door
   * @param {string | null} token
   * @param {Notices} notices
   * @param {() => unknown} doorMoved
   */
  constructor(shores, door, token, notices, doorMoved) {
    this.#shores = shores;
    this.#door = door;
    this.#notices = notices;
    this.#index.addEventListener("click", () => void this.indexBoth());
    this.#offline.addEventListener("click", () => {
      door.set(!door.isOpen);
      doorMoved();
      this.render();
    });
    bindSecondTab(byId("second-tab", HTMLAnchorElement), token);
  }

  /** Shores that could start an index run now. */
  get #free() {
    return Object.values(this.#shores).filter(
      ({ queue, loaded, staleSince, listing, ledger }) =>
        queue !== null && loaded && staleSince === null && !listing && ledger.inFlight === 0,
    );
  }

  /** Index the standard library wherever it can be started. */
  async indexBoth() {
    await Promise.all(
      this.#free.map((shore) => this.#notices.guard(() => shore.index(), "The index was not started")),
    );
  }

  render() {
    this.#index.disabled = this.#free.length === 0;
    setText(this.#index, this.#label());
    const { isOpen } = this.#door;
    setAttribute(this.#offline, "aria-pressed", String(!isOpen));
    setText(this.#offline, isOpen ? "Go offline" : "Go online again");
    setText(this.#tellOffline, isOpen ? "" : "This page is cut off from its server. The queue in the tab goes on.");
  }

  #label() {
    const { tab, server } = this.#shores;
    const busy = [tab, server].filter(({ listing, ledger }) => listing || ledger.inFlight > 0);
    if (busy.length > 0 && this.#free.length === 0) {
      const finished = busy.reduce((sum, { ledger }) => sum + ledger.finished, 0);
      const total = busy.reduce((sum, { ledger }) => sum + ledger.total, 0);
      return total === 0 ? "Listing the modules" : `Indexing, ${number(finished)} of ${number(total)}`;
    }
    const again = this.#free.some(({ ledger }) => ledger.total > 0) ? "Index again" : "Index the standard library";
    return this.#free.length === 1 ? `${again} ${this.#free[0] === tab ? "in this tab" : "on the server"}` : `${again} on both shores`;
  }
}

/**
 * A new tab has a session of its own: it gets the token in the fragment of its address, which it takes out at once.
 * @param {HTMLAnchorElement} link
 * @param {string | null} token
 */
function bindSecondTab(link, token) {
  const plain = link.href;
  const give = () => {
    link.href = token === null ? plain : `${plain}#token=${encodeURIComponent(token)}`;
  };
  const takeBack = () => setTimeout(() => {
    link.href = plain;
  });
  link.addEventListener("pointerdown", give);
  link.addEventListener("keydown", give);
  link.addEventListener("click", () => {
    give();
    takeBack();
  });
  link.addEventListener("auxclick", takeBack);
}
