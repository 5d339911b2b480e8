/** How a step that a browser takes can end: on its way to the portal, back at the host, or on a page of our own. */
import { ERRORS, type ErrorCode } from "../../shared/src/errors.ts";
import { buildReturnUrl } from "../../shared/src/return-url.ts";
import type { Context } from "./context.ts";
import { recordEvent } from "./events.ts";
import { failAttempt, findAttempt } from "./store/attempts.ts";
import type { Db } from "./store/database.ts";
import { completeSession } from "./store/patient-sessions.ts";
import type { AttemptRow, PatientSessionRow } from "./store/schema.ts";
import { recordFailure } from "./trail.ts";
import { failedConnectionView } from "./views/connection.ts";
import { retrieveSession } from "./views/patient-session.ts";

/** The pages of our own. None of them shows an id, and none redirects by itself but `continue`. */
export type PageName = "unknown_link" | "other_browser" | "other_patient" | "unknown_sign_in" | "continue";

export type Outcome =
  | { to: "url"; url: string }
  | { to: "page"; page: PageName /** The one link that the page offers instead of the host's home. */; link?: string };

/** What a browser brings with it: the binding cookie's hash, and who the host says is logged in. */
export interface Arrival {
  /** SHA-256 of the cookie, or null where there is none. */
  browser_hash: string | null;
  /** The host's id of the logged-in patient, or null. */
  patient_id: string | null;
}

/** Back to the host with a source connected. */
export function returnSuccess(session: PatientSessionRow, attempt: AttemptRow): Outcome {
  const url = buildReturnUrl(session.return_url, {
    success: true,
    patient_id: session.patient_id,
    patient_session_id: session.id,
    connection_id: attempt.source_id,
  });
  return { to: "url", url };
}

/** Back to the host without. */
export function returnFailure(session: PatientSessionRow, code: ErrorCode): Outcome {
  const url = buildReturnUrl(session.return_url, {
    success: false,
    patient_id: session.patient_id,
    patient_session_id: session.id,
    error: code,
    error_description: ERRORS[code].message,
  });
  return { to: "url", url };
}

/**
 * Ends an attempt and with it the session, and sends the patient back.
 *
 * @param reason why, as a word of the trail's table
 */
export async function endInFailure(
  context: Context,
  session: PatientSessionRow,
  attempt_id: string,
  code: ErrorCode,
  reason: string,
): Promise<Outcome> {
  await context.db.transaction().execute(async (tx) => {
    const attempt = { id: attempt_id, session_id: session.id, patient_id: session.patient_id };
    if (await failWithReason(context, tx, attempt, code, reason)) await finishSession(context, tx, session);
  });
  return returnFailure(session, code);
}

/** Fails an attempt, with its step in the trail and its event; false where it has ended already. */
export async function failWithReason(
  context: Context,
  tx: Db,
  attempt: Pick<AttemptRow, "id" | "session_id"> & { patient_id: string },
  code: ErrorCode,
  reason: string,
): Promise<boolean> {
  const { id, session_id, patient_id } = attempt;
  if (!(await failAttempt(tx, id, code, context.clock()))) return false;
  await recordFailure(context, tx, { session_id, attempt_id: id }, "failed", code, reason);
  const object = async () => failedConnectionView((await findAttempt(tx, id)) as AttemptRow, patient_id);
  await recordEvent(context, tx, { type: "connection.failed", patient_id, object });
  return true;
}

/** Ends a session, whatever came of it, with its event; nothing where it has ended already. */
export async function finishSession(
  context: Context,
  tx: Db,
  { id, patient_id }: Pick<PatientSessionRow, "id" | "patient_id">,
): Promise<void> {
  if (!(await completeSession(tx, id, context.clock()))) return;
  const object = () => retrieveSession({ ...context, db: tx }, id);
  await recordEvent(context, tx, { type: "patient_session.completed", patient_id, object });
}
