// @ts-check
/** Brings the app's packages and task modules into Python. */

import { loadPackages } from "./boot.js";
import { WherryError } from "./errors.js";

/** @import { Pyodide } from "./boot.js" */
/** @import { Environment } from "./environment.js" */
/** @import { Fetches } from "./fetches.js" */
/** @typedef {Record<string, { name: string, imports: string[] }>} Locked packages of the lock file, by name */

const TASKS = "/home/pyodide/tasks";

/** An import that fails is tried again after loading what it lacked, so often at most. */
const MOST_IMPORTS = 20;

/**
 * Packages of the lock file that are surely or probably needed: loaded beside the runtime they cost less time.
 *
 * @param {Environment} environment
 */
export function likelyPackages({ lock, packages, sources }) {
  const locked = lockedIn(lock);
  const named = packages.filter((name) => name in locked);
  const typed = sources.some(({ path, bytes }) => path.endsWith(".py") && needsPydantic(new TextDecoder().decode(bytes)));
  return typed && locked.pydantic ? [...named, "pydantic"] : named;
}

/** Whether a task's annotations name types, or the module uses pydantic itself: a guess from its text. @param {string} text */
function needsPydantic(text) {
  if (/^\s*(from|import) pydantic\b/m.test(text)) return true;
  const heads = [...text.matchAll(/@(?:\w+\.)?task\b[^\n]*\n(?:[^\n]*\n)*?\s*(?:async\s+)?def\s+\w+\s*\(([^)]*)\)\s*(->)?/g)];
  return heads.some(([, parameters, returns]) => returns || /:/.test(parameters.replace(/\w+\s*:\s*["']?(\w+\.)?Context["']?/g, "")));
}

/** @param {string} lock @returns {Locked} */
function lockedIn(lock) {
  return JSON.parse(lock).packages;
}

/**
 * Loads what the app names and imports its task modules.
 *
 * @param {Pyodide} pyodide @param {any} python `wherry_web.executor.Executor`
 * @param {Environment} environment @param {Fetches} fetches
 * @throws {WherryError} `package_missing`, `task_module`
 */
export async function importTasks(pyodide, python, { lock, packages, sources }, fetches) {
  const locked = lockedIn(lock);
  const others = packages.filter((name) => !(name in locked));
  if (others.length) {
    await loadPackages(pyodide, ["micropip"], fetches);
    await install(pyodide, others);
  }
  const modules = sources.flatMap(({ path, bytes }) => write(pyodide, path, bytes));
  for (let tries = 0; tries < MOST_IMPORTS; tries += 1) {
    const { missing, error } = JSON.parse(python.import_tasks(JSON.stringify(modules)));
    if (error) throw new WherryError(error.code, error.message, { data: error });
    if (!missing) return;
    const needed = provider(pyodide, locked, missing);
    await loadPackages(pyodide, [needed], fetches);
  }
}

/**
 * The package of the runtime that has what an import lacked.
 *
 * @param {Pyodide} pyodide @param {Locked} locked
 * @param {{ name: string, module: string }} missing
 * @returns {string}
 */
function provider(pyodide, locked, { name, module }) {
  const top = name.split(".")[0];
  const found = Object.values(locked).find(({ imports }) => imports.includes(top));
  if (found && !(found.name in pyodide.loadedPackages)) return found.name;
  const remedy = "add it to `packages` of open(), by its name on the package index or the address of its wheel, or to `tasks` if it is a module of your own.";
  throw new WherryError("package_missing", `the task module ${module} imports ${JSON.stringify(name)}, which this tab does not have: ${remedy}`, { data: { name, module } });
}

/** From the package index, or from a wheel's address. @param {Pyodide} pyodide @param {string[]} packages */
async function install(pyodide, packages) {
  const micropip = pyodide.pyimport("micropip");
  for (const one of packages) {
    await micropip.install(one).catch((/** @type {Error} */ cause) => {
      const reason = cause.message.trim().split("\n").at(-1);
      const remedy = "correct its name or address in `packages` of open(), or serve its wheel yourself.";
      throw new WherryError("package_missing", `the package ${one} cannot be installed (${reason}): ${remedy}`, { cause, data: { name: one }, retryable: !navigator.onLine });
    });
  }
}

/**
 * @param {Pyodide} pyodide @param {string} path @param {Uint8Array} bytes
 * @returns {string[]} the modules to import; `*NAME` for those of a wheel that has that name
 */
function write({ FS, unpackArchive }, path, bytes) {
  if (path.endsWith(".whl")) {
    unpackArchive(bytes, "wheel");
    return [`*${path.split("/").at(-1)?.split("-")[0]}`];
  }
  const file = `${TASKS}/${path}`;
  FS.mkdirTree(file.slice(0, file.lastIndexOf("/")));
  FS.writeFile(file, bytes);
  return [path.replace(/(\/__init__)?\.py$/, "").replaceAll("/", ".")];
}
