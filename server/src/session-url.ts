/** The patient-facing url of a session: its id and a keyed hash of it. Nothing of it is stored, and the id alone opens nothing. */
import { ENDPOINTS } from "../../shared/src/endpoints.ts";
import type { Context } from "./context.ts";

const PURPOSE = "patient-session url";

/** The url that a patient's browser is sent to. */
export function sessionUrl(context: Context, session_id: string): string {
  const token = `${session_id}.${context.vault.sign(PURPOSE, session_id)}`;
  return context.configuration.publicUrl + ENDPOINTS.connect.replace(":token", token);
}

/** The session id of a url's token, or null where we did not make it. */
export function readSessionToken(context: Context, token: string): string | null {
  const [session_id = "", signature = ""] = token.split(".");
  return /^ps_[0-9A-Z]{26}$/.test(session_id) && context.vault.verify(PURPOSE, session_id, signature)
    ? session_id
    : null;
}
