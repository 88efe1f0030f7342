// @ts-check
/** `open()`: checks what this page can do, then opens the store that the URL names. */

import { invalidInput } from "./checks.js";
import { WherryError } from "./errors.js";
import { checkOpen } from "./options.js";
import { Queue } from "./queue.js";
import { Tab } from "./tab.js";

/** @import { OpenOptions } from "./wherry.js" */

/**
 * Opens a queue.
 *
 * @param {OpenOptions} options
 * @returns {Promise<Queue>}
 * @throws {WherryError} `invalid_input`, `opened_from_file`, `not_secure_context`, `no_worker_support`, `script_blocked`,
 *   `runtime_404`, `wrong_mime`, `storage_blocked`, `schema_too_new`; over HTTP `unauthorized`, `cors`, `storage_unavailable`
 */
export async function open(options) {
  checkOpen(options);
  options.signal?.throwIfAborted();
  const { url } = options;
  const [, name, query] = url.match(/^indexeddb:([^?]+)(\?.*)?$/) ?? [];
  if (name) {
    requireTab();
    return new Queue(await Tab.open(name, durabilityIn(query), options), options.known);
  }
  if (/^https?:\/\//.test(url)) {
    // Loaded only by pages that connect to a server.
    const { Remote } = await import("./remote-queue.js");
    return new Queue(await Remote.open(url, options));
  }
  throw invalidInput("open", [`url: ${JSON.stringify(url)} is no store; use "indexeddb:NAME" or the address of a server`]);
}

/** @param {string | undefined} query of the URL @returns {IDBTransactionDurability} */
function durabilityIn(query) {
  const { durability = "relaxed", ...rest } = Object.fromEntries(new URLSearchParams(query));
  const unknown = Object.keys(rest);
  if (unknown.length) throw invalidInput("open", [`url: no such option ${unknown.join(", ")}; there is durability`]);
  if (durability === "relaxed" || durability === "strict") return durability;
  throw invalidInput("open", [`url: durability must be relaxed or strict, not ${JSON.stringify(durability)}`]);
}

/** What a store in this browser needs of it. */
function requireTab() {
  if (location.protocol === "file:") {
    throw new WherryError("opened_from_file", "this page was opened as a file, where browsers allow no workers: serve its folder, for example by `python3 -m http.server`.");
  }
  const home = new URL(import.meta.url).origin;
  if (home !== location.origin) {
    throw new WherryError("cors", `wherry was loaded from ${home}, and browsers start no workers from another origin: serve its folder from ${location.origin}.`);
  }
  if (!isSecureContext) {
    throw new WherryError("not_secure_context", `browsers allow storage locks only on https:// and localhost, not on ${location.origin}: serve the page from one of these.`);
  }
  const missing = ["Worker", "indexedDB", "BroadcastChannel"].filter((name) => !(name in globalThis));
  if (!("locks" in navigator)) missing.push("navigator.locks");
  if (missing.length) {
    throw new WherryError("no_worker_support", `this browser lacks ${missing.join(", ")}: use Chrome 119, Firefox 121, Safari 17.4 or later.`, { data: { missing } });
  }
}
