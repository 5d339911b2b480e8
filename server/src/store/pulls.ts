/**
 * Pulls: the one under way at each connection, or its last one, and how it goes with each type of resource. A job that takes
 * a pull up gets the next `run`; whatever it writes after that is written only while the run is still its own.
 */
import { batchesOf } from "./batches.ts";
import type { Db, Tx } from "./database.ts";
import type { PullRow, PullTypeRow } from "./schema.ts";

/** Thrown where another job has the pull by now, or the connection is deleted: nothing more is to be written. */
export class PullLostError extends Error {
  override name = "PullLostError";
}

/** Which pull a job works on. */
export type PullRun = Pick<PullRow, "connection_id" | "run">;

/** How a pull goes with one type of resource. Times are milliseconds since 1970. */
export type TypeProgress = Pick<PullTypeRow, "type" | "state" | "records" | "bytes" | "started_at" | "settled_at">;

/** How a connection's pull goes, or went. */
export interface PullProgress extends Pick<PullRow, "state" | "reason" | "failure" | "started_at" | "settled_at"> {
  /** Records stored, over all types and pulls; quarantined ones are not among them. */
  records: number;
  /** In the order of their names. */
  types: TypeProgress[];
}

/** How the pulls of these connections go, by connection; one without a pull has no entry. */
export async function readProgress(db: Db, connection_ids: readonly string[]): Promise<Map<string, PullProgress>> {
  if (connection_ids.length === 0) return new Map();
  const pulls = await db
    .selectFrom("pulls")
    .select(["connection_id", "state", "reason", "failure", "started_at", "settled_at"])
    .where("connection_id", "in", connection_ids)
    .execute();
  const types = await db
    .selectFrom("pull_types")
    .select(["connection_id", "type", "state", "records", "bytes", "started_at", "settled_at"])
    .where("connection_id", "in", connection_ids)
    .orderBy("type")
    .execute();
  return new Map(
    pulls.map(({ connection_id, ...pull }) => {
      const own = types.filter((one) => one.connection_id === connection_id);
      const records = own.reduce((sum, one) => sum + one.records, 0);
      return [connection_id, { ...pull, records, types: own.map(({ connection_id: _, ...type }) => type) }];
    }),
  );
}

/**
 * Notes that a pull is wanted; a job that runs after the caller's commit begins it. One that is demanded while one runs is
 * that one; a new grant begins anew.
 */
export async function wantPull(db: Db, connection_id: string, wanted: "connect" | "demand"): Promise<void> {
  await db
    .insertInto("pulls")
    .values({ connection_id, run: 0, state: "waiting", wanted, reason: wanted, mode: "full" })
    .onConflict((conflict) => {
      const own = conflict.column("connection_id");
      const again = { wanted, reason: wanted, state: "waiting" as const };
      // Whoever has the pull loses it: what it began would be by the old grant, and would pass for what is wanted here.
      if (wanted === "connect") return own.doUpdateSet((eb) => ({ ...again, run: eb("pulls.run", "+", 1) }));
      return own.doUpdateSet(again).where("pulls.state", "=", "settled");
    })
    .execute();
}

/**
 * Takes a pull that has not settled from the job that has it: that one stores nothing after the caller's commit.
 *
 * @returns whether there is one to settle
 */
