/**
 * The error registry: every code that mb-connect answers, throws, stores on a row or puts on a return URL, with its
 * type, its HTTP status, who can act and what comes next. Nothing else in the product decides these. The element
 * chooses its words by what comes next, so a new code needs no new screen.
 */
import { type NextStep, nextStep } from "./next-steps.ts";

export type { NextStep };

/** Who can do something about it. */
export type Actor = "patient" | "host" | "hospital" | "operator";

/** The families of the error envelope. */
export type ErrorType =
  | "authentication_error"
  | "permission_error"
  | "invalid_request_error"
  | "not_found_error"
  | "conflict_error"
  | "rate_limit_error"
  | "ehr_error"
  | "api_error";

export interface ErrorEntry {
  readonly type: ErrorType;
  /** HTTP status of an answer that carries this code. */
  readonly status: number;
  readonly actor: Actor;
  readonly next: NextStep;
  /** One fixed sentence; no text of a hospital's or a caller's ever takes its place on a return URL. */
  readonly message: string;
}

const entry = (type: ErrorType, status: number, actor: Actor, message: string): Omit<ErrorEntry, "next"> => ({
  type,
  status,
  actor,
  message,
});

const CODES = {
  not_authenticated: entry("authentication_error", 401, "patient", "Nobody is signed in to this app"),
  session_expired: entry("authentication_error", 401, "patient", "The link to connect has expired"),
  forbidden: entry("permission_error", 403, "host", "This request did not come from the app's own pages"),
  patient_access_denied: entry("permission_error", 403, "patient", "Somebody else is signed in"),
  bad_request: entry("invalid_request_error", 400, "host", "The request is not valid"),
  payload_too_large: entry("invalid_request_error", 413, "host", "The request body is too large"),
  method_not_allowed: entry("invalid_request_error", 405, "host", "This route does not take this method"),
  oauth_state_expired: entry("invalid_request_error", 400, "patient", "This sign-in is not known here"),
  resource_not_found: entry("not_found_error", 404, "host", "There is no such thing here"),
  external_id_already_exists: entry("conflict_error", 409, "host", "A patient with this id exists already"),
  throttled: entry("rate_limit_error", 429, "patient", "Too many requests"),
  user_denied: entry("ehr_error", 502, "patient", "Patient canceled the connection"),
  oauth_error: entry("ehr_error", 502, "hospital", "The hospital's sign-in did not complete"),
  token_exchange_failed: entry("ehr_error", 502, "hospital", "The hospital did not confirm the access"),
  token_unavailable: entry("ehr_error", 502, "patient", "The access to these records has ended"),
  patient_mismatch: entry("ehr_error", 502, "patient", "The records belong to another patient than before"),
  internal_error: entry("api_error", 500, "operator", "Something went wrong on our side"),
  db_error: entry("api_error", 500, "operator", "The database did not answer"),
  config_missing: entry("api_error", 500, "operator", "The set-up is not complete"),
} as const satisfies Record<string, Omit<ErrorEntry, "next">>;

/** A code of the registry. */
export type ErrorCode = keyof typeof CODES;

/** code → what it means. */
export const ERRORS = Object.fromEntries(
  Object.entries(CODES).map(([code, known]) => [code, { ...known, next: nextStep(code) }]),
) as Readonly<Record<ErrorCode, ErrorEntry>>;

/** What the registry says of a code; a code it does not hold reads as `oauth_error`, so that a newer server's words still lead somewhere. */
export function errorEntry(code: string): ErrorEntry {
  return Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode] : ERRORS.oauth_error;
}

/** The body of every answer that is not 2xx. */
export interface ErrorEnvelope {
  error: {
    type: ErrorType;
    code: ErrorCode;
    message: string;
    /** The field at fault, as a dotted path, or null. */
    param: string | null;
    doc_url: string;
    request_id: string;
  };
}
