// @ts-check
// What every small demo has around its one idea: the bar, the state of Python, errors, and its own code.

import { codeBlock } from "../demo/code-view.js";
import { button, byId, h, setAttribute, setText } from "../demo/dom.js";
import { size } from "../demo/format.js";
import { problemPanel } from "../demo/problem.js";
import { bindTheme } from "../demo/theme.js";

export { button, byId, h, s, setAttribute, setText } from "../demo/dom.js";
export { counted, duration, figure, number, size } from "../demo/format.js";

/** @typedef {import("../wherry.js").Queue} Queue */

const TURN_MS = 250;
const DEMOS = { queue: "Queue", tabs: "Tabs", offline: "Offline", server: "Server", csv: "CSV", long: "Long job" };
const ROOT = new URL("./", import.meta.url);
const main = /** @type {HTMLElement} */ (document.querySelector("main"));

/**
 * For `open({ onboot })`: how much of Python is here.
 * @param {{ loaded: number, total: number }} progress
 */
export function boot({ loaded, total }) {
  pill(total > loaded ? `Python is coming, ${size(loaded)} of ${size(total)}` : "Python is starting", "busy");
}

/**
 * Show in the head of the page what the queue is doing.
 * @param {Queue} queue
 */
export function follow(queue) {
  const look = () => {
    const { role, python, online, error } = queue.status();
    document.body.dataset.python = python;
    if (error && !error.retryable) void explain(error);
    else if (role === "client") pill(online ? "Connected" : "No network", online ? "good" : "bad");
    else if (python === "ready" || python === "blocked") pill("Ready", "good");
  };
  queue.on("status", look);
  queue.on("update", () => fail("A newer version of this page is there", new Error("Reload the page.")));
  look();
}

/** @param {string} words @param {"good" | "busy" | "bad"} tone */
function pill(words, tone) {
  const element = byId("pill", HTMLElement);
  setText(element, words);
  setAttribute(element, "data-tone", tone);
}

/** The server may still be making the runtime: wait for it. @param {{ code: string, message: string }} error */
async function explain({ code, message }) {
  const asked = code === "runtime_404" && fetch(new URL("../api/demo/status", ROOT)).then((answer) => answer.json());
  const { state, log, remedy } = (await Promise.resolve(asked).catch(() => null))?.site ?? {};
  if (state === "building" || state === "ready") {
    pill("The tab's Python is being made", "busy");
    setTimeout(() => (state === "ready" ? location.reload() : void explain({ code, message })), 1000);
    return;
  }
  fail("Python did not start", Object.assign(new Error(log ?? message), { code, remedy }));
}

/**
 * Show an error with its remedy; null takes it away.
 * @param {string} title
 * @param {unknown} error
 */
export function fail(title, error) {
  byId("problem", HTMLElement).replaceChildren(...(error ? [problemPanel(title, error)] : []));
  if (error && document.body.dataset.python !== "ready") pill("Failed", "bad");
}

/**
 * A function that draws at most four times a second, and never twice at once.
 * @param {() => Promise<void>} draw
 * @returns {() => void}
 */
export function calmly(draw) {
  let asked = false;
  let busy = false;
  const turn = async () => {
    busy = true;
    while (asked) {
      asked = false;
      await draw();
      await new Promise((wake) => setTimeout(wake, TURN_MS));
    }
    busy = false;
  };
  return () => {
    asked = true;
    if (!busy) void turn();
  };
}

/**
 * A job's state as a mark and a word, so that colour is never alone.
 * @param {string} state
 */
export const stateOf = (state) => h("span", { class: "state", "data-state": state }, state);

// --- the frame ---------------------------------------------------------------------------------------
function showBar() {
  const home = h("a", { class: "brand", href: new URL("../demo/", ROOT).href, "aria-label": "wherry: the large demo" }, "wherry");
  const theme = h("button", { class: "button button-quiet theme", type: "button" }, h("span", {}, "Theme: system"));
  const links = Object.entries(DEMOS).map(([name, title]) => {
    const { href } = new URL(`${name}/`, ROOT);
    return h("a", { class: "button button-quiet", href, "aria-current": location.href.startsWith(href) && "page" }, title);
  });
  const all = h("a", { class: "button button-quiet", href: ROOT.href, "aria-current": location.href.split(/[#?]/)[0] === ROOT.href && "page" }, "All");
  byId("bar", HTMLElement).replaceChildren(home, h("nav", { class: "demos", "aria-label": "Demos" }, all, ...links), theme);
  bindTheme(theme);
}

/** The files that run, as they are. @param {string} python */
async function showCode(python) {
  const paths = ["main.js", python];
  const frame = h("div", { class: "code-frame" });
  const texts = paths.map((path) => fetch(path).then((answer) => answer.text()));
  const names = paths.map((path) => path.split("/").at(-1) ?? path);
  /** @param {number} chosen */
  const choose = async (chosen) => {
    tabs.forEach((tab, at) => setAttribute(tab, "aria-pressed", String(at === chosen)));
    const language = chosen === 0 ? "javascript" : "python";
    const source = ((await texts[chosen]) ?? "").trimEnd().replace("// @ts-check\n", "");
    frame.replaceChildren(codeBlock(source, language, `Source of ${names[chosen]}`));
  };
  const tabs = names.map((name, at) => button(name, () => choose(at), { class: "segment", "data-file": name }));
  const head = h("h2", { id: "code-title" }, "The code of this page");
  byId("code", HTMLElement).replaceChildren(h("div", { class: "panel-head" }, head, h("div", { class: "segments", role: "group", "aria-label": "File" }, ...tabs)), frame);
  await choose(0);
}

addEventListener("unhandledrejection", ({ reason }) => fail("This did not work", reason));
showBar();
bindErrors();
if (main.dataset.python) void showCode(main.dataset.python);

/** What the page's own module throws while it starts. */
function bindErrors() {
  addEventListener("error", ({ error }) => error && main.dataset.python && fail("This page did not start", error));
}
