// @ts-check
// What the two shores say; all that differs between them.

import { tellServer, tellTab } from "./timeline.js";

const CROSS = "Jobs cross from left to right as they progress.";

/** @type {Record<string, string>} */
const TAB_HINTS = {
  building: "The runtime for tabs is being made, the first time only. The server works already.",
  booting: "Python is starting in this tab. You can submit already.",
};

/** @type {import("./shore-view.js").Words} */
export const TAB_WORDS = {
  title: "This tab",
  hint: (state) => TAB_HINTS[state] ?? CROSS,
  kill: "Kill the worker in mid-job: its Python is terminated, and the job goes on in a new one.",
  tell: tellTab,
};

/** @type {import("./shore-view.js").Words} */
export const SERVER_WORDS = {
  title: "Server",
  hint: () => CROSS,
  kill: "Kill the worker in mid-job: watch the lease run down, the retry, and one accepted result.",
  tell: tellServer,
};
