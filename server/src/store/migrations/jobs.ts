/** The queue. */
import { type Kysely, PostgresAdapter, sql } from "kysely";

/** On Postgres pg-boss keeps the jobs and installs its own tables; it cannot keep serial keys. */
export async function jobs(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  if (db.getExecutor().adapter instanceof PostgresAdapter) {
    await schema
      .createTable("job_serial_keys")
      .addColumn("serial_key", "text", (c) => c.primaryKey())
      .addColumn("job_id", "text", (c) => c.notNull())
      .addColumn("leased_until", "bigint", (c) => c.notNull())
      .execute();
    return;
  }
  await schema
    .createTable("jobs")
    // Never given twice, so that a late worker cannot take a newer job for its own.
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("payload", "text", (c) => c.notNull())
    .addColumn("dedupe_key", "text")
    .addColumn("serial_key", "text")
    .addColumn("run_at", "bigint", (c) => c.notNull())
    .addColumn("attempts", "integer", (c) => c.notNull())
    .addColumn("lease", "text")
    .addColumn("leased_until", "bigint")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("last_error", "text")
    .addColumn("failed_at", "bigint")
    .execute();
  await schema
    .createIndex("jobs_due")
    .on("jobs")
    .columns(["run_at", "id"])
    .where(sql.ref("failed_at"), "is", null)
    .execute();
  await schema
    .createIndex("jobs_running")
    .on("jobs")
    .columns(["serial_key", "leased_until"])
    .where(sql.ref("leased_until"), "is not", null)
    .execute();
  await schema
    .createIndex("jobs_waiting")
    .unique()
    .on("jobs")
    .columns(["name", "dedupe_key"])
    .where(sql.ref("lease"), "is", null)
    .where(sql.ref("failed_at"), "is", null)
    .execute();
}
