/**
 * The patient comes back from the portal. Takes the state once, checks the browser and the host's login before any token
 * request, exchanges the code, finds the FHIR patient; leaves attempt, connection, session `complete` and the pull that is
 * due, in one transaction, and sends the browser to the host's return URL.
 *
 * @see RFC 6749 section 4.1.2; RFC 9700 sections 2.1 and 4.7
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ErrorCode } from "../../../shared/src/errors.ts";
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import { findPatient } from "../fhir/patient.ts";
import { type Arrival, endInFailure, type Outcome, returnFailure, returnSuccess } from "../outcome.ts";
import { refreshDue, scheduleRefresh } from "../renewal.ts";
import { type AuthorizationSecrets, type AuthorizationSnapshot, issuerFits } from "../smart/authorization-request.ts";
import type { ClientCredentials } from "../smart/client-authentication.ts";
import { credentialsOf, redirectUri } from "../smart/registration.ts";
import { revokeTokens } from "../smart/revocation.ts";
import { compareScopes, type GrantedScopes } from "../smart/scopes.ts";
import { exchangeCode, type TokenAnswer } from "../smart/token-exchange.ts";
import {
  connectAttempt,
  failAttempt,
  findAttempt,
  findAttemptByState,
  findPendingAttempt,
  takeHeldCode,
  takeState,
} from "../store/attempts.ts";
import { findConnectionAt, type Grant, insertConnection, renewConnection } from "../store/connections.ts";
import { completeSession, findSession, sessionStatus } from "../store/patient-sessions.ts";
import type { AttemptRow, PatientSessionRow } from "../store/schema.ts";
import { sha256 } from "../store/token-vault.ts";
import { type NewStep, recordFailure, recordFailureOnce, recordStep, recordSteps } from "../trail.ts";
import { untilDone } from "../unfinished.ts";

/** Codes live about a minute at the hospital; one held longer than this is dropped. */
const HELD_CODE_MS = 45_000;
/** How long a second arrival of one callback waits for the first to end. */
const SETTLE_MS = 20_000;

const UNKNOWN: Outcome = { to: "page", page: "unknown_sign_in" };

/** A code on its way to the token endpoint. */
interface HeldCode {
  code: string;
  state: string;
}

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
      if (!(await failAttempt(tx, attempt.id, "session_expired", now))) return;
      await recordFailure(context, tx, placeOf(attempt), "failed", "session_expired", "link_expired");
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
    const sealed_code = context.vault.seal({ code, state } satisfies HeldCode, heldPlace(attempt.id));
    if (!(await take(context, attempt, { status: "held", sealed_code }, arrivalSteps(query, "held")))) {
      return settled(context, session, attempt.id);
    }
    return continuePage(context, attempt.id);
  }
  if (!(await take(context, attempt, { status: "exchanging" }, arrivalSteps(query, "code")))) {
    return settled(context, session, attempt.id);
  }
  return finish(context, session, attempt, { code, state });
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
  const held = context.vault.open<HeldCode>(attempt.sealed_code, heldPlace(attempt.id));
  if (context.clock() - (attempt.state_taken_at ?? 0) > HELD_CODE_MS) {
    return endInFailure(context, session, attempt.id, "session_expired", "code_too_old");
  }
  if (!(await takeHeldCode(context.db, attempt.id))) return settled(context, session, attempt.id);
  return finish(context, session, attempt, held);
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

const placeOf = ({ id, session_id }: AttemptRow) => ({ session_id, attempt_id: id });

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

/** From a code that is ours alone to the end of the attempt. What fails on our side ends it too, and is thrown on. */
async function finish(
  context: Context,
  session: PatientSessionRow,
  attempt: AttemptRow,
  held: HeldCode,
): Promise<Outcome> {
  try {
    return await untilDone(context, exchange(context, session, attempt, held));
  } catch (thrown) {
    // The link stays open for another try. Where the database is what failed this fails as well, and the lapse is left.
    if (await failAttempt(context.db, attempt.id, "internal_error", context.clock()).catch(() => false)) {
      await recordFailure(context, context.db, placeOf(attempt), "failed", "internal_error", "fault");
    }
    throw thrown;
  }
}

async function exchange(
  context: Context,
  session: PatientSessionRow,
  attempt: AttemptRow,
  held: HeldCode,
): Promise<Outcome> {
  const snapshot = JSON.parse(attempt.snapshot) as AuthorizationSnapshot;
  const fail = (code: ErrorCode, reason: string) => endInFailure(context, session, attempt.id, code, reason);
  const client = credentialsOf(context.configuration.registrations, snapshot);
  if (!client || attempt.sealed_verifier === null) return fail("config_missing", "registration_gone");
  let token: TokenAnswer;
  try {
    const place = { table: "attempts", id: attempt.id, column: "verifier" } as const;
    const secrets = context.vault.open<AuthorizationSecrets>(attempt.sealed_verifier, place);
    token = await exchangeCode(context.door, {
      snapshot,
      secrets,
      client,
      ...held,
      keys: context.issuerKeys,
      now: context.clock(),
    });
  } catch (thrown) {
    if (!(thrown instanceof ConnectError)) throw thrown;
    // The endpoint may have moved: the next sign-in starts from what the server says by then.
    if (["invalid_client", "client_method_not_supported", "http_404"].includes(thrown.reason ?? "")) {
      await context.discovery.rediscover(snapshot.fhir_base_url).catch(() => {});
    }
    return fail(thrown.code, thrown.reason ?? thrown.code);
  }
  try {
    return await keepGrant(context, session, attempt, { snapshot, client, token });
  } catch (thrown) {
    // What could not be kept must not stay open at the hospital with nobody to end it.
    await revokeTokens(context.door, { snapshot, client, ...token });
    throw thrown;
  }
}

