// Compile archives with the very Pyodide that will load them, under Node.
// Standard input: {"pyodide": folder of the npm package, "root": folder that holds tools/,
//                  "archives": [{"source", "target", "prefix", "optimize"}, ...]}, all paths absolute.
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";

const order = JSON.parse(readFileSync(0, "utf8"));
const { loadPyodide } = await import(`${order.pyodide}/pyodide.mjs`);
const python = await loadPyodide({ indexURL: order.pyodide });

python.mountNodeFS("/build/tools", `${order.root}/tools`);
// The mount is the checkout itself: leave no bytecode of this Python in it.
python.runPython("import sys; sys.dont_write_bytecode = True; sys.path.append('/build')");
const { compile_archive } = python.pyimport("tools.pyc");

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
