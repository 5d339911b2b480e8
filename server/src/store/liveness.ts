/**
 * Whether the servers of the catalog answer: written by `mb-connect probe`, read by the catalog. Beside what a probe found
 * stands how often patients got through, from the attempts of the last thirty days.
 */
import { setImmediate } from "node:timers/promises";
import { sql } from "kysely";
import { ERRORS } from "../../../shared/src/errors.ts";
import type { Db } from "./database.ts";
import type { SourceLivenessRow } from "./schema.ts";

/** What is known of a FHIR base URL. */
export interface Liveness {
  state: SourceLivenessRow["state"];
  /** Connected among the attempts that the patient saw through, 0 to 1; null where they are too few to say. */
  success_rate: number | null;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Attempts from so far back count. */
const COUNTED_DAYS = 30;
/** Fewer than this many attempts tell nothing of a server. */
const ENOUGH_ATTEMPTS = 5;
/** Rows read between two pauses. */
const SLICE = 1000;
/** The codes of attempts that failed by the hospital's doing, not by the patient's, the host's or the operator's. */
const THE_HOSPITALS = Object.entries(ERRORS).flatMap(([code, { actor }]) => (actor === "hospital" ? [code] : []));

/** The form of a FHIR base URL that liveness is kept under: without a slash at its end. */
export function livenessKey(fhir_base_url: string): string {
  return fhir_base_url.replace(/\/+$/, "");
}

/**
 * What is known of all FHIR base URLs, read in slices; one that is not there was never checked nor tried.
 *
 * @param now milliseconds since 1970
 * @returns by `livenessKey`
 */
export async function readLiveness(db: Db, now: number): Promise<Map<string, Liveness>> {
  const found = new Map<string, Liveness>();
  for (let after = ""; ; ) {
    const rows = await db
      .selectFrom("source_liveness")
      .select(["fhir_base_url", "state"])
      .where("fhir_base_url", ">", after)
      .orderBy("fhir_base_url")
      .limit(SLICE)
      .execute();
    for (const { fhir_base_url, state } of rows) found.set(fhir_base_url, { state, success_rate: null });
    const last = rows.at(-1);
    if (!last || rows.length < SLICE) break;
    after = last.fhir_base_url;
    await setImmediate();
  }
  for (const [fhir_base_url, success_rate] of await readSuccessRates(db, now)) {
    found.set(fhir_base_url, { state: found.get(fhir_base_url)?.state ?? "unknown", success_rate });
  }
  return found;
}

/** Every mark, by `livenessKey`. */
export async function readMarks(db: Db): Promise<Map<string, SourceLivenessRow>> {
  const rows = await db.selectFrom("source_liveness").selectAll().execute();
  return new Map(rows.map((row) => [row.fhir_base_url, row]));
}

/** Keeps a mark in the place of the one before. */
export async function keepMark(db: Db, row: SourceLivenessRow): Promise<void> {
  await db
    .insertInto("source_liveness")
    .values(row)
    .onConflict((conflict) => conflict.column("fhir_base_url").doUpdateSet(row))
    .execute();
}

/** By FHIR base URL, over all sources that have it. */
async function readSuccessRates(db: Db, now: number): Promise<Map<string, number>> {
  const bySource = await countEnded(db, now);
  const byBase = new Map<string, Count>();
  const ids = [...bySource.keys()];
  for (let at = 0; at < ids.length; at += SLICE) {
    const sources = await db
      .selectFrom("sources")
      .select(["id", "fhir_base_url"])
      .where("id", "in", ids.slice(at, at + SLICE))
      .where("fhir_base_url", "is not", null)
      .$narrowType<{ fhir_base_url: string }>()
      .execute();
    for (const { id, fhir_base_url } of sources) add(byBase, livenessKey(fhir_base_url), bySource.get(id));
    await setImmediate();
  }
  const enough = [...byBase].filter(([, { ended }]) => ended >= ENOUGH_ATTEMPTS);
  return new Map(enough.map(([base, { connected, ended }]) => [base, connected / ended]));
}

interface Count {
  connected: number;
  ended: number;
}

/** By source; read day by day, so that many attempts hold nobody up. */
async function countEnded(db: Db, now: number): Promise<Map<string, Count>> {
  const counts = new Map<string, Count>();
  for (let from = now - COUNTED_DAYS * DAY_MS; from <= now; from += DAY_MS) {
    const rows = await db
      .selectFrom("attempts")
      .select(["source_id", sql<number>`sum(case status when 'connected' then 1 else 0 end)`.as("connected")])
      .select((eb) => eb.fn.countAll().as("ended"))
      .where("created_at", ">=", from)
      .where("created_at", "<", from + DAY_MS)
      // Written as the index has it, so that its pages alone are read.
      .where(sql<boolean>`status in ('connected', 'failed')`)
      .where((eb) => eb.or([eb("failure_code", "is", null), eb("failure_code", "in", THE_HOSPITALS)]))
      .groupBy("source_id")
      .execute();
    for (const { source_id, connected, ended } of rows) {
      add(counts, source_id, { connected: Number(connected), ended: Number(ended) });
    }
    await setImmediate();
  }
  return counts;
}

function add(counts: Map<string, Count>, key: string, more: Count = { connected: 0, ended: 0 }): void {
  const { connected, ended } = counts.get(key) ?? { connected: 0, ended: 0 };
  counts.set(key, { connected: connected + more.connected, ended: ended + more.ended });
}
