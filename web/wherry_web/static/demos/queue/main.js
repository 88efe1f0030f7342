// @ts-check
import { boot, byId, calmly, duration, follow, h, number, setText } from "../page.js";
import { open } from "../wherry.js";

const JOBS = 24;
const STRETCH = 3_000_000;

const queue = await open({ url: "indexeddb:demo-queue", tasks: ["tasks.py"], onboot: boot });
follow(queue);

const run = byId("run", HTMLButtonElement);
run.onclick = async () => {
  run.disabled = true;
  const starts = Array.from({ length: JOBS }, (_, index) => index * STRETCH);
  await queue.submitMany("primes.count", starts);
};
byId("reload", HTMLButtonElement).onclick = () => location.reload();

// What is stored is what is shown: also after a reload, and whoever submitted it.
const show = calmly(async () => {
  const { jobs } = await queue.query({ limit: JOBS });
  draw(jobs.reverse());
});
show();
for await (const _ of queue.events()) show();

/** @param {import("../wherry.js").Job[]} jobs */
function draw(jobs) {
  const done = jobs.filter(({ state }) => state === "completed");
  const primes = done.reduce((sum, job) => sum + Number(job.state === "completed" && job.output), 0);
  byId("cells", HTMLElement).replaceChildren(...Array.from({ length: JOBS }, (_, index) => cell(jobs[index])));
  run.disabled = jobs.some(({ state }) => state === "pending" || state === "running");
  // Read out once, at the end.
  byId("told", HTMLElement).setAttribute("aria-busy", String(run.disabled));
  if (jobs.length === 0) return;
  const started = Math.min(...jobs.map((job) => Number(job.started ?? Infinity)));
  const took = duration(Math.max(...done.map((job) => Number(job.finished))) - started);
  const whole = `${number(primes)} primes below ${number(JOBS * STRETCH)}, counted in ${took}.`;
  setText(byId("told", HTMLElement), run.disabled ? `${done.length} of ${jobs.length} jobs done, ${number(primes)} primes so far.` : whole);
}

/** @param {import("../wherry.js").Job} [job] */
function cell(job) {
  const words = job?.state === "completed" ? number(Number(job.output)) : (job?.state ?? "");
  return h("li", { class: "cell tabular", "data-state": job?.state ?? "none" }, words);
}
