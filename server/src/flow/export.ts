/**
 * Hands a connection's records on to a destination: the job that a settled pull leaves, or a destination that came. Reads
 * records above the destination's watermark, type after type; leaves them there, the watermark behind them, and a run that
 * says how it went. What was begun and not written down comes again, as the same batch.
 */
import { recordAudit } from "../audit.ts";
import type { Context } from "../context.ts";
import { type Batches, batchesOf } from "../destinations/batches.ts";
import type { Destination } from "../destinations/destination.ts";
import { configuredOf, openDestination } from "../destinations/open.ts";
import { type ExportTrigger, scheduleExport, scheduleExportOfAll } from "../hand-over.ts";
import type { JobRun } from "../jobs/worker-loop.ts";
import { findConnection } from "../store/connections.ts";
import type { Db, Tx } from "../store/database.ts";
import {
  connectionsWithRecords,
  countInRun,
  type ExportPair,
  failRun,
  findDestination,
  finishRun,
  lastSeq,
  moveWatermark,
  type RunCounts,
  type RunPlace,
  startRun,
  takeWatermark,
} from "../store/destinations.ts";
import type { ConnectionRow, WatermarkRow } from "../store/schema.ts";

/** How long one job works, about. */
const WORK_MS = 20_000;
/** When it is tried again after the last attempt of a job. */
const LATER_MS = 3_600_000;
const KEEP_RUNS_MS = 90 * 86_400_000;
/** Connections that one job lets begin. */
const CONNECTIONS_AT_ONCE = 200;

/** @param run with `destination_id`, `connection_id` (null for all of them, from `after` on) and `trigger` in its payload */
export async function exportRecords(
  context: Context,
  run: Pick<JobRun, "payload" | "signal"> & Partial<Pick<JobRun, "last">>,
  { workMs = WORK_MS }: { workMs?: number } = {},
): Promise<void> {
  const { destination_id, connection_id } = run.payload;
  try {
    await exportInTurn(context, run, workMs);
  } catch (thrown) {
    // A connection that has ended has no next pull, which would see to what is left.
    if (run.last && connection_id !== null) {
      const later = context.clock() + LATER_MS;
      await scheduleExport(context, context.db, String(destination_id), String(connection_id), "delta", later);
    }
    throw thrown;
  }
}

async function exportInTurn(
  context: Context,
  { payload, signal }: Pick<JobRun, "payload" | "signal">,
  workMs: number,
): Promise<void> {
  const { db, clock } = context;
  const destination_id = String(payload.destination_id);
  const trigger = payload.trigger as ExportTrigger;
  const row = await findDestination(db, destination_id);
  if (row?.status !== "active") return;
  if (payload.connection_id === null) return beginAll(context, destination_id, trigger, String(payload.after ?? ""));
  const connection = await findConnection(db, String(payload.connection_id));
  if (!connection) return;
  const pair = { destination_id, connection_id: connection.id };
  const destination = openDestination(context, configuredOf(context, row));
  const work: Work = { context, connection, destination_id, destination, signal, end: clock() + workMs };
  for (let asked = trigger === "manual"; ; asked = false) {
    const run = await begin(context, pair, connection, trigger, asked);
    if (!run) return;
    try {
      if (await goOn(work, run)) continue;
      return await scheduleExport(context, db, destination_id, connection.id, trigger);
    } catch (thrown) {
      if (thrown instanceof Overtaken) return;
      if (thrown instanceof Inactive) return await fail(work, run.place.run_id, "inactive");
      // A worker that stops, or whose lease ends, says nothing of the destination: the run goes on with the next job.
      if (!signal.aborted) await fail(work, run.place.run_id, codeOf(thrown));
      throw thrown;
    }
  }
}

/** Lets the export of each connection begin that has records. */
async function beginAll(
  context: Context,
  destination_id: string,
  trigger: ExportTrigger,
  after: string,
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    const ids = await connectionsWithRecords(tx, after, CONNECTIONS_AT_ONCE);
    for (const id of ids) await scheduleExport(context, tx, destination_id, id, trigger);
    const last = ids.at(-1);
    if (last && ids.length === CONNECTIONS_AT_ONCE) {
      await scheduleExportOfAll(context, tx, destination_id, trigger, last);
    }
  });
}

/** A run under way, and the watermark with its place as it was read or written last. */
interface Run {
  watermark: WatermarkRow;
  place: RunPlace;
}

/**
 * Takes up the run that is not through, or begins one; null where nothing is new.
 *
 * @param asked somebody asked for it, and sees a run even if it has nothing to do
 */
