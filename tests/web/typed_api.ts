// What the types of wherry.js allow and refuse: checked by `tsc --strict`, never run.
// Each `@ts-expect-error` is an error when the line below it is none.

import { open, PermanentError, RetryableError, Snooze, WherryError } from "../../web/wherry_web/static/wherry.js";
import type { Handle, Job, Json, Queue } from "../../web/wherry_web/static/wherry.js";

declare module "../../web/wherry_web/static/wherry.js" {
  interface Tasks {
    "text.count": { in: string; out: number };
    "library.modules": { out: string[] };
    "image.resize": { in: { name: string; width: number }; out: { bytes: number } };
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_yes: Same<A, B>) => undefined;

export async function submits(queue: Queue) {
  const count = await queue.submit("text.count", "one two");
  same<typeof count, Handle<number>>(true);
  same<Awaited<ReturnType<typeof count.result>>, number>(true);
  await queue.submit("text.count", "one", { unique: { until: "started" }, after: [count, { id: count.id, onFailure: "run" }, "id"] });
  const sizes = await queue.submitMany("image.resize", [{ name: "a", width: 3 }]);
  same<(typeof sizes)[number], Handle<{ bytes: number }>>(true);
  const modules = await (await queue.submit("library.modules")).result();
  same<typeof modules, string[]>(true);
  const other = await queue.submit("not.listed", { any: ["json", 1, null] });
  same<Awaited<ReturnType<typeof other.result>>, any>(true);

  // @ts-expect-error a number where text is wanted
  await queue.submit("text.count", 3);
  // @ts-expect-error its input is missing
  await queue.submit("text.count");
  // @ts-expect-error a Date is no JSON
  await queue.submit("not.listed", new Date());
  // @ts-expect-error no such option
  await queue.submit("text.count", "one", { prioritty: 1 });
  // @ts-expect-error one or the other
  await queue.submit("text.count", "one", { unique: { until: "done", within: 60 } });
}

export async function registers(queue: Queue) {
  await queue.task("image.resize", async ({ name, width }, { signal, progress, attempt }) => {
    same<typeof width, number>(true);
    progress(10, name, { attempt });
    await fetch(name, { signal });
    if (attempt > 1) throw new PermanentError("gone", { cause: name });
    if (width < 1) throw new RetryableError("busy", { delay: 3 });
    if (width > 9) throw new Snooze(60);
    return { bytes: width };
  }, { maxAttempts: 3, retry: { delays: [1, 5] }, timeout: 30 });
  await queue.task("not.listed", (input: { own: boolean }) => input.own);
  // @ts-expect-error it must return a number
  await queue.task("text.count", () => "three");
}

export function reads(job: Job): Json {
  if (job.state === "completed") return job.output;
  if (job.state === "failed") return job.error.message;
  // @ts-expect-error a job that waits has no output
  return job.output;
}

export async function follows() {
  await using queue = await open({ url: "indexeddb:app", tasks: ["/jobs.py", new URL("https://x/jobs.py"), { "app/a.py": "/a.py" }], bigint: true });
  const may: boolean = queue.capabilities.has("operate");
  for await (const event of queue.events({ since: "cursor" })) {
    if (event.type === "progress") return event.progress.percent;
    same<typeof event.job, Job>(true);
  }
  try {
    await queue.cancel({ state: "failed", task: ["text.count"] });
    // @ts-expect-error no such state
    await queue.cancel({ state: "done" });
  } catch (error) {
    if (error instanceof WherryError && error.retryable) return [error.code, error.jobId, error.data, may];
  }
  return queue.pause({ task: "text.count" });
}
