// @ts-check
/** `offline()`: the site's service worker keeps this page and its build, so that a later visit needs no network. */

import { WherryError } from "./errors.js";
import { whyNotRun } from "./loading.js";

/** @import { OfflineOptions, OfflineState } from "./wherry.js" */

/** What a page fetched by itself, unlike what its scripts asked an API for. */
const OF_THE_PAGE = new Set(["script", "link", "css", "img", "other"]);
const FILE = /\.\w+$/;

/** Between two looks for a newer build. */
const LOOK_EVERY_MS = 60_000;

/**
 * Resolves when a later visit of this page works without network.
 *
 * @param {OfflineOptions} [options]
 * @returns {Promise<OfflineState>}
 * @throws {WherryError} `no_service_worker`, `offline_scope`, `runtime_404`, `wrong_mime`, `script_blocked`, `offline`, `quota`
 */
export async function offline({ also = [], assets, scope, onupdate } = {}) {
  const own = new URL("./", import.meta.url);
  const root = assets ? new URL(String(assets).replace(/\/?$/, "/"), document.baseURI).href : new URL("../", own).href;
  const build = assets ? undefined : /** @type {string} */ (own.pathname.split("/").at(-2));
  const worker = await register(`${root}service-worker.js`, scope && new URL(scope, document.baseURI).href);
  const urls = [...new Set([...pageFiles(), ...also.map((one) => new URL(one, document.baseURI).href)])];
  const answer = await ask(worker, { type: "keep", urls });
  const mine = build ?? answer.build;
  // While a page of a build lives, its files stay.
  void navigator.locks.request(lockOf(root, mine), { mode: "shared" }, () => new Promise(() => undefined));
  void dropOthers(root, answer.build);
  const state = { build: mine, newest: answer.build, update: mine !== answer.build };
  if (onupdate) watch(root, state, onupdate);
  return state;
}

/** @param {string} root @param {string} build */
function lockOf(root, build) {
  return `wherry:build:${root}${build}`;
}

/** The site's worker, once it works. @param {string} url @param {string} [scope] @returns {Promise<ServiceWorker>} */
async function register(url, scope) {
  if (!("serviceWorker" in navigator)) {
    throw new WherryError("no_service_worker", "this browser gives this page no service worker: serve it from https:// or localhost, and leave private windows.");
  }
  const registration = await navigator.serviceWorker.register(url, { updateViaCache: "none", ...(scope && { scope }) }).catch(async (cause) => {
    throw await whyNotRegistered(url, cause);
  });
  requireScope(registration.scope, url);
  const worker = /** @type {ServiceWorker} */ (registration.active ?? registration.waiting ?? registration.installing);
  if (worker.state !== "activated" && worker === registration.installing) {
    await new Promise((resolve) => worker.addEventListener("statechange", () => worker.state !== "installing" && resolve(undefined)));
  }
  return worker;
}

/** @param {string} url @param {any} cause @returns {Promise<WherryError>} */
async function whyNotRegistered(url, cause) {
  if (/scope/i.test(cause.message)) {
    const remedy = "let the server send `Service-Worker-Allowed` with service-worker.js, or put the site's files beside the page.";
    return new WherryError("offline_scope", `${url} may not serve this scope: ${remedy} (${cause.message})`, { cause });
  }
  return whyNotRun(url, cause);
}

/** @param {string} scope @param {string} url */
function requireScope(scope, url) {
  if (location.href.startsWith(scope)) return;
  const remedy = "put the page below that, or name a `scope` of offline() and let the server send `Service-Worker-Allowed`.";
  throw new WherryError("offline_scope", `${url} serves pages below ${scope}, which this one is not: ${remedy}`, { data: { scope } });
}

/** The page and what it is made of. @returns {string[]} */
function pageFiles() {
  const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType("resource"));
  const found = entries.filter(({ name, initiatorType }) => OF_THE_PAGE.has(initiatorType) && isOwnFile(new URL(name)));
  return [location.href.split("#")[0], ...found.map(({ name }) => name)];
}

/** An event stream has no end, and an API's answer is no file. @param {URL} url */
function isOwnFile({ origin, pathname }) {
  return origin === location.origin && FILE.test(pathname);
}

/**
 * @param {ServiceWorker} worker @param {object} message
 * @returns {Promise<any>}
 */
function ask(worker, message) {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data: { error, ...answer } }) => {
      port1.close();
      if (error) reject(new WherryError(error.code, error.message, { data: error.data, retryable: error.code !== "runtime_404" }));
      else resolve(answer);
    };
    worker.postMessage(message, [port2]);
  });
}

/** Deletes what older builds kept, each when its last page is gone. @param {string} root @param {string} newest */
async function dropOthers(root, newest) {
  const prefix = `wherry:${root}:`;
  const names = (await caches.keys()).filter((name) => name.startsWith(prefix) && !name.endsWith(":state"));
  for (const build of names.map((name) => name.slice(prefix.length)).filter((name) => name !== newest)) {
    void navigator.locks.request(lockOf(root, build), async () => {
      // It may have become the newest one again meanwhile.
      const current = await caches.match(`${root}current`, { cacheName: `${prefix}state` });
      if ((await current?.text()) !== build) await caches.delete(prefix + build);
    });
  }
}

/** Tells once that the server has a newer build. @param {string} root @param {OfflineState} state @param {(state: OfflineState) => void} tell */
function watch(root, state, tell) {
  if (state.update) return tell(state);
  let lookedMs = performance.now();
  const look = async () => {
    if (document.hidden || !navigator.onLine || performance.now() - lookedMs < LOOK_EVERY_MS) return;
    lookedMs = performance.now();
    const manifest = await fetch(`${root}manifest.json`, { cache: "no-cache" }).then((response) => response.json()).catch(() => undefined);
    if (!manifest || manifest.build === state.build) return;
    for (const type of ["online", "visibilitychange"]) removeEventListener(type, look, true);
    tell({ ...state, newest: manifest.build, update: true });
  };
  for (const type of ["online", "visibilitychange"]) addEventListener(type, look, true);
}

/** @typedef {{ used: number, quota: number, persisted: boolean }} StorageUse bytes of the whole site, not of one store */

/** @returns {Promise<StorageUse>} zeros where the browser does not tell */
export async function storageUse() {
  const estimate = await navigator.storage?.estimate?.().catch(() => undefined);
  const persisted = await navigator.storage?.persisted?.().catch(() => false);
  return { used: estimate?.usage ?? 0, quota: estimate?.quota ?? 0, persisted: persisted ?? false };
}
