/** Webhooks, and the events that wait for them or have reached them: each event is for one webhook. */
import type { Kysely } from "kysely";

/** Makes the tables of the webhooks. */
export async function webhooks(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("webhooks")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("url", "text", (c) => c.notNull())
    .addColumn("events", "text", (c) => c.notNull())
    .addColumn("description", "text")
    .addColumn("metadata", "text")
    .addColumn("sealed_secret", "text", (c) => c.notNull())
    .addColumn("sealed_previous_secret", "text")
    .addColumn("previous_until", "bigint")
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createTable("events")
    .addColumn("id", "text", (c) => c.primaryKey())
    // No foreign keys: what an event tells of must neither fail nor wait because its webhook or patient is deleted at that
    // moment. Both are deleted with their events after them, so none stays behind.
    .addColumn("webhook_id", "text", (c) => c.notNull())
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("patient_id", "text")
    .addColumn("body", "text", (c) => c.notNull())
    .addColumn("attempts", "integer", (c) => c.notNull())
    .addColumn("next_attempt_at", "bigint")
    .addColumn("last_status_code", "integer")
    .addColumn("last_error", "text")
    .addColumn("delivered_at", "bigint")
    .addColumn("last_redelivered_at", "bigint")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await schema.createIndex("events_due").on("events").columns(["webhook_id", "next_attempt_at"]).execute();
  await schema.createIndex("events_webhook").on("events").columns(["webhook_id", "id"]).execute();
  await schema.createIndex("events_patient").on("events").column("patient_id").execute();
  await schema.createIndex("events_created").on("events").column("created_at").execute();
}
