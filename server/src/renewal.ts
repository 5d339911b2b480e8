/**
 * The renewal of a connection's access: one refresh, exclusive over all processes, journalled before it is sent and stored
 * before its access token is used. Reads a connection; leaves it with new tokens, or ended, or put off, and the job that
 * looks at it next.
 *
 * @see RFC 9700 section 4.14
 */
import { randomUUID } from "node:crypto";
import type { ErrorCode } from "../../shared/src/errors.ts";
import type { Context } from "./context.ts";
import { recordEvent } from "./events.ts";
import type { AuthorizationSnapshot } from "./smart/authorization-request.ts";
import { type ClientCredentials, isBesideSignIn } from "./smart/client-authentication.ts";
import { credentialsOf } from "./smart/registration.ts";
import { revokeTokens } from "./smart/revocation.ts";
import { compareScopes } from "./smart/scopes.ts";
import { type RefreshAnswer, type RefreshedTokens, refreshTokens } from "./smart/token-refresh.ts";
import { AT_REST, accessEndsAt, endConnection, findConnection, type RefreshState } from "./store/connections.ts";
import type { Db } from "./store/database.ts";
import { type Begun, beginRefresh, finishRefresh, LEASE_MS, putOffRefresh, takeTurn } from "./store/refreshes.ts";
import type { ConnectionRow } from "./store/schema.ts";
import { recordRefresh } from "./trail.ts";
import { untilDone } from "./unfinished.ts";
import { connectionView } from "./views/connection.ts";

const DAY_MS = 86_400_000;
/**
 * The growing pause: while the hospital is out of order, while it does not know the app, and before the one retry of a token
 * that may be spent, which an outage must not use up.
 */
const PAUSE_MS = {
  later: { first: 5_000, longest: 3_600_000 },
  misconfigured: { first: 5_000, longest: DAY_MS },
  unanswered: { first: 900_000, longest: 3_600_000 },
};

/**
 * What came of a renewal. `ended`: the connection has ended, or has other tokens by now. `busy`: another one is under way.
 * `later`: not before then.
 */
export type Renewal =
  | { outcome: "renewed" }
  | { outcome: "ended" }
  | { outcome: "busy"; at: number }
  | { outcome: "later"; at: number; reason: string };

/** A connection's tokens, as they lie in the vault. */
export interface StoredTokens {
  access_token: string;
  refresh_token: string | null;
}

/** Opens a connection's tokens; null where they are forgotten. */
export function openTokens(context: Context, { id, sealed_tokens }: ConnectionRow): StoredTokens | null {
  return sealed_tokens === null ? null : context.vault.open<StoredTokens>(sealed_tokens, tokensOf(id));
}

function tokensOf(id: string) {
  return { table: "connections", id, column: "tokens" } as const;
}

type Schedule = Pick<ConnectionRow, "snapshot" | "last_refreshed_at" | "renewable" | "access_expires_at" | "extras"> &
  Partial<RefreshState>;

/**
 * When a connection is to be looked at: at the end of its access; before that at half the time that its refresh token may
 * lie idle, since each use of one that rotates is a risk; or when a refresh that came to nothing may be tried again.
 */
export function refreshDue(row: Schedule): number {
  const { profile } = JSON.parse(row.snapshot) as AuthorizationSnapshot;
  const keepAlive = (row.last_refreshed_at ?? 0) + (profile.refresh.idle_days * DAY_MS) / 2;
  const again = row.refused_refreshes ? row.refresh_after : row.unanswered_refreshes ? row.lease_until : null;
  return Math.min(accessEndsAt(row), again ?? keepAlive);
}

/** Makes sure that the job waits which looks at a connection when it is due, or at another time. */
export async function scheduleRefresh(context: Context, db: Db, connection_id: string, runAt: number): Promise<void> {
  await context.jobs.enqueue(db, { name: "refresh", payload: { connection_id }, runAt, dedupeKey: connection_id });
}

