// @ts-check
/** Pauses: records that claims look at. */

import { check, invalidInput, queueName, text } from "./checks.js";

/** @import { Store } from "./messages.js" */
/** @typedef {string | { queue?: string, task?: string }} Which a queue's name, or `{queue}`, or `{task}` */

/** @param {Store} store @param {Which} which */
export async function pause(store, which) {
  const value = JSON.stringify({ since_ms: Date.now() });
  // Paused already: the older pause stands.
  await store.call("write", { writes: [{ kind: "pause", key: keyOf("pause", which), expected: 0, value }] });
}

/** @param {Store} store @param {Which} which @returns {Promise<boolean>} false when it was not paused */
export async function resume(store, which) {
  const key = keyOf("resume", which);
  const standing = (await store.call("read", { kind: "pause", prefix: key })).some((record) => record.key === key);
  if (standing) await store.call("write", { writes: [{ kind: "pause", key, expected: null, value: null }] });
  return standing;
}

/** @param {Store} store */
export async function paused(store) {
  const records = await store.call("read", { kind: "pause", prefix: "/" });
  return records.map(({ key, value }) => {
    const [, kind, ...name] = key.split("/");
    const since = new Date(JSON.parse(value || "{}").since_ms ?? 0);
    return kind === "task" ? { task: name.join("/"), since } : { queue: name.join("/"), since };
  });
}

/** The key of a pause's record. @param {string} what the function that was called @param {Which} which */
function keyOf(what, which) {
  const named = typeof which === "string" ? { queue: which } : which;
  check(what, named, { queue: queueName, task: text });
  const [first, ...more] = Object.entries(named).filter(([, value]) => value != null);
  if (!first || more.length) throw invalidInput(what, ["give either {queue} or {task}"]);
  const [kind, name] = first;
  return `/${kind}/${name}`;
}
