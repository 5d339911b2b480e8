/** Resources that records refer to, noted in the page's transaction and read when the searches are done. */
import { sql } from "kysely";
import { batchesOf } from "./batches.ts";
import type { Db, Tx } from "./database.ts";
import type { ReferenceFoundRow } from "./schema.ts";

/** What a connection's records refer to. */
export function listReferences(db: Db, connection_id: string): Promise<ReferenceFoundRow[]> {
  return db.selectFrom("references_found").selectAll().where("connection_id", "=", connection_id).execute();
}

/** The references of a connection that remain to be read, those of records before those of what they led to. */
export function listWaitingReferences(db: Db, connection_id: string, limit?: number): Promise<ReferenceFoundRow[]> {
  return db
    .selectFrom("references_found")
    .selectAll()
    .where("connection_id", "=", connection_id)
    .where("state", "=", "waiting")
    .orderBy("hops")
    .orderBy("type")
    .orderBy("fhir_id")
    .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
    .execute();
}

/** Notes references; of one that is known, only that it has been read by now. */
export async function noteReferences(tx: Tx, rows: readonly ReferenceFoundRow[]): Promise<void> {
  for (const batch of batchesOf(rows)) {
    await tx
      .insertInto("references_found")
      .values(batch)
      .onConflict((conflict) =>
        conflict
          .columns(["connection_id", "type", "fhir_id"])
          .doUpdateSet((eb) => ({ state: eb.ref("excluded.state") }))
          .where("references_found.state", "=", "waiting")
          .where(sql<boolean>`excluded.state <> 'waiting'`),
      )
      .execute();
  }
}

/** Writes what became of a reference. */
export async function settleReference(tx: Tx, reference: ReferenceFoundRow, state: "read" | "failed"): Promise<void> {
  await update(tx, reference, { state });
}

/** Leaves a reference for another try. */
export async function waitForReference(tx: Tx, reference: ReferenceFoundRow, tries: number): Promise<void> {
  await update(tx, reference, { tries });
}

/** Ends all references to a type that still wait. */
export async function settleReferencesOf(tx: Tx, connection_id: string, type: string): Promise<void> {
  await tx
    .updateTable("references_found")
    .set({ state: "failed" })
    .where("connection_id", "=", connection_id)
    .where("type", "=", type)
    .where("state", "=", "waiting")
    .execute();
}

async function update(
  tx: Tx,
  { connection_id, type, fhir_id }: ReferenceFoundRow,
  changes: Partial<Pick<ReferenceFoundRow, "state" | "tries">>,
): Promise<void> {
  await tx
    .updateTable("references_found")
    .set(changes)
    .where("connection_id", "=", connection_id)
    .where("type", "=", type)
    .where("fhir_id", "=", fhir_id)
    .execute();
}

/** A full pull reads them anew. */
export async function forgetReferences(tx: Tx, connection_id: string): Promise<void> {
  await tx.deleteFrom("references_found").where("connection_id", "=", connection_id).execute();
}
