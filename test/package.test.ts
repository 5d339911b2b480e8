/**
 * The artefact: a clone is installed and built, its packages are packed, and a stranger installs the tarballs in an empty
 * folder. Install scripts stay off, or the one native part would be compiled twice; what this checkout has of it is lent.
 */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pack, run, type Tarball } from "./package/pack.ts";
import { ROOT } from "./support/source-files.ts";

const INSTALL = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
const NATIVE = "node_modules/better-sqlite3/build/Release/better_sqlite3.node";

/** A host as in the README, started from what the tarballs hold; prints what its routes answer. */
const HOST = `
import { once } from "node:events";
import express from "express";
import { mbConnect, OptionsError } from "@mb-connect/server";
import { parseReturnUrl } from "@mb-connect/server/return-url";
import { readFileSync } from "node:fs";

const origin = "http://localhost";
const mb = mbConnect({
  publicUrl: origin + "/api",
  homeUrl: origin,
  appName: "Example",
  patient: () => "user_42",
  database: "stranger.db",
  sealingKeys: [JSON.parse(process.argv[2])],
  returnUrls: [origin + "/connected"],
  registrations: [{ match: { vendor: "epic" }, client_id: "app" }],
  allowLoopback: true,
});
const server = express().use("/api", mb.router).listen(0, "127.0.0.1");
await once(server, "listening");
const answers = [];
for (const path of ["connections?q=mercy", "patient-connections", ".well-known/jwks.json"]) {
  answers.push((await fetch("http://127.0.0.1:" + server.address().port + "/api/" + path)).status);
}
server.closeAllConnections();
server.close();
await mb.close();
const read = (door) => readFileSync(new URL(import.meta.resolve("@mb-connect/widget/" + door)), "utf8");
const { WORDS } = await import("@mb-connect/widget/locales/es");
console.log(JSON.stringify({
  answers,
  refuses: new OptionsError() instanceof Error,
  returned: parseReturnUrl("/connected?success=true&patient_session_id=ps_1&connection_id=fhirsrc_1")?.success,
  element: read("cdn").includes("mb-connect"),
  manifest: JSON.parse(read("custom-elements.json")).modules[0].declarations[0].tagName,
  spanish: WORDS.includes("Busque su hospital"),
}));
`;

/** The same in TypeScript, as far as types go. A declaration that got lost would make the wrong id right. */
const TYPED = `
import { mbConnect, type MbConnect, type MbConnectOptions, type PatientSession } from "@mb-connect/server";
import { type ReturnResult, parseReturnUrl } from "@mb-connect/server/return-url";
import { MbConnect as Element } from "@mb-connect/widget/element";
import { WORDS } from "@mb-connect/widget/locales/es";

export const start = (options: MbConnectOptions): MbConnect => mbConnect(options);
export const session = (mb: MbConnect): Promise<PatientSession> => mb.patientSession.retrieve("ps_1");
export const returned: ReturnResult | null = parseReturnUrl("/");
export const element: HTMLElement = new Element();
Element.locales.es = async () => ({ WORDS });
// @ts-expect-error: an id is a string
export const wrong: Promise<PatientSession> = start({} as MbConnectOptions).patientSession.retrieve(1);
`;

describe("the packages as a stranger gets them", () => {
  let folder: string;
  let clone: string;
  let tarballs: Tarball[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mb-artefact-"));
    clone = await cloneTo(join(folder, "clone"));
    await run("npm", ["ci", ...INSTALL], { cwd: clone });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const command = (cwd: string, ...words: string[]) => run("npx", ["--no-install", "mb-connect", ...words], { cwd });

  test("a clone has the command once it is installed, and says what is missing until it is built", async () => {
    const refusal = await command(clone, "keys", "new", "sealing").catch((thrown) => thrown);
    assert.equal(refusal.code, 1);
    assert.match(refusal.stderr, /not built yet.*npm run build/);
  });

  test("a built clone's command makes a key", async () => {
    await run("npm", ["run", "build"], { cwd: clone });
    const { kid, key } = JSON.parse((await command(clone, "keys", "new", "sealing")).stdout);
    assert.match(kid, /^sealing-/);
    assert.equal(Buffer.from(key, "base64url").length, 32);
    tarballs = await pack(clone, folder);
    assert.deepEqual(tarballs.map(({ name }) => name).sort(), ["@mb-connect/server", "@mb-connect/widget"]);
  });

  test("the tarballs install in an empty folder, and there a host starts and answers", async () => {
    const stranger = join(folder, "stranger");
    await mkdir(stranger);
    await writeFile(join(stranger, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const { devDependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    const peers = ["express", "@types/express", "@types/node"].map((name) => `${name}@${devDependencies[name]}`);
    await run("npm", ["install", ...INSTALL, ...peers, ...tarballs.map(({ file }) => file)], { cwd: stranger });
    await mkdir(dirname(join(stranger, NATIVE)), { recursive: true });
    await cp(join(ROOT, NATIVE), join(stranger, NATIVE));

    const { stdout: key } = await command(stranger, "keys", "new", "sealing");
    await writeFile(join(stranger, "host.js"), HOST);
    const { stdout, stderr } = await run(process.execPath, ["host.js", key], { cwd: stranger });
    assert.equal(stderr, "");
    assert.deepEqual(JSON.parse(stdout), {
      answers: [200, 200, 200],
      refuses: true,
      returned: true,
      element: true,
      manifest: "mb-connect",
      spanish: true,
    });

    const compilerOptions = {
      target: "es2023",
      module: "nodenext",
      lib: ["es2023", "dom", "dom.iterable"],
      types: ["node"],
      strict: true,
      noEmit: true,
    };
    await writeFile(join(stranger, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
    await writeFile(join(stranger, "typed.ts"), TYPED);
    const compiled = await run(join(ROOT, "node_modules/.bin/tsc"), [], { cwd: stranger }).catch((thrown) => thrown);
    assert.equal(compiled.stdout, "");
    assert.equal(compiled.code, undefined);
  });
});

/** What a clone would hold if all that git does not ignore were committed now. */
async function cloneTo(target: string): Promise<string> {
  const words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const { stdout } = await run("git", words, { cwd: ROOT });
  for (const path of stdout.split("\0").filter(Boolean)) {
    // A file that git still lists may have been deleted since.
    await cp(join(ROOT, path), join(target, path)).catch((thrown) => {
      if (thrown.code !== "ENOENT") throw thrown;
    });
  }
  return target;
}
