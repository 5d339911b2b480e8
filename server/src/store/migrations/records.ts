/** Records, the pulls that bring them, and the documents that they point to. */
import { type Kysely, PostgresAdapter, sql } from "kysely";

/** Makes the tables of the pull. */
export async function records(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  const postgres = db.getExecutor().adapter instanceof PostgresAdapter;
  await schema
    .alterTable("patients")
    .addColumn("last_record_seq", "bigint", (c) => c.notNull().defaultTo(0))
    .execute();
  // With a rowid of its own: without one, rows of a kilobyte cost twice as much to insert.
  await schema
    .createTable("records")
    .addColumn("connection_id", "text", (c) => c.notNull().references("connections.id").onDelete("cascade"))
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("fhir_id", "text", (c) => c.notNull())
    .addColumn("patient_id", "text", (c) => c.notNull())
    .addColumn("seq", "bigint", (c) => c.notNull())
    .addColumn("hash", postgres ? "bytea" : "blob", (c) => c.notNull())
    .addColumn("last_updated", "bigint")
    .addColumn("role", "text", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    // Last, since what stands behind a large one takes more reads.
    .addColumn("body", "text", (c) => c.notNull())
    .addUniqueConstraint("records_identity", ["connection_id", "type", "fhir_id"])
    .execute();
  await schema.createIndex("records_order").unique().on("records").columns(["patient_id", "seq"]).execute();
  await schema
    .createTable("record_keys")
    .addColumn("id", "text", (c) => c.primaryKey().references("connections.id").onDelete("cascade"))
    .addColumn("sealed_key", "text", (c) => c.notNull())
    .addColumn("rest", "integer", (c) => c.notNull())
    .execute();

  await schema
    .createTable("pulls")
    .addColumn("connection_id", "text", (c) => c.primaryKey().references("connections.id").onDelete("cascade"))
    .addColumn("run", "integer", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("wanted", "text")
    .addColumn("reason", "text", (c) => c.notNull())
    .addColumn("mode", "text", (c) => c.notNull())
    .addColumn("started_at", "bigint")
    .addColumn("settled_at", "bigint")
    .addColumn("full_at", "bigint")
    .addColumn("next_at", "bigint")
    .addColumn("failure", "text")
    .execute();
  await schema
    .createTable("pull_types")
    .addColumn("connection_id", "text", (c) => c.notNull().references("pulls.connection_id").onDelete("cascade"))
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("records", "bigint", (c) => c.notNull())
    .addColumn("bytes", "bigint", (c) => c.notNull())
    .addColumn("started_at", "bigint")
    .addColumn("settled_at", "bigint")
    .addColumn("complete_at", "bigint")
    .addColumn("incremental", "integer")
    .addColumn("searches", "text")
    .addColumn("place", "text")
    .addColumn("notes", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("pull_types_pk", ["connection_id", "type"])
    .execute();
  await schema
    .createTable("references_found")
    .addColumn("connection_id", "text", (c) => c.notNull().references("connections.id").onDelete("cascade"))
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("fhir_id", "text", (c) => c.notNull())
    .addColumn("hops", "integer", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("tries", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("references_found_pk", ["connection_id", "type", "fhir_id"])
    .execute();
  await schema
    .createTable("fhir_hosts")
    .addColumn("host", "text", (c) => c.primaryKey())
    .addColumn("paused_until", "bigint", (c) => c.notNull())
    .addColumn("failures", "integer", (c) => c.notNull())
    .execute();

  await schema
    .createTable("attachments")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("connection_id", "text", (c) => c.notNull().references("connections.id").onDelete("cascade"))
    .addColumn("patient_id", "text", (c) => c.notNull())
    .addColumn("document_id", "text", (c) => c.notNull())
    .addColumn("position", "integer", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("reason", "text")
    .addColumn("content_type", "text")
    .addColumn("sealed_version", "text", (c) => c.notNull())
    .addColumn("size", "bigint")
    .addColumn("file", "text")
    .addColumn("sealed_key", "text")
    .addColumn("attempts", "integer", (c) => c.notNull())
    .addColumn("due_at", "bigint", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .addUniqueConstraint("attachments_identity", ["connection_id", "document_id", "position"])
    .execute();
  await schema.createIndex("attachments_patient").on("attachments").columns(["patient_id", "id"]).execute();
  await schema
    .createIndex("attachments_waiting")
    .on("attachments")
    .columns(["connection_id", "due_at", "id"])
    .where(sql.ref("state"), "=", sql.lit("waiting"))
    .execute();
}
