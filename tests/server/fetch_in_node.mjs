// Runs fetch_in_node.py in Pyodide: `node fetch_in_node.mjs CORE URL TOKEN`, where CORE is the folder of wherry's core.
import { readFile } from "node:fs/promises";

import { loadPyodide } from "pyodide";

const [core, url, token] = process.argv.slice(2);
const python = await loadPyodide();
python.mountNodeFS("/core", core);
const program = await readFile(new URL("./fetch_in_node.py", import.meta.url), "utf-8");
const globals = python.toPy({ URL: url, TOKEN: token });
await python.runPythonAsync(`import sys; sys.path.insert(0, "/core")\n${program}\nawait main(URL, TOKEN)`, { globals });
console.log("done");
// Timers that Python has cancelled still hold Node for their time.
process.exit(0);
