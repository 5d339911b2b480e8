/**
 * `npm run size`: what a page pays for the element. Reads the built package, prints bytes as they are and as gzip and
 * brotli make them, and ends with 1 where a gate is passed. Kilobytes are thousands of bytes.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build, type InlineConfig } from "vite";
import { ROOT } from "../support/source-files.ts";
import { integrityOf } from "./reference.ts";

interface Row {
  name: string;
  code: string | Buffer;
  /** The most that gzip may leave, in bytes. */
  gate?: number;
  /** The same of brotli. */
  brotliGate?: number;
}

const LOCALES = "dist/widget/src/locales";

const rows: Row[] = [
  {
    name: "single file",
    code: await readFile(join(ROOT, "widget/dist/mb-connect.min.js")),
    gate: 13_000,
    brotliGate: 11_500,
  },
  {
    name: "single file, Lit left out",
    code: await bundle({ configFile: join(ROOT, "widget/vite.config.ts"), input: "src/mb-connect-define.ts" }),
    // A fifth of it shows only after a sign-in. Loaded apart, it would leave 8,500, and a patient who returns would wait for a second request.
    gate: 10_600,
  },
  {
    name: "package in a host's own bundle, Lit left out",
    code: await bundle({ configFile: false, input: "dist/widget/src/index.js" }),
  },
  {
    name: "React component, React and the element left out",
    code: await bundle({
      configFile: false,
      input: "dist/widget/src/react.js",
      external: [/^react$/, /^\.\/index\.js$/],
    }),
    gate: 800,
  },
];
for (const file of (await readdir(join(ROOT, "widget", LOCALES))).filter((name) => name.endsWith(".js"))) {
  const code = await bundle({ configFile: false, input: `${LOCALES}/${file}` });
  rows.push({ name: `locale ${file.replace(".js", "")}`, code, gate: 1_000 });
}

for (const { name, code, gate, brotliGate } of rows) {
  const brotli = verdict(brotliCompressSync(code).length, brotliGate);
  const gzip = verdict(gzipSync(code, { level: 9 }).length, gate);
  console.log(`${name}: ${Buffer.byteLength(code)} bytes, brotli ${brotli}, gzip ${gzip}`);
}
console.log(`integrity of the single file: ${integrityOf("dist/mb-connect.min.js")}`);

function verdict(bytes: number, gate: number | undefined): string {
  if (gate === undefined) return String(bytes);
  if (bytes <= gate) return `${bytes} of ${gate} at most`;
  process.exitCode = 1;
  return `${bytes}, over its gate of ${gate}`;
}

/** What a bundle imports and does not hold. */
interface Bundle {
  configFile: string | false;
  input: string;
  external?: RegExp[];
}

async function bundle({ configFile, input, external = [/^lit/] }: Bundle): Promise<string> {
  const options: InlineConfig = {
    configFile,
    root: join(ROOT, "widget"),
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      rolldownOptions: {
        input,
        external,
        preserveEntrySignatures: "strict",
        output: { format: "es", minify: true },
      },
    },
  };
  const built = await build(options);
  if (!("output" in built)) throw new Error("the build gave no single output");
  return built.output[0].code;
}
