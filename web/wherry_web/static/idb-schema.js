// @ts-check
/**
 * The stored form: object stores, indices, who may open them.
 *
 * A job is one record, its row plus `_`, what only this store needs.  An index holds only those
 * jobs whose `_` has its property, so a claim reads due jobs and nothing else.
 */

import { WherryError, ofIndexedDB } from "./errors.js";
import { hexOf } from "./ids.js";

/** Version of the stored data, the same as `SCHEMA` in `wherry/storage/protocol.py`. */
export const SCHEMA = 1;

/** Which code may write it: raised only when older code would do harm. */
const MIN_WRITER = 1;

/**
 * What `meta` says of the store.
 * @typedef {{ store_id: string, generation: number, schema: number, min_writer: number }} Meta
 */

/** Key paths of the indices over `jobs`. */
const INDICES = {
  ready: ["namespace", "queue", "task", "_.rank", "id"],
  later: "_.later",
  laterInLane: ["namespace", "queue", "task", "_.later"],
  over: "_.over",
  purge: "purge_at_ms",
  shown: ["_.shown", "namespace", "queue", "task", "id"],
  run: ["run_id", "id"],
  print: ["_.print", "id"],
};

/**
 * @param {IDBDatabase} db
 * @param {IDBTransaction} transaction the one of the upgrade
 */
function create(db, transaction) {
  const jobs = db.createObjectStore("jobs", { keyPath: "id" });
  for (const [name, path] of Object.entries(INDICES)) jobs.createIndex(name, path);
  jobs.createIndex("waits", "_.waits", { multiEntry: true });
  db.createObjectStore("lanes");
  db.createObjectStore("uniques", { keyPath: "key" });
  db.createObjectStore("tails", { keyPath: "key" });
  db.createObjectStore("records", { keyPath: ["kind", "key"] });
  const feed = db.createObjectStore("feed", { keyPath: "seq", autoIncrement: true });
  feed.createIndex("token", "token");
  db.createObjectStore("meta");
  const meta = { store_id: hexOf(crypto.getRandomValues(new Uint8Array(8))), generation: 1, schema: SCHEMA, min_writer: MIN_WRITER };
  transaction.objectStore("meta").put(meta, "meta");
}

/**
 * Opens the database, made if there is none.
 *
 * @param {string} place the store's URL, for errors
 * @param {string} name of the database
 * @returns {Promise<{ db: IDBDatabase, meta: Meta }>}
 * @throws {WherryError} `storage_blocked`, `blocked_by_tab`, `schema_too_new`, `not_a_store`
 */
export async function openDatabase(place, name) {
  const db = await ask(place, () => indexedDB.open(name, SCHEMA)).catch((error) => {
    // Newer code has been here.  Without a version the database opens as it is, and `meta` decides.
    if (error.cause?.name === "VersionError") return ask(place, () => indexedDB.open(name));
    throw error;
  });
  try {
    return { db, meta: await readMeta(place, db) };
  } catch (error) {
    db.close();
    throw ofIndexedDB(error, place);
  }
}

/**
 * @param {string} place @param {string} name
 * @returns {Promise<void>}
 */
export async function deleteDatabase(place, name) {
  await ask(place, () => indexedDB.deleteDatabase(name));
}

/** How long another tab may take to close. */
const PATIENCE_MS = 2_000;

/**
 * The answer of a request that other tabs can hold up.
 *
 * @param {string} place @param {() => IDBOpenDBRequest} start
 * @returns {Promise<IDBDatabase>} undefined after a deletion
 */
function ask(place, start) {
  return new Promise((resolve, reject) => {
    const request = start();
    request.onupgradeneeded = ({ oldVersion }) => {
      if (oldVersion < 1) create(request.result, /** @type {IDBTransaction} */ (request.transaction));
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    // Those who were asked to close may first have to end a transaction.
    request.onblocked = () => setTimeout(() => {
      if (request.readyState === "done") return;
      // It may still succeed once the others are gone: nobody waits for it then.
      request.onsuccess = () => request.result?.close();
      const remedy = "another tab holds it open and does not answer: close or reload this site's other tabs.";
      reject(new WherryError("blocked_by_tab", `${place}: ${remedy}`, { retryable: true }));
    }, PATIENCE_MS);
  }).catch((error) => {
    if (!BLOCKED.has(error?.name)) throw ofIndexedDB(error, place);
    const remedy = "the browser gives no storage here: allow site data, or leave private browsing.";
    throw new WherryError("storage_blocked", `${place}: ${remedy} (${error.message})`, { cause: error });
  });
}

/** What engines say when there is no storage for a page: no IndexedDB, an opaque origin, private browsing. */
const BLOCKED = new Set(["ReferenceError", "TypeError", "SecurityError", "InvalidStateError"]);

/**
 * @param {string} place @param {IDBDatabase} db
 * @returns {Promise<Meta>}
 */
async function readMeta(place, db) {
  if (!db.objectStoreNames.contains("meta")) {
    throw new WherryError("not_a_store", `${place} is not a wherry store (it has no \`meta\`): name another one; this one was left as it is.`, { data: { place } });
  }
  /** @type {Meta} */
  const meta = await answer(db.transaction("meta").objectStore("meta").get("meta"));
  if (meta.min_writer > SCHEMA) {
    const data = { place, found: meta.schema, known: SCHEMA };
    throw new WherryError("schema_too_new", `${place} has schema ${meta.schema}, this wherry knows ${SCHEMA}: reload the page to get the newer one.`, { data });
  }
  return meta;
}

/**
 * The result of a request.
 *
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
export function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
