// A page to start from: change it, or write your own.  `wherry site` does not touch it again.
import { offline, open } from "./wherry.js";

const status = document.querySelector("#status");
const form = document.querySelector("form");

function say(text, wrong = false) {
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

function show({ python, error, online }) {
  if (error) say(error.message, true);
  else if (python === "ready" || python === "blocked") say(`Ready${online ? "" : ", offline"}. Jobs are kept in this browser.`);
  else say("Python starts; you can submit already once this browser has met the tasks.");
}

function row(text) {
  const item = document.createElement("li");
  const result = document.createElement("output");
  item.append(text, " ", result);
  document.querySelector("#jobs").prepend(item);
  return result;
}

async function run(queue, task, text) {
  const result = row(`${task}(${text})`);
  try {
    const handle = await (text ? queue.submit(task, JSON.parse(text)) : queue.submit(task));
    handle.onProgress(({ percent, message }) => (result.value = `${percent} % ${message}`));
    result.value = `→ ${await handle.resultText()}`;
  } catch (error) {
    result.value = `✗ ${error.message}`;
  }
}

try {
  const queue = await open({ url: "indexeddb:jobs" });
  queue.on("status", show);
  show(queue.status());
  queue.on("evicted", () => say("The browser removed this page's jobs. Submit again what is missing.", true));

  const { tasks } = await (await fetch("./manifest.json")).json();
  document.querySelector("#tasks").append(...tasks.map((name) => new Option(name)));
  // Not under the hands of somebody who is about to write there.
  if (document.activeElement !== form.elements.task) form.elements.task.value ||= tasks[0] ?? "";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void run(queue, form.elements.task.value, form.elements.input.value.trim());
  });
  // Before, the browser itself would have sent the form, and loaded the page anew.
  form.querySelector("button").disabled = false;
  await offline({ onupdate: () => say("A newer version is there: reload the page.") });
} catch (error) {
  say(error.message, true);
}
