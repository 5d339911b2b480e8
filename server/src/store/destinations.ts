/**
 * Destinations, how far each has the records of each connection, and the runs that got it there. A run goes from a watermark
 * to a fixed point, type after type; its place says how far it is and which batch is under way, so that after a crash the same
 * batch comes again under the same name. Whoever moves a place names the one that he read: of two workers one goes on.
 */
import { sql } from "kysely";
import type { Db, Tx } from "./database.ts";
import type { DestinationRow, ExportRunRow, RecordRow, WatermarkRow } from "./schema.ts";

/** How far a run is: all types before this one are done, and of this one all records up to `seq`. */
export interface Position {
  type: string;
  seq: number;
}

/** What `watermarks.place` holds. */
export interface RunPlace {
  run_id: string;
  /** The run is through when all that has this `seq` or less is handed over. */
  until: number;
  /** Null at its beginning. */
  at: Position | null;
  /** The batch that comes next, from 0. */
  number: number;
  /** Where the batch under way ends, once that is settled. */
  end: Position | null;
}

/** Whose records go where. */
export interface ExportPair {
  destination_id: string;
  connection_id: string;
}

export function findDestination(db: Db, id: string): Promise<DestinationRow | undefined> {
  return db.selectFrom("destinations").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function insertDestination(tx: Tx, row: DestinationRow): Promise<void> {
  await tx.insertInto("destinations").values(row).execute();
}

/** What can change of a destination; where it leads to does not. */
export type DestinationChange = Partial<Pick<DestinationRow, "status" | "sealed_secrets">>;

export async function updateDestination(
  tx: Tx,
  id: string,
  change: DestinationChange & Pick<DestinationRow, "updated_at">,
): Promise<void> {
  await tx.updateTable("destinations").set(change).where("id", "=", id).execute();
}

/** Deletes a destination with its watermarks and runs. */
export async function deleteDestination(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom("destinations").where("id", "=", id).execute();
}

/** Newest first. */
export function listDestinationRows(db: Db, before: string | null, limit: number): Promise<DestinationRow[]> {
  return db
    .selectFrom("destinations")
    .selectAll()
    .$if(before !== null, (query) => query.where("id", "<", before ?? ""))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/** A destination's runs, newest first. */
export function listRunRows(
  db: Db,
  destination_id: string,
  before: string | null,
  limit: number,
): Promise<ExportRunRow[]> {
  return db
    .selectFrom("export_runs")
    .selectAll()
    .where("destination_id", "=", destination_id)
    .$if(before !== null, (query) => query.where("id", "<", before ?? ""))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/** Connections that have records, in the order of their ids. */
export async function connectionsWithRecords(db: Db, after: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom("connections")
    .select("id")
    .where("id", ">", after)
    .where(({ exists, selectFrom }) =>
      exists(selectFrom("records").select("type").whereRef("records.connection_id", "=", "connections.id")),
    )
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** Forgets how far a destination has a connection's records, or all connections'; runs under way end as `restarted`. */
export async function resetWatermarks(
  tx: Tx,
  destination_id: string,
  connection_id: string | null,
  now: number,
): Promise<void> {
  const only = connection_id ?? "";
  await tx
    .deleteFrom("watermarks")
    .where("destination_id", "=", destination_id)
    .$if(connection_id !== null, (query) => query.where("connection_id", "=", only))
    .execute();
  await endRuns(tx, { destination_id, connection_id }, "restarted", now);
}

/** Ends the runs under way of a destination, of one connection or of all. */
export async function endRuns(
  tx: Tx,
  { destination_id, connection_id }: { destination_id: string; connection_id: string | null },
  error: string,
  now: number,
): Promise<void> {
  await tx
    .updateTable("export_runs")
    .set({ status: "failed", error, ended_at: now })
    .where("destination_id", "=", destination_id)
    .where("status", "=", "running")
    .$if(connection_id !== null, (query) => query.where("connection_id", "=", connection_id ?? ""))
    .execute();
}

/** The `seq` of the record of a connection that changed last; 0 where it has none to hand over. */
export async function lastSeq(db: Db, { patient_id, connection_id }: RecordsOf): Promise<number> {
  const row = await db
    .selectFrom("records")
    .select("seq")
    .where("patient_id", "=", patient_id)
    .where("connection_id", "=", connection_id)
    .where("role", "!=", "foreign")
    .orderBy("seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.seq ?? 0;
}

/** Whose records. */
export type RecordsOf = Pick<RecordRow, "patient_id" | "connection_id">;

/** Which records a run has to hand over: those with a `seq` above one and up to the other. */
export interface Span extends RecordsOf {
  above: number;
  until: number;
}

/** The types that a span has records of. */
export async function typesIn(db: Db, span: Span): Promise<string[]> {
  const rows = await recordsIn(db, span).select("type").distinct().execute();
  return rows.map(({ type }) => type);
}

/** How large the records of a type are, in the order of their `seq`. */
export function sizesIn(db: Db, span: Span, type: string, limit: number): Promise<{ seq: number; bytes: number }[]> {
  return recordsIn(db, span)
    .where("type", "=", type)
    .select("seq")
    .select(sql<number>`octet_length(body)`.as("bytes"))
    .orderBy("seq")
    .limit(limit)
    .execute();
}

/** The records of a type, in the order of their `seq`. */
export function bodiesIn(
  db: Db,
  span: Span,
  type: string,
): Promise<Pick<RecordRow, "connection_id" | "type" | "fhir_id" | "body">[]> {
  return recordsIn(db, span)
    .where("type", "=", type)
    .select(["connection_id", "type", "fhir_id", "body"])
    .orderBy("seq")
    .execute();
}

function recordsIn(db: Db, { patient_id, connection_id, above, until }: Span) {
  return db
    .selectFrom("records")
    .where("patient_id", "=", patient_id)
    .where("connection_id", "=", connection_id)
    .where("role", "!=", "foreign")
    .where("seq", ">", above)
    .where("seq", "<=", until);
}

/** A destination's watermark of a connection; made where there is none. */
export async function takeWatermark(tx: Tx, pair: ExportPair): Promise<WatermarkRow> {
  await tx
    .insertInto("watermarks")
    .values({ ...pair, seq: 0, place: null })
    .onConflict((conflict) => conflict.columns(["destination_id", "connection_id"]).doNothing())
    .execute();
  return tx
    .selectFrom("watermarks")
    .selectAll()
    .where("destination_id", "=", pair.destination_id)
    .where("connection_id", "=", pair.connection_id)
    .executeTakeFirstOrThrow();
}

/**
 * Moves a watermark on from where it was read.
 *
 * @returns false where it has moved meanwhile, or is gone
 */
export async function moveWatermark(
  db: Db,
  { destination_id, connection_id, seq, place }: WatermarkRow,
  to: Pick<WatermarkRow, "seq" | "place">,
): Promise<boolean> {
  const result = await db
    .updateTable("watermarks")
    .set(to)
    .where("destination_id", "=", destination_id)
    .where("connection_id", "=", connection_id)
    .where("seq", "=", seq)
    .where("place", place === null ? "is" : "=", place)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Writes a run, or lets one go on that failed. */
export async function startRun(
  tx: Tx,
  run: Pick<ExportRunRow, "id" | "destination_id" | "connection_id" | "trigger">,
  now: number,
): Promise<void> {
  const none = { records: 0, refused: 0, bytes: 0, error: null, ended_at: null };
  await tx
    .insertInto("export_runs")
    .values({ ...run, ...none, status: "running", started_at: now })
    .onConflict((conflict) =>
      conflict
        .column("id")
        .doUpdateSet({ status: "running", trigger: run.trigger, error: null, ended_at: null })
        .where("export_runs.status", "=", "failed"),
    )
    .execute();
}

/** Counts what was handed over. */
export async function countInRun(
  tx: Tx,
  id: string,
  { records, refused, bytes }: Pick<ExportRunRow, "records" | "refused" | "bytes">,
): Promise<void> {
  await tx
    .updateTable("export_runs")
    .set((update) => ({
      records: update("records", "+", records),
      refused: update("refused", "+", refused),
      bytes: update("bytes", "+", bytes),
    }))
    .where("id", "=", id)
    .execute();
}

/** What a run has handed over when it ends. */
export type RunCounts = Pick<ExportRunRow, "records" | "refused">;

/** Ends a run that is through, and drops the oldest of its destination's, of those that ended before a time. */
export async function finishRun(
  tx: Tx,
  { id, destination_id }: Pick<ExportRunRow, "id" | "destination_id">,
  now: number,
  dropBefore: number,
): Promise<RunCounts | undefined> {
  const counts = await tx
    .updateTable("export_runs")
    .set({
      status: sql<"ok" | "partial">`case when refused > 0 then 'partial' else 'ok' end`,
      error: sql<string | null>`case when refused > 0 then 'records_refused' end`,
      ended_at: now,
    })
    .where("id", "=", id)
    .returning(["records", "refused"])
    .executeTakeFirst();
  // A few at a time keep pace with one that comes.
  const oldest = tx
    .selectFrom("export_runs")
    .select("id")
    .where("destination_id", "=", destination_id)
    .orderBy("id")
    .limit(5);
  await tx
    .deleteFrom("export_runs")
    .where("id", "in", oldest)
    .where("status", "!=", "running")
    .where("ended_at", "<", dropBefore)
    .execute();
  return counts;
}

/** Ends a run that cannot go on now. */
export function failRun(tx: Tx, id: string, error: string, now: number): Promise<RunCounts | undefined> {
  return tx
    .updateTable("export_runs")
    .set({ status: "failed", error, ended_at: now })
    .where("id", "=", id)
    .where("status", "=", "running")
    .returning(["records", "refused"])
    .executeTakeFirst();
}
