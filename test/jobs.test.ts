/** What becomes of a job, on SQLite and on Postgres alike. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { NewJob } from "#server/jobs/queue.js";
import type { JobHandler } from "#server/jobs/worker-loop.js";
import type { Database } from "#server/store/database.js";
import { forEachDatabase } from "./support/databases.ts";
import { emptied, fails, newGate, newJobs, setUp, stored, work } from "./support/jobs.ts";

const HOUR = 3600_000;

forEachDatabase((databases) => {
  test("a job runs once with its payload, and is gone", async (t) => {
    const { database, jobs, started } = await setUp(t, databases);
    await jobs.enqueue(database.db, { name: "work", payload: { id: "one", count: 2 } });
    const runs = await started();
    await runs.reach(1);
    await emptied(database);
    assert.deepEqual(runs.seen, ["work one"]);
    assert.deepEqual(runs.all[0]?.payload, { id: "one", count: 2 });
    assert.equal(runs.all[0]?.attempt, 1);
  });

  test("a transaction that rolls back leaves no job, one that commits leaves its own", async (t) => {
    const { database, jobs, started } = await setUp(t, databases);
    const runs = await started();
    await assert.rejects(
      database.db.transaction().execute(async (tx) => {
        await jobs.enqueue(tx, work("never"));
        throw new Error("rolled back");
      }),
      /rolled back/,
    );
    await database.db.transaction().execute(async (tx) => {
      await jobs.enqueue(tx, work("kept"));
      await jobs.enqueue(tx, work("kept too"));
    });
    await runs.reach(2);
    await emptied(database);
    assert.deepEqual(runs.seen.sort(), ["work kept", "work kept too"]);
  });

  test("a job waits for its time", async (t) => {
    const { database, jobs, started } = await setUp(t, databases);
    await jobs.enqueue(database.db, { ...work("later"), runAt: Date.now() + HOUR });
    const due = Date.now() + 300;
    await jobs.enqueue(database.db, { ...work("soon"), runAt: due });
    await jobs.enqueue(database.db, { ...work("overdue"), runAt: Date.now() - HOUR });
    const runs = await started();
    await runs.reach(2);
    // Postgres compares with its own clock, which may be a moment off ours.
    assert.ok(Date.now() >= due - 50);
    await jobs.stop();
    assert.deepEqual(runs.seen, ["work overdue", "work soon"]);
    assert.match(await stored(database), /later/);
  });

  test("of one dedupe key one job waits, due at the earlier time; other names and jobs without a key are their own", async (t) => {
    const { database, jobs, started } = await setUp(t, databases);
    const { db } = database;
    await jobs.enqueue(db, { ...work("first"), dedupeKey: "k", runAt: Date.now() + HOUR });
    await jobs.enqueue(db, { ...work("second"), dedupeKey: "k" });
    await jobs.enqueue(db, { ...work("third"), dedupeKey: "k", runAt: Date.now() + HOUR });
    await jobs.enqueue(db, { ...work("other key"), dedupeKey: "l" });
    await jobs.enqueue(db, { name: "other", payload: { id: "other name" }, dedupeKey: "k" });
    await jobs.enqueue(db, work("no key"));
    await jobs.enqueue(db, work("no key"));
    const runs = await started();
    await runs.reach(5);
    await emptied(database);
    assert.deepEqual(runs.seen.sort(), [
      "other other name",
      "work first",
      "work no key",
      "work no key",
      "work other key",
    ]);
  });

  test("a job that runs does not keep a new one of its key from waiting", async (t) => {
    const { database, jobs, started } = await setUp(t, databases);
    const gate = newGate();
    const runs = await started({ work: () => gate.open });
    await jobs.enqueue(database.db, { ...work("first"), dedupeKey: "k", serialKey: "k" });
    await runs.reach(1);
    await jobs.enqueue(database.db, { ...work("second"), dedupeKey: "k", serialKey: "k" });
    await jobs.enqueue(database.db, { ...work("third"), dedupeKey: "k", serialKey: "k" });
    gate.release();
    await runs.reach(2);
    await emptied(database);
    // Of jobs with one key, any may be the one that stays.
    assert.equal(runs.all.length, 2);
    assert.match(runs.seen[1] ?? "", /second|third/);
  });

  test("a job that fails while another of its key waits becomes one with it", async (t) => {
    const { database, jobs, started } = await setUp(t, databases, { retrySeconds: 3600 });
    const gate = newGate();
    const runs = await started({
      async work({ payload }) {
        await gate.open;
        if (payload.id === "first") throw new Error("first");
      },
    });
    await jobs.enqueue(database.db, { ...work("first"), dedupeKey: "k" });
    await runs.reach(1);
    await jobs.enqueue(database.db, { ...work("second"), dedupeKey: "k", runAt: Date.now() + 200 });
    gate.release();
    await runs.reach(2);
    await emptied(database);
    assert.deepEqual(runs.seen, ["work first", "work second"]);
  });

  test("a job that waits for its next attempt is the one that its key has", async (t) => {
    const { database, jobs, started } = await setUp(t, databases, { retrySeconds: 3600 });
    const runs = await started({ work: fails(1) });
    await jobs.enqueue(database.db, { ...work("first"), dedupeKey: "k" });
    await runs.faults.reach(1);
    await jobs.enqueue(database.db, { ...work("second"), dedupeKey: "k" });
    await runs.reach(2);
    await emptied(database);
    assert.deepEqual(
      runs.all.map(({ payload, attempt }) => [payload.id, attempt]),
      [
        ["first", 1],
        ["first", 2],
      ],
    );
  });

  test("a failing job is tried again, then kept as failed with its error's name and code alone", async (t) => {
    const { database, jobs, started } = await setUp(t, databases, { maxAttempts: 3 });
    const runs = await started({ work: fails(3), other: fails(2) });
    await jobs.enqueue(database.db, work("hopeless"));
    await jobs.enqueue(database.db, { name: "other", payload: { id: "gets there" } });
    await runs.reach(6);
    await runs.faults.reach(5);
    await jobs.stop();
    assert.deepEqual(
      runs.all.filter(({ payload }) => payload.id === "gets there").map(({ attempt }) => attempt),
      [1, 2, 3],
    );
    const gaveUp = runs.faults.all.filter((fault) => fault.gaveUp);
    assert.deepEqual(gaveUp, [{ job: "work", attempt: 3, error: "TypeError E_TEST", gaveUp: true }]);
    const left = await stored(database);
    assert.match(left, /hopeless/);
    assert.match(left, /TypeError E_TEST/);
    assert.doesNotMatch(left + JSON.stringify(runs.faults.all), /canary|gets there/);
  });

  test("jobs of one serial key run one at a time, whatever their names, and hold up no other", async (t) => {
    const { database, jobs, started } = await setUp(t, databases);
    const gate = newGate();
    let inKey = 0;
    let together = 0;
    const handler: JobHandler = async ({ payload }) => {
      if (payload.id === "free") return gate.release();
      together = Math.max(together, ++inKey);
      await gate.open;
      await delay(5);
      inKey--;
    };
    // More of the busy key than fit into the slots, all before the free one.
    for (let n = 0; n < 8; n++) {
      const name = n % 2 ? "work" : "other";
      await jobs.enqueue(database.db, { name, payload: { id: `n${n}` }, serialKey: "busy" });
    }
    await jobs.enqueue(database.db, { ...work("free"), serialKey: "free" });
    const runs = await started({ work: handler, other: handler });
    await runs.reach(9);
    await emptied(database);
    assert.equal(together, 1);
    assert.equal(runs.all.length, 9);
  });

  test("jobs of a name without a handler wait untouched", async (t) => {
    const { database, jobs, started } = await setUp(t, databases);
    await jobs.enqueue(database.db, { name: "other", payload: { id: "left" } });
    await jobs.enqueue(database.db, work("done"));
    const runs = await started({ work: async () => {} });
    await runs.reach(1);
    await jobs.stop();
    assert.deepEqual(runs.seen, ["work done"]);
    const later = await started({ other: async () => {} });
    await later.reach(1);
    assert.equal(later.all[0]?.attempt, 1);
  });

  test("an unknown name, a long payload and a time that is none are refused", async (t) => {
    const { database, jobs } = await setUp(t, databases);
    const enqueue = (job: Partial<NewJob>) => jobs.enqueue(database.db, { ...work("x"), ...job });
    await assert.rejects(enqueue({ name: "wrok" }), /There is no job wrok, only work, other/);
    await assert.rejects(enqueue({ payload: { id: "x".repeat(2000) } }), /payload of work is too long/);
    await assert.rejects(enqueue({ runAt: Number.NaN }), /runAt of work is no time/);
    await assert.rejects(jobs.start({ wrok: async () => {} }), /There is no job wrok/);
    await emptied(database);
  });

  test("several processes may prepare the queue at once", async () => {
    const location = await databases.location();
    const opened: Database[] = [];
    for (let n = 0; n < 4; n++) opened.push(await databases.open(location));
    const queues = opened.map((database) => newJobs(database));
    await Promise.all(queues.map((jobs) => jobs.prepare()));
    const [database] = opened as [Database];
    await queues[0]?.enqueue(database.db, work("x"));
    assert.match(await stored(database), /x/);
  });

  if (databases.name === "sqlite") return;

  test("a job that waits is not started while a transaction that counts on it is open", async (t) => {
    const { location, database, jobs, started } = await setUp(t, databases);
    const other = await databases.open(location);
    await jobs.enqueue(database.db, { ...work("twin"), dedupeKey: "k" });
    const now = Date.now();
    const seen: unknown[] = [];
    const runs = await database.db.transaction().execute(async (tx) => {
      await tx
        .insertInto("patients")
        .values({ id: "p1", last_record_seq: 0, created_at: now, updated_at: now })
        .execute();
      await jobs.enqueue(tx, { ...work("same"), dedupeKey: "k" });
      const runs = await started({
        work: async () => void seen.push(await other.db.selectFrom("patients").select("id").execute()),
        other: async () => {},
      });
      // Two rounds of another name: in between, the worker has looked at the twin.
      for (const n of [1, 2]) {
        await jobs.enqueue(other.db, { name: "other", payload: { id: `round ${n}` } });
        await runs.reach(n);
      }
      assert.deepEqual(runs.seen, ["other round 1", "other round 2"]);
      return runs;
    });
    await runs.reach(3);
    await emptied(database);
    assert.deepEqual(seen, [[{ id: "p1" }]]);
  });
});