export async function interruptPull(tx: Tx, connection_id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("pulls")
    .set((update) => ({ run: update("run", "+", 1) }))
    .where("connection_id", "=", connection_id)
    .where((eb) => eb.or([eb("state", "!=", "settled"), eb("wanted", "is not", null)]))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Takes a pull up for a job; undefined where the connection has none. */
export function takePull(db: Db, connection_id: string): Promise<PullRow | undefined> {
  return db
    .updateTable("pulls")
    .set((update) => ({ run: update("run", "+", 1) }))
    .where("connection_id", "=", connection_id)
    .returningAll()
    .executeTakeFirst();
}

/**
 * Writes on a pull and holds it until the caller commits.
 *
 * @throws {PullLostError} where it is no longer this job's
 */
export async function writePull(
  tx: Tx,
  { connection_id, run }: PullRun,
  changes: Partial<Omit<PullRow, "connection_id">>,
): Promise<void> {
  const result = await tx
    .updateTable("pulls")
    .set({ run, ...changes })
    .where("connection_id", "=", connection_id)
    .where("run", "=", run)
    .executeTakeFirst();
  if (result.numUpdatedRows !== 1n) throw new PullLostError("Another job has the pull");
}

/** What a pull has to do with each type, in the order of their names. */
export function listPullTypes(db: Db, connection_id: string): Promise<PullTypeRow[]> {
  return db.selectFrom("pull_types").selectAll().where("connection_id", "=", connection_id).orderBy("type").execute();
}

/**
 * Writes what a type's part of a pull has come to, and answers it as it is stored.
 *
 * @param added to the type's records, which searches for other types may add to as well
 */
export function writePullType(
  tx: Tx,
  { connection_id, type }: Pick<PullTypeRow, "connection_id" | "type">,
  added: number,
  changes: Partial<Omit<PullTypeRow, "connection_id" | "type" | "records">>,
): Promise<PullTypeRow> {
  return tx
    .updateTable("pull_types")
    .set((update) => ({ ...changes, records: update("records", "+", added) }))
    .where("connection_id", "=", connection_id)
    .where("type", "=", type)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Ends what of a pull was not asked for: its time is over, or one search brought all. */
export async function settleRest(
  tx: Tx,
  connection_id: string,
  now: number,
  outcome: "answered" | "given_up",
): Promise<void> {
  await tx
    .updateTable("pull_types")
    .set((update) => ({
      settled_at: now,
      place: null,
      state:
        outcome === "answered"
          ? update
              .case()
              .when("records", ">", 0)
              .then("ok" as const)
              .else("empty" as const)
              .end()
          : update
              .case()
              .when("bytes", ">", 0)
              .then("partial" as const)
              .else("failed" as const)
              .end(),
      ...(outcome === "answered" ? { complete_at: now } : {}),
    }))
    .where("connection_id", "=", connection_id)
    .where("place", "is not", null)
    .execute();
}

/** A type's part of a pull that begins. */
export type PlannedType = Pick<PullTypeRow, "connection_id" | "type" | "state" | "place" | "settled_at">;

/** Plans the types of a pull that begins; what earlier pulls stored of them stays counted. */
export async function planPullTypes(tx: Tx, planned: readonly PlannedType[], mode: PullRow["mode"]): Promise<void> {
  if (planned.length === 0) return;
  await tx
    .insertInto("pull_types")
    .values(planned.map((one) => ({ ...one, records: 0, bytes: 0, notes: "{}" })))
    .onConflict((conflict) =>
      conflict.columns(["connection_id", "type"]).doUpdateSet((eb) => ({
        state: eb.ref("excluded.state"),
        place: eb.ref("excluded.place"),
        settled_at: eb.ref("excluded.settled_at"),
        bytes: 0,
        notes: "{}",
        started_at: null,
        ...(mode === "full" ? { incremental: null } : {}),
      })),
    )
    .execute();
}

/** Counts records that came with those of other types, such as practitioners. */
export async function countCompanions(
  tx: Tx,
  connection_id: string,
  added: ReadonlyMap<string, number>,
  now: number,
): Promise<void> {
  const row = { connection_id, state: "running" as const, bytes: 0, notes: "{}", started_at: now };
  for (const batch of batchesOf([...added])) {
    await tx
      .insertInto("pull_types")
      .values(batch.map(([type, records]) => ({ ...row, type, records })))
      .onConflict((conflict) =>
        conflict
          .columns(["connection_id", "type"])
          .doUpdateSet((eb) => ({ records: eb("pull_types.records", "+", eb.ref("excluded.records")) })),
      )
      .execute();
  }
}

/** Ends the part of each type that came along with others, now that all of them are done. */
export async function settleCompanions(tx: Tx, connection_id: string, now: number): Promise<void> {
  await tx
    .updateTable("pull_types")
    .set({ state: "ok", settled_at: now })
    .where("connection_id", "=", connection_id)
    .where("state", "=", "running")
    .where("place", "is", null)
    .execute();
}
