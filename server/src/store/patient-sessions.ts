/** Patient sessions and the browser each is bound to. */
import type { Db } from "./database.ts";
import type { PatientSessionRow } from "./schema.ts";

export async function insertSession(db: Db, session: PatientSessionRow): Promise<void> {
  await db.insertInto("patient_sessions").values(session).execute();
}

export function findSession(db: Db, id: string): Promise<PatientSessionRow | undefined> {
  return db.selectFrom("patient_sessions").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Sessions of a patient, newest first, after one of them. */
export function listSessions(
  db: Db,
  patient_id: string,
  after: string | null,
  limit: number,
): Promise<PatientSessionRow[]> {
  return db
    .selectFrom("patient_sessions")
    .selectAll()
    .where("patient_id", "=", patient_id)
    .$if(after !== null, (query) => query.where("id", "<", after ?? ""))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/** Binds a session to the browser that opens it first; false where another did. */
export async function bindSession(db: Db, id: string, browser_hash: string): Promise<boolean> {
  const result = await db
    .updateTable("patient_sessions")
    .set({ browser_hash, bound_by: "opening" })
    .where("id", "=", id)
    .where("browser_hash", "is", null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Ends an open session: the patient finished, whatever came of it. */
export async function completeSession(db: Db, id: string, now: number): Promise<boolean> {
  const result = await db
    .updateTable("patient_sessions")
    .set({ status: "complete", completed_at: now })
    .where("id", "=", id)
    .where("status", "=", "open")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** `expired` is an open session past its time. */
export function sessionStatus(
  session: Pick<PatientSessionRow, "status" | "expires_at">,
  now: number,
): "open" | "complete" | "expired" {
  return session.status === "open" && session.expires_at <= now ? "expired" : session.status;
}
