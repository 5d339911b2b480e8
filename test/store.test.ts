/** The store itself: how it is opened, migrated and shared by processes. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { sql } from "kysely";
import type * as Queue from "#server/jobs/jobs.js";
import type * as Store from "#server/store/database.js";
import type { Db } from "#server/store/database.js";
import { forEachDatabase, testDatabases } from "./support/databases.ts";
import { PATIENCE } from "./support/log.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SCRIPT = fileURLToPath(new URL("support/store-process.ts", import.meta.url));

forEachDatabase((databases) => {
  test("several processes may migrate a new database at once", async () => {
    const location = await databases.location();
    assert.deepEqual(await together(3, [location, "migrate"]), ["done", "done", "done"]);
    const { db } = await databases.open(location);
    const { rows } = await sql<{ name: string }>`select name from mb_migrations order by name`.execute(db);
    assert.deepEqual(rows.map(({ name }) => name).slice(0, 2), ["0001_main_path", "0002_jobs"]);
    assert.deepEqual(await db.selectFrom("patients").selectAll().execute(), []);
  });
});

describe("sqlite", () => {
  const databases = testDatabases("sqlite");

  test("what was committed survives a crash, and what was deleted is gone from the file", async () => {
    const { db } = await databases.open();
    const pragma = async (on: Db, name: string) =>
      Object.values((await sql.raw(`pragma ${name}`).execute(on)).rows[0] as object);
    const check = async (on: Db) => {
      assert.deepEqual(await pragma(on, "journal_mode"), ["wal"]);
      assert.deepEqual(await pragma(on, "synchronous"), [2]);
      assert.deepEqual(await pragma(on, "foreign_keys"), [1]);
      assert.deepEqual(await pragma(on, "secure_delete"), [1]);
    };
    await check(db);
    await db.transaction().execute(check);
  });

  test("two processes that read and then write in a transaction wait for one another", async () => {
    const location = await databases.location();
    const { db } = await databases.open(location);
    await sql`create table counted (total integer not null)`.execute(db);
    await sql`insert into counted values (0)`.execute(db);
    assert.deepEqual(await together(2, [location, "count"]), ["done", "done"]);
    const { rows } = await sql`select total from counted`.execute(db);
    assert.deepEqual(rows, [{ total: 200 }]);
  });
});

describe("postgres without its packages", () => {
  const url = "postgres://nobody@localhost/none";
  const missing = (name: string) => ({
    name: "MissingPeerError",
    message: `A postgres:// database needs ${name}: npm install pg pg-boss`,
  });

  test("without pg, the error names what to install", async (t) => {
    const { openDatabase } = await serverWith(t, ["kysely", "better-sqlite3"]);
    assert.throws(() => openDatabase(url), missing("pg"));
  });

  test("without pg-boss, so does the queue's", async (t) => {
    const { openDatabase, createJobs } = await serverWith(t, ["kysely", "better-sqlite3", "pg"]);
    const database = openDatabase(url);
    t.after(() => database.close());
    assert.throws(() => createJobs(database, { names: [], clock: Date.now, onError() {} }), missing("pg-boss"));
  });
});

/** The built server in a folder of its own, where only these packages are installed. */
async function serverWith(t: TestContext, packages: string[]): Promise<typeof Store & typeof Queue> {
  const folder = await mkdtemp(join(tmpdir(), "mb-no-peers-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(join(ROOT, "server/dist"), join(folder, "dist"), { recursive: true });
  await cp(join(ROOT, "server/package.json"), join(folder, "package.json"));
  await mkdir(join(folder, "node_modules"));
  for (const name of packages) {
    await symlink(join(ROOT, "node_modules", name), join(folder, "node_modules", name), "junction");
  }
  const load = (path: string) => import(pathToFileURL(join(folder, "dist/server/src", path)).href);
  return { ...(await load("store/database.js")), ...(await load("jobs/jobs.js")) };
}

/** Runs the same task in several processes that begin together; answers what each said at its end. */
async function together(processes: number, args: string[]): Promise<unknown[]> {
  const children = Array.from({ length: processes }, () => fork(SCRIPT, args, { execArgv: ["--import", "tsx"] }));
  const word = async (child: ChildProcess) =>
    (await once(child, "message", { signal: AbortSignal.timeout(PATIENCE) }))[0];
  await Promise.all(children.map(word));
  const answers = children.map(word);
  for (const child of children) child.send("go");
  return Promise.all(answers);
}
