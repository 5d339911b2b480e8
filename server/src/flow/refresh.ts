/**
 * The job that looks at a connection when it is due: keeps its refresh token alive, tries again what a hospital put off, and
 * notes the end of an access that nothing renews. One waits for each connection from its grant on; those that have ended
 * leave none behind.
 */
import type { Context } from "../context.ts";
import type { JobRun } from "../jobs/worker-loop.ts";
import { refreshDue, renew, scheduleRefresh } from "../renewal.ts";
import { connectionAt, endConnection, findConnection } from "../store/connections.ts";

/** @param run with the `connection_id` in its payload */
export async function refresh(context: Context, { payload }: Pick<JobRun, "payload">): Promise<void> {
  const row = await findConnection(context.db, String(payload.connection_id));
  if (row?.status !== "active") return;
  const now = context.clock();
  if (connectionAt(row, now).status === "expired") {
    await endConnection(context.db, row, { status: "expired" }, now);
    return;
  }
  const due = refreshDue(row);
  if (due > now) return scheduleRefresh(context, context.db, row.id, due);
  const renewal = await renew(context, row);
  if ("at" in renewal) await scheduleRefresh(context, context.db, row.id, renewal.at);
}
