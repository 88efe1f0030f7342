// @ts-check
/**
 * The page's part in working for a server: its token, the state of the device, and the last word.
 *
 * Workers are gone before they can say anything when a page closes; a request of the page with
 * `keepalive` outlives it, and hands the server's jobs back at once.
 */

/** @import { Settlement } from "./messages.js" */
/** @import { Conditions } from "./server-rules.js" */
/** @import { ServerOptions } from "./wherry.js" */

/** @typedef {EventTarget & { level: number, charging: boolean }} BatteryManager as Chromium has it */
/** @typedef {EventTarget & { saveData?: boolean }} Connection as Chromium has it */

/** What becomes of a page. @type {[EventTarget, string, boolean][]} */
const CHANGES = [
  [globalThis, "pagehide", false],
  [globalThis, "pageshow", true],
  [document, "freeze", false],
  [document, "resume", true],
];

export class ServerPage {
  #server;
  #tell;
  #token = "";
  /** @type {Settlement[]} */
  #held = [];
  /** Neither gone nor frozen. */
  #shown = true;
  #stopping = new AbortController();
  /** @type {BatteryManager | undefined} */
  #battery;
  /** @type {Connection | undefined} */
  #connection = /** @type {any} */ (navigator).connection;

  /** @param {ServerOptions} server @param {(conditions: Conditions) => void} tell the keeper, now and after each change */
  constructor(server, tell) {
    this.#server = server;
    this.#tell = () => tell(this.conditions());
    this.token = this.token.bind(this);
  }

  /** The page's token, remembered for the moment when there is no time to ask. */
  async token() {
    const { token, getToken = () => token ?? "" } = this.#server;
    this.#token = await getToken();
    return this.#token;
  }

  async start() {
    const { signal } = this.#stopping;
    for (const [target, type, shown] of CHANGES) target.addEventListener(type, () => this.#show(shown), { signal });
    for (const type of ["online", "offline"]) addEventListener(type, this.#tell, { signal });
    this.#connection?.addEventListener?.("change", this.#tell, { signal });
    // Absent in Firefox and WebKit; forbidden by some policies.
    this.#battery = await /** @type {any} */ (navigator).getBattery?.().catch(() => undefined);
    for (const type of ["levelchange", "chargingchange"]) this.#battery?.addEventListener(type, this.#tell, { signal });
    this.#tell();
  }

  /** @returns {Conditions} */
  conditions() {
    const { level, charging } = this.#battery ?? {};
    const battery = level === undefined || charging === undefined ? null : { level, charging };
    return { shown: this.#shown, online: navigator.onLine, saveData: this.#connection?.saveData ?? false, battery };
  }

  /** @param {Settlement[]} settle that hands back what runs here now */
  holds(settle) {
    this.#held = settle;
  }

  stop() {
    this.#stopping.abort();
    this.#held = [];
  }

  /** @param {boolean} shown */
  #show(shown) {
    this.#shown = shown;
    // First of all: what is handed back must not be taken again by a worker that lives a moment longer.
    this.#tell();
    if (!shown) this.#release();
  }

  #release() {
    if (!this.#held.length) return;
    const authorization = this.#token && { Authorization: `Bearer ${this.#token}` };
    // If it does not arrive, the leases lapse.
    void fetch(`${this.#server.url.replace(/\/+$/, "")}/api/v1/verbs/exchange`, {
      method: "POST",
      body: JSON.stringify({ settle: this.#held, claim: null }),
      headers: { "Content-Type": "application/json", ...authorization },
      keepalive: true,
      credentials: "omit",
    }).catch(() => undefined);
    this.#held = [];
  }
}
