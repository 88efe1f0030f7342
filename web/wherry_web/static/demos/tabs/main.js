// @ts-check
import { boot, byId, calmly, follow, h, setText, stateOf } from "../page.js";
import { open } from "../wherry.js";

const JOBS = 12;
const NAMES = ["Aith", "Brora", "Cromarty", "Durness", "Eriskay", "Fair Isle", "Gairloch", "Helmsdale", "Islay", "Jura", "Lerwick", "Mallaig"];

// A name that lasts as long as this tab: each takes the next one.
const tab = (sessionStorage["wherry.tab"] ??= nextName());
document.title = `${tab}: two tabs, wherry`;

// Workers are named after their tab, so that a job tells who ran it.
const queue = await open({ url: "indexeddb:demo-tabs", tasks: ["tasks.py"], name: tab, concurrency: 2, lease: 5, onboot: boot });
follow(queue);

const run = byId("run", HTMLButtonElement);
run.disabled = false;
run.onclick = async () => {
  const hours = Array.from({ length: JOBS }, (_, hour) => hour);
  await queue.submitMany("tide.height", hours, { tags: [tab] });
};

queue.on("status", tell);
tell();

const show = calmly(async () => {
  const { jobs } = await queue.query({ limit: JOBS });
  byId("rows", HTMLElement).replaceChildren(...jobs.reverse().map(row));
});
show();
for await (const _ of queue.events()) show();

function nextName() {
  const taken = Number(localStorage["wherry.tabs"] ?? 0);
  localStorage["wherry.tabs"] = taken + 1;
  return NAMES[taken % NAMES.length];
}

function tell() {
  const leads = queue.status().role === "leader";
  document.body.dataset.role = queue.status().role;
  setText(byId("role", HTMLElement), leads ? `This is ${tab}. It leads: Python runs in this tab.` : `This is ${tab}. It follows: Python runs in another tab.`);
}

/** @param {import("../wherry.js").Job} job */
function row(job) {
  const tide = job.state === "completed" ? `${Number(job.output).toFixed(2).replace("-", "−")} m` : "";
  const ranIn = job.worker?.split(":")[1] ?? "";
  return h(
    "tr",
    { "data-state": job.state, "data-ran-in": ranIn },
    h("td", { class: "right tabular" }, String(job.input)),
    h("td", {}, job.tags[0] ?? ""),
    h("td", {}, ranIn),
    h("td", {}, stateOf(job.state)),
    h("td", { class: "right tabular" }, tide),
  );
}
