// @ts-check
import { boot, byId, calmly, fail, follow, h, setText, size } from "../page.js";
import { offline, open, storageUse } from "../wherry.js";

const HARBOURS = ["Aberdeen", "Bergen", "Esbjerg", "Lerwick", "Stavanger", "Wick"];
const MOST = 6;

const KEPT = "wherry.demo.offline";

const keep = byId("keep", HTMLButtonElement);
keep.onclick = async () => {
  keep.disabled = true;
  setText(byId("kept", HTMLElement), "is being kept");
  try {
    const { build } = await offline({ also: ["tasks.py"] });
    localStorage.setItem(KEPT, build);
    fail("", null);
  } finally {
    keep.disabled = false;
    tell();
  }
};
["online", "offline"].forEach((type) => addEventListener(type, tell));
keep.disabled = false;
tell();

const queue = await open({ url: "indexeddb:demo-offline", tasks: ["tasks.py"], onboot: boot });
follow(queue);

byId("from", HTMLSelectElement).append(...HARBOURS.map((name) => new Option(name, name, name === "Wick", name === "Wick")));
byId("to", HTMLSelectElement).append(...HARBOURS.map((name) => new Option(name, name, name === "Bergen", name === "Bergen")));
byId("run", HTMLButtonElement).disabled = false;
byId("plan", HTMLFormElement).onsubmit = async (event) => {
  event.preventDefault();
  const start = byId("from", HTMLSelectElement).value;
  const end = byId("to", HTMLSelectElement).value;
  const job = await queue.submit("passage.plan", { start, end, knots: byId("knots", HTMLInputElement).valueAsNumber });
  await job.result().then(() => fail("", null), (error) => fail("No passage", error));
};

const show = calmly(async () => {
  const { jobs } = await queue.query({ limit: MOST });
  byId("plans", HTMLElement).replaceChildren(...jobs.map(line));
  tell();
});
show();
for await (const _ of queue.events()) show();

async function tell() {
  const isKept = localStorage.getItem(KEPT) !== null;
  setText(keep, isKept ? "Keep the newest version" : "Keep this page for offline");
  setText(byId("kept", HTMLElement), isKept ? "kept: reload it without a network" : "not kept yet");
  setText(byId("network", HTMLElement), navigator.onLine ? "there" : "none: all of this goes on");
  const { used, persisted } = await storageUse();
  setText(byId("used", HTMLElement), `${size(used)}${persisted ? ", promised not to be evicted" : ""}`);
}

/** @param {import("../wherry.js").Job} job */
function line(job) {
  const { start, end, knots } = /** @type {any} */ (job.input);
  const { miles, course, hours } = /** @type {any} */ (job.state === "completed" ? job.output : {});
  const found = job.state === "completed" ? `${miles} sea miles, course ${course}°, ${hours} h at ${knots} kn` : job.state;
  return h("li", { "data-state": job.state }, h("strong", {}, `${start} to ${end}`), h("span", { class: "tabular" }, found));
}
