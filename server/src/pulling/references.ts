/**
 * Practitioners, organizations, places and medications that records refer to, read one by one when the searches are done.
 * They explain the records and are not the patient's: one that cannot be read is nothing amiss.
 */
import { readSingle } from "../fhir/page.ts";
import { mayReadOne } from "../smart/scopes.ts";
import { countCompanions, writePull } from "../store/pulls.ts";
import { settleReference, settleReferencesOf, waitForReference } from "../store/references.ts";
import type { ReferenceFoundRow } from "../store/schema.ts";
import { ask, type Pulling } from "./reading.ts";
import { keep } from "./search.ts";

const TRIES = 3;

/** Ends those that the granted scopes do not open. */
export async function dropUngranted(pulling: Pulling, waiting: readonly ReferenceFoundRow[]): Promise<void> {
  const scopes = JSON.parse(pulling.connection.scopes) as string[];
  const types = new Set(waiting.map(({ type }) => type).filter((type) => !mayReadOne(scopes, type)));
  for (const type of types) {
    await pulling.context.db.transaction().execute(async (tx) => {
      await writePull(tx, pulling.run, {});
      await settleReferencesOf(tx, pulling.connection.id, type);
    });
  }
}

/**
 * Reads one of them.
 *
 * @returns when to ask again, or null where it is done with
 */
export async function readReference(pulling: Pulling, reference: ReferenceFoundRow): Promise<number | null> {
  const { context, run, subject } = pulling;
  const { connection_id, type, fhir_id, hops } = reference;
  const answer = await ask(pulling, new URL(`${type}/${fhir_id}`, subject.base));
  if (answer.outcome === "later") return answer.at;
  return context.db.transaction().execute(async (tx) => {
    await writePull(tx, run, {});
    if (answer.outcome === "fault") {
      const tries = reference.tries + 1;
      if (answer.lasting || tries >= TRIES) await settleReference(tx, reference, "failed");
      else await waitForReference(tx, reference, tries);
      // A jitter of its own, so that a server that is down is asked slowly.
      return answer.lasting ? null : context.clock() + Math.ceil(Math.random() * 2000 * 2 ** tries);
    }
    const good = answer.status >= 200 && answer.status < 300;
    const record = good ? readSingle(answer.bytes, subject, false) : null;
    if (record && record.type === type && record.fhir_id === fhir_id) {
      const added = await keep(pulling, tx, [record], hops + 1);
      await countCompanions(tx, connection_id, added, context.clock());
      await settleReference(tx, reference, "read");
    } else if (answer.status === 403) {
      await settleReferencesOf(tx, connection_id, type);
    } else {
      await settleReference(tx, reference, "failed");
    }
    return null;
  });
}
