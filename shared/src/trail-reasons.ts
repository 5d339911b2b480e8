/**
 * The words by which a trail says why a step did not go well: one table, word → what it means. They stay the same from
 * version to version, so a host may count them. A hospital's own text is never one of them.
 */

/** Word → what it means, for whoever reads a trail. */
export const TRAIL_REASONS = {
  // before the portal
  source_not_offered: "The source was retired, or no registration matches it any more",
  too_many_attempts: "The link was opened more often than a session allows",
  link_expired: "The link was opened after its time, or after it had done its work",
  other_browser: "It came in another browser than the one that the session is bound to",
  other_patient: "Another patient was logged in at the app",
  discovery_no_endpoints: "The hospital's server names no authorization or token endpoint",
  discovery_no_s256: "The hospital's server does not offer PKCE with S256",
  discovery_blocked_endpoint: "The hospital's server names an endpoint that must not be called",
  discovery_blocked_url: "The source's address is none that may be called",
  discovery_blocked_address: "The hospital's name leads to an address that must not be called",
  discovery_unknown_host: "The hospital's name is not known to the DNS",
  discovery_unreachable: "The hospital's server could not be reached",
  discovery_timeout: "The hospital's server did not answer in time",
  discovery_too_large: "The hospital's server answered with far too much",
  discovery_too_many_redirects: "The hospital's server sent the request on and on",
  // at the portal and back
  abandoned: "Nobody came back from the portal",
  no_code: "The portal sent the patient back with neither a code nor an error",
  issuer_mismatch: "The answer names another issuer than the hospital's, or none where one was promised",
  no_login: "Nobody was logged in at the app when the patient came back",
  code_too_old: "The login was seen too late for the code",
  access_denied: "The patient, or the portal for them, said no",
  unnamed_error: "The hospital named an error that is none of OAuth's",
  // what OAuth and OpenID Connect name
  invalid_request: "The hospital calls the request malformed",
  invalid_scope: "The hospital does not give a scope that was asked",
  invalid_client: "The hospital does not know the app, or not its proof",
  invalid_grant: "The hospital does not take the code or the refresh token",
  invalid_target: "The hospital does not take the FHIR base that was named",
  unauthorized_client: "The hospital does not let this app do this",
  unsupported_grant_type: "The hospital does not offer this kind of grant",
  unsupported_response_type: "The hospital does not offer the code flow",
  server_error: "The hospital's server had a fault",
  temporarily_unavailable: "The hospital's server is out of service for a while",
  login_required: "The portal wants a sign-in that it did not ask for",
  consent_required: "The portal wants a consent that it did not ask for",
  interaction_required: "The portal wants something of the patient that it did not ask for",
  account_selection_required: "The portal wants an account chosen that it did not ask for",
  // the token endpoint
  incomplete: "A code, a state or a verifier was missing",
  registration_gone: "The app's registration for this source is no longer configured",
  client_method_not_supported: "The server does not take the way in which the app proves itself",
  token_endpoint_foreign: "The token endpoint stands on another host than the sign-in page, and no profile allows it",
  unreadable: "The answer could not be read",
  unknown_host: "The server's name is not known to the DNS",
  unreachable: "The server could not be reached",
  timeout: "The server did not answer in time",
  blocked_url: "The address is none that may be called",
  blocked_address: "The name leads to an address that must not be called",
  too_large: "The answer was far too large",
  too_many_redirects: "The request was sent on and on",
  id_token_absent: "The source must send an id_token, and did not",
  id_token_unreadable: "The id_token could not be read",
  id_token_algorithm: "The id_token is signed in a way that proves nothing",
  id_token_signature: "The id_token is signed by somebody else",
  id_token_iss: "The id_token is another issuer's",
  id_token_aud: "The id_token was made for another app",
  id_token_azp: "The id_token was made for another app",
  id_token_nonce: "The id_token was made for another sign-in",
  // what was granted, and to whom
  no_data_access_granted: "No records were granted",
  no_patient: "The grant does not say whose records it opens",
  several_patients: "The grant opens the records of more than one patient",
  patient_mismatch: "The records are another patient's than before",
  // renewing
  response_lost: "Two refreshes were sent whose answers never came",
  // ours
  fault: "Something failed on our side; the log says more",
} as const;

/** A word of the table, or `http_503` and `discovery_http_503`: the status that a server answered with. */
export type TrailReason = keyof typeof TRAIL_REASONS | `http_${number}` | `discovery_http_${number}`;

/** The word itself where it is one of ours; else `unnamed_error`, so that nothing else gets into a trail. */
export function trailReason(word: string): TrailReason {
  const ours = Object.hasOwn(TRAIL_REASONS, word) || /^(discovery_)?http_\d{3}$/.test(word);
  return ours ? (word as TrailReason) : "unnamed_error";
}