/** A grant as the hospital gave it. */
interface Granted {
  snapshot: AuthorizationSnapshot;
  client: ClientCredentials;
  token: TokenAnswer;
}

/** Finds whose records a grant opens and keeps it, or revokes it and says why. */
async function keepGrant(
  context: Context,
  session: PatientSessionRow,
  attempt: AttemptRow,
  { snapshot, client, token }: Granted,
): Promise<Outcome> {
  const at = placeOf(attempt);
  const fail = (code: ErrorCode, reason: string) => endInFailure(context, session, attempt.id, code, reason);
  const revoke = async (): Promise<void> => {
    const outcome = await revokeTokens(context.door, { snapshot, client, ...token });
    await recordStep(context, context.db, at, "revoked", outcome);
  };

  const scopes = compareScopes(snapshot.scopes, token.scope);
  await recordStep(context, context.db, at, "exchange", "ok", {
    detail: {
      identity: token.identity,
      renewable: token.refresh_token !== null,
      not_granted: scopes.not_granted.length,
    },
  });
  if (!scopes.clinical) {
    await revoke();
    return fail("oauth_error", "no_data_access_granted");
  }
  const found = await findPatient(context.door, {
    fhir_base_url: snapshot.fhir_base_url,
    access_token: token.access_token,
    patient: token.patient,
    fhirUser: token.claims?.fhirUser,
    patient_from: snapshot.profile.patient_from,
  });
  if (found.fhir_patient_id === null) {
    await revoke();
    return fail("oauth_error", found.reason);
  }

  if (!(await connect(context, session, attempt, { snapshot, token, scopes, ...found }))) {
    await revoke();
    return fail("patient_mismatch", "patient_mismatch");
  }
  return returnSuccess(session, attempt);
}

interface Connected extends Pick<Grant, "fhir_patient_id" | "patient_from"> {
  snapshot: AuthorizationSnapshot;
  token: TokenAnswer;
  scopes: GrantedScopes;
}

/** Writes the end of a good attempt, all of it or nothing; false where the connection is another FHIR patient's. */
async function connect(
  context: Context,
  session: PatientSessionRow,
  attempt: AttemptRow,
  { snapshot, token, scopes, fhir_patient_id, patient_from }: Connected,
): Promise<boolean> {
  const now = context.clock();
  const { patient_id } = session;
  const { source_id } = attempt;
  const grant = (connection_id: string): Grant => ({
    session_id: session.id,
    status: "active",
    scopes: JSON.stringify(scopes.granted),
    not_granted: JSON.stringify(scopes.not_granted),
    fhir_base_url: snapshot.fhir_base_url,
    fhir_patient_id,
    patient_from,
    identity: token.identity,
    snapshot: attempt.snapshot,
    sealed_tokens: context.vault.seal(
      { access_token: token.access_token, refresh_token: token.refresh_token },
      { table: "connections", id: connection_id, column: "tokens" },
    ),
    access_expires_at: now + token.expires_in * 1000,
    renewable: token.refresh_token === null ? 0 : 1,
    extras: token.extras && JSON.stringify(token.extras),
    failure_code: null,
    failure_at: null,
    last_refreshed_at: now,
    updated_at: now,
  });
  return context.db.transaction().execute(async (tx) => {
    await recordStep(context, tx, placeOf(attempt), "patient", patient_from);
    let id = context.ids.next("conn");
    let written = grant(id);
    if (!(await insertConnection(tx, { id, patient_id, source_id, created_at: now, ...written }))) {
      const standing = await findConnectionAt(tx, patient_id, source_id);
      if (!standing || standing.fhir_patient_id !== fhir_patient_id) return false;
      id = standing.id;
      written = grant(id);
      await renewConnection(tx, id, written);
    }
    if (!(await connectAttempt(tx, attempt.id, id))) throw new Error("The attempt has ended already");
    await completeSession(tx, session.id, now);
    await recordStep(context, tx, placeOf(attempt), "connected", "ok");
    await context.jobs.enqueue(tx, {
      name: "pull",
      payload: { connection_id: id },
      dedupeKey: id,
      serialKey: id,
    });
    await scheduleRefresh(context, tx, id, refreshDue(written));
    return true;
  });
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