/**
 * Renews a connection's access, unless another process is at it. Once the request is sent nothing stops this before its end
 * is written; `close` waits for it.
 *
 * @param row of an active connection that can be renewed
 */
export function renew(context: Context, row: ConnectionRow): Promise<Renewal> {
  return untilDone(context, renewOnce(context, row));
}

async function renewOnce(context: Context, row: ConnectionRow): Promise<Renewal> {
  const { db, configuration } = context;
  const now = context.clock();
  if (row.refresh_after !== null && row.refresh_after > now) {
    return { outcome: "later", at: row.refresh_after, reason: "put_off" };
  }
  const snapshot = JSON.parse(row.snapshot) as AuthorizationSnapshot;
  const client = credentialsOf(configuration.registrations, snapshot);
  const tokens = openTokens(context, row);
  if (!client || !tokens?.refresh_token) {
    report(context, row, client ? "no_refresh_token" : "registration_gone");
    return { outcome: "later", at: now + PAUSE_MS.misconfigured.longest, reason: "registration_gone" };
  }
  const { per_minute } = snapshot.profile.refresh;
  if (per_minute !== null) {
    const at = await takeTurn(db, new URL(snapshot.configuration.token_endpoint).host, per_minute, now);
    if (at > now) return { outcome: "later", at, reason: "host_pace" };
  }
  const begun: Begun = { id: row.id, token_generation: row.token_generation, lease_owner: randomUUID() };
  // From here on what was read before counts for nothing: another's refresh of the same tokens may have come between.
  const claimed = await beginRefresh(db, begun, now);
  if (!claimed) return { outcome: "busy", at: now + LEASE_MS };
  const refresh: Refresh = { context, row: claimed, begun, snapshot: JSON.parse(claimed.snapshot), client };
  // Sent twice before this one and never heard of: a third time would be a replay at a server that rotates.
  if (claimed.unanswered_refreshes > 2) {
    return end(refresh, "token_unavailable", "response_lost", { ...tokens });
  }
  const { refresh_token } = tokens;
  const scopes = JSON.parse(claimed.scopes) as string[];
  const answer = await refreshTokens(context.door, { ...refresh, refresh_token, scopes, now });
  if (answer.outcome === "refreshed") return keep(refresh, { ...answer.tokens, old: refresh_token });
  if (answer.outcome === "dead") return end(refresh, "token_unavailable", answer.reason, null);
  if (answer.outcome === "unusable") {
    const { access_token, refresh_token: newer } = answer.tokens;
    return end(refresh, "token_unavailable", answer.reason, { access_token, refresh_token: newer ?? refresh_token });
  }
  return putOff(refresh, answer);
}

/** A refresh under way. */
interface Refresh {
  context: Context;
  row: ConnectionRow;
  begun: Begun;
  snapshot: AuthorizationSnapshot;
  client: ClientCredentials;
}

async function keep(refresh: Refresh, answer: RefreshedTokens & { old: string }): Promise<Renewal> {
  const { context, row, begun, snapshot, client } = refresh;
  const tokens = { access_token: answer.access_token, refresh_token: answer.refresh_token ?? answer.old };
  if (answer.patient !== null && answer.patient !== row.fhir_patient_id) {
    return end(refresh, "patient_mismatch", "patient_mismatch", tokens);
  }
  const now = context.clock();
  const scopes = answer.scope === undefined ? null : compareScopes(snapshot.scopes, answer.scope);
  const refreshed = {
    snapshot: row.snapshot,
    sealed_tokens: context.vault.seal(tokens, tokensOf(row.id)),
    access_expires_at: now + answer.expires_in * 1000,
    scopes: scopes ? JSON.stringify(scopes.granted) : row.scopes,
    not_granted: scopes ? JSON.stringify(scopes.not_granted) : row.not_granted,
    extras: answer.extras ? JSON.stringify({ ...JSON.parse(row.extras ?? "{}"), ...answer.extras }) : row.extras,
    refresh_after: now + snapshot.profile.refresh.min_interval_s * 1000,
  };
  const kept = await context.db.transaction().execute(async (tx) => {
    if (!(await finishRefresh(tx, begun, refreshed, now))) return false;
    await recordRefresh(context, tx, row, "ok");
    const due = refreshDue({ ...row, ...AT_REST, ...refreshed, last_refreshed_at: now });
    await scheduleRefresh(context, tx, row.id, due);
    return true;
  });
  if (kept) return { outcome: "renewed" };
  // The patient disconnected meanwhile, or is deleted: what just came must not live on at the hospital. A connection that
  // was made anew is another grant, and this one is left alone lest the hospital takes both for one.
  if ((await findConnection(context.db, row.id))?.status !== "active") {
    await revokeTokens(context.door, { snapshot, client, ...tokens });
  }
  return { outcome: "ended" };
}

