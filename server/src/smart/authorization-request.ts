/**
 * The authorization request: what the patient's browser is sent to the portal with, and the snapshot of all that was sent,
 * which every later step uses, whatever the server's metadata has become since.
 *
 * @see SMART App Launch 2.2, "App Launch: Launch and Authorization"; RFC 6749 section 4.1.1; RFC 7636; RFC 9207
 */
import * as client from "openid-client";
import { ConnectError } from "../errors.ts";
import { sha256 } from "../store/token-vault.ts";
import { type ClientCredentials, isBesideSignIn } from "./client-authentication.ts";
import type { SmartConfiguration } from "./configuration.ts";
import { requestedScopes } from "./scopes.ts";
import type { SourceProfile } from "./source-profile.ts";

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
  /** Whether these are the whole plan's or what the profile falls back to. */
  plan: "whole" | "fallback";
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

/** Makes the request that opens an attempt. */
export async function authorizationRequest(request: {
  configuration: SmartConfiguration;
  profile: SourceProfile;
  registration: string;
  client: ClientCredentials;
  redirect_uri: string;
  fhir_base_url: string;
  /** See `requestedScopes`. */
  plan: "whole" | "fallback";
}): Promise<AuthorizationRequest> {
  const { configuration, profile, client: credentials, redirect_uri, fhir_base_url } = request;
  const scopes = requestedScopes(configuration, profile, request.plan);
  refuseWithoutPkce(configuration, profile.require_nonce && scopes.includes("openid"), credentials);
  if (!isBesideSignIn(configuration.token_endpoint, { configuration, profile })) {
    throw new ConnectError("oauth_error", { reason: "token_endpoint_foreign" });
  }
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
    code_challenge: sha256(secrets.code_verifier),
    code_challenge_method: "S256",
    ...(scopes.includes("openid") ? { nonce: secrets.nonce } : {}),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  // Only the request needed the list of scopes, which can be long, and a snapshot is kept with every attempt.
  const snapshot = {
    configuration: { ...configuration, scopes_supported: [] },
    profile,
    registration: request.registration,
    client_id: credentials.client_id,
    redirect_uri,
    fhir_base_url,
    scopes,
    plan: request.plan,
  };
  if (profile.space_encoding === "%20") url.search = url.search.replaceAll("+", "%20");
  return { url: url.href, state, secrets, snapshot };
}

// Without S256 at the server an intercepted code can be used by whoever holds it, unless the client is confidential and
// the id_token carries our nonce.
function refuseWithoutPkce(
  configuration: SmartConfiguration,
  nonceEnforced: boolean,
  credentials: ClientCredentials,
): void {
  if (configuration.code_challenge_methods_supported.includes("S256")) return;
  if (credentials.token_endpoint_auth_method !== "none" && nonceEnforced) return;
  throw new ConnectError("oauth_error", { reason: "discovery_no_s256" });
}

/**
 * Whether the `iss` of a callback fits the attempt. One that no profile names must be the issuer that the metadata names and
 * stand where the attempt's own endpoints stand: metadata can name an issuer that is somebody else's, or none, and let that
 * one's code come back under this attempt's state.
 *
 * @see RFC 9207 section 2.4; RFC 9700 section 4.4
 */
export function issuerFits(snapshot: AuthorizationSnapshot, iss: string | null): boolean {
  const { configuration, profile } = snapshot;
  if (iss === null) return !configuration.authorization_response_iss_parameter_supported;
  if (profile.issuer_aliases.includes(iss)) return true;
  if (configuration.issuer !== null && iss !== configuration.issuer) return false;
  const { authorization_endpoint, token_endpoint } = configuration;
  return URL.canParse(iss) && [authorization_endpoint, token_endpoint].some((url) => sameOrigin(url, iss));
}

function sameOrigin(one: string, other: string): boolean {
  return new URL(one).origin === new URL(other).origin;
}
