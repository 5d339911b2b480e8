/**
 * The job that looks at a connection when it is due: keeps its refresh token alive, tries again what a hospital put off, and
 * notes the end of an access that nothing renews. One waits for each connection from its grant on, whatever fails; those that
 * have ended leave none behind.
 */
import type { Context } from "../context.ts";
import type { JobRun } from "../jobs/worker-loop.ts";
import { refreshDue, renew, scheduleRefresh } from "../renewal.ts";
import { connectionAt, endConnection, findConnection } from "../store/connections.ts";

/** When a look that failed for good is taken anew. */
const NEXT_LOOK_MS = 86_400_000;

/** @param run with the `connection_id` in its payload */
export async function refresh(
  context: Context,
  { payload, last = false }: Pick<JobRun, "payload"> & Partial<Pick<JobRun, "last">>,
): Promise<void> {
  const row = await findConnection(context.db, String(payload.connection_id));
  if (row?.status !== "active") return;
  const now = context.clock();
  // Before the last attempt, a failed one would become one with it and forget how often it failed, and with it its pause.
  if (last) await scheduleRefresh(context, context.db, row.id, now + NEXT_LOOK_MS);
  if (connectionAt(row, now).status === "expired") {
    await endConnection(context.db, row, { status: "expired" }, now);
    return;
  }
  const due = refreshDue(row);
  if (due > now) return scheduleRefresh(context, context.db, row.id, due);
  const renewal = await renew(context, row);
  if ("at" in renewal) await scheduleRefresh(context, context.db, row.id, renewal.at);
}
