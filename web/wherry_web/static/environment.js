// @ts-check
/**
 * What Python in this tab is made of: the runtime, packages and task modules, and a hash over them.
 *
 * Tabs with the same hash can run each other's jobs, so one of them leads; an older build of the
 * app keeps its own leader and cannot starve the tasks of a newer one.
 */

import { WherryError } from "./errors.js";
import { hexOf } from "./ids.js";
import { KINDS, load } from "./loading.js";
import { requireSame, VERSION } from "./version.js";

/** @import { KeeperOptions } from "./keeper.js" */
/** @typedef {{ path: string, url: string, bytes: Uint8Array<ArrayBuffer> }} Source a task module or wheel, `path` as Python will see it */
/** @typedef {{ hash: string, runtime: string, lock: string, packages: string[], sources: Source[] }} Environment */

/**
 * @param {KeeperOptions} options
 * @returns {Promise<Environment>}
 * @throws {WherryError} what `load` throws; `invalid_input`, `reload_needed`
 */
export async function gather({ sources, packages, runtime: beside, assets, server }) {
  const runtime = assets === null ? beside : await runtimeIn(assets);
  const [lock, ...found] = await Promise.all([
    load(`${runtime}pyodide-lock.json`, KINDS.runtime).then((response) => response.text()),
    ...sources.map(([path, url]) => fetchSource(path, url)),
  ]);
  requireSame(VERSION, "Python package", JSON.parse(lock).packages.wherry?.version);
  const prints = await Promise.all(found.map(({ bytes }) => sha256(bytes)));
  // Who works for a server is led by one who does.
  const employer = server ? [[server.url, server.work]] : [];
  const whole = JSON.stringify([lock, packages, found.map(({ path }, index) => [path, prints[index]]), ...employer]);
  const hash = (await sha256(new TextEncoder().encode(whole))).slice(0, 16);
  return { hash, runtime, lock, packages, sources: found };
}

/** Where the runtime is, as the manifest of a built site says. @param {string} assets */
async function runtimeIn(assets) {
  const { base, runtime } = await (await load(`${assets}manifest.json`, KINDS.runtime)).json();
  return new URL(runtime, new URL(base, assets)).href;
}

/** @param {string} given @param {string} url @returns {Promise<Source>} */
async function fetchSource(given, url) {
  const path = given || decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "");
  if (!/\.(py|whl)$/.test(path)) {
    const problem = `${path || url} is neither a .py nor a .whl; name it so: {"app/jobs.py": ${JSON.stringify(url)}}`;
    throw new WherryError("invalid_input", `invalid input for open: tasks: ${problem}`, { data: { problems: [problem] } });
  }
  return { path, url, bytes: new Uint8Array(await (await load(url, KINDS.tasks)).arrayBuffer()) };
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sha256(bytes) {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
