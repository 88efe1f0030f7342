import { offline, open } from "./wherry.js";

const [form, state, result] = ["form", "#state", "#result"].map((name) => document.querySelector(name));

const opening = open({ url: "indexeddb:count-words" });

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const queue = await opening;
    const handle = await queue.submit("text.count", form.elements.text.value);
    handle.onProgress(({ percent, message }) => (state.textContent = `${percent} % ${message}`));
    result.textContent = JSON.stringify(await handle.result(), null, 1);
    state.textContent = "Done; the job is kept in this browser.";
  } catch (error) {
    state.textContent = error.message;
  }
});

form.querySelector("button").disabled = false;

await offline();
