/**
 * What comes next after each code of the error registry. Apart from it, because a page that only has to choose its words pays
 * for nothing else.
 */

/** What comes next: try again, start a new session, connect again, mend the set-up, or wait. */
export type NextStep = "retry" | "new_session" | "reconnect" | "fix_setup" | "wait";

/** The codes after which trying again is not what helps. */
const CODES: Partial<Record<NextStep, string>> = {
  new_session: "not_authenticated session_expired patient_access_denied oauth_state_expired resource_not_found",
  fix_setup: "forbidden bad_request payload_too_large method_not_allowed external_id_already_exists config_missing",
  wait: "throttled internal_error db_error",
  reconnect: "token_unavailable",
};

/** What comes next after a code; `retry` for one that is not known, so that a newer server's words still lead somewhere. */
export function nextStep(code: string): NextStep {
  const steps = Object.keys(CODES) as NextStep[];
  return steps.find((step) => CODES[step]?.split(" ").includes(code)) ?? "retry";
}
