// Python in a worker: `start` boots it, every other name is MODULE.FUNCTION of the .py files beside this one.

let pyodide;

async function start({ runtime, base, packages, module, sources }) {
  const { loadPyodide } = await import(`${runtime}pyodide.mjs`);
  pyodide = await loadPyodide({ indexURL: runtime, lockFileURL: `${runtime}pyodide-lock.json` });
  await pyodide.loadPackage(packages, { messageCallback() {}, errorCallback: console.error });
  if (module) pyodide.registerJsModule("wherry_idb", await import(`${base}idb.js`));
  for (const name of sources) {
    const source = await fetch(new URL(name, import.meta.url));
    pyodide.FS.writeFile(name, await source.text());
  }
}

onmessage = async ({ data: { id, name, values } }) => {
  try {
    const [file, called] = name.split(".");
    const result = name === "start" ? await start(...values) : await pyodide.pyimport(file)[called](...values);
    postMessage({ id, result });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};
