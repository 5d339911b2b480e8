/** Patients, under the host's own ids. */
import type { PatientCreate, PatientUpdate } from "../../../shared/src/patient.ts";
import type { Db, Tx } from "./database.ts";
import type { PatientRow } from "./schema.ts";

/** Creates a patient on first use; later, what is given replaces what stands, and what is not given stays. */
export async function upsertPatient(
  db: Db,
  patient: { id: string; name?: string | undefined; email?: string | undefined },
  now: number,
): Promise<void> {
  const given = {
    ...(patient.name === undefined ? {} : { name: patient.name }),
    ...(patient.email === undefined ? {} : { email: patient.email }),
  };
  await db
    .insertInto("patients")
    .values({
      id: patient.id,
      name: null,
      email: null,
      metadata: null,
      last_record_seq: 0,
      created_at: now,
      updated_at: now,
      ...given,
    })
    .onConflict((conflict) =>
      Object.keys(given).length === 0
        ? conflict.column("id").doNothing()
        : conflict.column("id").doUpdateSet({ ...given, updated_at: now }),
    )
    .execute();
}

/** Inserts a patient; false where the id exists already. */
export async function insertPatient(db: Db, patient: PatientCreate, now: number): Promise<boolean> {
  const result = await db
    .insertInto("patients")
    .values({ id: patient.id, ...columns(patient), last_record_seq: 0, created_at: now, updated_at: now })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Replaces a patient whole; false where there is none. */
export async function replacePatient(db: Db, id: string, patient: PatientUpdate, now: number): Promise<boolean> {
  const result = await db
    .updateTable("patients")
    .set({ ...columns(patient), updated_at: now })
    .where("id", "=", id)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/**
 * Keeps others from writing on a patient and their pulls until the caller's transaction ends; in the order in which a page
 * that is being stored takes hold of them.
 */
export async function lockPatient(tx: Tx, id: string): Promise<void> {
  await tx
    .updateTable("pulls")
    .set((update) => ({ run: update.ref("run") }))
    .where("connection_id", "in", (select) =>
      select.selectFrom("connections").select("id").where("patient_id", "=", id),
    )
    .execute();
  await tx
    .updateTable("patients")
    .set((update) => ({ last_record_seq: update.ref("last_record_seq") }))
    .where("id", "=", id)
    .execute();
}

/** Deletes a patient with their sessions, attempts, trail, connections and events; false where there is none. */
export async function deletePatient(db: Db, id: string): Promise<boolean> {
  const result = await db.deleteFrom("patients").where("id", "=", id).executeTakeFirst();
  // After the rows that it waited for: whoever held one may have written an event about it.
  await db.deleteFrom("events").where("patient_id", "=", id).execute();
  return result.numDeletedRows === 1n;
}

export function findPatientRow(db: Db, id: string): Promise<PatientRow | undefined> {
  return db.selectFrom("patients").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Patients in the order of their ids, after one of them. */
export function listPatientRows(db: Db, after: string | null, limit: number): Promise<PatientRow[]> {
  return db
    .selectFrom("patients")
    .selectAll()
    .$if(after !== null, (query) => query.where("id", ">", after ?? ""))
    .orderBy("id")
    .limit(limit)
    .execute();
}

function columns(patient: PatientUpdate): Pick<PatientRow, "name" | "email" | "metadata"> {
  return {
    name: patient.name ?? null,
    email: patient.email ?? null,
    metadata: patient.metadata ? JSON.stringify(patient.metadata) : null,
  };
}
