// @ts-check
import { boot, button, byId, fail, figure, follow, h, number, s, setText } from "../page.js";
import { open } from "../wherry.js";

/** @typedef {{ name: string, least: number, mean: number, median: number, most: number, bins: number[] }} Column */

const MOST_BYTES = 1_000_000;

const queue = await open({ url: "indexeddb:demo-csv", tasks: ["tasks.py"], onboot: boot });
follow(queue);

const chart = byId("chart", HTMLElement);
const told = h("p", { class: "told tabular", role: "status" });
const file = byId("file", HTMLInputElement);
const sample = byId("sample", HTMLButtonElement);
sample.disabled = false;
sample.onclick = async () => read(new File([await (await fetch("sample.csv")).blob()], "sample.csv"));
file.onchange = () => read(file.files?.[0]);
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  read(event.dataTransfer?.files[0]);
});

// A table that was summed up before is there again.
const { jobs } = await queue.query({ state: "completed", limit: 1 });
if (jobs[0]?.state === "completed") draw(/** @type {any} */ (jobs[0].output));

/** @param {File} [given] */
async function read(given) {
  if (!given) return;
  fail("", null);
  try {
    if (given.size > MOST_BYTES) throw new Error(`${given.name} is larger than 1 MB: choose a smaller file, or the first part of it.`);
    const job = await queue.submit("table.summary", { name: given.name, text: await given.text() });
    job.onProgress(({ message }) => setText(told, message));
    draw(await job.result());
  } catch (error) {
    fail(`No chart of ${given.name}`, error);
  }
}

/** @param {{ name: string, rows: number, columns: Column[] }} summary */
function draw({ name, rows, columns }) {
  setText(told, `${name}: ${number(rows)} rows, ${number(columns.length)} columns of numbers.`);
  const frame = h("div", {});
  const choices = columns.map((column) => button(column.name, () => choose(column), { class: "segment" }));
  /** @param {Column} column */
  const choose = (column) => {
    choices.forEach((choice, at) => choice.setAttribute("aria-pressed", String(columns[at] === column)));
    frame.replaceChildren(histogram(column));
  };
  chart.replaceChildren(told, h("div", { class: "segments", role: "group", "aria-label": "Column" }, ...choices), frame, table(columns));
  choose(columns[1] ?? /** @type {Column} */ (columns[0]));
}

/** @param {Column} column */
function histogram({ name, least, median, most, bins }) {
  const tallest = Math.max(...bins);
  const bars = bins.map((count, at) => s("rect", { x: at + 0.06, width: 0.88, y: tallest - count, height: count }));
  const words = `${name}: most values lie near ${figure(median)}, from ${figure(least)} to ${figure(most)}`;
  const svg = s("svg", { viewBox: `0 0 ${bins.length} ${tallest}`, preserveAspectRatio: "none", role: "img", "aria-label": words }, ...bars);
  const middle = h("span", { class: "median" }, `median ${figure(median)}`);
  middle.style.setProperty("--at", String((median - least) / (most - least || 1)));
  return h("figure", { class: "chart" }, middle, svg, h("figcaption", { class: "tabular" }, h("span", {}, figure(least)), h("span", {}, name), h("span", {}, figure(most))));
}

/** @param {Column[]} columns */
function table(columns) {
  const heads = ["Column", "Least", "Median", "Mean", "Most"].map((name, at) => h("th", { scope: "col", class: at > 0 && "right" }, name));
  const rows = columns.map(({ name, least, median, mean, most }) => {
    const cells = [least, median, mean, most].map((value) => h("td", { class: "right tabular" }, figure(value)));
    return h("tr", {}, h("th", { scope: "row" }, name), ...cells);
  });
  return h("div", { class: "table-frame", tabindex: 0, role: "region", "aria-label": "Summary" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)));
}
