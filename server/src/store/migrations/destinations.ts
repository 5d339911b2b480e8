/** Where records are handed on to, how far each destination has them, and its runs. */
import type { Kysely } from "kysely";

/** Makes the tables of the export. */
export async function destinations(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("destinations")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("settings", "text", (c) => c.notNull())
    .addColumn("sealed_secrets", "text")
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createTable("watermarks")
    .addColumn("destination_id", "text", (c) => c.notNull().references("destinations.id").onDelete("cascade"))
    .addColumn("connection_id", "text", (c) => c.notNull().references("connections.id").onDelete("cascade"))
    .addColumn("seq", "bigint", (c) => c.notNull())
    .addColumn("place", "text")
    .addPrimaryKeyConstraint("watermarks_pk", ["destination_id", "connection_id"])
    .execute();
  await schema
    .createTable("export_runs")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("destination_id", "text", (c) => c.notNull().references("destinations.id").onDelete("cascade"))
    .addColumn("connection_id", "text", (c) => c.notNull().references("connections.id").onDelete("cascade"))
    .addColumn("trigger", "text", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("records", "bigint", (c) => c.notNull())
    .addColumn("refused", "bigint", (c) => c.notNull())
    .addColumn("bytes", "bigint", (c) => c.notNull())
    .addColumn("error", "text")
    .addColumn("started_at", "bigint", (c) => c.notNull())
    .addColumn("ended_at", "bigint")
    .execute();
  await schema.createIndex("export_runs_destination").on("export_runs").columns(["destination_id", "id"]).execute();
  // A connection that is deleted takes both with it.
  await schema.createIndex("export_runs_connection").on("export_runs").column("connection_id").execute();
  await schema.createIndex("watermarks_connection").on("watermarks").column("connection_id").execute();
}