async function begin(
  context: Context,
  pair: ExportPair,
  { patient_id }: ConnectionRow,
  trigger: ExportTrigger,
  asked: boolean,
): Promise<Run | null> {
  return context.db.transaction().execute(async (tx) => {
    const watermark = await takeWatermark(tx, pair);
    const old = watermark.place === null ? null : (JSON.parse(watermark.place) as RunPlace);
    const until = old?.until ?? (await lastSeq(tx, { patient_id, connection_id: pair.connection_id }));
    if (until <= watermark.seq && !old && !asked) return null;
    const run_id = old?.run_id ?? context.ids.next("run");
    await startRun(tx, { ...pair, id: run_id, trigger }, context.clock());
    if (old) return { watermark, place: old };
    const place = { run_id, until: Math.max(until, watermark.seq), at: null, number: 0, end: null };
    return moved(tx, watermark, place);
  });
}

/** What a run is worked with. */
interface Work {
  context: Context;
  connection: ConnectionRow;
  destination_id: string;
  destination: Destination;
  signal: AbortSignal;
  /** When the job leaves the rest to the next one. */
  end: number;
}

/** Works on a run; true when it is through, false when its time is over. */
async function goOn(work: Work, from: Run): Promise<boolean> {
  const { context, connection, destination, signal, end } = work;
  const { db, clock } = context;
  const { patient_id, id: connection_id } = connection;
  const span = { patient_id, connection_id, above: from.watermark.seq, until: from.place.until };
  const batches = await batchesOf(context, connection, span);
  for (let run = from; ; ) {
    signal.throwIfAborted();
    if ((await findDestination(db, work.destination_id))?.status !== "active") throw new Inactive();
    const begun = await beginBatch(db, run, batches, destination);
    if (!begun) return finish(work, run);
    run = await handOver(work, begun, batches, run === begun);
    if (clock() >= end) return false;
  }
}

/** Writes down where the next batch ends; null where there is none. */
async function beginBatch(db: Db, run: Run, batches: Batches, { limits }: Destination): Promise<Run | null> {
  if (run.place.end !== null) return run;
  const end = await batches.endAfter(run.place.at, limits);
  return end && moved(db, run.watermark, { ...run.place, end });
}

/** @param again the batch was begun by another job */
async function handOver(work: Work, run: Run, batches: Batches, again: boolean): Promise<Run> {
  const { context, connection, destination, signal } = work;
  const { run_id, at, end, number } = run.place;
  if (end === null) return run;
  const records = await batches.between(at, end);
  const fhir_base_url = connection.fhir_base_url.replace(/\/+$/, "");
  const batch = { connection_id: connection.id, fhir_base_url, run_id, number, again, records };
  const { refused } = records.length > 0 ? await destination.handOver(batch, signal) : { refused: 0 };
  const bytes = records.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  return context.db.transaction().execute(async (tx) => {
    // In the order in which the deletion of a connection takes the two: Postgres would else let one of them fail.
    const next = await moved(tx, run.watermark, { ...run.place, at: end, number: number + 1, end: null });
    await countInRun(tx, run_id, { records: records.length - refused, refused, bytes });
    return next;
  });
}

async function finish({ context, connection }: Work, { watermark, place }: Run): Promise<true> {
  const { db, clock } = context;
  const { destination_id } = watermark;
  await db.transaction().execute(async (tx) => {
    if (!(await moveWatermark(tx, watermark, { seq: place.until, place: null }))) throw new Overtaken();
    const run = { id: place.run_id, destination_id };
    await recordExport(context, tx, connection, run, await finishRun(tx, run, clock(), clock() - KEEP_RUNS_MS));
  });
  return true;
}

async function fail({ context, connection, destination_id }: Work, id: string, error: string): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    await recordExport(context, tx, connection, { id, destination_id }, await failRun(tx, id, error, context.clock()));
  });
}

/** Notes for whom a destination was given records. */
async function recordExport(
  context: Context,
  tx: Tx,
  { id: subject, patient_id }: ConnectionRow,
  run: { id: string; destination_id: string },
  counts: RunCounts | undefined,
): Promise<void> {
  if (!counts || counts.records === 0) return;
  const detail = { destination: run.destination_id, run: run.id, ...counts };
  await recordAudit(context, tx, { action: "records_exported", actor: "server", subject, patient_id, detail });
}

/** Another worker has moved the watermark, or it is gone: whoever moved it goes on. */
class Overtaken extends Error {
  override name = "Overtaken";
}

/** The destination was made inactive, or deleted, in the midst of a run. */
class Inactive extends Error {
  override name = "Inactive";
}

async function moved(db: Db, watermark: WatermarkRow, place: RunPlace): Promise<Run> {
  const text = JSON.stringify(place);
  if (!(await moveWatermark(db, watermark, { seq: watermark.seq, place: text }))) throw new Overtaken();
  return { watermark: { ...watermark, place: text }, place };
}

function codeOf(thrown: unknown): string {
  const { name, code } = thrown as { name?: unknown; code?: unknown };
  return name === "DestinationError" && typeof code === "string" ? code : "fault";
}
