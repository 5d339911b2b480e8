/**
 * Starts a patient session. Takes who the host says the patient is and the source they chose; leaves a session, open, whose
 * url the browser is sent to.
 */
import { patientSessionInit } from "../../../shared/src/patient-session.ts";
import type { Context } from "../context.ts";
import { badRequest, ConnectError } from "../errors.ts";
import { insertSession } from "../store/patient-sessions.ts";
import { upsertPatient } from "../store/patients.ts";
import type { PatientSessionRow } from "../store/schema.ts";
import { recordStep } from "../trail.ts";

const DEFAULT_LIFE_SECONDS = 1800;

/**
 * @param input as `patientSessionInit` describes; unknown fields are refused
 * @param browser_hash of the browser that posted, where our own route did it for a logged-in patient; null where the
 *   session binds at its first opening
 * @throws {ConnectError} `bad_request` naming the field; `resource_not_found` for a source unknown or not offered
 */
export async function createSession(
  context: Context,
  input: unknown,
  browser_hash: string | null,
): Promise<PatientSessionRow> {
  const parsed = patientSessionInit.safeParse(input);
  if (!parsed.success) throw badRequest(parsed.error);
  const init = parsed.data;
  if (init.connection_id !== undefined && init.recommended_connection_ids !== undefined) {
    const message = "connection_id and recommended_connection_ids exclude one another: pass one or the other";
    throw new ConnectError("bad_request", { message, param: "connection_id" });
  }
  if (init.connection_id === undefined) {
    const message = "connection_id is missing: pass the id of the source that the patient chose";
    throw new ConnectError("bad_request", { message, param: "connection_id" });
  }
  const return_url = allowedReturnUrl(context, init.return_url);
  const source = await context.catalog.get(init.connection_id);
  if (!source || !context.offered(source)) {
    const message = "connection_id: no such source, or none that can be connected";
    throw new ConnectError("resource_not_found", { message, param: "connection_id" });
  }

  const now = context.clock();
  const session: PatientSessionRow = {
    id: context.ids.next("ps"),
    patient_id: init.patient_id,
    source_id: source.id,
    recommended_source_ids: "[]",
    return_url,
    return_button_label: init.return_button_label ?? null,
    metadata: init.metadata === undefined ? null : JSON.stringify(init.metadata),
    status: "open",
    browser_hash,
    bound_by: browser_hash === null ? null : "post",
    expires_at: now + (init.expires_in ?? DEFAULT_LIFE_SECONDS) * 1000,
    created_at: now,
    completed_at: null,
  };
  await context.db.transaction().execute(async (tx) => {
    await upsertPatient(tx, { id: init.patient_id, name: init.patient_name, email: init.patient_email }, now);
    await insertSession(tx, session);
    await recordStep(context, tx, { session_id: session.id, attempt_id: null }, "created", "ok");
  });
  return session;
}

// Origins are compared whole, and paths whole: a prefix would let `app.example.com.evil` through.
function allowedReturnUrl(context: Context, given: string): string {
  const refuse = (why: string): never => {
    throw new ConnectError("bad_request", { message: `return_url: ${why}`, param: "return_url" });
  };
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    return refuse("must be an absolute URL");
  }
  if (url.username || url.password || url.hash) refuse("takes no user info and no fragment");
  const { returnUrls } = context.configuration;
  if (!returnUrls.some(({ origin, pathname }) => origin === url.origin && pathname === url.pathname)) {
    refuse("is not in the list of returnUrls");
  }
  return url.href;
}
