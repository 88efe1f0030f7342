// Write our scripts as they are shipped: modules that are always loaded together as one file, the rest as they are,
// all without comments and with short local names; what they export and import stays as it is.
// Standard input: {"source", "target": folders, "entries": [names], "alone": [names]}.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { rollup } from "@rollup/wasm-node";
import { minify } from "terser";

/** Loaded by every page: what they have in common lies in `shared.js`, with the store, which compresses well there. */
const EVERYWHERE = ["wherry.js", "keeper.js"];
const STORE = /^idb(-[a-z]+)?\.js$/;

/** What else goes together: the entries that use it, and the name of the file. */
const PARTS = { "tasks.js": "python", "remote.js": "server", "wherry.js": "page" };

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const order = JSON.parse(Buffer.concat(chunks).toString("utf8"));

/** @param {string} name */
const sourceOf = (name) => path.join(order.source, name);

/** @param {string} name @param {string} text */
async function write(name, text) {
  // Properties are never renamed: they are the wire's and the API's.
  const { code } = await minify(text, { module: true, ecma: 2022, compress: { passes: 2 }, format: { comments: false } });
  const target = path.join(order.target, name);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, `${code}\n`);
}

/**
 * Which entries load a module at once, and not by a later `import()`.
 *
 * @param {(id: string) => { importedIds: readonly string[] } | null} infoOf
 * @returns {(id: string) => string[]}
 */
function users(infoOf) {
  const reached = new Map();
  for (const entry of order.entries) {
    const found = new Set([sourceOf(entry)]);
    for (const id of found) infoOf(id)?.importedIds.forEach((other) => found.add(other));
    reached.set(entry, found);
  }
  return (id) => order.entries.filter((entry) => reached.get(entry).has(id));
}

/** @type {ReturnType<typeof users> | undefined} */
let usersOf;

/** The file that a module goes into; undefined leaves that to Rollup. @param {string} id */
function chunkOf(id, { getModuleInfo }) {
  usersOf ??= users(getModuleInfo);
  const name = path.basename(id);
  const found = usersOf(id);
  if (STORE.test(name)) return "shared";
  if (order.entries.includes(name) && !(name in PARTS)) return undefined;
  if (found.length > 1 && EVERYWHERE.some((entry) => found.includes(entry))) return "shared";
  return PARTS[Object.keys(PARTS).find((entry) => found.includes(entry)) ?? ""];
}

const bundle = await rollup({
  input: Object.fromEntries(order.entries.map((name) => [path.basename(name, ".js"), sourceOf(name)])),
  preserveEntrySignatures: "strict",
  onwarn(warning) {
    throw new Error(warning.message);
  },
});
const { output } = await bundle.generate({ format: "es", chunkFileNames: "[name].js", manualChunks: chunkOf });
for (const { fileName, code } of output) await write(fileName, code);
for (const name of order.alone) await write(name, await readFile(sourceOf(name), "utf8"));
