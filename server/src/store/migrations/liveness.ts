/** How each FHIR base URL of the catalog answered when it was last checked, and the look-up of attempts by how they ended. */
import { type Kysely, sql } from "kysely";

/** Makes the table of the checks. */
export async function liveness(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("source_liveness")
    .addColumn("fhir_base_url", "text", (c) => c.primaryKey())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("reason", "text")
    .addColumn("since", "bigint", (c) => c.notNull())
    .addColumn("failures", "integer", (c) => c.notNull())
    .addColumn("failing_since", "bigint")
    .addColumn("checked_at", "bigint", (c) => c.notNull())
    .execute();
  // Of attempts that have ended, so that one under way pays nothing for it.
  await schema
    .createIndex("attempts_ended")
    .on("attempts")
    .columns(["created_at", "source_id", "status", "failure_code"])
    .where(sql<boolean>`status in ('connected', 'failed')`)
    .execute();
}
