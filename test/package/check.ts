/**
 * `npm run package`: is what would be published fit for it? Packs both packages as they are built, asks publint and
 * arethetypeswrong, and looks at what the tarballs hold. Prints a line for each; ends with 1 and every fault named.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../support/source-files.ts";
import { PACKAGES, pack, run, type Tarball } from "./pack.ts";

const LICENSE = "Apache-2.0";

/** What is not made from a source file. */
const BESIDE_SOURCES: Record<(typeof PACKAGES)[number], string[]> = {
  server: ["bin/mb-connect.js"],
  widget: ["dist/mb-connect.min.js"],
};

const folder = await mkdtemp(join(tmpdir(), "mb-package-"));
try {
  const faults = [...licences(), ...(await checkTarballs(await pack(ROOT, folder)))];
  for (const fault of faults) console.error(`- ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}

function licences(): string[] {
  const manifests = ["package.json", ...PACKAGES.map((name) => `${name}/package.json`)];
  const other = manifests.filter((path) => JSON.parse(readFileSync(join(ROOT, path), "utf8")).license !== LICENSE);
  return other.map((path) => `${path}: license is not ${LICENSE}`);
}

async function checkTarballs(tarballs: Tarball[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { name, file, paths, bytes } of tarballs) {
    const folder = name === "@mb-connect/server" ? "server" : "widget";
    const found = [
      ...contentFaults(folder, paths),
      ...(await complaints("publint", [file, "--strict"])),
      ...(await complaints("attw", [file, "--profile", "esm-only", "--no-emoji", "--no-color"])),
    ];
    console.log(`${name}: ${paths.length} files, ${bytes} bytes packed, ${found.length || "no"} faults`);
    faults.push(...found.map((fault) => `${name}: ${fault}`));
  }
  return faults;
}

/** Every built file has its source and every source is built; beside them stand only the documents. */
function contentFaults(folder: (typeof PACKAGES)[number], paths: string[]): string[] {
  const needed = ["LICENSE", "README.md", "package.json", ...BESIDE_SOURCES[folder]];
  for (const name of readdirSync(join(ROOT, folder, "src"), { recursive: true, encoding: "utf8" })) {
    if (name.endsWith(".ts")) needed.push(...builtFrom(`${folder}/src/${name}`));
  }
  const sourceOf = (path: string): string => path.replace(/^dist\//, "").replace(/(\.d\.ts|\.js)$/, ".ts");
  const strange = paths.filter(
    (path) =>
      !needed.includes(path) && !(path.startsWith("dist/shared/src/") && existsSync(join(ROOT, sourceOf(path)))),
  );
  return [
    ...needed.filter((path) => !paths.includes(path)).map((path) => `${path} is missing`),
    // A renamed source leaves its old output in dist; a fresh build has none.
    ...strange.map((path) => `${path} does not belong there`),
  ];
}

function builtFrom(source: string): string[] {
  return [".js", ".d.ts"].map((ending) => `dist/${source.replace(/\.ts$/, ending)}`);
}

/** What a tool has against a tarball: nothing, or all that it printed. */
async function complaints(tool: string, words: string[]): Promise<string[]> {
  try {
    await run(join(ROOT, "node_modules/.bin", tool), words);
    return [];
  } catch (thrown) {
    return [`${tool}: ${(thrown as Error).message}`];
  }
}
