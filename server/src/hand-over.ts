/**
 * What is due at the destinations: the jobs that hand records on, enqueued where records have come or a destination has.
 * Reads the destinations that are active; leaves `export` jobs, one for each destination and connection.
 */
import type { Context } from "./context.ts";
import type { Db } from "./store/database.ts";
import type { ExportRunRow } from "./store/schema.ts";

/** Why records are handed over. */
export type ExportTrigger = ExportRunRow["trigger"];

/** Makes sure that every active destination gets what a connection has new; in the transaction that settles its pull. */
export async function scheduleExports(context: Pick<Context, "jobs">, db: Db, connection_id: string): Promise<void> {
  const active = await db.selectFrom("destinations").select("id").where("status", "=", "active").execute();
  for (const { id } of active) await scheduleExport(context, db, id, connection_id, "delta");
}

/** Makes sure that a destination gets what a connection has new; at once, or at a time in milliseconds since 1970. */
export async function scheduleExport(
  { jobs }: Pick<Context, "jobs">,
  db: Db,
  destination_id: string,
  connection_id: string,
  trigger: ExportTrigger,
  runAt?: number,
): Promise<void> {
  const key = `${destination_id} ${connection_id}`;
  const payload = { destination_id, connection_id, trigger };
  await jobs.enqueue(db, {
    name: "export",
    payload,
    dedupeKey: key,
    serialKey: `export ${key}`,
    ...(runAt !== undefined && { runAt }),
  });
}

/**
 * Makes sure that a destination gets what every connection has new.
 *
 * @param after the id of a connection; only those beyond it
 */
export async function scheduleExportOfAll(
  { jobs }: Pick<Context, "jobs">,
  db: Db,
  destination_id: string,
  trigger: ExportTrigger,
  after = "",
): Promise<void> {
  const payload = { destination_id, connection_id: null, trigger, after };
  await jobs.enqueue(db, { name: "export", payload, dedupeKey: `${destination_id} ${trigger} all ${after}` });
}
