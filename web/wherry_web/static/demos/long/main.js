// @ts-check
import { boot, byId, calmly, counted, follow, h, number, setText, stateOf } from "../page.js";
import { open } from "../wherry.js";

const LEGS = [[1, 200_000], [200_001, 400_000], [400_001, 600_000]];
const TASK = "collatz.longest";

// One at a time, so that there is something to wait for.
const queue = await open({ url: "indexeddb:demo-long", tasks: ["tasks.py"], concurrency: 1, onboot: boot });
follow(queue);

const [run, pause, cancel] = ["run", "pause", "cancel"].map((id) => byId(id, HTMLButtonElement));
run.onclick = () => queue.submitMany(TASK, LEGS.map(([first, last]) => ({ first, last })));
cancel.onclick = () => queue.cancel({ task: TASK });
pause.onclick = async () => {
  const isPaused = (await queue.paused()).length > 0;
  await (isPaused ? queue.resume("default") : queue.pause("default"));
  show();
};

const show = calmly(async () => {
  const { jobs } = await queue.query({ task: TASK, limit: LEGS.length });
  const unfinished = jobs.filter(({ state }) => state === "pending" || state === "running").length;
  const isPaused = (await queue.paused()).length > 0;
  run.disabled = unfinished > 0;
  cancel.disabled = unfinished === 0;
  pause.disabled = unfinished === 0 && !isPaused;
  setText(pause, isPaused ? "Resume the queue" : "Pause the queue");
  pause.setAttribute("aria-pressed", String(isPaused));
  byId("legs", HTMLElement).replaceChildren(...(await Promise.all(jobs.reverse().map(leg))));
  setText(byId("told", HTMLElement), unfinished > 0 ? `${counted(unfinished, "leg")} to go.` : summed(jobs));
});
show();
for await (const _ of queue.events()) show();

/** @param {import("../wherry.js").Job[]} jobs */
function summed(jobs) {
  /** @type {any[]} */
  const found = jobs.flatMap((job) => (job.state === "completed" ? [job.output] : []));
  const best = found.reduce((one, other) => (other.steps > one.steps ? other : one), { steps: 0 });
  return best.steps ? `${number(best.best)} needs ${best.steps} steps, more than any other number that was tried.` : "No leg was finished.";
}

/** @param {import("../wherry.js").Job} job */
async function leg(job) {
  const { first, last } = /** @type {any} */ (job.input);
  const bar = h("progress", { max: 100, value: job.state === "completed" ? 100 : job.progress.percent, "aria-label": `${number(first)} to ${number(last)}` });
  const head = h("p", { class: "leg-head" }, h("strong", { class: "tabular" }, `${number(first)} to ${number(last)}`), stateOf(job.state));
  return h("li", { "data-state": job.state }, head, bar, h("p", { class: "leg-said tabular" }, await words(job)));
}

/** @param {import("../wherry.js").Job} job */
async function words(job) {
  if (job.state === "completed") return `${number(/** @type {any} */ (job.output).best)} needs ${/** @type {any} */ (job.output).steps} steps`;
  if (job.state === "cancelled") {
    if (!job.started) return "never started";
    // Code that does not stop within a second is ended without its last words.
    const [line] = await queue.logs(job.id);
    return `stopped at ${line ? number(Number(line.fields.at)) : `${Math.round(job.progress.percent)} %`}`;
  }
  return job.state === "running" ? job.progress.message : queue.why(job.id);
}
