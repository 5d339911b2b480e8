/**
 * What a run has to hand over, cut into batches: type after type, each in the order in which its records changed. Reads
 * records; writes nothing.
 */
import type { Context } from "../context.ts";
import { withPatientIdentifier } from "../fhir/patient-identifier.ts";
import { bodiesIn, type Position, type Span, sizesIn, typesIn } from "../store/destinations.ts";
import { openBodies } from "../store/record-seal.ts";
import type { ConnectionRow } from "../store/schema.ts";
import type { Destination, HandedRecord } from "./destination.ts";
import { byHandOver } from "./order.ts";

/** The batches of a span. While it is read nothing comes to it; what changes meanwhile leaves it. */
export interface Batches {
  /** Where the batch ends that begins after a position; null where nothing is left. */
  endAfter(at: Position | null, limits: Destination["limits"]): Promise<Position | null>;
  /** The records after a position and up to another, as they are handed over. */
  between(at: Position | null, end: Position): Promise<HandedRecord[]>;
}

/** @param connection whose records the span holds */
export async function batchesOf(
  { db, vault }: Pick<Context, "db" | "vault">,
  connection: Pick<ConnectionRow, "patient_id" | "fhir_patient_id">,
  span: Span,
): Promise<Batches> {
  const types = (await typesIn(db, span)).sort(byHandOver);
  const typesFrom = (at: Position | null): string[] =>
    types.filter((type) => at === null || byHandOver(type, at.type) >= 0);
  const above = (at: Position | null, type: string): number => (type === at?.type ? at.seq : span.above);
  return {
    async endAfter(at, limits) {
      let [end, records, bytes] = [null as Position | null, 0, 0];
      for (const type of typesFrom(at)) {
        const sizes = await sizesIn(db, { ...span, above: above(at, type) }, type, limits.records - records);
        for (const { seq, bytes: size } of sizes) {
          if (records > 0 && bytes + size > limits.bytes) return end;
          end = { type, seq };
          records += 1;
          bytes += size;
        }
        if (records === limits.records) return end;
      }
      return end;
    },
    async between(at, end) {
      const records: HandedRecord[] = [];
      for (const type of typesFrom(at).filter((one) => byHandOver(one, end.type) <= 0)) {
        const until = type === end.type ? end.seq : span.until;
        const rows = await bodiesIn(db, { ...span, above: above(at, type), until }, type);
        for (const { fhir_id, body } of await openBodies(db, vault, rows)) {
          const themselves = type === "Patient" && fhir_id === connection.fhir_patient_id;
          const text = themselves ? withPatientIdentifier(body, connection.patient_id) : body;
          records.push({ type, fhir_id, text });
        }
      }
      return records;
    },
  };
}
