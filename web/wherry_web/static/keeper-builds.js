// @ts-check
/**
 * Two builds of one app, open at once: the older one leaves the work to the newer.
 *
 * A build whose page was loaded later and that has all tasks of another is a newer build of the same app.
 * Both would claim the same jobs, and old code would run what was meant for new code.
 */

/** @import { Calls } from "./keeper-calls.js" */
/** @import { Leader } from "./keeper-leader.js" */
/** @import { KeeperState } from "./keeper.js" */
/** @typedef {{ environment: string, state: KeeperState, tasks: string[], loadedMs: number }} Other what another leader says of itself */

export class Builds {
  #calls;
  #changed;
  /** Hash of the newer build that does the work. */
  #newer = "";
  /** When the youngest page of this build was loaded. */
  loadedMs = Date.now();

  /** @param {Calls} calls @param {(change: Partial<KeeperState>) => void} changed */
  constructor(calls, changed) {
    this.#calls = calls;
    this.#changed = changed;
  }

  /** A page of this build was opened. @param {number} loadedMs */
  welcome(loadedMs) {
    this.loadedMs = Math.max(this.loadedMs, loadedMs);
  }

  /** Another build runs jobs. @param {Leader} leader @param {Other} other */
  async meet(leader, { environment, state, tasks, loadedMs }) {
    const known = new Set(tasks);
    if (this.#newer || state.outdated || state.python !== "ready" || loadedMs <= this.loadedMs) return;
    if (!leader.tasks.length || !leader.tasks.every((name) => known.has(name))) return;
    this.#newer = environment;
    await leader.standBy();
    this.#changed({ python: "ready", outdated: true, full: undefined });
  }

  /** Works again when the newer build is gone. @param {Leader} leader */
  async mind(leader) {
    if (!this.#newer || (await this.#calls.answers(`leader:${this.#newer}`))) return;
    this.#newer = "";
    this.#changed({ outdated: false });
    leader.goOn();
  }

  resigned() {
    this.#newer = "";
  }
}
