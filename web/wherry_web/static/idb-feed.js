// @ts-check
/**
 * `changes` and hints.
 *
 * Transactions that write are serial, so the number of a row is its place in commit order.
 */

import { answer } from "./idb-schema.js";
import { Listeners } from "./listeners.js";

/** @import { Change, Changes } from "./messages.js" */
/** @typedef {{ seq: number, items: Change[] }} Row the changes of one transaction */

/** Transactions that the feed keeps, a few MiB of them; who lags more must read state again. */
export const FEED_KEEPS = 5_000;

/** Rows read at once. */
const PAGE = 100;

/**
 * @param {IDBTransaction} transaction
 * @param {{ since: string, limit: number }} parameters
 * @param {{ store_id: string }} meta
 * @returns {Promise<Changes>}
 */
export async function changes(transaction, { since, limit }, { store_id: storeId }) {
  const feed = transaction.objectStore("feed");
  if (!since) return { items: [], cursor: await headOf(feed, storeId), resync: false };
  const [place, seq] = since.split(":");
  const found = place === storeId && /^\d+$/.test(seq) ? await readAfter(feed, Number(seq), limit) : null;
  if (!found) return { items: [], cursor: await headOf(feed, storeId), resync: true };
  return { items: found.items, cursor: `${storeId}:${found.seq}`, resync: false };
}

/**
 * Whole rows after `seq`.
 *
 * @param {IDBObjectStore} feed @param {number} seq @param {number} limit
 * @returns {Promise<Row | null>} the last one's number; null if rows are missing or `seq` is beyond the head
 */
async function readAfter(feed, seq, limit) {
  // With the row of the cursor itself, which is there unless it was pruned.
  /** @type {Row[]} */
  const rows = await answer(feed.getAll(IDBKeyRange.lowerBound(seq), Math.min(Math.max(limit, 1), PAGE) + 1));
  const first = rows[0]?.seq ?? 1;
  if (first > seq + 1 || (!rows.length && seq > 0)) return null;
  /** @type {Row} */
  const read = { seq, items: [] };
  for (const row of rows) {
    if (row.seq === seq) continue;
    if (read.items.length >= Math.max(limit, 1)) break;
    read.items = read.items.concat(row.items);
    read.seq = row.seq;
  }
  return read;
}

/** @param {IDBObjectStore} feed @param {string} storeId */
async function headOf(feed, storeId) {
  const last = await answer(feed.openKeyCursor(null, "prev"));
  return `${storeId}:${last?.key ?? 0}`;
}

/**
 * Removes the oldest rows.
 *
 * @param {IDBObjectStore} feed @param {number} keep how many rows stay
 */
export async function prune(feed, keep) {
  const last = await answer(feed.openKeyCursor(null, "prev"));
  if (last) feed.delete(IDBKeyRange.upperBound(Number(last.key) - keep));
}

/** Tells everyone who has this store open that there may be changes. */
export class Hints extends Listeners {
  #closed = false;
  #rung = false;
  #channel;
  #soon;

  /** @param {string} name of the store, the same in all tabs */
  constructor(name) {
    super();
    this.#channel = new BroadcastChannel(`wherry:${name}`);
    // The keepers talk over this channel as well.
    this.#channel.onmessage = ({ data }) => data?.type === "hint" && this.call();
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => this.#tell();
    this.#soon = port2;
  }

  /** After a commit: here, and in every other tab and worker, once whoever committed has its answer. */
  ring() {
    if (this.#closed || this.#rung) return;
    this.#rung = true;
    this.#soon.postMessage(0);
  }

  #tell() {
    if (!this.#rung) return;
    this.#rung = false;
    this.#channel.postMessage({ type: "hint" });
    this.call();
  }

  close() {
    this.#tell();
    this.#closed = true;
    this.#soon.close();
    this.clear();
    this.#channel.close();
  }
}
