/**
 * Attempts that nobody came back from. Takes those whose time is over; leaves them failed, their verifiers and codes gone.
 * A job that runs every quarter of an hour and enqueues itself anew.
 */
import type { Context } from "../context.ts";
import { failAttempt, listLapsedAttempts } from "../store/attempts.ts";
import type { Db } from "../store/database.ts";
import { recordFailure } from "../trail.ts";

const EVERY_MS = 15 * 60 * 1000;
const AT_A_TIME = 500;

/** Makes sure that one such job waits. */
export async function scheduleLapse(context: Context, db: Db, runAt: number): Promise<void> {
  await context.jobs.enqueue(db, { name: "lapse", payload: {}, runAt, dedupeKey: "lapse", serialKey: "lapse" });
}

export async function lapse(context: Context): Promise<void> {
  const now = context.clock();
  const attempts = await listLapsedAttempts(context.db, now, AT_A_TIME);
  await context.db.transaction().execute(async (tx) => {
    for (const { id, session_id } of attempts) {
      if (!(await failAttempt(tx, id, "session_expired", now))) continue;
      await recordFailure(context, tx, { session_id, attempt_id: id }, "failed", "session_expired", "abandoned");
    }
    await scheduleLapse(context, tx, attempts.length === AT_A_TIME ? now : now + EVERY_MS);
  });
}
