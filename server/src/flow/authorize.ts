/**
 * Opens a session's url. Takes the session, the source and what discovery finds; leaves an attempt (the state's hash, the
 * sealed verifier, a snapshot of all that was sent) and sends the browser to the portal.
 */
import type { ErrorCode } from "../../../shared/src/errors.ts";
import type { TrailReason } from "../../../shared/src/trail-reasons.ts";
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import { type Arrival, endInFailure, finishSession, type Outcome, returnFailure } from "../outcome.ts";
import { readSessionToken } from "../session-url.ts";
import { type AuthorizationSnapshot, authorizationRequest } from "../smart/authorization-request.ts";
import { redirectUri, registrationFor } from "../smart/registration.ts";
import type { SourceProfile } from "../smart/source-profile.ts";
import { countAttempts, findLatestAttempt, insertAttempt } from "../store/attempts.ts";
import { bindSession, findSession, sessionStatus } from "../store/patient-sessions.ts";
import type { AttemptRow, PatientSessionRow } from "../store/schema.ts";
import { sha256 } from "../store/token-vault.ts";
import { type NewStep, placeOf, recordFailureOnce, recordSteps } from "../trail.ts";

const ATTEMPTS_A_SESSION = 10;
const ATTEMPT_LIFE_MS = 60 * 60 * 1000;

/**
 * @param token of the session's url
 * @param arrival its `browser_hash` is that of the cookie the browser has or is about to get
 */
export async function authorize(context: Context, token: string, arrival: Arrival): Promise<Outcome> {
  const session_id = readSessionToken(context, token);
  const session = session_id === null ? undefined : await findSession(context.db, session_id);
  if (!session) return { to: "page", page: "unknown_link" };
  const refuse = async (code: ErrorCode, reason: TrailReason, outcome: Outcome): Promise<Outcome> => {
    const at = { session_id: session.id, attempt_id: null };
    await recordFailureOnce(context, context.db, at, "opened", code, reason);
    return outcome;
  };
  const otherBrowser = () => refuse("oauth_state_expired", "other_browser", { to: "page", page: "other_browser" });
  if (session.browser_hash !== null && session.browser_hash !== arrival.browser_hash) return otherBrowser();
  const now = context.clock();
  // Before anything that names the session's patient: a return URL does.
  if (arrival.patient_id !== null && arrival.patient_id !== session.patient_id) {
    return refuse("patient_access_denied", "other_patient", { to: "page", page: "other_patient" });
  }
  const expired = returnFailure(session, "session_expired");
  if (sessionStatus(session, now) !== "open") return refuse("session_expired", "link_expired", expired);
  if ((await countAttempts(context.db, session.id)) >= ATTEMPTS_A_SESSION) {
    await context.db.transaction().execute((tx) => finishSession(context, tx, session));
    return refuse("session_expired", "too_many_attempts", expired);
  }
  return (await attempt(context, session, arrival.browser_hash)) ?? otherBrowser();
}

/** Null where the session was bound to another browser meanwhile. */
async function attempt(
  context: Context,
  session: PatientSessionRow,
  browser_hash: string | null,
): Promise<Outcome | null> {
  const now = context.clock();
  const id = context.ids.next("att");
  const row: AttemptRow = {
    id,
    session_id: session.id,
    source_id: session.source_id ?? "",
    status: "pending",
    // No state has this for its hash.
    state_hash: id,
    state_taken_at: null,
    sealed_verifier: null,
    sealed_code: null,
    snapshot: "{}",
    failure_code: null,
    failure_at: null,
    connection_id: null,
    created_at: now,
    expires_at: Math.min(session.expires_at, now + ATTEMPT_LIFE_MS),
  };
  const insert = (steps: readonly NewStep[]): Promise<boolean> =>
    context.db.transaction().execute(async (tx) => {
      const unbound = session.browser_hash === null && browser_hash !== null;
      if (unbound && !(await bindSession(tx, session.id, browser_hash))) return false;
      await insertAttempt(tx, row);
      await recordSteps(context, tx, placeOf(row), steps);
      return true;
    });
  const opened: NewStep = { step: "opened", outcome: "ok" };
  try {
    const request = await requestFor(context, session);
    row.state_hash = sha256(request.state);
    row.sealed_verifier = context.vault.seal(request.secrets, { table: "attempts", id: row.id, column: "verifier" });
    row.snapshot = JSON.stringify(request.snapshot);
    const host = new URL(request.snapshot.configuration.authorization_endpoint).host;
    if (!(await insert([opened, { step: "redirected", outcome: "ok", detail: { host } }]))) return null;
    return { to: "url", url: request.url };
  } catch (thrown) {
    if (!(thrown instanceof ConnectError)) throw thrown;
    if (thrown.reason?.startsWith("discovery_")) {
      const { code, reason } = thrown;
      context.logger.warn({ code, reason, source_id: row.source_id }, "A hospital's server cannot be used");
    }
    if (!(await insert([opened]))) return null;
    return endInFailure(context, session, row.id, thrown.code, thrown.reason ?? thrown.code);
  }
}

async function requestFor(context: Context, session: PatientSessionRow) {
  const { configuration } = context;
  const source = session.source_id === null ? undefined : await context.catalog.get(session.source_id);
  const registration = source && registrationFor(configuration.registrations, source);
  if (!source?.fhir_base_url || !registration || !context.offered(source)) {
    throw new ConnectError("resource_not_found", { reason: "source_not_offered" });
  }
  const profile = context.profiles.of(source, registration.profile);
  return authorizationRequest({
    configuration: await context.discovery.discover(source.fhir_base_url),
    profile,
    registration: registration.key,
    client: { ...registration.credentials, basic_encoding: profile.basic_encoding },
    redirect_uri: redirectUri(configuration.publicUrl, registration.redirect_path),
    plan: (await fallsBack(context, session, profile)) ? "fallback" : "whole",
    fhir_base_url: source.fhir_base_url,
  });
}

// A server that refused the whole plan is asked for less the next time, and again where it gave that; one that refused
// even less is asked for the whole again. The patient makes each of these tries, so that nothing goes round by itself.
async function fallsBack(context: Context, session: PatientSessionRow, profile: SourceProfile): Promise<boolean> {
  if (!profile.scopes_fallback || session.source_id === null) return false;
  const latest = await findLatestAttempt(context.db, session.patient_id, session.source_id, "invalid_scope");
  if (!latest) return false;
  const { plan } = JSON.parse(latest.snapshot) as Partial<AuthorizationSnapshot>;
  return plan === "fallback" ? latest.status === "connected" : latest.failed_so;
}
