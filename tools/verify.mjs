// Boot a built runtime under Node and report what works in it, as one line of JSON.
// Argument: the runtime's folder.
const folder = process.argv[2];
const { loadPyodide } = await import(`${folder}/pyodide.mjs`);
const quiet = { messageCallback: () => {}, errorCallback: (text) => console.error(text) };

const python = await loadPyodide({ indexURL: folder, lockFileURL: `${folder}/pyodide-lock.json` });
await python.loadPackage("wherry", quiet);
const alone = python.runPython(`
import sys, wherry
"pydantic" not in sys.modules and wherry.__file__.endswith(".pyc")
`);

await python.loadPackage(["pydantic", "stdlib-sources"], quiet);
const report = python.runPython(`
import asyncio, json, pathlib, pydantic
import stdlib_sources

class Model(pydantic.BaseModel):
    count: int

json.dumps({
    "python": sys.version.split()[0],
    "pydantic": pydantic.VERSION,
    "validates": Model.model_validate_json('{"count": "3"}').count == 3,
    "stdlib_compiled": asyncio.__file__.endswith(".pyc"),
    "sources": sum(1 for _ in pathlib.Path(stdlib_sources.__file__).parent.rglob("*.py")),
})
`);
console.log(JSON.stringify({ alone, ...JSON.parse(report) }));
