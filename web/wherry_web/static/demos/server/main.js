// @ts-check
import { takeToken } from "../../demo/session.js";
import { byId, calmly, counted, duration, fail, follow, h, number, setText, stateOf } from "../page.js";
import { WherryError, open } from "../wherry.js";

const MODULES = ["argparse", "ast", "asyncio.tasks", "calendar", "csv", "datetime", "difflib", "inspect", "json.decoder", "pathlib", "statistics", "typing"];

// `wherry demo` hands its token over in the address; the page keeps it as long as this tab lives.
const token = takeToken() ?? undefined;
const queue = await open({ url: location.origin, token }).catch((error) => {
  throw error.code === "unauthorized" ? new WherryError("unauthorized", "this page has no token of the server: open the address that `wherry demo` printed, and come here from there.") : error;
});
follow(queue);

const run = byId("run", HTMLButtonElement);
run.disabled = false;
run.onclick = async () => {
  const before = performance.now();
  const handles = await queue.submitMany("library.index", MODULES, { tags: ["small-demo"] });
  const found = await Promise.all(handles.map((handle) => handle.result())).catch((error) => fail("A module was not measured", error));
  if (!found) return;
  const lines = found.reduce((sum, { lines }) => sum + lines, 0);
  setText(byId("told", HTMLElement), `${counted(lines, "line")} measured; every result was here after ${duration(performance.now() - before)}.`);
};

const show = calmly(async () => {
  const { jobs } = await queue.query({ tag: "small-demo", limit: MODULES.length });
  byId("rows", HTMLElement).replaceChildren(...jobs.reverse().map(row));
});
show();
for await (const _ of queue.events()) show();

/** @param {import("../wherry.js").Job} job */
function row(job) {
  const { lines, names } = /** @type {any} */ (job.state === "completed" ? job.output : {});
  /** @param {string} text */
  const figure = (text, more = "wide") => h("td", { class: `right tabular ${more}` }, text);
  return h(
    "tr",
    { "data-state": job.state },
    h("th", { scope: "row", class: "mono" }, String(job.input)),
    h("td", {}, stateOf(job.state)),
    h("td", { class: "mono" }, job.worker?.split(":")[0] ?? ""),
    figure(lines === undefined ? "" : number(lines), ""),
    figure(names ? number(names.length) : ""),
    figure(job.started && job.finished ? duration(Number(job.finished) - Number(job.started)) : ""),
  );
}
