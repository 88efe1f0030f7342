// Boot a build's runtime under Node, import the app's tasks in it, and report what works as one line of JSON.
// Standard input: {"folder": of the build, absolute, "app": name of its wheel or null, "packages": names}.
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";

const { folder, app, packages } = JSON.parse(readFileSync(0, "utf8"));
const runtime = `${folder}/runtime`;
const { loadPyodide } = await import(pathToFileURL(`${runtime}/pyodide.mjs`).href);
const quiet = { messageCallback: () => {}, errorCallback: (text) => console.error(text) };

const python = await loadPyodide({ indexURL: runtime, lockFileURL: `${runtime}/pyodide-lock.json` });
await python.loadPackage("wherry", quiet);
const alone = python.runPython(`
import sys, wherry
"pydantic" not in sys.modules and wherry.__file__.endswith(".pyc")
`);

/** The build's own scripts, where Node takes them for the modules that they are. */
function scripts() {
  const place = mkdtempSync(`${tmpdir()}/wherry-`);
  process.on("exit", () => rmSync(place, { recursive: true }));
  for (const name of readdirSync(folder)) if (name.endsWith(".js")) copyFileSync(`${folder}/${name}`, `${place}/${name}`);
  writeFileSync(`${place}/package.json`, '{"type": "module"}');
  return place;
}

const TASKS = `
import importlib, json
from wherry_web.executor import task_modules, tasks_in
modules = map(importlib.import_module, task_modules("${app?.split("-")[0]}"))
found = {task.name: task.manifest() for module in modules for task in tasks_in(module).values()}
json.dumps([json.loads(text) for text in found.values()])
`;

/** Imports the tasks the way that a tab does. */
async function importApp() {
  const { importTasks } = await import(pathToFileURL(`${scripts()}/tasks.js`).href);
  await python.loadPackage(packages, quiet);
  const executor = python.pyimport("wherry_web.executor").Executor(null);
  const sources = [{ path: app, url: app, bytes: new Uint8Array(readFileSync(`${folder}/app/${app}`)) }];
  const lock = readFileSync(`${runtime}/pyodide-lock.json`, "utf8");
  try {
    // A network cannot fail here, so its errors are those of the tasks.
    await importTasks(python, executor, { hash: "", runtime, lock, packages, sources }, { because: async (error) => error });
    return { tasks: JSON.parse(python.runPython(TASKS)) };
  } catch ({ code = "task_module", message }) {
    return { error: { code, message } };
  }
}

const imported = app ? await importApp() : {};
const needed = Object.keys(python.loadedPackages);
const stranger = "stdlib-sources" in JSON.parse(readFileSync(`${runtime}/pyodide-lock.json`, "utf8")).packages;
await python.loadPackage(["pydantic", ...(stranger ? ["stdlib-sources"] : [])], quiet);
python.globals.set("stranger", stranger);
const report = python.runPython(`
import asyncio, json, pathlib, pydantic

class Model(pydantic.BaseModel):
    count: int

sources = 0
if stranger:
    import stdlib_sources
    sources = sum(1 for _ in pathlib.Path(stdlib_sources.__file__).parent.rglob("*.py"))

json.dumps({
    "python": sys.version.split()[0],
    "pydantic": pydantic.VERSION,
    "validates": Model.model_validate_json('{"count": "3"}').count == 3,
    "stdlib_compiled": asyncio.__file__.endswith(".pyc"),
    "sources": sources,
})
`);
console.log(JSON.stringify({ alone, needed, ...imported, ...JSON.parse(report) }));
