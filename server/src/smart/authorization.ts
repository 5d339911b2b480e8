/**
 * The authorization code flow as a SMART client runs it: the request, the exchange of the code, and revocation. What was
 * sent is kept in a snapshot, and the exchange uses that snapshot, whatever the server's metadata has become since.
 *
 * @see SMART App Launch 2.2, "App Launch: Launch and Authorization"; RFC 6749; RFC 7636; RFC 7009
 */
import type { JWTPayload } from "jose";
import * as client from "openid-client";
import { z } from "zod";
import { ConnectError } from "../errors.ts";
import { type Door, DoorError, isLoopbackHost } from "../fetch.ts";
import { FHIR_ID } from "../fhir/patient.ts";
import { type ClientCredentials, clientAuthentication } from "./client-authentication.ts";
import type { SmartConfiguration } from "./configuration.ts";
import { verifyIdToken } from "./id-token.ts";
import { requestedScopes } from "./scopes.ts";
import type { SourceProfile } from "./source-profile.ts";
import { normaliseTokenResponse } from "./token-response.ts";

/** What an attempt was made with; kept with it, and with the connection that comes of it. Holds nothing secret. */
export interface AuthorizationSnapshot {
  configuration: SmartConfiguration;
  profile: SourceProfile;
  /** Which of the app's registrations this is: what it matches, as `vendor:…`, `brand:…` or `endpoint:…`. */
  registration: string;
  client_id: string;
  redirect_uri: string;
  fhir_base_url: string;
  /** As sent. */
  scopes: string[];
}

/** What only the callback may know; sealed with the attempt. */
export interface AuthorizationSecrets {
  code_verifier: string;
  nonce: string;
}

/** What a patient's browser is sent to the portal with. */
export interface AuthorizationRequest {
  /** The portal's authorization endpoint with the whole request. */
  url: string;
  state: string;
  secrets: AuthorizationSecrets;
  snapshot: AuthorizationSnapshot;
}

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
}

