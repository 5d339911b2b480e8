/** Webhooks, the events that they hear of, and each delivery of one to the other. */
import type { Kysely } from "kysely";

/** Makes the tables of the webhooks. */
export async function webhooks(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("webhooks")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("url", "text", (c) => c.notNull())
    .addColumn("types", "text")
    .addColumn("description", "text")
    .addColumn("sealed_secret", "text", (c) => c.notNull())
    .addColumn("sealed_previous_secret", "text")
    .addColumn("previous_until", "bigint")
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("disabled_at", "bigint")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createTable("events")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("patient_id", "text", (c) => c.references("patients.id").onDelete("cascade"))
    .addColumn("body", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await schema.createIndex("events_created").on("events").column("created_at").execute();
  await schema
    .createTable("deliveries")
    .addColumn("webhook_id", "text", (c) => c.notNull().references("webhooks.id").onDelete("cascade"))
    .addColumn("event_id", "text", (c) => c.notNull().references("events.id").onDelete("cascade"))
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("attempts", "integer", (c) => c.notNull())
    .addColumn("next_at", "bigint")
    .addColumn("answered", "text")
    .addColumn("delivered_at", "bigint")
    .addPrimaryKeyConstraint("deliveries_pk", ["webhook_id", "event_id"])
    .execute();
  await schema.createIndex("deliveries_event").on("deliveries").column("event_id").execute();
}
