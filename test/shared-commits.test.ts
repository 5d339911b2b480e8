/** What many callers write at the same moment in one SQLite file: by one commit, and yet each for itself. */
import assert from "node:assert/strict";
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { sql } from "kysely";
import { type Db, openDatabase } from "#server/store/database.js";
import { testDatabases } from "./support/databases.ts";
import { newGate } from "./support/jobs.ts";

const SCRIPT = fileURLToPath(new URL("support/store-process.ts", import.meta.url));

describe("sqlite", () => {
  const databases = testDatabases("sqlite");
  const opened = async () => {
    const location = await databases.location();
    const { db } = await databases.open(location);
    await sql`create table counted (total integer primary key, body text)`.execute(db);
    return { location, db };
  };
  const add = (db: Db, total: number, bytes = 1) =>
    sql`insert into counted values (${total}, ${"x".repeat(bytes)})`.execute(db);
  const stored = async (db: Db) => {
    const { rows } = await sql<{ total: number }>`select total from counted order by total`.execute(db);
    return rows.map(({ total }) => total);
  };
  /** What became of each, beside what is stored: those that were answered, and no others, must be there. */
  const settle = async (db: Db, writes: Record<number, Promise<unknown>>) => {
    const outcomes = await Promise.allSettled(Object.values(writes));
    const kept = Object.keys(writes).filter((_, n) => outcomes[n]?.status === "fulfilled");
    assert.deepEqual(
      (await stored(db)).filter((total) => total in writes),
      kept.map(Number),
    );
    return kept.length;
  };

  test("what one takes back, or is refused, is its own alone", async () => {
    const { db } = await opened();
    await add(db, 0);
    const outcomes = await Promise.allSettled([
      db.transaction().execute((tx) => add(tx, 1)),
      db.transaction().execute(async (tx) => {
        await add(tx, 2);
        throw new Error("taken back");
      }),
      add(db, 0),
      add(db, 3),
      db.transaction().execute(async (tx) => {
        await add(tx, 4);
        await add(tx, 0).catch(() => {});
        await add(tx, 5);
      }),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status === "fulfilled"),
      [true, false, false, true, true],
    );
    assert.deepEqual(await stored(db), [0, 1, 3, 4, 5]);
  });

  test("transactions run one after another, in the order of their beginning", async () => {
    const { db } = await opened();
    const seen: number[][] = [];
    const gate = newGate();
    const all = [1, 2, 3].map((total) =>
      db.transaction().execute(async (tx) => {
        seen.push(await stored(tx));
        if (total === 1) await gate.open;
        await add(tx, total);
      }),
    );
    await turns(3);
    assert.deepEqual(seen, [[]]);
    gate.release();
    await Promise.all(all);
    assert.deepEqual(seen, [[], [1], [1, 2]]);
  });

  test("a transaction reads what it wrote; nobody else does before it is durable", async () => {
    const { db } = await opened();
    await db.transaction().execute(async (tx) => {
      await add(tx, 1);
      assert.deepEqual(await stored(tx), [1]);
      await turns(3);
      assert.deepEqual(await stored(db), []);
    });
    assert.deepEqual(await stored(db), [1]);
  });

  test("what was answered is there though the process dies in that very moment", async (t) => {
    const { location, db } = await opened();
    const child = startProcess(t, location, "die");
    await once(child, "message");
    child.send("go");
    const [answered] = await Promise.all([text(child.stdout as NodeJS.ReadableStream), once(child, "exit")]);
    assert.equal(child.signalCode, "SIGKILL");
    assert.ok((await stored(db)).includes(Number(answered)), `${answered} was answered`);
  });

  test("a full database refuses those that it cannot keep, keeps all that it answered, and works again with room", async () => {
    const { db } = await opened();
    const room = (pages: number) =>
      db.transaction().execute((tx) => sql.raw(`pragma max_page_count = ${pages}`).execute(tx));
    await room(200);
    const swallowed = db.transaction().execute(async (tx) => {
      await add(tx, 2);
      await assert.rejects(add(tx, 3, 2_000_000), { code: "SQLITE_FULL" });
      // Nothing of the transaction stands any more, and this must not stand alone.
      await add(tx, 4);
    });
    assert.ok((await settle(db, { 1: add(db, 1), 2: swallowed, 5: add(db, 5) })) < 3);
    assert.ok(!(await stored(db)).includes(4));
    await room(100_000);
    assert.equal(await settle(db, { 6: add(db, 6, 2_000_000), 7: add(db, 7) }), 2);
  });

  test("a commit that the disk refuses is nobody's, and the next one works", async (t) => {
    const limit = (bytes: string) => promisify(execFile)("prlimit", ["--pid", `${process.pid}`, `--fsize=${bytes}:`]);
    try {
      await limit("unlimited");
    } catch {
      return t.skip("prlimit is not installed");
    }
    const { db } = await opened();
    await add(db, 1);
    // The log of the file reaches this size only when the commit writes it.
    await limit("200000");
    try {
      const large = db.transaction().execute((tx) => add(tx, 2, 1_000_000));
      assert.equal(await settle(db, { 2: large, 3: add(db, 3), 4: db.transaction().execute((tx) => add(tx, 4)) }), 0);
    } finally {
      await limit("unlimited");
    }
    assert.equal(await settle(db, { 5: add(db, 5), 6: add(db, 6, 1_000_000) }), 2);
    assert.deepEqual(await stored(db), [1, 5, 6]);
  });

  test("two that opened one file in one process wait for one another, and the event loop goes on meanwhile", async () => {
    const { location, db } = await opened();
    const other = (await databases.open(location)).db;
    const gate = newGate();
    const first = db.transaction().execute(async (tx) => {
      await add(tx, 1);
      await gate.open;
    });
    let waiting = true;
    const second = add(other, 2).finally(() => {
      waiting = false;
    });
    await turns(100);
    assert.ok(waiting);
    assert.deepEqual(await stored(other), []);
    gate.release();
    await Promise.all([first, second]);
    assert.deepEqual(await stored(db), [1, 2]);
    const many = Array.from({ length: 100 }, (_, n) => add(n % 2 === 0 ? db : other, 10 + n));
    await Promise.all(many);
    assert.equal((await stored(db)).length, 102);
  });

  test("a process gets its turn beside one that writes without a pause", async (t) => {
    const { location, db } = await opened();
    await add(db, 1);
    const child = startProcess(t, location, "write");
    await once(child, "message");
    const writing = once(child, "message");
    child.send("go");
    await writing;
    for (let n = 0; n < 20; n++) await add(db, -n);
    const done = once(child, "message");
    child.send("enough");
    assert.deepEqual((await done)[0], "done");
    assert.equal((await stored(db)).length, 21);
  });

  test("a database in memory works as one in a file", async () => {
    const { db, migrate, close } = openDatabase(":memory:");
    await migrate();
    await sql`create table counted (total integer primary key, body text)`.execute(db);
    await assert.rejects(
      db.transaction().execute(async (tx) => {
        await add(tx, 1);
        throw new Error("taken back");
      }),
      /taken back/,
    );
    await Promise.all([add(db, 2), db.transaction().execute((tx) => add(tx, 3))]);
    assert.deepEqual(await stored(db), [2, 3]);
    await close();
  });
});

function startProcess(t: TestContext, location: string, task: string) {
  const child = fork(SCRIPT, [location, task], { execArgv: ["--import", "tsx"], silent: true });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

/** Lets the event loop go round. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
