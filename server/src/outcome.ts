/** How a step that a browser takes can end: on its way to the portal, back at the host, or on a page of our own. */
import { ERRORS, type ErrorCode } from "../../shared/src/errors.ts";
import { buildReturnUrl } from "../../shared/src/return-url.ts";
import type { Context } from "./context.ts";
import { failAttempt } from "./store/attempts.ts";
import { completeSession } from "./store/patient-sessions.ts";
import type { AttemptRow, PatientSessionRow } from "./store/schema.ts";
import { recordFailure } from "./trail.ts";

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
    const now = context.clock();
    if (!(await failAttempt(tx, attempt_id, code, now))) return;
    await completeSession(tx, session.id, now);
    await recordFailure(context, tx, { session_id: session.id, attempt_id }, "failed", code, reason);
  });
  return returnFailure(session, code);
}
