/**
 * `npm run size`: what a page pays for the element. Reads the built package, prints bytes as they are and as gzip and
 * brotli make them, and ends with 1 where a gate is passed. Kilobytes are thousands of bytes.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build, type InlineConfig } from "vite";
import { ROOT } from "../support/source-files.ts";

interface Row {
  name: string;
  code: string | Buffer;
  /** The most that gzip may leave, in bytes. */
  gate?: number;
}

const rows: Row[] = [
  { name: "single file", code: await readFile(join(ROOT, "widget/dist/mb-connect.min.js")), gate: 13_000 },
  {
    name: "single file, Lit left out",
    code: await bundle({ configFile: join(ROOT, "widget/vite.config.ts"), input: "src/mb-connect-define.ts" }),
    gate: 7_400,
  },
  {
    name: "package in a host's own bundle, Lit left out",
    code: await bundle({ configFile: false, input: "dist/widget/src/index.js" }),
  },
];

for (const { name, code, gate } of rows) {
  const gzip = gzipSync(code, { level: 9 }).length;
  const verdict = gate === undefined ? "" : gzip > gate ? `, over its gate of ${gate}` : ` of ${gate} at most`;
  console.log(
    `${name}: ${Buffer.byteLength(code)} bytes, brotli ${brotliCompressSync(code).length}, gzip ${gzip}${verdict}`,
  );
  if (gate !== undefined && gzip > gate) process.exitCode = 1;
}

async function bundle({ configFile, input }: { configFile: string | false; input: string }): Promise<string> {
  const options: InlineConfig = {
    configFile,
    root: join(ROOT, "widget"),
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      rolldownOptions: {
        input,
        external: [/^lit/],
        preserveEntrySignatures: "strict",
        output: { format: "es", minify: true },
      },
    },
  };
  const built = await build(options);
  if (!("output" in built)) throw new Error("the build gave no single output");
  return built.output[0].code;
}
