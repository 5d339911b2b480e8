/**
 * Practitioners, organizations, places and medications that records refer to, read one by one when the searches are done.
 * They explain the records and are not the patient's: one that cannot be read is nothing amiss.
 */
import { type PageRecord, readSingle } from "../fhir/page.ts";
import { mayReadOne } from "../smart/scopes.ts";
import { countCompanions, writePull } from "../store/pulls.ts";
import { settleReference, settleReferencesOf, waitForReference } from "../store/references.ts";
import type { ReferenceFoundRow } from "../store/schema.ts";
import { type Answer, ask, type Pulling } from "./reading.ts";
import { keep } from "./search.ts";

const TRIES = 3;
const FIRST_PAUSE_MS = 2000;

/** A reference that was asked for. */
export interface Asked {
  reference: ReferenceFoundRow;
  answer: Exclude<Answer, { outcome: "later" }>;
}

/** Ends those that the granted scopes do not open. */
export async function dropUngranted(pulling: Pulling, waiting: readonly ReferenceFoundRow[]): Promise<void> {
  const scopes = JSON.parse(pulling.connection.scopes) as string[];
  const types = new Set(waiting.map(({ type }) => type).filter((type) => !mayReadOne(scopes, type)));
  if (types.size === 0) return;
  await pulling.context.db.transaction().execute(async (tx) => {
    await writePull(tx, pulling.run, {});
    for (const type of types) await settleReferencesOf(tx, pulling.connection.id, type);
  });
}

/** Asks for one of them. */
export function askForReference(pulling: Pulling, { type, fhir_id }: ReferenceFoundRow): Promise<Answer> {
  return ask(pulling, new URL(`${type}/${fhir_id}`, pulling.subject.base));
}

/**
 * Writes what became of those that were asked for, in one transaction.
 *
 * @returns when those that the server failed to answer may be asked for again; null where there are none
 */
export async function writeReferences(pulling: Pulling, asked: readonly Asked[]): Promise<number | null> {
  const { context, run, connection } = pulling;
  const now = context.clock();
  let again: number | null = null;
  await context.db.transaction().execute(async (tx) => {
    await writePull(tx, run, {});
    const byHops = new Map<number, PageRecord[]>();
    for (const { reference, answer } of asked) {
      const record = recordOf(pulling, reference, answer);
      if (record) {
        byHops.set(reference.hops, [...(byHops.get(reference.hops) ?? []), record]);
      } else if (answer.outcome === "fault" && !answer.lasting && reference.tries + 1 < TRIES) {
        await waitForReference(tx, reference, reference.tries + 1);
        // Full jitter, so that a server that fails is asked slowly.
        again = Math.max(again ?? 0, now + Math.ceil(Math.random() * FIRST_PAUSE_MS * 2 ** reference.tries));
      } else {
        await settleReference(tx, reference, "failed");
        if (answer.outcome === "answer" && answer.status === 403) {
          await settleReferencesOf(tx, connection.id, reference.type);
        }
      }
    }
    // What is kept is noted as read.
    for (const [hops, records] of byHops) {
      const added = await keep(pulling, tx, records, hops + 1);
      await countCompanions(tx, connection.id, added, now);
    }
  });
  return again;
}

function recordOf(pulling: Pulling, { type, fhir_id }: ReferenceFoundRow, answer: Asked["answer"]): PageRecord | null {
  if (answer.outcome !== "answer" || answer.status < 200 || answer.status >= 300) return null;
  const record = readSingle(answer.bytes, pulling.subject, false);
  return record?.type === type && record.fhir_id === fhir_id ? record : null;
}
