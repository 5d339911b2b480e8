/** Sources, patients, sessions, attempts, connections, their trail, and the audit. */
import { type Kysely, PostgresAdapter, sql } from "kysely";

/** Makes the tables of the main path: search, session, authorize, callback, refresh, disconnect. */
export async function mainPath(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;

  await schema
    .createTable("sources")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("brand", "text")
    .addColumn("brand_identifier", "text")
    .addColumn("aliases", "text", (c) => c.notNull())
    .addColumn("places", "text")
    .addColumn("city", "text")
    .addColumn("state", "text")
    .addColumn("zip", "text")
    .addColumn("vendor", "text")
    .addColumn("type", "text")
    .addColumn("fhir_base_url", "text")
    .addColumn("fhir_version", "text")
    .addColumn("portal_url", "text")
    .addColumn("portal_name", "text")
    .addColumn("logo_url", "text")
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createTable("catalog_lists")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("sources", "bigint", (c) => c.notNull())
    .addColumn("imported_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createTable("catalog_list_sources")
    .addColumn("list", "text", (c) => c.notNull())
    .addColumn("source_id", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("catalog_list_sources_pk", ["source_id", "list"])
    .execute();
  await schema
    .createTable("catalog_version")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("version", "bigint", (c) => c.notNull())
    .execute();

  await schema
    .createTable("patients")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("name", "text")
    .addColumn("email", "text")
    .addColumn("metadata", "text")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createTable("patient_sessions")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("patient_id", "text", (c) => c.notNull().references("patients.id").onDelete("cascade"))
    .addColumn("source_id", "text")
    .addColumn("recommended_source_ids", "text", (c) => c.notNull())
    .addColumn("return_url", "text", (c) => c.notNull())
    .addColumn("return_button_label", "text")
    .addColumn("metadata", "text")
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("browser_hash", "text")
    .addColumn("bound_by", "text")
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("completed_at", "bigint")
    .execute();
  await schema.createIndex("patient_sessions_patient").on("patient_sessions").columns(["patient_id", "id"]).execute();
  await schema
    .createTable("attempts")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("session_id", "text", (c) => c.notNull().references("patient_sessions.id").onDelete("cascade"))
    .addColumn("source_id", "text", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("state_hash", "text", (c) => c.notNull().unique())
    .addColumn("state_taken_at", "bigint")
    .addColumn("sealed_verifier", "text")
    .addColumn("sealed_code", "text")
    .addColumn("snapshot", "text", (c) => c.notNull())
    .addColumn("failure_code", "text")
    .addColumn("failure_at", "bigint")
    .addColumn("connection_id", "text")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .execute();
  await schema.createIndex("attempts_session").on("attempts").columns(["session_id", "id"]).execute();
  await schema.createIndex("attempts_status").on("attempts").columns(["status", "expires_at"]).execute();
  await schema.createIndex("patient_sessions_browser").on("patient_sessions").column("browser_hash").execute();
  await schema
    .createTable("connections")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("patient_id", "text", (c) => c.notNull().references("patients.id").onDelete("cascade"))
    .addColumn("source_id", "text", (c) => c.notNull())
    .addColumn("session_id", "text")
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("scopes", "text", (c) => c.notNull())
    .addColumn("not_granted", "text", (c) => c.notNull())
    .addColumn("fhir_base_url", "text", (c) => c.notNull())
    .addColumn("fhir_patient_id", "text", (c) => c.notNull())
    .addColumn("patient_from", "text", (c) => c.notNull())
    .addColumn("identity", "text", (c) => c.notNull())
    .addColumn("snapshot", "text", (c) => c.notNull())
    .addColumn("sealed_tokens", "text")
    .addColumn("access_expires_at", "bigint")
    .addColumn("renewable", "integer", (c) => c.notNull())
    .addColumn("extras", "text")
    .addColumn("token_generation", "integer", (c) => c.notNull())
    .addColumn("lease_owner", "text")
    .addColumn("lease_until", "bigint")
    .addColumn("unanswered_refreshes", "integer", (c) => c.notNull())
    .addColumn("refused_refreshes", "integer", (c) => c.notNull())
    .addColumn("refresh_after", "bigint")
    .addColumn("failure_code", "text")
    .addColumn("failure_at", "bigint")
    .addColumn("last_refreshed_at", "bigint")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .addUniqueConstraint("connections_patient_source", ["patient_id", "source_id"])
    .execute();
  await schema
    .createTable("token_hosts")
    .addColumn("host", "text", (c) => c.primaryKey())
    .addColumn("paid_until", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createTable("discovered")
    .addColumn("fhir_base_url", "text", (c) => c.primaryKey())
    .addColumn("document", "text", (c) => c.notNull())
    .addColumn("etag", "text")
    .addColumn("last_modified", "text")
    .addColumn("checked_at", "bigint", (c) => c.notNull())
    .addColumn("refused_document", "text")
    .addColumn("refused_for", "text")
    .addColumn("refused_at", "bigint")
    .execute();
  await schema
    .createTable("trail")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("session_id", "text", (c) => c.notNull().references("patient_sessions.id").onDelete("cascade"))
    .addColumn("attempt_id", "text")
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("step", "text", (c) => c.notNull())
    .addColumn("outcome", "text", (c) => c.notNull())
    .addColumn("code", "text")
    .addColumn("detail", "text")
    .execute();
  await schema.createIndex("trail_session").on("trail").columns(["session_id", "id"]).execute();
  await audit(db);
}

/** New rows only: the database refuses to change one, to delete one, and to put another in its place. */
async function audit(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("audit")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("action", "text", (c) => c.notNull())
    .addColumn("actor", "text", (c) => c.notNull())
    .addColumn("subject", "text")
    .addColumn("patient", "text")
    .addColumn("detail", "text")
    .execute();
  if (db.getExecutor().adapter instanceof PostgresAdapter) {
    await sql`create function mb_audit_refuse() returns trigger language plpgsql as $$
      begin raise exception 'the audit takes new rows only'; end $$`.execute(db);
    for (const [name, event, each] of [
      ["update", "update or delete", "row"],
      ["truncate", "truncate", "statement"],
    ]) {
      const trigger = `create trigger audit_no_${name} before ${event} on audit for each ${each} execute function mb_audit_refuse()`;
      await sql.raw(trigger).execute(db);
    }
    return;
  }
  for (const [name, event] of [
    ["update", "update on audit"],
    ["delete", "delete on audit"],
    // `insert or replace` deletes without firing the trigger above.
    ["replace", "insert on audit when exists (select 1 from audit where id = new.id)"],
  ]) {
    const refuse = "begin select raise(abort, 'the audit takes new rows only'); end";
    await sql.raw(`create trigger audit_no_${name} before ${event} ${refuse}`).execute(db);
  }
}
