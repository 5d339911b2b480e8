/**
 * Records: what was pulled, one row a resource of a connection. A page is written in one go, in the caller's transaction,
 * beside the place that the pull has reached; a body that did not change costs no write.
 */
import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Db, Tx } from "./database.ts";
import type { RecordRow } from "./schema.ts";

/** A resource as it came. */
export interface IncomingRecord extends Pick<RecordRow, "type" | "fhir_id" | "last_updated" | "role"> {
  /** Its own text out of the page. */
  body: string;
}

/** Whose records they are. */
export interface RecordOwner {
  connection_id: string;
  patient_id: string;
}

/** How many records of a page were new, and how many had changed, by type. */
export interface Stored {
  added: Map<string, number>;
  changed: Map<string, number>;
}

/**
 * Stores a page of records. Of one that comes twice the newer is kept, by `meta.lastUpdated`; one that is as it was is not
 * written. What is written gets the patient's next `seq`, in the order given.
 */
export async function storeRecords(
  tx: Tx,
  { connection_id, patient_id }: RecordOwner,
  incoming: readonly IncomingRecord[],
  now: number,
): Promise<Stored> {
  const stored: Stored = { added: new Map(), changed: new Map() };
  const page = newestOfEach(incoming);
  if (page.length === 0) return stored;
  const { last_record_seq } = await tx
    .updateTable("patients")
    .set((update) => ({ last_record_seq: update("last_record_seq", "+", page.length) }))
    .where("id", "=", patient_id)
    .returning("last_record_seq")
    .executeTakeFirstOrThrow();
  const first = last_record_seq - page.length + 1;
  const rows = await tx
    .insertInto("records")
    .values(
      page.map(({ type, fhir_id, body, last_updated, role }, index) => ({
        connection_id,
        patient_id,
        type,
        fhir_id,
        seq: first + index,
        hash: createHash("sha256").update(body).digest(),
        body,
        last_updated,
        role,
        created_at: now,
        updated_at: now,
      })),
    )
    .onConflict((conflict) =>
      conflict
        .columns(["connection_id", "type", "fhir_id"])
        .doUpdateSet((eb) => ({
          seq: eb.ref("excluded.seq"),
          hash: eb.ref("excluded.hash"),
          body: eb.ref("excluded.body"),
          last_updated: eb.ref("excluded.last_updated"),
          role: eb.ref("excluded.role"),
          updated_at: eb.ref("excluded.updated_at"),
        }))
        .whereRef("records.hash", "<>", "excluded.hash")
        .where(sql<boolean>`coalesce(excluded.last_updated >= records.last_updated, true)`),
    )
    .returning(["type", "created_at", "seq"])
    .execute();
  for (const { type } of rows) stored.added.set(type, (stored.added.get(type) ?? 0) + 1);
  return stored;
}

/** Which of a patient's records to read. */
export interface RecordsQuery {
  patient_id: string;
  /** Only those of one connection. */
  connection_id?: string;
  types?: readonly string[];
  /** Changed at this time or later. */
  since?: number;
  /** Those with a greater `seq`, the least first. */
  after?: number;
  /** Those with a lesser `seq`, the greatest of them, the least first. */
  before?: number;
  limit: number;
}

/** A patient's records in the order in which they last changed; quarantined ones are left out. */
export async function readRecords(db: Db, query: RecordsQuery): Promise<RecordRow[]> {
  const { patient_id, connection_id, types, since, after, before, limit } = query;
  const backwards = before !== undefined && after === undefined;
  const rows = await db
    .selectFrom("records")
    .selectAll()
    .where("patient_id", "=", patient_id)
    .where("role", "!=", "foreign")
    .$if(connection_id !== undefined, (q) => q.where("connection_id", "=", connection_id ?? ""))
    .$if(types !== undefined, (q) => q.where("type", "in", types ?? []))
    .$if(since !== undefined, (q) => q.where("updated_at", ">=", since ?? 0))
    .$if(after !== undefined, (q) => q.where("seq", ">", after ?? 0))
    .$if(before !== undefined, (q) => q.where("seq", "<", before ?? 0))
    .orderBy("seq", backwards ? "desc" : "asc")
    .limit(limit)
    .execute();
  return backwards ? rows.reverse() : rows;
}

function newestOfEach(incoming: readonly IncomingRecord[]): IncomingRecord[] {
  const kept = new Map<string, IncomingRecord>();
  for (const record of incoming) {
    const key = `${record.type}/${record.fhir_id}`;
    const before = kept.get(key);
    if (before && (before.last_updated ?? 0) > (record.last_updated ?? 0)) continue;
    kept.set(key, record);
  }
  return [...kept.values()];
}
