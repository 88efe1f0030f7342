// @ts-check
/**
 * The site's service worker: hands out one build and the pages that belong to it when there is no network.
 *
 * A cache holds one build: its files, which never change, and beside them `wherry.js`, `manifest.json` and the pages as they
 * were when that build became whole.  With network only the build's files come from the cache: pages, manifest and this script are asked for
 * each time, so that a new build arrives by itself and this script seldom changes.  It never skips waiting.
 */

/** @type {any} */
const worker = self;
const ROOT = new URL("./", location.href).href;
const PREFIX = `wherry:${ROOT}:`;
const STATE = `${PREFIX}state`;
const CURRENT = `${ROOT}current`;

/** How long a page waits for the network while there is a copy of it. */
const PATIENCE_MS = 4_000;
const AT_ONCE = 6;

worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data?.type !== "keep") return;
  const [port] = event.ports;
  const keeping = keep(event.data.urls).then((build) => port.postMessage({ build }), (error) => port.postMessage({ error: factsOf(error) }));
  event.waitUntil(keeping);
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin || request.headers.has("authorization") || request.headers.has("range")) return;
  const build = buildOf(url.href);
  if (build) event.respondWith(caches.match(url.href, { cacheName: PREFIX + build, ignoreVary: true }).then((kept) => kept ?? fetch(request)));
  else if (isFile(request, url)) event.respondWith(newest(request));
});

/** The build in which a file lies. @param {string} href */
function buildOf(href) {
  return href.startsWith(ROOT) ? href.slice(ROOT.length).match(/^([0-9a-f]{16})\//)?.[1] : undefined;
}

/** Pages, what they are made of, and files by their ending: no API's answers. @param {Request} request @param {URL} url */
function isFile({ mode, destination }, url) {
  return mode === "navigate" || destination !== "" || /\.\w+$/.test(url.pathname);
}

/** From the network, or as it was kept. @param {Request} request @returns {Promise<Response>} */
async function newest(request) {
  const kept = await keptOf(request);
  // Not as the browser's own cache guesses: most servers do not say how long a page is good for.
  const asking = fetch(request, { cache: "no-cache" });
  if (!kept) return asking;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const response = await Promise.race([asking.catch(() => undefined), late]);
  return response instanceof Response && response.status < 500 ? response : kept;
}

/** @param {Request} request */
async function keptOf(request) {
  const build = await current();
  if (!build) return undefined;
  return caches.match(request.url.split("#")[0], { cacheName: PREFIX + build, ignoreVary: true, ignoreSearch: request.mode === "navigate" });
}

/** The newest build that is whole. */
async function current() {
  return (await caches.match(CURRENT, { cacheName: STATE }))?.text();
}

/** @param {string[]} urls of the page @returns {Promise<string>} the build that is kept now */
async function keep(urls) {
  const found = await load(`${ROOT}manifest.json`, "no-cache");
  const { build, offline } = await found.clone().json();
  const cache = await caches.open(PREFIX + build);
  const base = `${ROOT}${build}/`;
  await each(offline, async (name) => {
    const url = base + name;
    if (!(await cache.match(url, { ignoreVary: true }))) await cache.put(url, await load(url));
  });
  // The pages of this build: one that is gone, or was no page, is left out.
  await each(urls.filter((url) => !buildOf(url)), async (url) => {
    const response = await fetch(url, { cache: "no-cache" });
    if (response.ok) await cache.put(url, plain(response));
  });
  await cache.put(`${ROOT}wherry.js`, await load(`${ROOT}wherry.js`, "no-cache"));
  await cache.put(`${ROOT}manifest.json`, found);
  await (await caches.open(STATE)).put(CURRENT, new Response(build));
  return build;
}

/** @param {string[]} items @param {(item: string) => Promise<void>} does */
async function each(items, does) {
  const left = [...items];
  const hands = Array.from({ length: AT_ONCE }, async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await does(item);
  });
  await Promise.all(hands);
}

/** @param {string} url @param {RequestCache} [cache] */
async function load(url, cache = "default") {
  const response = await fetch(url, { cache });
  if (response.ok) return response;
  throw Object.assign(new Error(`wherry's file ${url}: the server answered ${response.status}: copy the whole site again.`), { code: "runtime_404", data: { url } });
}

/** A page must not come from a cache as the answer to a redirect. @param {Response} response */
function plain(response) {
  return response.redirected ? new Response(response.body, { headers: response.headers }) : response;
}

/** @param {any} error */
function factsOf({ name, code, message, data }) {
  if (name === "QuotaExceededError") return { code: "quota", message: `no room to keep this site for later: free disk space. (${message})` };
  if (typeof code === "string") return { code, message, data };
  return { code: "offline", message: `this site cannot be kept for later, the network failed: it is tried again at the next visit. (${message})` };
}
