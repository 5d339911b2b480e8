/** README.md says what is so: its examples compile, its tables are the code's, its links and commands lead somewhere. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseSync } from "vite";
import { run } from "./package/pack.ts";
import { withReference } from "./package/reference.ts";
import { ROOT } from "./support/source-files.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const readme = read("README.md");

test("its TypeScript compiles against the packages as built", async () => {
  const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  assert.ok(blocks.length > 0, "there is TypeScript in it");
  const folder = await mkdtemp(join(tmpdir(), "mb-readme-"));
  try {
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"), "dir");
    const compilerOptions = {
      target: "es2023",
      module: "nodenext",
      lib: ["es2023", "dom"],
      types: ["node"],
      strict: true,
      noUnusedLocals: true,
      skipLibCheck: true,
      noEmit: true,
    };
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    for (const [index, code] of blocks.entries()) await writeFile(join(folder, `block-${index + 1}.ts`), code);
    const compiled = await run(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder]).catch((thrown) => thrown);
    assert.equal(compiled.stdout, "");
    assert.equal(compiled.code, undefined);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("its routes and errors are those of the code", () => {
  assert.equal(readme, withReference(readme), "run: node --import tsx test/package/reference.ts");
});

test("its options are those that there are", () => {
  const { program } = parseSync("options.ts", read("server/src/options.ts"));
  const members = program.body.flatMap((node) => {
    const declared = node.type === "ExportNamedDeclaration" ? node.declaration : null;
    const options = declared?.type === "TSInterfaceDeclaration" && declared.id.name === "MbConnectOptions";
    return options ? declared.body.body : [];
  });
  const names = members.flatMap((one) =>
    one.type === "TSPropertySignature" && one.key.type === "Identifier" ? [one.key.name] : [],
  );
  assert.ok(names.length > 5);
  const [, table = ""] = /^### Options.*?\n(\|.*?)\n\n/ms.exec(readme) ?? [];
  const told = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`(\w+)/g)].map(([, name]) => name),
  );
  assert.deepEqual(told.sort(), names.sort());
});

test("its links lead to files", () => {
  const targets = [...readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target = ""]) => target);
  assert.deepEqual(
    targets.filter((target) => !/^https?:/.test(target) && !existsSync(join(ROOT, target))),
    [],
  );
});

test("its commands exist", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/\bnpm (?:run ([\w:]+)|(start|test))\b/g)].map(([, one, other]) => one ?? other);
  assert.deepEqual(
    named.filter((name) => scripts[name ?? ""] === undefined),
    [],
  );
});
