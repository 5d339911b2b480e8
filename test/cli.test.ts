import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import BetterSqlite from "better-sqlite3";
import { openDatabase } from "#server/store/database.js";
import { forEachDatabase, testDatabases } from "./support/databases.ts";
import { NEEDS_REAL_DATA, realData } from "./support/real-data.ts";
import { facility, jsonLines, listFolder } from "./support/source-lists.ts";

const BIN = join(import.meta.dirname, "../server/bin/mb-connect.js");

function start(...words: string[]): ChildProcess {
  return spawn(process.execPath, [BIN, ...words], { stdio: ["ignore", "pipe", "pipe"] });
}

async function run(...words: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = start(...words);
  const text = async (stream: ChildProcess["stdout"]) => (stream ? (await stream.toArray()).join("") : "");
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

forEachDatabase((databases) => {
  const write = listFolder();

  test("imports lists into a database and says what it did", async () => {
    const location = await databases.location();
    const file = write("two.jsonl", jsonLines([facility("One"), facility("Two"), facility("", { name: null })]));
    const { code, stdout, stderr } = await run("import", "--database", location, file);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, /two\.jsonl: facilities, 3 entries\n {2}left out 1: no name \(line 3\)\nList two: 2 sources/);
    assert.match(stdout, /2 new, 0 changed, 0 retired/);
    const database = await databases.open(location);
    assert.equal((await database.db.selectFrom("sources").select("id").execute()).length, 2);
  });

  test("a file that lists nothing is no failure; one that is no JSON is, in one line", async () => {
    const location = await databases.location();
    const nothing = await run("import", "--database", location, write("nothing.json", { a: 1 }));
    assert.deepEqual([nothing.code, nothing.stderr], [0, ""]);
    assert.match(nothing.stdout, /nothing\.json: holds no list of sources\n {2}nothing was changed/);
    const broken = await run("import", "--database", location, write("broken.json", '{"entry":['));
    assert.deepEqual([broken.code, broken.stdout], [1, ""]);
    assert.match(broken.stderr, /^mb-connect: .*broken\.json is not valid JSON.*\n$/);
  });

  test("refuses to shrink a list, unless forced", async () => {
    const location = await databases.location();
    const many = write("many", jsonLines(["A", "B", "C", "D", "E"].map((name) => facility(name))));
    const few = write("few", jsonLines([facility("A")]));
    await run("import", "--database", location, "--list", "all", many);
    const refused = await run("import", "--database", location, "--list", "all", few);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^mb-connect: The list all would shrink from 5 sources to 1;.*--force\n$/);
    const forced = await run("import", "--database", location, "--list", "all", "--force", few);
    assert.equal(forced.code, 0);
    assert.match(forced.stdout, /4 retired/);
  });
});

describe("the command", () => {
  const databases = testDatabases("sqlite");
  const write = listFolder();

  test("an import that is killed while it writes leaves the catalog as it was", async () => {
    const location = await databases.location();
    const list = (count: number, state: string) =>
      jsonLines(Array.from({ length: count }, (_, n) => facility(`Clinic ${n}`, { state, zip: "62704" })));
    assert.equal((await run("import", "--database", location, "--list", "all", write("old", list(50, "IL")))).code, 0);

    const child = start("import", "--database", location, "--list", "all", write("new", list(60_000, "WI")));
    const ended = new Promise((resolve) => child.once("close", (_, signal) => resolve(signal)));
    const watcher = new BetterSqlite(location, { timeout: 0 });
    const isWriting = (): boolean => {
      try {
        watcher.exec("begin immediate; rollback");
        return false;
      } catch {
        return true;
      }
    };
    // Busy for as long as the import holds its one transaction; migrations that find nothing to do hold none.
    for (let writing = 0; writing < 3; ) {
      assert.equal(child.exitCode, null, "the import ended before it could be killed");
      writing = isWriting() ? writing + 1 : 0;
      await setImmediate();
    }
    watcher.close();
    child.kill("SIGKILL");
    assert.equal(await ended, "SIGKILL");

    const database = openDatabase(location);
    const states = await database.db.selectFrom("sources").select(["state", "status"]).execute();
    const version = await database.db.selectFrom("catalog_version").selectAll().execute();
    await database.close();
    assert.equal(states.length, 50);
    assert.ok(states.every(({ state, status }) => state === "IL" && status === "active"));
    assert.deepEqual(version, [{ id: 1, version: 1 }]);
  });

  test("imports MEDITECH's real bundle", NEEDS_REAL_DATA, async () => {
    const location = await databases.location();
    const file = realData("brands/vendors/meditech-brands-2026-04-27.json");
    const { code, stdout } = await run("import", "--database", location, file);
    assert.equal(code, 0);
    assert.match(stdout, /User-access Brands bundle, 1,046 entries/);
  });

  test("makes keys that the options take", async () => {
    const sealing = await run("keys", "new", "sealing");
    assert.equal(sealing.code, 0);
    assert.match(sealing.stderr, /^.*sealingKeys.*\n$/);
    const { kid, key } = JSON.parse(sealing.stdout);
    assert.match(kid, /^sealing-/);
    assert.equal(Buffer.from(key, "base64url").length, 32);
    assert.notEqual((await run("keys", "new", "sealing")).stdout, sealing.stdout);

    const signing = await run("keys", "new", "signing");
    assert.match(signing.stderr, /^.*signingKeys.*\n$/);
    const jwk = JSON.parse(signing.stdout);
    assert.deepEqual([jwk.alg, jwk.use, jwk.crv, typeof jwk.kid], ["ES384", "sig", "P-384", "string"]);
    assert.equal(createPrivateKey({ key: jwk, format: "jwk" }).asymmetricKeyDetails?.namedCurve, "secp384r1");
  });

  test("says in one line what is wrong with its use", async () => {
    const file = write("one.jsonl", jsonLines([facility("One")]));
    const wrong: [words: string[], line: RegExp][] = [
      [["import", file], /required option '--database <database>' not specified/],
      [["import", "--database", "/no/such/folder/x.db", file], /the database cannot be opened/],
      [["import", "--database", file, file], /the database is no SQLite file/],
      [["keys", "new", "house"], /there is no house key/],
      [["fly"], /unknown command 'fly'/],
    ];
    for (const [words, line] of wrong) {
      const { code, stdout, stderr } = await run(...words);
      assert.deepEqual([code, stdout], [1, ""], words.join(" "));
      assert.match(stderr, line);
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    }
  });

  test("a database's password is not in what it says", async () => {
    const { code, stderr } = await run(
      "import",
      "--database",
      "postgres://user:hush-hush@127.0.0.1:1/none",
      write("pg.jsonl", jsonLines([facility("One")])),
    );
    assert.equal(code, 1);
    assert.ok(!stderr.includes("hush-hush"), stderr);
  });

  test("asks for the build where there is none", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mb-unbuilt-"));
    try {
      cpSync(BIN, join(folder, "bin/mb-connect.mjs"));
      const child = spawn(process.execPath, [join(folder, "bin/mb-connect.mjs")], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      const said = child.stderr.toArray();
      const code = await new Promise((resolve) => child.once("close", resolve));
      assert.equal(code, 1);
      assert.match((await said).join(""), /not built yet.*npm run build/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
