/**
 * The patient comes back from the portal. Takes the state once and checks the browser and the host's login before any token
 * request; what the code then brings is kept by `grant.ts`: attempt, connection, session `complete` and the pull that is due,
 * in one transaction. Sends the browser to the host's return URL.
 *
 * @see RFC 6749 section 4.1.2; RFC 9700 sections 2.1 and 4.7
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ErrorCode } from "../../../shared/src/errors.ts";
import type { Context } from "../context.ts";
import { type AuthorizationCode, acceptCode } from "../grant.ts";
import { type Arrival, endInFailure, failWithReason, type Outcome, returnFailure, returnSuccess } from "../outcome.ts";
import { type AuthorizationSnapshot, issuerFits } from "../smart/authorization-request.ts";
import { redirectUri } from "../smart/registration.ts";
import { findAttempt, findAttemptByState, findPendingAttempt, takeHeldCode, takeState } from "../store/attempts.ts";
import { findSession, sessionStatus } from "../store/patient-sessions.ts";
import type { AttemptRow, PatientSessionRow } from "../store/schema.ts";
import { sha256 } from "../store/token-vault.ts";
import { type NewStep, placeOf, recordFailureOnce, recordSteps } from "../trail.ts";

/** Codes live about a minute at the hospital; one held longer than this is dropped. */
const HELD_CODE_MS = 45_000;
/** How long a second arrival of one callback waits for the first to end. */
const SETTLE_MS = 20_000;

const UNKNOWN: Outcome = { to: "page", page: "unknown_sign_in" };

/**
 * `GET callback`.
 *
 * @param query as the portal wrote it
 * @param redirect_path the last segment of the address it came to, null for the one that registrations share
 */
export async function callback(
  context: Context,
  query: URLSearchParams,
  arrival: Arrival,
  redirect_path: string | null,
): Promise<Outcome> {
  if (["code", "state", "error", "iss"].some((name) => query.getAll(name).length > 1)) return UNKNOWN;
  const state = query.get("state");
  if (!state) return query.has("error") ? failWithoutState(context, query, arrival) : UNKNOWN;
  const attempt = await findAttemptByState(context.db, sha256(state));
  const session = attempt && (await findSession(context.db, attempt.session_id));
  if (!attempt || !session) return UNKNOWN;
  const stopped = checkArrival(session, arrival);
  if (stopped) {
    await recordStopped(context, session, attempt.id, stopped);
    return stopped;
  }
  if (attempt.status !== "pending") return settled(context, session, attempt.id);

  const now = context.clock();
  if (sessionStatus(session, now) !== "open" || attempt.expires_at <= now) {
    await context.db.transaction().execute(async (tx) => {
      const { patient_id } = session;
      await failWithReason(context, tx, { ...attempt, patient_id }, "session_expired", "link_expired");
    });
    return returnFailure(session, "session_expired");
  }
  const code = query.get("code");
  const arrivedAt = redirectUri(context.configuration.publicUrl, redirect_path);
  const refusal = refusalOf(query, JSON.parse(attempt.snapshot), arrivedAt);
  if (refusal || !code) {
    if (!(await take(context, attempt, { status: "exchanging" }, arrivalSteps(query, "refused")))) {
      return settled(context, session, attempt.id);
    }
    const { code: failure, reason } = refusal ?? { code: "oauth_error", reason: "no_code" };
    return endInFailure(context, session, attempt.id, failure, reason);
  }
  if (arrival.patient_id === null && session.bound_by !== "post") {
    const sealed_code = context.vault.seal({ code, state } satisfies AuthorizationCode, heldPlace(attempt.id));
    if (!(await take(context, attempt, { status: "held", sealed_code }, arrivalSteps(query, "held")))) {
      return settled(context, session, attempt.id);
    }
    return continuePage(context, attempt.id);
  }
  if (!(await take(context, attempt, { status: "exchanging" }, arrivalSteps(query, "code")))) {
    return settled(context, session, attempt.id);
  }
  return acceptCode(context, session, attempt, { code, state });
}

/**
 * `GET callback/continue`: the same-site step after a callback that showed no login.
 *
 * @param attempt_id as our own page linked it; it opens nothing without the bound browser
 */
export async function continueCallback(context: Context, attempt_id: string, arrival: Arrival): Promise<Outcome> {
  const attempt = await findAttempt(context.db, attempt_id);
  const session = attempt && (await findSession(context.db, attempt.session_id));
  if (!attempt || !session) return UNKNOWN;
  const stopped = checkArrival(session, arrival);
  if (attempt.status !== "held" || attempt.sealed_code === null)
    return stopped ?? settled(context, session, attempt.id);
  if (stopped) {
    // Another browser must not end what it does not own; another patient in this one ends it.
    if (stopped.page === "other_patient") {
      await endInFailure(context, session, attempt.id, "patient_access_denied", "other_patient");
    } else await recordStopped(context, session, attempt.id, stopped);
    return stopped;
  }
  if (arrival.patient_id === null) return endInFailure(context, session, attempt.id, "not_authenticated", "no_login");
  const held = context.vault.open<AuthorizationCode>(attempt.sealed_code, heldPlace(attempt.id));
  if (context.clock() - (attempt.state_taken_at ?? 0) > HELD_CODE_MS) {
    return endInFailure(context, session, attempt.id, "session_expired", "code_too_old");
  }
  if (!(await takeHeldCode(context.db, attempt.id))) return settled(context, session, attempt.id);
  return acceptCode(context, session, attempt, held);
}

