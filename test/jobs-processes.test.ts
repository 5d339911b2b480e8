/**
 * The queue with several worker processes, one of which is killed. Its lease is 2 seconds here, to save time; with the
 * 60 of the default the same takes a minute.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createJobs, type Jobs } from "#server/jobs/jobs.js";
import type { JobPayload } from "#server/jobs/queue.js";
import type { Db } from "#server/store/database.js";
import { forEachDatabase, type TestDatabases } from "./support/databases.ts";
import type { WorkerMessage } from "./support/job-worker.ts";
import { type Log, newLog } from "./support/log.ts";

const SCRIPT = fileURLToPath(new URL("support/job-worker.ts", import.meta.url));
const LEASE_SECONDS = 2;

type Told = WorkerMessage & { pid: number };
type Run = Extract<Told, { event: "started" | "ended" }>;

forEachDatabase((databases) => {
  test("two processes share the jobs, each once, and never run one serial key together", async (t) => {
    const { database, jobs, location } = await setUp(databases, 60);
    const log = newLog<Told>();
    const workers = [startWorker(t, location, 60, log), startWorker(t, location, 60, log)];
    await log.reach(2, ({ event }) => event === "ready");
    const ids = Array.from({ length: 40 }, (_, n) => `job ${n}`);
    // One process runs eight at a time, so these sixteen need both.
    for (const [n, id] of ids.entries()) {
      await add(jobs, database.db, n < 16 ? { id, key: id, wait: true } : { id, key: `key ${n % 6}`, hold_ms: 20 });
    }
    await log.reach(16, ({ event }) => event === "started");
    for (const worker of workers) worker.send("go");
    const ended = (await log.reach(ids.length, ({ event }) => event === "ended")) as Run[];
    assert.deepEqual(ended.map(({ id }) => id).sort(), [...ids].sort());
    assert.deepEqual(new Set(ended.map(({ pid }) => pid)), new Set(workers.map(({ pid }) => pid)));
    assert.deepEqual(overlaps(log.all), []);
  });

  test("a killed worker's job is run by another one when its lease is over, and nothing is lost", async (t) => {
    const { database, jobs, location } = await setUp(databases, LEASE_SECONDS);
    const log = newLog<Told>();
    const workers = [startWorker(t, location, LEASE_SECONDS, log), startWorker(t, location, LEASE_SECONDS, log)];
    await log.reach(2, ({ event }) => event === "ready");
    const ids = ["hangs", ...Array.from({ length: 20 }, (_, n) => `job ${n}`)];
    await database.db.transaction().execute(async (tx) => {
      for (const [n, id] of ids.entries()) {
        await add(jobs, tx, { id, key: n % 4 === 0 ? "hangs" : id, hang: id === "hangs", hold_ms: 5 });
      }
    });
    const [hanging] = await log.reach(1, (told) => told.event === "started" && told.id === "hangs");
    const killed = workers.find(({ pid }) => pid === hanging?.pid) as ChildProcess;
    killed.kill("SIGKILL");
    await once(killed, "exit");
    const killedAt = Date.now();
    const ended = (id: string) => log.reach(1, (told) => told.event === "ended" && told.id === id) as Promise<Run[]>;
    for (const id of ids) await ended(id);
    const [again] = await ended("hangs");
    assert.equal(again?.attempt, 2);
    t.diagnostic(`It ran again ${(again?.at ?? 0) - killedAt} ms after the kill, with a lease of ${LEASE_SECONDS} s`);
    assert.deepEqual(overlaps(log.all, killed.pid, killedAt), []);
  });
});

async function setUp(databases: TestDatabases, leaseSeconds: number) {
  const location = await databases.location();
  const database = await databases.open(location);
  const options = { names: ["work"], clock: Date.now, leaseSeconds, onError: () => {} };
  const jobs = createJobs(database, options);
  await jobs.prepare();
  return { database, jobs, location };
}

async function add(jobs: Jobs, db: Db, payload: JobPayload & { key: string }) {
  await jobs.enqueue(db, { name: "work", payload, serialKey: payload.key });
}

function startWorker(t: TestContext, location: string, leaseSeconds: number, log: Log<Told>): ChildProcess {
  const worker = fork(SCRIPT, [location, String(leaseSeconds)], { execArgv: ["--import", "tsx"] });
  worker.on("message", (message) => log.add({ ...(message as WorkerMessage), pid: worker.pid as number }));
  t.after(() => worker.kill("SIGKILL"));
  return worker;
}

/** Pairs of runs of one key that were under way together. A killed process's run ended with it. */
function overlaps(told: Told[], killedPid?: number, killedAt = 0): string[] {
  const runs = (told as Run[])
    .filter(({ event }) => event === "started")
    .map((run) => {
      const end = (told as Run[]).find((other) => {
        return other.event === "ended" && other.id === run.id && other.attempt === run.attempt && other.pid === run.pid;
      });
      return { ...run, end: end?.at ?? (run.pid === killedPid ? killedAt : Number.POSITIVE_INFINITY) };
    });
  return runs.flatMap((one, n) =>
    runs
      .slice(n + 1)
      .filter((two) => one.key === two.key && one.at < two.end && two.at < one.end)
      .map((two) => `${one.id} (${one.attempt}) with ${two.id} (${two.attempt})`),
  );
}
