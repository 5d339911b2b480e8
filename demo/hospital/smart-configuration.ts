/**
 * GET /{facility}/fhir/.well-known/smart-configuration, GET /{facility}/.well-known/openid-configuration and
 * GET /{facility}/jwks: what an app must know before it sends a patient here. Two facilities fail at this.
 *
 * @see SMART App Launch 2.2, Conformance; OpenID Connect Discovery 1.0 section 3; RFC 9207 section 3
 */
import { brandIdentifier } from "./brands.ts";
import type { Facility } from "./facilities.ts";
import type { Route } from "./route.ts";
import { scopesSupported } from "./scopes.ts";

/** The endpoints that both documents name. */
const shared = (facility: Facility): object => ({
  issuer: facility.issuer,
  authorization_endpoint: `${facility.issuer}/authorize`,
  token_endpoint: `${facility.issuer}/token`,
  revocation_endpoint: `${facility.issuer}/revoke`,
  jwks_uri: `${facility.issuer}/jwks`,
  response_types_supported: ["code"],
  grant_types_supported: ["authorization_code", "refresh_token"],
  scopes_supported: scopesSupported(facility),
  code_challenge_methods_supported: ["S256"],
  token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
  token_endpoint_auth_signing_alg_values_supported: ["RS384", "ES384"],
  ...(facility.issParameter ? { authorization_response_iss_parameter_supported: true } : {}),
});

const capabilities = (facility: Facility): string[] => [
  "launch-standalone",
  "authorize-post",
  "client-public",
  "client-confidential-symmetric",
  "client-confidential-asymmetric",
  "sso-openid-connect",
  "context-standalone-patient",
  "permission-offline",
  "permission-patient",
  ...(facility.scopeSyntax === "v2" ? [] : ["permission-v1"]),
  ...(facility.scopeSyntax === "v1" ? [] : ["permission-v2"]),
];

export const smartConfiguration: Route = ({ state, facility }, _request, response) => {
  // The connection stays open without an answer until the caller gives up or the hospital closes.
  if (facility.fault === "never_answers") return;
  if (facility.fault === "answers_html") return response.send("<!doctype html><title>Welcome to our website</title>");
  response.set("Access-Control-Allow-Origin", "*").json({
    ...shared(facility),
    capabilities: capabilities(facility),
    user_access_brand_bundle: `${state.url}/brands.json`,
    user_access_brand_identifier: brandIdentifier(facility),
  });
};

export const openidConfiguration: Route = ({ facility }, _request, response) =>
  response.set("Access-Control-Allow-Origin", "*").json({
    ...shared(facility),
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
  });

export const jwks: Route = ({ state }, _request, response) =>
  response.set("Cache-Control", "public, max-age=3600").json({ keys: [state.signingKey.publicJwk] });
