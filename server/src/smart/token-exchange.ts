/**
 * The exchange of a code for tokens, through openid-client, with everything about the server out of the attempt's snapshot.
 *
 * @see RFC 6749 section 4.1.3; SMART App Launch 2.2, "Obtain access token"
 */
import type { JWTPayload } from "jose";
import * as client from "openid-client";
import { ConnectError } from "../errors.ts";
import { type Door, DoorError, isLoopbackHost } from "../fetch.ts";
import type { AuthorizationSecrets, AuthorizationSnapshot } from "./authorization-request.ts";
import { advertises, type ClientCredentials, clientAuthentication } from "./client-authentication.ts";
import { verifyIdToken } from "./id-token.ts";
import type { IssuerKeys } from "./issuer-keys.ts";
import { revokeTokens } from "./revocation.ts";
import {
  lifeSeconds,
  normaliseTokenResponse,
  readExtras,
  readPatientId,
  type SetAside,
  type TokenExtras,
} from "./token-response.ts";

/** A token answer that can be believed. */
export interface TokenAnswer {
  access_token: string;
  refresh_token: string | null;
  /** Seconds; 300 where the server said nothing, 24 hours at the most. */
  expires_in: number;
  /** As answered; undefined means as requested, empty means nothing. */
  scope: string | undefined;
  /** The launch context's FHIR patient id, or null. */
  patient: string | null;
  identity: "verified" | "unverified" | "absent";
  /** Claims of a verified id_token, else null. */
  claims: JWTPayload | null;
  extras: TokenExtras | null;
}

/**
 * Exchanges a code. Everything about the server comes from the snapshot.
 *
 * @throws {ConnectError} `token_exchange_failed` when the endpoint refuses or cannot be read; `oauth_error` when the
 *   id_token contradicts the exchange. Tokens that came all the same are revoked first
 */
export async function exchangeCode(
  door: Door,
  exchange: {
    snapshot: AuthorizationSnapshot;
    secrets: AuthorizationSecrets;
    client: ClientCredentials;
    code: string;
    /** As the callback carried it; compared already, by its hash. */
    state: string;
    keys: IssuerKeys;
    now: number;
  },
): Promise<TokenAnswer> {
  const { snapshot, secrets, code, state } = exchange;
  const { configuration, profile } = snapshot;
  // openid-client takes an absent verifier for no PKCE, and an absent state for no check.
  if (!secrets.code_verifier || !state || !code)
    throw new ConnectError("token_exchange_failed", { reason: "incomplete" });
  const kept: SetAside = { id_token: null, status: null, tokens: null };
  const server = await openidConfiguration(door, snapshot, exchange.client, (aside) => Object.assign(kept, aside));
  const callback = new URL(snapshot.redirect_uri);
  callback.search = new URLSearchParams({ code, state }).toString();

  let answer: client.TokenEndpointResponse;
  try {
    answer = await client.authorizationCodeGrant(server, callback, {
      pkceCodeVerifier: secrets.code_verifier,
      expectedState: state,
    });
  } catch (thrown) {
    if (kept.tokens) await revokeTokens(door, { snapshot, client: exchange.client, ...kept.tokens });
    const fault = tokenFault(thrown, kept.status);
    // A server that contradicts itself is believed when it accepts the app, so its list is asked only after a refusal.
    const unlisted = fault === "invalid_client" && !advertises(configuration, exchange.client);
    throw new ConnectError("token_exchange_failed", { reason: unlisted ? "client_method_not_supported" : fault });
  }

  const tokens = { access_token: answer.access_token, refresh_token: answer.refresh_token ?? null };
  const verified = await verifyIdToken(exchange.keys, kept.id_token, {
    configuration,
    profile,
    client_id: snapshot.client_id,
    nonce: secrets.nonce,
    now: exchange.now,
  });
  if (verified.identity === "mismatch") {
    await revokeTokens(door, { snapshot, client: exchange.client, ...tokens });
    throw new ConnectError("oauth_error", { reason: verified.reason });
  }
  return {
    ...tokens,
    expires_in: lifeSeconds(answer.expires_in),
    scope: answer.scope,
    patient: readPatientId(answer.patient),
    identity: verified.identity,
    claims: verified.identity === "verified" ? verified.claims : null,
    extras: readExtras(answer),
  };
}

/**
 * openid-client's view of the server of a snapshot, every request of which passes the door.
 *
 * @param setAside is given what was taken out of each answer before openid-client read it
 */
export async function openidConfiguration(
  door: Door,
  snapshot: AuthorizationSnapshot,
  credentials: ClientCredentials,
  setAside: (aside: SetAside) => void,
): Promise<client.Configuration> {
  const { configuration, profile } = snapshot;
  const server = new client.Configuration(
    {
      // Some servers name no issuer; the id_token and the `iss` parameter are compared apart, with what is really known.
      issuer: configuration.issuer ?? snapshot.fhir_base_url,
      authorization_endpoint: configuration.authorization_endpoint,
      token_endpoint: configuration.token_endpoint,
    },
    credentials.client_id,
    {},
    await clientAuthentication(credentials, configuration.token_endpoint),
  );
  server.timeout = 15;
  // The door decides whether plain http is let out; it is for loopback alone.
  if (isLoopbackHost(new URL(configuration.token_endpoint).hostname)) client.allowInsecureRequests(server);
  server[client.customFetch] = async (url, options) => {
    const answer = await door.request(url, {
      method: options.method === "POST" ? "POST" : "GET",
      headers: options.headers,
      ...(options.body ? { body: String(options.body) } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const { response, aside } = await normaliseTokenResponse(answer, profile.token_quirks);
    setAside(aside);
    return response;
  };
  return server;
}

/** A plain word for why a token request failed: OAuth's own error code where it has the form of one, else what kind of fault it was. */
function tokenFault(thrown: unknown, status: number | null): string {
  for (let one = thrown; one instanceof Error; one = one.cause) {
    if (one instanceof DoorError) return one.reason;
    if (one instanceof client.ResponseBodyError && one.error !== "invalid_response" && /^[a-z_]{1,40}$/.test(one.error))
      return one.error;
  }
  return status === null || (status >= 200 && status < 300) ? "unreadable" : `http_${status}`;
}
