// @ts-check
/**
 * The page's line to its keeper.
 *
 * Before the browser freezes a page it says so to the page, and to none of its workers: the keeper is
 * ended then, so that its locks are free and other tabs go on with its jobs at once.  When the page
 * wakes it gets a new one, which knows nothing that has become old.
 *
 * So it does when its keeper is stuck: in Firefox (153) about one in a hundred workers that start a worker while the machine
 * is busy never comes back from that, whoever knocks.
 */

import { proxy, wrap } from "./link.js";
import { whyNotRun } from "./loading.js";

/** @import { Remote } from "./vendor/comlink.min.mjs" */
/** @import { KeeperApi, KeeperEvent, KeeperOptions, Opened } from "./keeper.js" */

/** What a keeper gets to start a worker, which takes milliseconds. */
const STUCK_MS = 5_000;

export class Line {
  #options;
  #hear;
  #token;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Remote<KeeperApi> | undefined} */
  #keeper;
  /** @type {Set<{ again: () => void, give: (error: unknown) => void }>} calls under way, to be made again */
  #calls = new Set();

  /**
   * @param {() => KeeperOptions} options @param {(event: KeeperEvent) => void} hear
   * @param {() => (() => Promise<string>) | undefined} token what gives one, for a server
   */
  constructor(options, hear, token) {
    this.#token = token;
    this.#options = options;
    this.#hear = hear;
  }

  /** @returns {Promise<Opened>} @throws what opening the store throws; `script_blocked` and others of `whyNotRun` */
  async open() {
    const worker = new Worker(new URL("./keeper.js", import.meta.url), { type: "module", name: "wherry-keeper" });
    /** @type {Remote<KeeperApi>} */
    const keeper = wrap(worker);
    this.#worker = worker;
    const broken = new Promise((_, reject) => {
      worker.onerror = (event) => void whyNotRun("./keeper.js", event.message || "no reason given").then(reject);
    });
    broken.catch(() => undefined);
    worker.onmessage = ({ data }) => {
      // What else it says shows nothing: the database still answers one that is stuck.
      if (data.spawning === false) clearTimeout(this.#timer);
      if (data.spawning) this.#timer = setTimeout(() => this.#end(), STUCK_MS);
    };
    const token = this.#token();
    const hear = proxy(async (/** @type {KeeperEvent} */ event) => {
      if (this.#worker === worker) this.#hear(event);
    });
    const opening = keeper.open(this.#options(), hear, token && proxy(token));
    const opened = await Promise.race([opening, /** @type {Promise<never>} */ (broken)]);
    if (this.#worker === worker) this.#keeper = keeper;
    for (const { again } of [...this.#calls]) again();
    return opened;
  }

  /**
   * Asks the keeper; asks the next one when it was ended meanwhile, which the verbs of a store allow.
   *
   * @template T
   * @param {(keeper: Remote<KeeperApi>) => Promise<T>} ask
   * @returns {Promise<T>}
   */
  call(ask) {
    return new Promise((resolve, reject) => {
      const settle = (/** @type {(value: any) => void} */ how) => (/** @type {any} */ value) => {
        this.#calls.delete(call);
        how(value);
      };
      const again = () => void (this.#keeper && ask(this.#keeper).then(settle(resolve), settle(reject)));
      const call = { again, give: settle(reject) };
      this.#calls.add(call);
      again();
    });
  }

  get resting() {
    return this.#worker === undefined;
  }

  /** The keeper is stuck. */
  #end() {
    this.rest();
    this.#hear({ type: "stuck" });
  }

  /** Ends the keeper, as closing the tab would; calls wait for the next one. */
  rest() {
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#worker = this.#keeper = undefined;
  }

  /** Ends it for good. @param {unknown} error what those who wait get */
  end(error) {
    this.rest();
    for (const { give } of [...this.#calls]) give(error);
  }
}
