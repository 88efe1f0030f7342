// Write modules without comments and with short local names; what they export and import stays as it is.
// Standard input: [{"source", "target"}, ...], all paths absolute.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { minify } from "terser";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);

for (const { source, target } of JSON.parse(Buffer.concat(chunks).toString("utf8"))) {
  const text = await readFile(source, "utf8");
  // Properties are never renamed: they are the wire's and the API's.
  const { code } = await minify(text, { module: true, ecma: 2022, format: { comments: false } });
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, `${code}\n`);
}
