// @ts-check
/**
 * The storage contract over IndexedDB: what `wherry/storage/protocol.py` says, in one page, tab or worker.
 *
 * Each verb is one transaction.  Any number of tabs and workers may open the same store: the
 * browser runs their writing transactions one after the other.
 */

import { add, ADD_STORES, addUnseen, isPlain } from "./idb-add.js";
import { alter } from "./idb-alter.js";
import { exchange, EXCHANGE_STORES } from "./idb-claim.js";
import { changes, FEED_KEEPS, Hints, prune } from "./idb-feed.js";
import { count, get, query } from "./idb-find.js";
import { read, write } from "./idb-records.js";
import { renew, report } from "./idb-report.js";
import { deleteDatabase, openDatabase } from "./idb-schema.js";
import { signal } from "./idb-settle.js";
import { transact, Work } from "./idb-work.js";
import { ofIndexedDB, WherryError } from "./errors.js";

/** @import { View } from "./idb-find.js" */
/** @import { Meta } from "./idb-schema.js" */
/** @import { RecordWrite, TextStore, VerbName, Verbs } from "./messages.js" */

/**
 * @typedef {object} OpenOptions
 * @property {() => number} [now] the store's clock, milliseconds since 1970; the host's by default
 * @property {IDBTransactionDurability} [durability] What a job outlives once `add` has returned.  `relaxed`
 *   (default): the end of the tab, the browser or its crash.  `strict`: a power cut as well; each
 *   write then waits for the disk, about half as many a second.
 * @property {(error: WherryError) => void} [onclosed] told once when the store had to close by itself:
 *   `reload_needed` newer code took it over, `evicted` it was deleted.  Every verb fails so from then on.
 * @property {number} [feedKeeps] transactions kept in the feed
 */

/** Commits of one store object between two looks at the feed's length. */
const PRUNE_EVERY = 256;

/**
 * Opens a store, made if there is none.
 *
 * @param {string} name
 * @param {OpenOptions} [options]
 * @returns {Promise<IndexedDBStore>}
 * @throws {WherryError} `storage_blocked`, `blocked_by_tab`, `schema_too_new`, `not_a_store`, `quota`
 */
export async function openStore(name, options = {}) {
  const store = new IndexedDBStore(name, options);
  await store.ready();
  return store;
}

/**
 * Deletes a store and all its jobs; those who have it open are closed.
 *
 * @param {string} name
 * @returns {Promise<void>}
 * @throws {WherryError} `blocked_by_tab`, `storage_blocked`
 */
export function deleteStore(name) {
  return deleteDatabase(`indexeddb:${name}`, databaseName(name));
}

/** @param {string} name */
function databaseName(name) {
  return `wherry:${name}`;
}

/** One open store.  @implements {TextStore} */
export class IndexedDBStore {
  /** @type {Promise<{ db: IDBDatabase, meta: Meta }>} */
  #opening;
  /** @type {WherryError | undefined} why it is closed */
  #closed;
  #hints;
  #commits = 0;
  /** @type {Set<Promise<unknown>>} verbs under way */
  #underWay = new Set();

  /** @param {string} name @param {OpenOptions} options */
  constructor(name, options) {
    this.name = name;
    this.url = `indexeddb:${name}`;
    this.nowMs = () => Math.floor((options.now ?? Date.now)());
    this.durability = options.durability ?? "relaxed";
    this.feedKeeps = options.feedKeeps ?? FEED_KEEPS;
    this.onclosed = options.onclosed;
    this.#hints = new Hints(name);
    this.#opening = this.#open();
  }

