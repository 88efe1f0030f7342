// What the tests of the tab call in their pages; `queue` is the queue that `openQueue` opened.

/** What the queue told while it was open. */
globalThis.seen = { boots: [], statuses: [], events: [] };

/** Opens a queue; resolves at once, Python starts behind it. */
globalThis.openQueue = async (base, options) => {
  globalThis.wherry = await import(`${base}wherry.js`);
  globalThis.queue = await wherry.open({ onboot: (progress) => seen.boots.push(progress), ...options });
  queue.on("status", (status) => seen.statuses.push(status));
  for (const type of ["update", "evicted"]) queue.on(type, () => seen.events.push(type));
};

/** Resolves when the status fits; rejects when it cannot any more, because Python does not start. */
globalThis.statusIs = (wanted) =>
  new Promise((resolve, reject) => {
    const look = (status) => {
      if (Object.entries(wanted).every(([name, value]) => status[name] === value)) resolve(status);
      else if (status.python === "failed" && !status.error.retryable) reject(new Error(`${status.error.code}: ${status.error.message}`));
    };
    queue.on("status", look);
    look(queue.status());
  });

/** The first event that fits, from now on. */
globalThis.eventIs = async (fits) => {
  for await (const event of queue.events()) if (fits(event)) return event;
};

/** Resolves when an attempt of the job has begun. */
globalThis.untilRunning = async (id) => {
  while ((await queue.get(id)).state !== "running") await new Promise((wake) => setTimeout(wake, 10));
};

/** What a promise gives, or the facts of its error. */
globalThis.outcome = (promise) =>
  promise.then(
    (value) => ({ value }),
    ({ code, name, message, jobId, retryable, data }) => ({ code: code ?? name, message, jobId, retryable, data }),
  );
