/**
 * The refresh of an access token, through openid-client, and what each answer of a hospital's means for the connection: of
 * its refusals `invalid_grant` alone ends it. Reads the snapshot of the grant; writes nothing.
 *
 * @see RFC 6749 section 6; SMART App Launch 2.2, "Use a refresh token"
 */
import * as client from "openid-client";
import { type Door, DoorError } from "../fetch.ts";
import { retryAfter } from "../retry-after.ts";
import type { AuthorizationSnapshot } from "./authorization-request.ts";
import type { ClientCredentials } from "./client-authentication.ts";
import { openidConfiguration } from "./token-exchange.ts";
import { lifeSeconds, readExtras, readPatientId, type SetAside, type TokenExtras } from "./token-response.ts";

/**
 * What came of a refresh. `dead`: the hospital says that the grant is over. `misconfigured`: it does not know the app, or
 * the endpoint is not there any more; the grant may well stand. `unusable`: tokens came in an answer that cannot be believed,
 * and the one sent may be spent for them. `unanswered`: a success that nobody can read, so it may be spent as well. `later`:
 * none of these, so the same again may work.
 */
export type RefreshAnswer =
  | { outcome: "refreshed"; tokens: RefreshedTokens }
  | { outcome: "dead"; reason: string }
  | { outcome: "misconfigured"; reason: string }
  | { outcome: "unusable"; reason: string; tokens: NonNullable<SetAside["tokens"]> }
  | { outcome: "unanswered"; reason: string }
  | { outcome: "later"; reason: string /** Milliseconds that the hospital asked to wait, or 0. */; wait: number };

/** The tokens of a refresh. */
export interface RefreshedTokens {
  access_token: string;
  /** Null where the answer has none: the old one stays good. */
  refresh_token: string | null;
  /** Seconds; 300 where the server said nothing, 24 hours at the most. */
  expires_in: number;
  /** As answered; undefined means as before. */
  scope: string | undefined;
  /** The FHIR patient that the answer names, or null. */
  patient: string | null;
  extras: TokenExtras | null;
}

/** What is known of the last answer, whatever openid-client made of it. */
interface Seen {
  /** Null before any answer. */
  status: number | null;
  retryAfter: string | null;
  tokens: SetAside["tokens"];
}

const LONGEST_WAIT_MS = 3_600_000;

/**
 * Refreshes. It is the caller's to make sure that nobody else does with the same token; once sent, it runs to its answer or
 * to openid-client's own 15 seconds.
 *
 * @param grant.scopes as granted; sent only where the profile says so, or where the server refuses the request without
 *   them: either way once more with the opposite after `invalid_scope`, and no further
 */
export async function refreshTokens(
  door: Door,
  grant: {
    snapshot: AuthorizationSnapshot;
    client: ClientCredentials;
    refresh_token: string;
    scopes: readonly string[];
    now: number;
  },
): Promise<RefreshAnswer> {
  const named = grant.snapshot.profile.refresh.scope === "granted";
  const answer = await refreshOnce(door, grant, named);
  return "reason" in answer && answer.reason === "invalid_scope" ? refreshOnce(door, grant, !named) : answer;
}

async function refreshOnce(
  door: Door,
  grant: Parameters<typeof refreshTokens>[1],
  withScope: boolean,
): Promise<RefreshAnswer> {
  const seen: Seen = { status: null, retryAfter: null, tokens: null };
  const watched: Door = {
    ...door,
    async request(url, init) {
      const response = await door.request(url, init).catch((thrown: unknown) => {
        if (thrown instanceof DoorError) seen.status = thrown.status;
        throw thrown;
      });
      seen.status = response.status;
      seen.retryAfter = response.headers.get("retry-after");
      return response;
    },
  };
  try {
    const server = await openidConfiguration(watched, grant.snapshot, grant.client, ({ tokens }) => {
      seen.tokens = tokens;
    });
    const scope = grant.scopes.join(" ");
    const answer = await client.refreshTokenGrant(server, grant.refresh_token, withScope && scope ? { scope } : {});
    return { outcome: "refreshed", tokens: readTokens(answer) };
  } catch (thrown) {
    return readFault(thrown, seen, grant.now);
  }
}

function readTokens(answer: client.TokenEndpointResponse): RefreshedTokens {
  return {
    access_token: answer.access_token,
    refresh_token: answer.refresh_token ?? null,
    expires_in: lifeSeconds(answer.expires_in),
    scope: answer.scope,
    patient: readPatientId(answer.patient),
    extras: readExtras(answer),
  };
}

function readFault(thrown: unknown, seen: Seen, now: number): RefreshAnswer {
  if (seen.tokens) return { outcome: "unusable", reason: "unreadable", tokens: seen.tokens };
  const error = oauthError(thrown);
  const wait = retryAfter(seen.retryAfter, now, LONGEST_WAIT_MS);
  if (seen.status === null) return { outcome: "later", reason: networkFault(thrown), wait };
  const transient = seen.status >= 500 || [408, 425, 429].includes(seen.status);
  if (transient || error === "temporarily_unavailable" || error === "server_error") {
    return { outcome: "later", reason: `http_${seen.status}`, wait };
  }
  if (error === "invalid_grant") return { outcome: "dead", reason: error };
  if (error !== null) return { outcome: "misconfigured", reason: error };
  if (seen.status === 404 || seen.status === 410) return { outcome: "misconfigured", reason: `http_${seen.status}` };
  const success = seen.status >= 200 && seen.status < 300;
  return success
    ? { outcome: "unanswered", reason: "unreadable" }
    : { outcome: "later", reason: `http_${seen.status}`, wait };
}

/** The error code of an OAuth error answer, or null where the answer was none. */
function oauthError(thrown: unknown): string | null {
  for (let one = thrown; one instanceof Error; one = one.cause) {
    if (one instanceof client.ResponseBodyError && one.error !== "invalid_response") {
      return /^[a-z_]{1,40}$/.test(one.error) ? one.error : "unnamed_error";
    }
  }
  return null;
}

function networkFault(thrown: unknown): string {
  for (let one = thrown; one instanceof Error; one = one.cause) if (one instanceof DoorError) return one.reason;
  return "unreachable";
}