  /** What the store says of itself. @returns {Promise<Meta>} */
  async ready() {
    return (await this.#opening).meta;
  }

  /**
   * Carries out one verb.
   *
   * @template {VerbName} N
   * @param {N} name
   * @param {Verbs[N][0]} parameters
   * @returns {Promise<Verbs[N][1]>}
   * @throws {WherryError} nothing of the verb was applied then
   */
  async call(name, parameters) {
    if (!Object.hasOwn(VERBS, name)) {
      throw new WherryError("malformed_request", `${this.url} has no verb ${JSON.stringify(name)}: use one of ${Object.keys(VERBS).join(", ")}.`);
    }
    if (this.#closed) throw this.#closed;
    const doing = this.#opening.then((opened) => VERBS[name](this, opened, parameters));
    this.#underWay.add(doing);
    try {
      return await doing;
    } catch (error) {
      throw this.#closed ?? ofIndexedDB(error, this.url);
    } finally {
      this.#underWay.delete(doing);
    }
  }

  /**
   * Carries out one verb as text: a JSON object of its parameters in, a JSON value out.
   *
   * @param {string} name @param {string} text
   */
  async verb(name, text) {
    let parameters;
    try {
      parameters = JSON.parse(text);
    } catch (error) {
      throw new WherryError("malformed_request", `${name}: the parameters are not JSON: ${error}`, { cause: error });
    }
    return JSON.stringify(await this.call(/** @type {VerbName} */ (name), parameters));
  }

  /**
   * Calls back once when set up, then whenever there may be changes, made here or elsewhere.
   *
   * @param {() => void} callback
   * @returns {() => void} stops it
   */
  listen(callback) {
    return this.#hints.listen(callback);
  }

  /** Closes the store when the verbs under way are done. */
  async close() {
    this.#closed ??= new WherryError("storage_unavailable", `${this.url} is closed: open it again.`);
    await Promise.allSettled(this.#underWay);
    this.#hints.close();
    await this.#opening.then(({ db }) => db.close(), () => undefined);
  }

  /**
   * @template T
   * @param {IDBDatabase} db @param {readonly string[]} stores
   * @param {(work: Work) => Promise<T>} does
   * @returns {Promise<T>}
   */
  async write(db, stores, does) {
    const pruning = stores.includes("feed") && this.#commits % PRUNE_EVERY === 0;
    let told = false;
    const result = await transact(db, [...stores], "readwrite", this.durability, async (transaction) => {
      const work = new Work(transaction, this.nowMs());
      const result = await does(work);
      if (pruning) await prune(transaction.objectStore("feed"), this.feedKeeps);
      told = await work.finish();
      return result;
    });
    if (told) {
      this.#commits += 1;
      this.#hints.ring();
    }
    return result;
  }

  /** Tells everybody that there may be something new. */
  ring() {
    this.#hints.ring();
  }

  async #open() {
    const opened = await openDatabase(this.url, databaseName(this.name)).catch((error) => {
      this.#hints.close();
      throw error;
    });
    const { db } = opened;
    db.onclose = () => this.#end("evicted", "the browser or the user deleted its data: open it again, and submit what is missing.");
    db.onversionchange = ({ newVersion }) => {
      // Whoever asked waits until this connection is closed.
      db.close();
      if (newVersion === null) this.#end("evicted", "it was deleted: open it again, and submit what is missing.");
      else this.#reopen();
    };
    return opened;
  }

  /** Newer code upgrades the store; it says in `meta` whether this code may go on. */
  #reopen() {
    this.#opening = this.#open();
    this.#opening.catch((error) => this.#end("reload_needed", `a newer version of this site took it over: reload the page. (${error.message})`));
  }

  /** @param {string} code @param {string} reason */
  #end(code, reason) {
    if (this.#closed) return;
    this.#closed = new WherryError(code, `${this.url}: ${reason}`);
    this.#hints.close();
    this.onclosed?.(this.#closed);
  }
}

/** @typedef {{ db: IDBDatabase, meta: Meta }} Opened */
/** @typedef {(store: IndexedDBStore, opened: Opened, parameters: any) => Promise<any>} Does */

/**
 * A verb that changes jobs.
 *
 * @param {readonly string[]} stores @param {(work: Work, parameters: any) => Promise<any>} does
 * @returns {Does}
 */
function changing(stores, does) {
  return (store, { db }, parameters) => store.write(db, stores, (work) => does(work, parameters));
}

/**
 * A verb that looks at jobs.
 *
 * @param {(view: View, parameters: any) => Promise<any>} does
 * @returns {Does}
 */
function looking(does) {
  return (store, { db }, parameters) =>
    transact(db, ["jobs"], "readonly", store.durability, (transaction) =>
      does({ jobs: transaction.objectStore("jobs"), nowMs: store.nowMs() }, parameters));
}

/**
 * A verb of the records or the feed.
 *
 * @param {"records" | "feed"} name @param {IDBTransactionMode} mode
 * @param {(transaction: IDBTransaction, parameters: any, meta: Meta) => Promise<any>} does
 * @returns {Does}
 */
function plain(name, mode, does) {
  return (store, { db, meta }, parameters) =>
    transact(db, [name], mode, store.durability, (transaction) => does(transaction, parameters, meta));
}

const writing = plain("records", "readwrite", write);

const adding = changing(ADD_STORES, add);
const addingUnseen = changing(ADD_STORES, addUnseen);

/** Most calls bring nothing but new jobs: those need not read before they write. @type {Does} */
async function addQuickly(store, opened, parameters) {
  if (!isPlain(parameters)) return adding(store, opened, parameters);
  try {
    return await addingUnseen(store, opened, parameters);
  } catch (error) {
    if (/** @type {Error} */ (error)?.name !== "ConstraintError") throw error;
    return adding(store, opened, parameters);
  }
}

/** @type {Record<string, Does>} */
const VERBS = {
  add: addQuickly,
  exchange: changing(EXCHANGE_STORES, exchange),
  renew: changing(["jobs"], renew),
  report: changing(["jobs", "records", "feed"], report),
  signal: changing(["jobs", "lanes", "records", "feed"], signal),
  alter: changing(EXCHANGE_STORES, alter),
  get: looking(get),
  query: looking(query),
  count: looking(count),
  changes: plain("feed", "readonly", changes),
  read: plain("records", "readonly", read),
  write: async (store, opened, parameters) => {
    const written = await writing(store, opened, parameters);
    // Those who wait for jobs wait for these as well, and read no feed of them.
    if (written && parameters.writes.some((/** @type {RecordWrite} */ one) => one.kind === "pause")) store.ring();
    return written;
  },
};
