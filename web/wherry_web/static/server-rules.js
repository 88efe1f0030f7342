// @ts-check
/** When a tab that works for a server takes jobs, and how many: pure. */

/** @typedef {{ level: number, charging: boolean }} Battery `level` from 0 to 1 */
/** @typedef {{ shown: boolean, online: boolean, saveData: boolean, battery: Battery | null }} Conditions of the page and its device; no battery: it has none, or does not tell */
/** @typedef {{ maxJobs: number | null, minBattery: number }} Limits of one page's life */
/** @typedef {"leaving" | "offline" | "save_data" | "battery" | "limit"} RestReason */

/** Before the page has told. @type {Conditions} */
export const UNKNOWN = { shown: true, online: true, saveData: false, battery: null };

/**
 * Why no job is taken now; undefined when some may be.
 *
 * @param {Conditions} conditions @param {Limits} limits
 * @param {number} taken jobs so far
 * @returns {RestReason | undefined}
 */
export function whyRest({ shown, online, saveData, battery }, { maxJobs, minBattery }, taken) {
  if (maxJobs !== null && taken >= maxJobs) return "limit";
  if (!shown) return "leaving";
  if (!online) return "offline";
  if (saveData) return "save_data";
  if (battery && !battery.charging && battery.level < minBattery) return "battery";
  return undefined;
}

/**
 * How many of the jobs that are asked for may be taken.
 *
 * @param {number} wanted @param {Conditions} conditions @param {Limits} limits @param {number} taken
 */
export function room(wanted, conditions, limits, taken) {
  if (whyRest(conditions, limits, taken)) return 0;
  return limits.maxJobs === null ? wanted : Math.min(wanted, limits.maxJobs - taken);
}
