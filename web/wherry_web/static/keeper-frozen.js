// @ts-check
/** Tabs that are frozen while their jobs run. */

import { interrupted } from "./keeper-decisions.js";
import { PREFIX } from "./keeper-rows.js";

/** @import { Calls } from "./keeper-calls.js" */
/** @import { Store } from "./messages.js" */

/**
 * Gives back what runs in frozen tabs.  They keep their locks, but do not renew: once their leases are over and nobody
 * answers for them the jobs go back, uncharged, for they were not at fault.
 *
 * @param {Store} store @param {Calls} calls @param {(worker: string) => boolean} mine whether it runs in this tab
 */
export async function handBackFrozen(store, calls, mine) {
  const { rows } = await store.call("query", { where: { lapsed: true }, limit: 1000 });
  const lapsed = rows.filter(({ lapse, worker }) => lapse === "lease" && worker?.startsWith(PREFIX) && !mine(worker));
  for (const worker of new Set(lapsed.map((row) => row.worker))) {
    if (await calls.answers(`worker:${worker}`)) continue;
    const settle = lapsed.filter((row) => row.worker === worker).map((row) => ({ ...interrupted(row), if_lapsed: true }));
    await store.call("exchange", { settle });
  }
}