/** Makes the request that opens an attempt. */
export async function authorizationRequest(request: {
  configuration: SmartConfiguration;
  profile: SourceProfile;
  registration: string;
  client: ClientCredentials;
  redirect_uri: string;
  fhir_base_url: string;
}): Promise<AuthorizationRequest> {
  const { configuration, profile, client: credentials, redirect_uri, fhir_base_url } = request;
  refuseWithoutPkce(configuration, profile, credentials);
  const scopes = requestedScopes(configuration, profile);
  const state = client.randomState();
  const secrets = { code_verifier: client.randomPKCECodeVerifier(), nonce: client.randomNonce() };
  // An endpoint's own query is kept, and our parameters win over it.
  const url = new URL(configuration.authorization_endpoint);
  const parameters = {
    ...profile.extra_params,
    response_type: "code",
    client_id: credentials.client_id,
    redirect_uri,
    scope: scopes.join(" "),
    state,
    aud: profile.aud_override ?? fhir_base_url,
    code_challenge: await client.calculatePKCECodeChallenge(secrets.code_verifier),
    code_challenge_method: "S256",
    ...(scopes.includes("openid") ? { nonce: secrets.nonce } : {}),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const snapshot = {
    configuration,
    profile,
    registration: request.registration,
    client_id: credentials.client_id,
    redirect_uri,
    fhir_base_url,
    scopes,
  };
  return { url: url.href, state, secrets, snapshot };
}

// Without S256 at the server an intercepted code can be used by whoever holds it, unless the client is confidential and
// the id_token carries our nonce.
function refuseWithoutPkce(
  configuration: SmartConfiguration,
  profile: SourceProfile,
  credentials: ClientCredentials,
): void {
  if (configuration.code_challenge_methods_supported.includes("S256")) return;
  if (credentials.token_endpoint_auth_method !== "none" && profile.require_nonce) return;
  throw new ConnectError("oauth_error", { reason: "discovery_no_s256" });
}

/**
 * Exchanges a code. Everything about the server comes from the snapshot.
 *
 * @throws {ConnectError} `token_exchange_failed` when the endpoint refuses or cannot be read; `oauth_error` when the
 *   id_token contradicts the exchange (the new tokens are revoked first)
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
    now: number;
  },
): Promise<TokenAnswer> {
  const { snapshot, secrets, code, state } = exchange;
  const { configuration, profile } = snapshot;
  // openid-client takes an absent verifier for no PKCE, and an absent state for no check.
  if (!secrets.code_verifier || !state || !code)
    throw new ConnectError("token_exchange_failed", { reason: "incomplete" });
  const kept: { id_token: string | null } = { id_token: null };
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
    throw new ConnectError("token_exchange_failed", { reason: tokenFault(thrown) });
  }

  const tokens = { access_token: answer.access_token, refresh_token: answer.refresh_token ?? null };
  const verified = await verifyIdToken(door, kept.id_token, {
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
  const patient = z.string().regex(FHIR_ID).safeParse(answer.patient);
  return {
    ...tokens,
    expires_in: Math.min(answer.expires_in ?? 300, 86_400),
    scope: answer.scope,
    patient: patient.success ? patient.data : null,
    identity: verified.identity,
    claims: verified.identity === "verified" ? verified.claims : null,
  };
}

/**
 * Asks the hospital to revoke a grant, the refresh token first. Says what came of it and never throws: what is forgotten
 * here stays forgotten, whatever the hospital answers.
 *
 * @see RFC 7009 section 2.1
 */
export async function revokeTokens(
  door: Door,
  grant: {
    snapshot: AuthorizationSnapshot;
    client: ClientCredentials;
    access_token: string;
    refresh_token: string | null;
  },
): Promise<"revoked" | "refused" | "unsupported"> {
  const endpoint = grant.snapshot.configuration.revocation_endpoint;
  if (!endpoint) return "unsupported";
  const tokens = [
    ...(grant.refresh_token === null ? [] : [{ token: grant.refresh_token, token_type_hint: "refresh_token" }]),
    { token: grant.access_token, token_type_hint: "access_token" },
  ];
  let revoked = true;
  for (const parameters of tokens) {
    try {
      const authenticate = await clientAuthentication(grant.client, endpoint);
      const body = new URLSearchParams(parameters);
      const headers = new Headers({
        "content-type": "application/x-www-form-urlencoded",
        accept: "application/json",
      });
      const { client_id } = grant.client;
      await authenticate({ issuer: endpoint }, { client_id }, body, headers);
      const request = { method: "POST", headers: Object.fromEntries(headers), body: body.toString() } as const;
      revoked = (await door.request(endpoint, request)).ok && revoked;
    } catch {
      revoked = false;
    }
  }
  return revoked ? "revoked" : "refused";
}

async function openidConfiguration(
  door: Door,
  snapshot: AuthorizationSnapshot,
  credentials: ClientCredentials,
  setAside: (aside: { id_token: string | null }) => void,
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
    const { response, aside } = await normaliseTokenResponse(answer, { missingTokenType: profile.missing_token_type });
    setAside(aside);
    return response;
  };
  return server;
}

/** A plain word for why a token request failed: OAuth's own error code where it has the form of one, else what kind of fault it was. */
function tokenFault(thrown: unknown): string {
  for (let one = thrown; one instanceof Error; one = one.cause) {
    if (one instanceof DoorError) return one.reason;
    if (one instanceof client.ResponseBodyError)
      return /^[a-z_]{1,40}$/.test(one.error) ? one.error : `http_${one.status}`;
  }
  return "unreadable";
}

/**
 * Whether the `iss` of a callback fits the attempt.
 *
 * @see RFC 9207 section 2.4
 */
export function issuerFits(snapshot: AuthorizationSnapshot, iss: string | null): boolean {
  const { configuration, profile } = snapshot;
  if (iss === null) return !configuration.authorization_response_iss_parameter_supported;
  return configuration.issuer === null || iss === configuration.issuer || profile.issuer_aliases.includes(iss);
}
