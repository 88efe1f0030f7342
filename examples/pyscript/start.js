// PyScript is told to take its interpreter, and wherry, from the folder that `wherry site` made.
const { base, runtime } = await (await fetch("./manifest.json")).json();
const build = new URL(base, location.href);

const script = document.createElement("script");
script.type = "py";
script.src = "main.py";
script.setAttribute("config", JSON.stringify({
  interpreter: new URL(`${runtime}pyodide.mjs`, build).href,
  packages: ["wherry", "pydantic"],
  packages_cache: "passthrough",
  js_modules: { main: { [new URL("idb.js", build).href]: "wherry_idb" } },
}));
document.body.append(script);

await import("./pyscript/core.js");
