import { open } from "./wherry.js";

const text = "row row row your boat";

async function count(shore, options) {
  const shown = document.querySelector(`#${shore}`);
  try {
    const queue = await open(options);
    shown.value = (await (await queue.submit("text.count", text)).result()).row;
  } catch (error) {
    shown.value = error.message;
  }
}

// The token comes behind the # of the address, which no server sees.
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "demo";

await Promise.all([
  count("tab", { url: "indexeddb:two-shores" }),
  count("server", { url: new URL("./queue", location.href).href, token }),
]);
