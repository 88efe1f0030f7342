// Write the compressed siblings of files, for servers that only hand out what is there.
// Standard input: {"quality": 1..11 for brotli, "files": [{"source", "br", "gz"}, ...]}, all paths absolute.
import { readFile, rename, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import zlib from "node:zlib";

const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);

async function readInput() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

// An interrupted build must not leave half a file under a final name.
async function writeWhole(path, bytes) {
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
}

const { quality, files } = await readInput();
await Promise.all(
  files.map(async ({ source, br, gz }) => {
    const bytes = await readFile(source);
    const params = {
      [zlib.constants.BROTLI_PARAM_QUALITY]: quality,
      [zlib.constants.BROTLI_PARAM_LGWIN]: 22,
      [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    };
    const [small, smaller] = await Promise.all([gzip(bytes, { level: 9 }), brotli(bytes, { params })]);
    await Promise.all([writeWhole(gz, small), writeWhole(br, smaller)]);
  }),
);
