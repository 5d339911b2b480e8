/**
 * The grant that a code stands for: exchanges it, finds whose records it opens, and keeps it or revokes it. Reads the attempt
 * and its snapshot; leaves attempt, connection, session `complete` and the jobs that are due, in one transaction.
 *
 * @see RFC 6749 section 4.1.3
 */
import type { ErrorCode } from "../../shared/src/errors.ts";
import type { Context } from "./context.ts";
import { ConnectError } from "./errors.ts";
import { findPatient } from "./fhir/patient.ts";
import { endInFailure, failWithReason, finishSession, type Outcome, returnSuccess } from "./outcome.ts";
import { requestPull } from "./pulling/schedule.ts";
import { refreshDue, scheduleRefresh } from "./renewal.ts";
import type { AuthorizationSecrets, AuthorizationSnapshot } from "./smart/authorization-request.ts";
import type { ClientCredentials } from "./smart/client-authentication.ts";
import { credentialsOf } from "./smart/registration.ts";
import { revokeTokens } from "./smart/revocation.ts";
import { compareScopes, type GrantedScopes } from "./smart/scopes.ts";
import { exchangeCode, type TokenAnswer } from "./smart/token-exchange.ts";
import { connectAttempt } from "./store/attempts.ts";
import { findConnectionAt, type Grant, insertConnection, renewConnection } from "./store/connections.ts";
import type { AttemptRow, PatientSessionRow } from "./store/schema.ts";
import { type NewStep, placeOf, recordStep, recordSteps } from "./trail.ts";
import { untilDone } from "./unfinished.ts";

/** A code on its way to the token endpoint. */
export interface AuthorizationCode {
  code: string;
  state: string;
}

/** From a code that is ours alone to the end of the attempt. What fails on our side ends it too, and is thrown on. */
export async function acceptCode(
  context: Context,
  session: PatientSessionRow,
  attempt: AttemptRow,
  held: AuthorizationCode,
): Promise<Outcome> {
  try {
    return await untilDone(context, exchange(context, session, attempt, held));
  } catch (thrown) {
    // The link stays open for another try. Where the database is what failed this fails as well, and the lapse is left.
    const failed = { ...attempt, patient_id: session.patient_id };
    await context.db
      .transaction()
      .execute((tx) => failWithReason(context, tx, failed, "internal_error", "fault"))
      .catch(() => false);
    throw thrown;
  }
}

async function exchange(
  context: Context,
  session: PatientSessionRow,
  attempt: AttemptRow,
  held: AuthorizationCode,
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
  const exchanged: NewStep = {
    step: "exchange",
    outcome: "ok",
    at: context.clock(),
    detail: {
      identity: token.identity,
      renewable: token.refresh_token !== null,
      not_granted: scopes.not_granted.length,
    },
  };
  if (!scopes.clinical) {
    await recordSteps(context, context.db, at, [exchanged]);
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
    await recordSteps(context, context.db, at, [exchanged]);
    await revoke();
    return fail("oauth_error", found.reason);
  }

  if (!(await connect(context, session, attempt, { snapshot, token, scopes, exchanged, ...found }))) {
    await revoke();
    return fail("patient_mismatch", "patient_mismatch");
  }
  return returnSuccess(session, attempt);
}

interface Connected extends Pick<Grant, "fhir_patient_id" | "patient_from"> {
  snapshot: AuthorizationSnapshot;
  token: TokenAnswer;
  scopes: GrantedScopes;
  /** The step that is not written yet. */
  exchanged: NewStep;
}

/** Writes the end of a good attempt, all of it or nothing; false where the connection is another FHIR patient's. */
async function connect(
  context: Context,
  session: PatientSessionRow,
  attempt: AttemptRow,
  { snapshot, token, scopes, exchanged, fhir_patient_id, patient_from }: Connected,
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
    const steps: NewStep[] = [exchanged, { step: "patient", outcome: patient_from }];
    let id = context.ids.next("conn");
    let written = grant(id);
    if (!(await insertConnection(tx, { id, patient_id, source_id, created_at: now, ...written }))) {
      const standing = await findConnectionAt(tx, patient_id, source_id);
      if (!standing || standing.fhir_patient_id !== fhir_patient_id) {
        await recordSteps(context, tx, placeOf(attempt), steps);
        return false;
      }
      id = standing.id;
      written = grant(id);
      await renewConnection(tx, id, written);
    }
    if (!(await connectAttempt(tx, attempt.id, id))) throw new Error("The attempt has ended already");
    await recordSteps(context, tx, placeOf(attempt), [...steps, { step: "connected", outcome: "ok" }]);
    await requestPull(context, tx, id, "connect");
    await scheduleRefresh(context, tx, id, refreshDue(written));
    await finishSession(context, tx, session);
    return true;
  });
}
