// @ts-check
/** Starts Python from the self-hosted runtime, counts its bytes, and says what is wrong when it does not start. */

import { WherryError } from "./errors.js";
import { KINDS, load, whyNotRun } from "./loading.js";

/** @typedef {any} Pyodide the interpreter, whose own types are not shipped */

const FILES = ["pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"];
const TELL_EVERY_MS = 100;

/** The smallest module there is: the magic number and the version. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/**
 * @param {string} runtime address of the folder
 * @param {string} lock text of its `pyodide-lock.json`
 * @param {string[]} packages of the lock file, to load at once
 * @returns {Promise<Pyodide>}
 * @throws {WherryError} `csp_blocks_wasm`, `runtime_404`, `wrong_mime`, `offline`, `python_failed`
 */
export async function bootPython(runtime, lock, packages) {
  requireWasm();
  const script = `${runtime}pyodide.mjs`;
  /** @type {{ loadPyodide: (options: object) => Promise<Pyodide> }} */
  const { loadPyodide } = await import(script).catch(async (error) => {
    throw await whyNotRun(script, error);
  });
  try {
    const pyodide = await loadPyodide({
      indexURL: runtime,
      lockFileContents: lock,
      packageBaseUrl: runtime,
      packages,
      checkAPIVersion: true,
    });
    requireLoaded(pyodide, packages);
    return pyodide;
  } catch (error) {
    throw error instanceof WherryError ? error : await whyNotBooted(runtime, error);
  }
}

function requireWasm() {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (cause) {
    const remedy = "let the server send `script-src 'self' 'wasm-unsafe-eval'` with wherry's own files as well, for workers follow the policy they came with.";
    throw new WherryError("csp_blocks_wasm", `the Content-Security-Policy forbids WebAssembly, in which Python runs: ${remedy}`, { cause });
  }
}

/** @param {string} runtime @param {unknown} cause @returns {Promise<WherryError>} */
async function whyNotBooted(runtime, cause) {
  for (const name of FILES) {
    try {
      await load(runtime + name, KINDS.runtime);
    } catch (error) {
      if (error instanceof WherryError) return error;
    }
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return new WherryError("python_failed", `Python did not start: ${message}. Reload the page; if memory is short, close other tabs.`, { cause });
}

/**
 * Loads packages of the lock file.
 *
 * @param {Pyodide} pyodide @param {string[]} names
 * @throws {WherryError} `runtime_404`
 */
export async function loadPackages(pyodide, names) {
  await pyodide.loadPackage(names, { messageCallback() {}, errorCallback() {} }).catch(() => undefined);
  requireLoaded(pyodide, names);
}

/** Pyodide logs what it could not load, and goes on. @param {Pyodide} pyodide @param {string[]} names */
function requireLoaded(pyodide, names) {
  const missing = names.filter((name) => !(name in pyodide.loadedPackages));
  if (!missing.length) return;
  const { what, remedy } = KINDS.runtime;
  throw new WherryError("runtime_404", `${what} lacks the wheel of ${missing.join(", ")}: ${remedy}`, { retryable: !navigator.onLine, data: { missing } });
}

/**
 * Counts the bytes of everything that is fetched from now on, as they travel.
 *
 * @param {(loaded: number, total: number) => void} tell at most every 100 ms
 * @returns {() => void} ends the counting
 */
export function countBytes(tell) {
  const fetchFile = globalThis.fetch;
  let loaded = 0;
  let total = 0;
  let toldMs = 0;
  /** @param {number} bytes */
  const add = (bytes) => {
    loaded += bytes;
    if (performance.now() - toldMs < TELL_EVERY_MS) return;
    toldMs = performance.now();
    tell(Math.round(loaded), total);
  };
  globalThis.fetch = async (...args) => {
    const response = await fetchFile(...args);
    const size = Number(response.headers.get("content-length"));
    total += size;
    void count(response, size, add);
    return response;
  };
  return () => void (globalThis.fetch = fetchFile);
}

/** What compressed text and code grow to, about; only how smoothly the count runs depends on it. */
const EXPANSION = 3.5;

/**
 * @param {Response} response @param {number} size on the wire @param {(bytes: number) => void} add
 */
async function count(response, size, add) {
  // The original goes on to the compiler, which keeps compiled code for it and for no copy.
  const reader = response.clone().body?.getReader();
  const ratio = response.headers.has("content-encoding") ? EXPANSION : 1;
  let left = size;
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    const bytes = Math.min(left, part.value.length / ratio);
    left -= bytes;
    add(bytes);
  }
  add(left);
}
