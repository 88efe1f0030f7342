// Compile archives with the very Pyodide that will load them, under Node.
// Standard input: {"pyodide": folder of the npm package, "recipe": the folder of this file,
//                  "archives": [{"source", "target", "prefix", "optimize"}, ...]}, all paths absolute.
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";

const order = JSON.parse(readFileSync(0, "utf8"));
const { loadPyodide } = await import(pathToFileURL(`${order.pyodide}/pyodide.mjs`).href);
const python = await loadPyodide({ indexURL: order.pyodide });

python.mountNodeFS("/build/recipe", order.recipe);
// The mount is the package itself: leave no bytecode of this Python in it.
python.runPython("import sys; sys.dont_write_bytecode = True; sys.path.append('/build')");
const { compile_archive } = python.pyimport("recipe.pyc");

let mounts = 0;
function mount(path) {
  const folder = `/mnt/${mounts++}`;
  python.mountNodeFS(folder, dirname(path));
  return `${folder}/${basename(path)}`;
}

for (const { source, target, prefix, optimize } of order.archives) {
  const count = compile_archive.callKwargs(mount(source), mount(target), { prefix, optimize });
  console.log(`${basename(target)}: ${count} modules`);
}
