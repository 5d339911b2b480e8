/** When a connection's records are pulled: notes what asked for it and enqueues the job. One of a connection waits at most. */
import type { Context } from "../context.ts";
import type { Db } from "../store/database.ts";
import { wantPull } from "../store/pulls.ts";

type Tools = Pick<Context, "jobs">;

/** Has a connection's records pulled at once: after a new grant, or because the host demands it. */
export async function requestPull(
  tools: Tools,
  db: Db,
  connection_id: string,
  wanted: "connect" | "demand",
): Promise<void> {
  await wantPull(db, connection_id, wanted);
  await schedulePull(tools, db, connection_id);
}

/** Has the job run which pulls a connection's records, or goes on with it. Default: at once. */
export async function schedulePull({ jobs }: Tools, db: Db, connection_id: string, runAt?: number): Promise<void> {
  await jobs.enqueue(db, {
    name: "pull",
    payload: { connection_id },
    dedupeKey: connection_id,
    serialKey: connection_id,
    ...(runAt === undefined ? {} : { runAt }),
  });
}
