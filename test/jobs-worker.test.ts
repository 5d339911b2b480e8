/** How a process works on jobs and stops, and what a lost hold or connection does, on SQLite and on Postgres alike. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { createQueue } from "#server/jobs/jobs.js";
import type { ClaimedJob } from "#server/jobs/queue.js";
import { forEachDatabase } from "./support/databases.ts";
import { emptied, fails, newGate, setUp, stored, untilAborted, work } from "./support/jobs.ts";
import { administer } from "./support/postgres.ts";

forEachDatabase((databases) => {
  test("no more jobs run at a time than the process allows", async (t) => {
    const { database, jobs, started } = await setUp(t, databases, { concurrency: 2 });
    let now = 0;
    let most = 0;
    for (let n = 0; n < 8; n++) await jobs.enqueue(database.db, work(`n${n}`));
    const runs = await started({
      async work() {
        most = Math.max(most, ++now);
        await delay(5);
        now--;
      },
    });
    await runs.reach(8);
    await jobs.stop();
    assert.equal(most, 2);
  });

  test("jobs that work for long leave one place free, so that a short one does not wait behind them", async (t) => {
    const { database, jobs, started } = await setUp(t, databases, { concurrency: 3, long: ["work"] });
    const gate = newGate();
    for (let n = 0; n < 4; n++) await jobs.enqueue(database.db, work(`n${n}`));
    const runs = await started({ work: () => gate.open, other: async () => {} });
    await runs.reach(2);
    await jobs.enqueue(database.db, { name: "other", payload: { id: "short" } });
    await runs.reach(3);
    assert.equal(runs.seen[2], "other short");
    gate.release();
    await runs.reach(5);
  });

  test("stop lets what runs end and begins nothing new", async (t) => {
    const { database, jobs, started } = await setUp(t, databases);
    const gate = newGate();
    const runs = await started({ work: () => gate.open });
    await jobs.enqueue(database.db, work("running"));
    await runs.reach(1);
    const stopped = jobs.stop();
    await jobs.enqueue(database.db, work("too late"));
    gate.release();
    await stopped;
    assert.deepEqual(runs.seen, ["work running"]);
    const left = await stored(database);
    assert.match(left, /too late/);
    assert.doesNotMatch(left, /running/);
  });

  test("stop aborts what does not end, and gives it back at once and uncounted", async (t) => {
    const { database, jobs, started } = await setUp(t, databases, { stopSeconds: 0.05, leaseSeconds: 3600 });
    const runs = await started({ work: untilAborted });
    await jobs.enqueue(database.db, { ...work("one"), serialKey: "k" });
    await runs.reach(1);
    await jobs.stop();
    assert.equal(runs.all[0]?.signal.reason.name, "AbortError");
    const again = await started();
    await again.reach(1);
    assert.equal(again.all[0]?.attempt, 1);
    assert.deepEqual(runs.faults.all, []);
  });

  test("a handler is told to leave off before its lease is over; one that never ends keeps no slot", async (t) => {
    const { database, jobs, started } = await setUp(t, databases, { leaseSeconds: 2, concurrency: 1 });
    const gate = newGate();
    const runs = await started({
      work: async (run) => {
        if (run.payload.id === "next") return;
        if (run.attempt === 1) await untilAborted(run);
        if (run.attempt === 2) await gate.open;
      },
    });
    await jobs.enqueue(database.db, work("slow"));
    await runs.reach(3);
    await emptied(database);
    assert.equal(runs.all[0]?.signal.reason.name, "TimeoutError");
    assert.deepEqual(
      runs.faults.all.map(({ error }) => error),
      ["TimeoutError", "LeaseExpired"],
    );
    // The second attempt answers at last; the job is done, and stays so.
    gate.release();
    await jobs.enqueue(database.db, work("next"));
    await runs.reach(4);
    await emptied(database);
    await jobs.stop();
    assert.deepEqual(runs.seen, ["work slow", "work slow", "work slow", "work next"]);
  });

  test("a listener that throws does not stop the queue", async (t) => {
    const { database, jobs, started } = await setUp(t, databases, {
      onError() {
        throw new Error("listener");
      },
    });
    const runs = await started({ work: fails(1) });
    await jobs.enqueue(database.db, work("one"));
    await runs.reach(2);
    await emptied(database);
  });

  test("a worker whose lease is over can no longer end the job that another one has", async (t) => {
    const database = await databases.open();
    const rules = {
      names: ["work"],
      clock: Date.now,
      leaseSeconds: 2,
      pollSeconds: 1,
      retrySeconds: 1,
      maxAttempts: 9,
    };
    const queue = createQueue(database, { ...rules, report: () => {} });
    await queue.prepare();
    await queue.start();
    t.after(() => queue.stop());
    await queue.enqueue(database.db, work("one"));
    const claim = async (): Promise<ClaimedJob> => {
      const [job] = await queue.claim(["work"], 1);
      return job ?? delay(50).then(claim);
    };
    const late = await claim();
    const now = await claim();
    assert.deepEqual([late.attempt, now.attempt], [1, 2]);
    await late.finish();
    await late.retry("Error");
    await late.release();
    assert.match(await stored(database), /one/);
    assert.deepEqual(await queue.claim(["work"], 1), []);
    await now.finish();
    await emptied(database);
  });

  if (databases.name === "sqlite") return;

  test("lost connections end neither the process nor the work", async (t) => {
    const { location, database, jobs, started } = await setUp(t, databases);
    const gate = newGate();
    const runs = await started({ work: () => gate.open });
    await jobs.enqueue(database.db, work("in the middle"));
    await runs.reach(1);
    await assert.rejects(
      database.db.transaction().execute(async (tx) => {
        await jobs.enqueue(tx, work("never"));
        await administer(
          location,
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        );
        await jobs.enqueue(tx, work("never"));
      }),
    );
    gate.release();
    // The pool may hand out a lost connection before it has heard of the loss; who asked is told and asks again.
    const enqueue = (): Promise<void> => jobs.enqueue(database.db, work("after")).catch(enqueue);
    await enqueue();
    await runs.reach(2);
    await emptied(database);
    assert.deepEqual(runs.seen, ["work in the middle", "work after"]);
  });

  test("a fault inside pg-boss is told and ends nothing", async (t) => {
    const { database, jobs, started } = await setUp(t, databases, { leaseSeconds: 4 });
    // Only its maintenance needs this table; with such a lease it comes within two seconds.
    await sql`drop table mb_jobs.archive`.execute(database.db);
    const runs = await started();
    await runs.faults.reach(2);
    assert.deepEqual(runs.faults.all[0], { job: null, attempt: null, error: "error 42P01", gaveUp: false });
    await jobs.enqueue(database.db, work("after"));
    await runs.reach(1);
  });
});
