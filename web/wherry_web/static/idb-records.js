// @ts-check
/** `read` and `write`: small named values. */

import { answer } from "./idb-schema.js";

/** @import { RecordWrite, StoredRecord } from "./messages.js" */

/**
 * The keys of a kind that start with `prefix`.
 *
 * @param {string} kind @param {string} prefix
 */
export function startingWith(kind, prefix) {
  const end = justBehind(prefix);
  // An array sorts behind every string, so `[kind, []]` is behind all keys of the kind.
  return IDBKeyRange.bound([kind, prefix], [kind, end ?? []], false, true);
}

/**
 * The first text behind all that start with `prefix`, in the order of IndexedDB (UTF-16 units).
 *
 * @param {string} prefix
 * @returns {string | undefined} undefined: there is none
 */
function justBehind(prefix) {
  const stem = prefix.replace(/\uffff+$/, "");
  if (!stem) return undefined;
  return stem.slice(0, -1) + String.fromCharCode(stem.charCodeAt(stem.length - 1) + 1);
}

/**
 * @param {IDBTransaction} transaction
 * @param {{ kind: string, prefix?: string }} parameters
 * @returns {Promise<StoredRecord[]>}
 */
export async function read(transaction, { kind, prefix = "" }) {
  /** @type {StoredRecord[]} */
  const found = await answer(transaction.objectStore("records").getAll(startingWith(kind, prefix)));
  return found.sort((a, b) => byCodePoint(a.key, b.key));
}

/**
 * The order of Python and SQL, which differs from JavaScript's behind U+FFFF.
 *
 * @param {string} a @param {string} b
 */
function byCodePoint(a, b) {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  if (at === a.length || at === b.length) return a.length - b.length;
  // Units of a pair stand for code points above all others.
  const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)].map((unit) => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit));
  return x - y;
}

/**
 * @param {IDBTransaction} transaction
 * @param {{ writes: RecordWrite[] }} parameters
 */
export async function write(transaction, { writes }) {
  if (!(await canWrite(transaction, writes))) return false;
  await writeAll(transaction, writes);
  return true;
}

/**
 * Whether every `expected` version stands.
 *
 * @param {IDBTransaction} transaction @param {RecordWrite[]} writes
 */
export async function canWrite(transaction, writes) {
  const versions = await versionsOf(transaction, writes);
  return writes.every(({ expected }, index) => expected == null || versions[index] === expected);
}

/**
 * @param {IDBTransaction} transaction @param {RecordWrite[]} writes
 */
export async function writeAll(transaction, writes) {
  const records = transaction.objectStore("records");
  for (const { kind, key, value } of writes) {
    // One after the other, because a key may come twice.
    const [version] = value == null ? [0] : await versionsOf(transaction, [{ kind, key }]);
    if (value == null) records.delete([kind, key]);
    else records.put({ kind, key, version: version + 1, value });
  }
}

/**
 * @param {IDBTransaction} transaction @param {{ kind: string, key: string }[]} writes
 * @returns {Promise<number[]>}
 */
function versionsOf(transaction, writes) {
  const records = transaction.objectStore("records");
  return Promise.all(writes.map(async ({ kind, key }) => (await answer(records.get([kind, key])))?.version ?? 0));
}

/**
 * Deletes the records of removed jobs.
 *
 * @param {IDBTransaction} transaction @param {string} jobId
 */
export function forget(transaction, jobId) {
  for (const kind of ["log", "step", "signal"]) {
    transaction.objectStore("records").delete(startingWith(kind, `${jobId}/`));
  }
}
