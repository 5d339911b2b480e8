/**
 * What is past its time. Takes attempts that nobody came back from and leaves them failed, their verifiers and codes gone;
 * deletes events that are 30 days old, and the secrets of webhooks that were rotated out. A job that runs every quarter of an
 * hour and enqueues itself anew.
 */
import type { Context } from "../context.ts";
import { failWithReason } from "../outcome.ts";
import { listLapsedAttempts } from "../store/attempts.ts";
import type { Db } from "../store/database.ts";
import { deleteEventsBefore } from "../store/events.ts";
import { forgetPreviousSecrets } from "../store/webhooks.ts";

const EVERY_MS = 15 * 60 * 1000;
const KEEP_EVENTS_MS = 30 * 24 * 3600 * 1000;
const AT_A_TIME = 500;

/** Makes sure that one such job waits. */
export async function scheduleLapse(context: Context, db: Db, runAt: number): Promise<void> {
  await context.jobs.enqueue(db, { name: "lapse", payload: {}, runAt, dedupeKey: "lapse", serialKey: "lapse" });
}

export async function lapse(context: Context): Promise<void> {
  const now = context.clock();
  const attempts = await listLapsedAttempts(context.db, now, AT_A_TIME);
  await context.db.transaction().execute(async (tx) => {
    for (const attempt of attempts) await failWithReason(context, tx, attempt, "session_expired", "abandoned");
    await forgetPreviousSecrets(tx, now);
    const deleted = await deleteEventsBefore(tx, now - KEEP_EVENTS_MS, AT_A_TIME);
    const more = attempts.length === AT_A_TIME || deleted === AT_A_TIME;
    await scheduleLapse(context, tx, more ? now : now + EVERY_MS);
  });
}
