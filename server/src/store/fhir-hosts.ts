/** FHIR servers' hosts that asked to be left alone, or fail: kept, so that restarts and other workers heed it too. */
import { sql } from "kysely";
import type { Db } from "./database.ts";
import type { FhirHostRow } from "./schema.ts";

/** How a host stands; undefined where nothing was ever amiss. */
export function findFhirHost(db: Db, host: string): Promise<FhirHostRow | undefined> {
  return db.selectFrom("fhir_hosts").selectAll().where("host", "=", host).executeTakeFirst();
}

/** Leaves a host alone until a time, unless it is left alone for longer already. */
export async function pauseFhirHost(db: Db, host: string, paused_until: number): Promise<void> {
  await db
    .insertInto("fhir_hosts")
    .values({ host, paused_until, failures: 0 })
    .onConflict((conflict) =>
      conflict.column("host").doUpdateSet({ paused_until }).where("fhir_hosts.paused_until", "<", paused_until),
    )
    .execute();
}

/** Counts an answer of 5xx, or none, and answers how many there were in a row. */
export async function countFhirFailure(db: Db, host: string): Promise<number> {
  const { failures } = await db
    .insertInto("fhir_hosts")
    .values({ host, paused_until: 0, failures: 1 })
    .onConflict((conflict) => conflict.column("host").doUpdateSet({ failures: sql`fhir_hosts.failures + 1` }))
    .returning("failures")
    .executeTakeFirstOrThrow();
  return failures;
}

/** A good answer came: the host's failures are over. */
export async function forgetFhirFailures(db: Db, host: string): Promise<void> {
  await db.updateTable("fhir_hosts").set({ failures: 0 }).where("host", "=", host).execute();
}
