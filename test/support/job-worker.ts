/**
 * A worker process for tests that kill one. Works on the jobs named `work` of the database it is given and tells its
 * parent of each start and end. A job holds for `hold_ms`; with `wait` it ends when the parent says so; with `hang` its
 * first attempt never does.
 */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { createJobs } from "#server/jobs/jobs.js";
import { openDatabase } from "#server/store/database.js";

/** What the parent hears. */
export type WorkerMessage =
  | { event: "ready" }
  | { event: "started" | "ended"; id: string; key: string; attempt: number; at: number };

const [location, leaseSeconds] = process.argv.slice(2);
if (!location || !process.send) throw new Error("Usage: fork(job-worker.ts, [LOCATION, LEASE_SECONDS])");
const tell = (message: WorkerMessage) => process.send?.(message);

const go = once(process, "message");
const jobs = createJobs(openDatabase(location), {
  names: ["work"],
  clock: Date.now,
  leaseSeconds: Number(leaseSeconds),
  pollSeconds: 0.1,
  onError: () => {},
});
await jobs.start({
  async work({ payload, attempt }) {
    const { id, key } = payload as { id: string; key: string };
    tell({ event: "started", id, key, attempt, at: Date.now() });
    if (payload.wait) await go;
    if (payload.hang && attempt === 1) await new Promise(() => {});
    await delay(Number(payload.hold_ms ?? 0));
    tell({ event: "ended", id, key, attempt, at: Date.now() });
  },
});
tell({ event: "ready" });
process.on("disconnect", () => process.exit());
