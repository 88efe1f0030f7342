// A page of its own site: it opens a queue, keeps itself for later and tells of it.  Served beside wherry.js.
import { offline, open } from "./wherry.js";

globalThis.updates = [];
globalThis.queue = await open({ url: "indexeddb:offline", tasks: ["./jobs.py"] });
globalThis.keep = (options = {}) =>
  offline({ also: ["./jobs.py"], onupdate: (state) => updates.push(state), ...options }).catch(({ code, message }) => ({ code, message }));
globalThis.run = async (value) => (await queue.submit("echo", value)).result();
globalThis.kept = async () => (await caches.keys()).map((name) => name.split(":").at(-1)).filter((name) => name !== "state");
document.title = "open";