/** Ends the connection as `refresh_failed` and forgets its tokens, revoking those that may still be good. */
async function end(
  { context, row, begun, snapshot, client }: Refresh,
  failure_code: ErrorCode,
  reason: string,
  revocable: StoredTokens | null,
): Promise<Renewal> {
  await context.db.transaction().execute(async (tx) => {
    const now = context.clock();
    if (!(await endConnection(tx, begun, { status: "refresh_failed", failure_code }, now, begun.lease_owner))) return;
    await recordRefresh(context, tx, row, reason, failure_code);
    const { id, patient_id } = row;
    const object = async () => ({ ...connectionView((await findConnection(tx, id)) as ConnectionRow), patient_id });
    await recordEvent(context, tx, { type: "connection.token_refresh_failed", patient_id, object });
  });
  report(context, row, reason);
  if (revocable) await revokeTokens(context.door, { snapshot, client, ...revocable });
  return { outcome: "ended" };
}

/** Leaves the connection as it is, and the next try to a job. */
async function putOff(refresh: Refresh, answer: RefreshAnswer & { outcome: keyof typeof PAUSE_MS }): Promise<Renewal> {
  const { context, row, begun } = refresh;
  const { outcome, reason } = answer;
  const refused = row.refused_refreshes + 1;
  const { first, longest } = PAUSE_MS[outcome];
  const pause = Math.min(first * 2 ** Math.min(refused, 20), longest);
  const asked = outcome === "later" ? answer.wait : 0;
  // Full jitter, so that those whom one outage refused do not come back together; what the hospital asked comes first.
  const at = Math.ceil(context.clock() + asked + Math.max(first / 5, Math.random() * pause));
  if (outcome === "misconfigured") report(context, row, reason);
  const snapshot = outcome === "misconfigured" ? await anew(refresh) : row.snapshot;
  await context.db.transaction().execute(async (tx) => {
    // Only this one is struck from the journal: a token that may be spent stays so, whatever is refused after.
    const unanswered_refreshes = row.unanswered_refreshes - (outcome === "unanswered" ? 0 : 1);
    const put = { refresh_after: at, refused_refreshes: refused, unanswered_refreshes, snapshot };
    if (await putOffRefresh(tx, begun, put)) await scheduleRefresh(context, tx, row.id, at);
  });
  return { outcome: "later", at, reason };
}

/** The snapshot with what the server says of itself by now. A move to another origin is discovery's to believe or not. */
async function anew({ context, row, snapshot }: Refresh): Promise<string> {
  const configuration = await context.discovery.rediscover(snapshot.fhir_base_url).catch(() => null);
  const renewed = configuration && ({ ...snapshot, configuration } satisfies AuthorizationSnapshot);
  const fits = renewed && isBesideSignIn(renewed.configuration.token_endpoint, renewed);
  return fits ? JSON.stringify(renewed) : row.snapshot;
}

function report(context: Context, { id, source_id }: ConnectionRow, reason: string): void {
  context.logger.error({ connection_id: id, source_id, reason }, "A connection could not be refreshed");
}
