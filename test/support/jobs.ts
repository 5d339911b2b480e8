/** What the tests of the queue share. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { createJobs, type JobsOptions } from "#server/jobs/jobs.js";
import type { NewJob } from "#server/jobs/queue.js";
import type { JobFault, JobHandler, JobRun } from "#server/jobs/worker-loop.js";
import type { Database } from "#server/store/database.js";
import type { TestDatabases } from "./databases.ts";
import { newLog, PATIENCE } from "./log.ts";

/** A job of the name that most tests use. */
export function work(id: string): NewJob {
  return { name: "work", payload: { id } };
}

/** A queue that does not make a test wait. */
export function newJobs(database: Database, options: Partial<JobsOptions> = {}) {
  const times = { clock: Date.now, pollSeconds: 0.05, retrySeconds: 0.01 };
  return createJobs(database, { names: ["work", "other"], onError: () => {}, ...times, ...options });
}

/** A queue in a new database; `started` starts it and gives what its handlers saw. */
export async function setUp(t: TestContext, databases: TestDatabases, options: Partial<JobsOptions> = {}) {
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

/** Something that stays shut until the test opens it. */
export function newGate() {
  let release = () => {};
  const open = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { open, release };
}

/** Fails its first attempts. */
export function fails(times: number): JobHandler {
  return async ({ attempt }) => {
    if (attempt <= times) throw Object.assign(new TypeError("a canary in a message"), { code: "E_TEST" });
  };
}

/** Waits for its signal, and heeds it. */
export function untilAborted({ signal }: JobRun): Promise<void> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

/** Everything the queue has stored, as text. */
export async function stored({ kind, db }: Database): Promise<string> {
  const rows =
    kind === "sqlite"
      ? await db.selectFrom("jobs").selectAll().execute()
      : (await sql`select * from mb_jobs.job`.execute(db)).rows;
  return rows.length === 0 ? "" : JSON.stringify(rows);
}

/** Waits until no job is left: a job's end is written after its handler's. */
export async function emptied(database: Database): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  for (let left = await stored(database); left !== ""; left = await stored(database)) {
    assert.ok(Date.now() < deadline, `Still there: ${left}`);
    await delay(10);
  }
}
