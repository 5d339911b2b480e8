/** Connections: the grant that a patient gave at a source. One row per patient and source, renewed in place. */
import type { Db } from "./database.ts";
import type { ConnectionRow } from "./schema.ts";

export function findConnection(db: Db, id: string): Promise<ConnectionRow | undefined> {
  return db.selectFrom("connections").selectAll().where("id", "=", id).executeTakeFirst();
}

export function findConnectionAt(db: Db, patient_id: string, source_id: string): Promise<ConnectionRow | undefined> {
  return db
    .selectFrom("connections")
    .selectAll()
    .where("patient_id", "=", patient_id)
    .where("source_id", "=", source_id)
    .executeTakeFirst();
}

/** A patient's connections, newest first. */
export function listConnections(db: Db, patient_id: string): Promise<ConnectionRow[]> {
  return db.selectFrom("connections").selectAll().where("patient_id", "=", patient_id).orderBy("id", "desc").execute();
}

/** What a new grant writes on a connection, whether the row is new or renewed. */
export type Grant = Omit<ConnectionRow, "id" | "patient_id" | "source_id" | "created_at" | "token_generation">;

/** Inserts a connection; false where the patient has one at this source already. */
export async function insertConnection(
  db: Db,
  connection: Grant & Pick<ConnectionRow, "id" | "patient_id" | "source_id" | "created_at">,
): Promise<boolean> {
  const result = await db
    .insertInto("connections")
    .values({ ...connection, token_generation: 1 })
    .onConflict((conflict) => conflict.columns(["patient_id", "source_id"]).doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Renews a connection by a new grant; its id, and with it its history and records, stays. */
export async function renewConnection(db: Db, id: string, grant: Grant): Promise<void> {
  await db
    .updateTable("connections")
    .set((update) => ({ ...grant, token_generation: update("token_generation", "+", 1) }))
    .where("id", "=", id)
    .execute();
}

/** Ends a connection on purpose and forgets its tokens; false where it has ended already. */
export async function endConnection(db: Db, id: string, now: number): Promise<boolean> {
  const result = await db
    .updateTable("connections")
    .set({ status: "disconnected", sealed_tokens: null, access_expires_at: null, renewable: 0, updated_at: now })
    .where("id", "=", id)
    .where("status", "!=", "disconnected")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
