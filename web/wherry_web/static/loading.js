// @ts-check
/** Files that a tab needs, and why one did not come: the server, the network, or the browser's rules. */

import { WherryError } from "./errors.js";

/**
 * @typedef {object} Kind of file
 * @property {string} what as an error calls it
 * @property {string} missing code when it is not there
 * @property {string} remedy
 */

/** @satisfies {Record<string, Kind>} */
export const KINDS = {
  runtime: { what: "wherry's runtime", missing: "runtime_404", remedy: "copy the whole folder that `build.py site` makes, and name it in `assets` of open()." },
  tasks: { what: "the task module", missing: "task_404", remedy: "correct its address in `tasks` of open()." },
  package: { what: "the package", missing: "package_missing", remedy: "correct its address in `packages` of open()." },
};

/** What this module is called as it is written, and as it is shipped. */
const OWN_NAME = /\/(loading|shared)\.js$/;

/**
 * Fetches one file.
 *
 * @param {string} url @param {Kind} kind
 * @returns {Promise<Response>}
 * @throws {WherryError} `offline` (retryable), `cors`, `wrong_mime`, `reload_needed`, and what `kind` says
 */
export async function load(url, kind) {
  const response = await fetch(url).catch((error) => {
    throw unreachable(url, kind, error);
  });
  const problem = problemOf(response, url, kind);
  if (problem) throw await newerBuild(problem, url);
  return response;
}

/**
 * What is missing of a build may have been removed after a newer one was published: then a reload helps, and nothing else.
 *
 * @param {WherryError} problem @param {string} url
 * @returns {Promise<WherryError>}
 */
export async function newerBuild(problem, url) {
  const [, root, build] = url.match(/^(.*\/)([0-9a-f]{16})\//) ?? [];
  if (!root || problem.code !== KINDS.runtime.missing) return problem;
  const manifest = await fetch(`${root}manifest.json`, { cache: "no-cache" }).then((response) => response.json()).catch(() => undefined);
  if (!manifest?.build || manifest.build === build) return problem;
  const message = `this page is of build ${build}, which its server no longer has: reload the page to get build ${manifest.build}.`;
  return new WherryError("reload_needed", message, { cause: problem, data: { page: build, found: manifest.build, url } });
}

/** @param {string} url @param {Kind} kind @param {unknown} cause */
export function unreachable(url, kind, cause) {
  if (navigator.onLine && new URL(url).origin !== location.origin) {
    const remedy = `let that server send \`Access-Control-Allow-Origin: ${location.origin}\`, or serve it from this origin.`;
    return new WherryError("cors", `${kind.what} ${url} may not be read from here: ${remedy}`, { cause, data: { url } });
  }
  return new WherryError("offline", `${kind.what} ${url} cannot be reached: it is tried again when the network is back.`, { cause, retryable: true, data: { url } });
}

/** @param {Response} response @param {string} url @param {Kind} kind @returns {WherryError | undefined} */
export function problemOf({ ok, status, headers }, url, { what, missing, remedy }) {
  const data = { url, status };
  if (status === 404) return new WherryError(missing, `${what} is not at ${url} (404): ${remedy}`, { data });
  if (!ok) return new WherryError(missing, `${what} ${url}: the server answered ${status}: ${remedy}`, { data, retryable: status >= 500 });
  const type = headers.get("content-type") ?? "none";
  // Servers of one-page apps answer every unknown path with their page.
  if (/^text\/html/.test(type)) return new WherryError("wrong_mime", `${what} ${url} came as a web page: the server has no such file. ${remedy}`, { data });
  if (/\.wasm$/.test(url) && !/^application\/wasm/.test(type)) {
    return new WherryError("wrong_mime", `${url} came with the type ${type}: let the server send .wasm as application/wasm.`, { data });
  }
  return undefined;
}

/**
 * Why the browser did not run a script of ours: it, or one that it imports, is missing or of the wrong type.
 *
 * @param {string} script its address, or its name beside this one @param {unknown} cause
 * @returns {Promise<WherryError>}
 */
export async function whyNotRun(script, cause) {
  const url = new URL(script, import.meta.url).href;
  // Other bundlers give ours other names.
  const seen = new Set(script.startsWith("./") && !OWN_NAME.test(import.meta.url) ? [] : [url]);
  try {
    for (const one of seen) {
      const response = await load(one, KINDS.runtime);
      requireScript(one, response.headers.get("content-type") ?? "none", cause);
      const text = one.endsWith(".js") ? await response.text() : "";
      for (const [, path] of text.matchAll(/from ?"(\.\/[\w./-]+)"/g)) seen.add(new URL(path, one).href);
    }
  } catch (error) {
    if (error instanceof WherryError) return error;
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  const remedy = "allow it in `script-src` and `worker-src` of the Content-Security-Policy.";
  return new WherryError("script_blocked", `the browser did not run ${url} (${message}): ${remedy}`, { cause, data: { url } });
}

/** @param {string} url @param {string} type @param {unknown} cause */
function requireScript(url, type, cause) {
  if (/javascript/.test(type)) return;
  const remedy = "let the server send .js and .mjs as text/javascript.";
  throw new WherryError("wrong_mime", `${url} came with the type ${type}: ${remedy}`, { cause, data: { url, type } });
}
