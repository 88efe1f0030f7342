// @ts-check
/** Starts Python from the self-hosted runtime, and says what is wrong when it does not start. */

import { WherryError } from "./errors.js";
import { Fetches } from "./fetches.js";
import { KINDS, whyNotRun } from "./loading.js";

/** @typedef {any} Pyodide the interpreter, whose own types are not shipped */

/** Where Python finds wherry. */
const OWN_WHEEL = "/lib/wherry.whl";

/** The smallest module there is: the magic number and the version. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/**
 * Starts Python with wherry in it.
 *
 * @param {string} runtime address of the folder
 * @param {string} lock text of its `pyodide-lock.json`
 * @param {string[]} packages of the lock file, to load at once
 * @param {Fetches} fetches
 * @returns {Promise<Pyodide>}
 * @throws {WherryError} `csp_blocks_wasm`, `runtime_404`, `wrong_mime`, `offline`, `python_failed`
 */
export async function bootPython(runtime, lock, packages, fetches) {
  requireWasm();
  const script = `${runtime}pyodide.mjs`;
  /** @type {{ loadPyodide: (options: object) => Promise<Pyodide> }} */
  const { loadPyodide } = await import(/* webpackIgnore: true */ /* @vite-ignore */ script).catch(async (error) => {
    throw await whyNotRun(script, error);
  });
  const wheel = ownWheel(runtime, lock);
  // Looked at when Python is up; till then it is nobody's error.
  wheel.catch(() => undefined);
  const loading = loadPyodide({ indexURL: runtime, lockFileContents: lock, packageBaseUrl: runtime, packages, checkAPIVersion: true });
  // Pyodide waits for ever when its WebAssembly does not come.
  const pyodide = await Promise.race([loading, fetches.failed]).catch(async (cause) => {
    throw await fetches.because(notStarted(cause));
  });
  await requireLoaded(pyodide, packages, fetches);
  importFrom(pyodide, await wheel.catch(async (cause) => {
    throw await fetches.because(lacking(["wherry"], cause));
  }));
  return pyodide;
}

/**
 * The wheel of wherry itself.
 *
 * @param {string} runtime @param {string} lock
 * @returns {Promise<Uint8Array>}
 */
async function ownWheel(runtime, lock) {
  const { file_name: name, sha256 } = JSON.parse(lock).packages.wherry;
  const digest = String.fromCharCode(...sha256.match(/../g).map((/** @type {string} */ byte) => parseInt(byte, 16)));
  const response = await fetch(runtime + name, { integrity: `sha256-${btoa(digest)}` });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Lets Python import from a wheel as it is, which takes a fifth of what it takes to unpack it. @param {Pyodide} pyodide @param {Uint8Array} wheel */
function importFrom(pyodide, wheel) {
  pyodide.FS.writeFile(OWN_WHEEL, wheel);
  pyodide.pyimport("sys").path.append(OWN_WHEEL);
}

function requireWasm() {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (cause) {
    const remedy = "let the server send `script-src 'self' 'wasm-unsafe-eval'` with wherry's own files as well, for workers follow the policy they came with.";
    throw new WherryError("csp_blocks_wasm", `the Content-Security-Policy forbids WebAssembly, in which Python runs: ${remedy}`, { cause });
  }
}

/** @param {unknown} cause */
function notStarted(cause) {
  if (cause instanceof WherryError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new WherryError("python_failed", `Python did not start: ${message}. Reload the page; if memory is short, close other tabs.`, { cause });
}

/**
 * Loads packages of the lock file.
 *
 * @param {Pyodide} pyodide @param {string[]} names @param {Fetches} fetches
 * @throws {WherryError} `runtime_404`, `offline`
 */
export async function loadPackages(pyodide, names, fetches) {
  await pyodide.loadPackage(names, { messageCallback() {}, errorCallback() {} }).catch(() => undefined);
  await requireLoaded(pyodide, names, fetches);
}

/** Pyodide logs what it could not load, and goes on. @param {Pyodide} pyodide @param {string[]} names @param {Fetches} fetches */
async function requireLoaded(pyodide, names, fetches) {
  const missing = names.filter((name) => !(name in pyodide.loadedPackages));
  if (missing.length) throw await fetches.because(lacking(missing));
}

/** @param {string[]} missing packages @param {unknown} [cause] */
function lacking(missing, cause) {
  const { what, missing: code, remedy } = KINDS.runtime;
  return new WherryError(code, `${what} lacks the wheel of ${missing.join(", ")}: ${remedy}`, { cause, data: { missing } });
}
