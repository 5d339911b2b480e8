/** Attempts: one try at one source. Each change of status is one statement that either wins or finds that another did. */
import type { ErrorCode } from "../../../shared/src/errors.ts";
import type { Db } from "./database.ts";
import type { AttemptRow } from "./schema.ts";

export async function insertAttempt(db: Db, attempt: AttemptRow): Promise<void> {
  await db.insertInto("attempts").values(attempt).execute();
}

export function findAttempt(db: Db, id: string): Promise<AttemptRow | undefined> {
  return db.selectFrom("attempts").selectAll().where("id", "=", id).executeTakeFirst();
}

export function findAttemptByState(db: Db, state_hash: string): Promise<AttemptRow | undefined> {
  return db.selectFrom("attempts").selectAll().where("state_hash", "=", state_hash).executeTakeFirst();
}

/** The newest attempt that waits for its callback in a browser. */
export async function findPendingAttempt(db: Db, browser_hash: string): Promise<AttemptRow | undefined> {
  const sessions = await db
    .selectFrom("patient_sessions")
    .select("id")
    .where("browser_hash", "=", browser_hash)
    .execute();
  // Not one query: without statistics SQLite would start it from all pending attempts of everybody.
  const attempts = await listAttempts(
    db,
    sessions.map(({ id }) => id),
  );
  return attempts.find(({ status }) => status === "pending");
}

/** A patient's newest attempt at a source, and whether it failed for this reason. */
export async function findLatestAttempt(
  db: Db,
  patient_id: string,
  source_id: string,
  reason: string,
): Promise<(Pick<AttemptRow, "status" | "snapshot"> & { failed_so: boolean }) | undefined> {
  const row = await db
    .selectFrom("attempts")
    .innerJoin("patient_sessions", "patient_sessions.id", "attempts.session_id")
    .leftJoin("trail", (join) =>
      join
        .onRef("trail.session_id", "=", "attempts.session_id")
        .onRef("trail.attempt_id", "=", "attempts.id")
        .on("trail.outcome", "=", reason),
    )
    .select(["attempts.status", "attempts.snapshot", "trail.id as step"])
    .where("patient_sessions.patient_id", "=", patient_id)
    .where("attempts.source_id", "=", source_id)
    .orderBy("attempts.id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && { status: row.status, snapshot: row.snapshot, failed_so: row.step !== null };
}

/** Attempts of sessions, newest first within each. */
export function listAttempts(db: Db, sessionIds: readonly string[]): Promise<AttemptRow[]> {
  if (sessionIds.length === 0) return Promise.resolve([]);
  return db
    .selectFrom("attempts")
    .selectAll()
    .where("session_id", "in", [...sessionIds])
    .orderBy("id", "desc")
    .execute();
}

export async function countAttempts(db: Db, session_id: string): Promise<number> {
  const row = await db
    .selectFrom("attempts")
    .select((select) => select.fn.countAll().as("n"))
    .where("session_id", "=", session_id)
    .executeTakeFirst();
  return Number(row?.n ?? 0);
}

/**
 * Takes the state of a callback, once: of any number of callbacks at the same time, one is told true.
 *
 * @param to `exchanging` when the code goes to the token endpoint now; `held` with the sealed code when it waits
 */
export async function takeState(
  db: Db,
  id: string,
  now: number,
  to: { status: "exchanging" } | { status: "held"; sealed_code: string },
): Promise<boolean> {
  const result = await db
    .updateTable("attempts")
    .set({ ...to, state_taken_at: now })
    .where("id", "=", id)
    .where("state_taken_at", "is", null)
    .where("status", "=", "pending")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Takes a held code, once. */
export async function takeHeldCode(db: Db, id: string): Promise<boolean> {
  const result = await db
    .updateTable("attempts")
    .set({ status: "exchanging", sealed_code: null })
    .where("id", "=", id)
    .where("status", "=", "held")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Ends an attempt that has not ended yet; false where it has. Its secrets go with it. */
export async function failAttempt(db: Db, id: string, failure_code: ErrorCode, now: number): Promise<boolean> {
  const result = await db
    .updateTable("attempts")
    .set({ status: "failed", failure_code, failure_at: now, sealed_verifier: null, sealed_code: null })
    .where("id", "=", id)
    .where("status", "not in", ["connected", "failed"])
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Ends an attempt well. */
export async function connectAttempt(db: Db, id: string, connection_id: string): Promise<boolean> {
  const result = await db
    .updateTable("attempts")
    .set({ status: "connected", connection_id, sealed_verifier: null, sealed_code: null })
    .where("id", "=", id)
    .where("status", "=", "exchanging")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Longer than any exchange takes: one that began in its last minute is let finish. */
const EXCHANGE_MS = 5 * 60_000;

/** Attempts whose time is over and that have not ended, and whose they are. */
export function listLapsedAttempts(
  db: Db,
  now: number,
  limit: number,
): Promise<(Pick<AttemptRow, "id" | "session_id"> & { patient_id: string })[]> {
  return db
    .selectFrom("attempts")
    .innerJoin("patient_sessions", "patient_sessions.id", "attempts.session_id")
    .select(["attempts.id", "attempts.session_id", "patient_sessions.patient_id"])
    .where("attempts.status", "in", ["pending", "held", "exchanging"])
    .where("attempts.expires_at", "<=", now)
    .where((where) =>
      where.or([where("attempts.status", "!=", "exchanging"), where("attempts.expires_at", "<=", now - EXCHANGE_MS)]),
    )
    .limit(limit)
    .execute();
}
