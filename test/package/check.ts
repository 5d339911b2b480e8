/**
 * `npm run package`: is what would be published fit for it? Packs both packages as they are built, asks publint and
 * arethetypeswrong, and looks at what the tarballs hold. Prints a line for each; ends with 1 and every fault named.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../support/source-files.ts";
import { editorFiles } from "./editors.ts";
import { PACKAGES, pack, run, type Tarball } from "./pack.ts";

const LICENSE = "Apache-2.0";

/** Folders that may be packed as they stand, where the manifest names them. */
const AS_THEY_STAND = ["bin", "vendors"];

const folder = await mkdtemp(join(tmpdir(), "mb-package-"));
try {
  const faults = [...licences(), ...(await checkTarballs(await pack(ROOT, folder)))];
  for (const fault of faults) console.error(`- ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}

function licences(): string[] {
  const folders = [".", ...PACKAGES].filter((folder) => manifest(folder).license !== LICENSE);
  return folders.map((folder) => `${folder}/package.json: license is not ${LICENSE}`);
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
  const needed = ["LICENSE", "README.md", "package.json"];
  if (folder === "widget") needed.push("custom-elements.json", "dist/mb-connect.min.js", ...Object.keys(editorFiles()));
  for (const name of manifest(folder).files.filter((one) => AS_THEY_STAND.includes(one))) {
    needed.push(...readdirSync(join(ROOT, folder, name)).map((file) => `${name}/${file}`));
  }
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

function manifest(folder: string): { license: string; files: string[] } {
  return JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8"));
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