/** A page for a browser or a login that is not the session's. */
interface Stopped {
  to: "page";
  page: "other_browser" | "other_patient";
}

function checkArrival(session: PatientSessionRow, arrival: Arrival): Stopped | null {
  if (arrival.browser_hash === null || arrival.browser_hash !== session.browser_hash) {
    return { to: "page", page: "other_browser" };
  }
  if (arrival.patient_id !== null && arrival.patient_id !== session.patient_id) {
    return { to: "page", page: "other_patient" };
  }
  return null;
}

// The attempt goes on for whom it belongs to; its trail says that somebody else came.
async function recordStopped(
  context: Context,
  session: PatientSessionRow,
  attempt_id: string,
  { page }: Stopped,
): Promise<void> {
  const code = page === "other_patient" ? "patient_access_denied" : "oauth_state_expired";
  await recordFailureOnce(context, context.db, { session_id: session.id, attempt_id }, "callback", code, page);
}

/** Takes the state with the steps that led to it, by one commit; false where another callback did. */
function take(
  context: Context,
  attempt: AttemptRow,
  to: Parameters<typeof takeState>[3],
  steps: readonly NewStep[],
): Promise<boolean> {
  return context.db.transaction().execute(async (tx) => {
    const taken = await takeState(tx, attempt.id, context.clock(), to);
    if (taken) await recordSteps(context, tx, placeOf(attempt), steps);
    return taken;
  });
}

/** What an answer says of what the patient did at the portal, and how it came. */
function arrivalSteps(query: URLSearchParams, outcome: "code" | "held" | "refused"): NewStep[] {
  const callback: NewStep = { step: "callback", outcome };
  if (query.get("error") === "access_denied") return [{ step: "consent", outcome: "declined" }, callback];
  if (query.has("error") || !query.has("code")) return [callback];
  return [{ step: "signed_in", outcome: "inferred" }, { step: "consent", outcome: "inferred" }, callback];
}

// Some portals send an error back without the state. The browser's own newest attempt is then taken to be meant; all that
// can come of it is that this attempt fails.
async function failWithoutState(context: Context, query: URLSearchParams, arrival: Arrival): Promise<Outcome> {
  const attempt =
    arrival.browser_hash === null ? undefined : await findPendingAttempt(context.db, arrival.browser_hash);
  const session = attempt && (await findSession(context.db, attempt.session_id));
  if (!attempt || !session || checkArrival(session, arrival)) return UNKNOWN;
  if (!(await take(context, attempt, { status: "exchanging" }, arrivalSteps(query, "refused")))) return UNKNOWN;
  const { code, reason } = errorOf(query);
  return endInFailure(context, session, attempt.id, code, reason);
}

/** Why a callback that carries our state leads to no token request, or null. An error wins over a code. */
function refusalOf(
  query: URLSearchParams,
  snapshot: AuthorizationSnapshot,
  arrivedAt: string,
): { code: ErrorCode; reason: string } | null {
  if (arrivedAt !== snapshot.redirect_uri || !issuerFits(snapshot, query.get("iss")))
    return { code: "oauth_error", reason: "issuer_mismatch" };
  return query.has("error") ? errorOf(query) : null;
}

function errorOf(query: URLSearchParams): { code: ErrorCode; reason: string } {
  const error = query.get("error") ?? "";
  if (error === "access_denied") return { code: "user_denied", reason: error };
  return { code: "oauth_error", reason: error };
}

/** The stored outcome of an attempt whose state was taken before; waits while it is still on its way. */
async function settled(context: Context, session: PatientSessionRow, attempt_id: string): Promise<Outcome> {
  for (let waited = 0; waited < SETTLE_MS; waited += 100) {
    const attempt = await findAttempt(context.db, attempt_id);
    if (attempt?.status === "connected") return returnSuccess(session, attempt);
    if (attempt?.status === "failed") return returnFailure(session, attempt.failure_code as ErrorCode);
    if (attempt?.status === "held") return continuePage(context, attempt_id);
    await delay(100);
  }
  return returnFailure(session, "token_exchange_failed");
}

function continuePage(context: Context, attempt_id: string): Outcome {
  const link = `${context.configuration.publicUrl}/callback/continue?attempt=${attempt_id}`;
  return { to: "page", page: "continue", link };
}

function heldPlace(id: string) {
  return { table: "attempts", id, column: "code" } as const;
}
