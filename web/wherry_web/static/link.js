// @ts-check
/** Comlink between a page and its keeper, set up so that a `WherryError` arrives as one. */

import { expose, proxy, transferHandlers, wrap } from "./vendor/comlink.min.mjs";
import { errorOf, factsOf } from "./facts.js";

/** @import { Facts } from "./facts.js" */
/** @import { TransferHandler } from "./vendor/comlink.min.mjs" */

const thrown = /** @type {TransferHandler<any, any>} */ (transferHandlers.get("throw"));

transferHandlers.set("throw", {
  canHandle: thrown.canHandle,
  serialize: ({ value }) => [factsOf(value), []],
  deserialize: (/** @type {Facts} */ facts) => {
    throw errorOf(facts);
  },
});

export { expose, proxy, wrap };
