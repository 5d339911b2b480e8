/** The queue's contract, on SQLite and on Postgres alike; `jobs-processes.test.ts` has the tests with several processes. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { createJobs, createQueue, type JobsOptions } from "#server/jobs/jobs.js";
import type { ClaimedJob, NewJob } from "#server/jobs/queue.js";
import type { JobFault, JobHandler, JobRun } from "#server/jobs/worker-loop.js";
import type { Database } from "#server/store/database.js";
import { forEachDatabase, type TestDatabases } from "./support/databases.ts";
import { newLog, PATIENCE } from "./support/log.ts";
import { administer } from "./support/postgres.ts";

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

  test("a job that waits is not started while a transaction that counts on it is open", async (t) => {
    const { location, database, jobs, started } = await setUp(t, databases);
    const other = await databases.open(location);
    await jobs.enqueue(database.db, { ...work("twin"), dedupeKey: "k" });
    const now = Date.now();
    const seen: unknown[] = [];
    const runs = await database.db.transaction().execute(async (tx) => {
      await tx.insertInto("patients").values({ id: "p1", created_at: now, updated_at: now }).execute();
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

function work(id: string): NewJob {
  return { name: "work", payload: { id } };
}

function newJobs(database: Database, options: Partial<JobsOptions> = {}) {
  const times = { clock: Date.now, pollSeconds: 0.05, retrySeconds: 0.01 };
  return createJobs(database, { names: ["work", "other"], onError: () => {}, ...times, ...options });
}

/** A queue in a new database; `started` starts it and gives what its handlers saw. */
async function setUp(t: TestContext, databases: TestDatabases, options: Partial<JobsOptions> = {}) {
  const location = await databases.location();
  const database = await databases.open(location);
  const faults = newLog<JobFault>();
  const jobs = newJobs(database, { onError: (fault) => faults.add(fault), ...options });
  await jobs.prepare();
  t.after(() => jobs.stop());
  async function started(handlers: Record<string, JobHandler> = { work: async () => {}, other: async () => {} }) {
    const seen: string[] = [];
    const log = newLog<JobRun>();
    const watched = Object.entries(handlers).map(([name, handler]): [string, JobHandler] => [
      name,
      async (run) => {
        seen.push(`${name} ${run.payload.id}`);
        log.add(run);
        await handler(run);
      },
    ]);
    await jobs.start(Object.fromEntries(watched));
    return { ...log, seen, faults };
  }
  return { location, database, jobs, started };
}

function newGate() {
  let release = () => {};
  const open = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { open, release };
}

/** Fails its first attempts. */
function fails(times: number): JobHandler {
  return async ({ attempt }) => {
    if (attempt <= times) throw Object.assign(new TypeError("a canary in a message"), { code: "E_TEST" });
  };
}

function untilAborted({ signal }: JobRun): Promise<void> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

/** Everything the queue has stored, as text. */
async function stored({ kind, db }: Database): Promise<string> {
  const rows =
    kind === "sqlite"
      ? await db.selectFrom("jobs").selectAll().execute()
      : (await sql`select * from mb_jobs.job`.execute(db)).rows;
  return rows.length === 0 ? "" : JSON.stringify(rows);
}

/** Waits until no job is left: a job's end is written after its handler's. */
async function emptied(database: Database): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  for (let left = await stored(database); left !== ""; left = await stored(database)) {
    assert.ok(Date.now() < deadline, `Still there: ${left}`);
    await delay(10);
  }
}
