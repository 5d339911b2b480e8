/** What was discovered of the sources' servers: the last answer that was believed, and a change that was refused. */
import type { Db } from "./database.ts";
import type { DiscoveredRow } from "./schema.ts";

/** The row of a FHIR base URL without a slash at its end; undefined where nothing was discovered yet. */
export function findDiscovered(db: Db, fhir_base_url: string): Promise<DiscoveredRow | undefined> {
  return db.selectFrom("discovered").selectAll().where("fhir_base_url", "=", fhir_base_url).executeTakeFirst();
}

/** Keeps an answer that is believed; a change that was refused before is then taken back. */
export async function keepDiscovered(
  db: Db,
  row: Pick<DiscoveredRow, "fhir_base_url" | "document" | "etag" | "last_modified" | "checked_at">,
): Promise<void> {
  const kept = { ...row, refused_document: null, refused_for: null, refused_at: null };
  await db
    .insertInto("discovered")
    .values(kept)
    .onConflict((conflict) => conflict.column("fhir_base_url").doUpdateSet(kept))
    .execute();
}

/** Keeps a change that is refused beside the answer that stays in use. */
export async function refuseDiscovered(
  db: Db,
  fhir_base_url: string,
  refused: { document: string; refused_for: string; now: number },
): Promise<void> {
  const { document: refused_document, refused_for, now } = refused;
  await db
    .updateTable("discovered")
    .set({ refused_document, refused_for, refused_at: now, checked_at: now })
    .where("fhir_base_url", "=", fhir_base_url)
    .execute();
}

/** The changes that are refused, the newest first. */
export function listRefused(db: Db): Promise<DiscoveredRow[]> {
  return db
    .selectFrom("discovered")
    .selectAll()
    .where("refused_document", "is not", null)
    .orderBy("refused_at", "desc")
    .execute();
}

/**
 * Accepts the refused change of a FHIR base URL, with or without a slash at its end. Hosts that run take it up when they
 * next ask that server, within the hour.
 *
 * @returns false where there is none, or it is an endpoint where nothing is let out to
 */
export async function acceptDiscovered(db: Db, fhir_base_url: string): Promise<boolean> {
  const accepted = await db
    .updateTable("discovered")
    .set((row) => ({
      document: row.ref("refused_document").$notNull(),
      etag: null,
      last_modified: null,
      checked_at: 0,
      refused_document: null,
      refused_for: null,
      refused_at: null,
    }))
    .where("fhir_base_url", "=", fhir_base_url.replace(/\/+$/, ""))
    .where("refused_document", "is not", null)
    .where("refused_for", "!=", "endpoint_blocked")
    .executeTakeFirst();
  return accepted.numUpdatedRows === 1n;
}
