/**
 * GET or POST /{facility}/authorize: checks an authorization request and, when nothing is wrong with it, opens a visit and
 * leads to the sign-in page. A request whose app or redirect URI is unknown never leaves this origin; every other fault
 * goes back to the app.
 *
 * @see RFC 6749 section 4.1.1 and 4.1.2.1; RFC 7636 section 4.3; RFC 9207 section 2; SMART App Launch 2.2, Standalone Launch
 */
import type { Facility } from "./facilities.ts";
import { errorPage } from "./page.ts";
import { formOf, queryOf, type Route, repeatedOf } from "./route.ts";
import { grantable } from "./scopes.ts";
import { randomToken } from "./state.ts";

/** Where the browser goes back to: the app's redirect URI with the response's parameters. */
export function authorizationResponse(
  facility: Facility,
  redirect_uri: string,
  parameters: Record<string, string>,
): string {
  const location = new URL(redirect_uri);
  for (const [name, value] of Object.entries(parameters)) location.searchParams.set(name, value);
  if (facility.issParameter) {
    location.searchParams.set("iss", facility.fault === "wrong_issuer" ? `${facility.issuer}-2` : facility.issuer);
  }
  return location.href;
}

/** What is wrong with a request, as the OAuth error and its description; null when nothing is. */
function faultOf(parameters: URLSearchParams, facility: Facility): [error: string, description: string] | null {
  const repeated = repeatedOf(parameters);
  if (repeated) return ["invalid_request", `${repeated} stands more than once`];
  const of = (name: string): string => parameters.get(name) ?? "";
  if (of("response_type") !== "code") return ["unsupported_response_type", "response_type must be code"];
  if (!of("state")) return ["invalid_request", "state is required"];
  if (of("aud") !== facility.fhirBaseUrl) return ["invalid_request", "aud must be this FHIR server's base URL"];
  if (of("code_challenge_method") !== "S256") return ["invalid_request", "code_challenge_method must be S256"];
  if (!/^[A-Za-z0-9_-]{43}$/.test(of("code_challenge"))) return ["invalid_request", "code_challenge is not valid"];
  if (of("launch")) return ["invalid_request", "launch belongs to a launch from inside the record system"];
  if (grantable(of("scope").split(" "), facility).length === 0) return ["invalid_scope", "no scope that is known here"];
  return null;
}

export const authorize: Route = ({ state, facility }, request, response) => {
  const parameters = request.method === "POST" ? formOf(request) : queryOf(request);
  const client = state.clients.get(parameters.get("client_id") ?? "");
  if (!client || parameters.getAll("client_id").length > 1) {
    return errorPage(facility, response, "This app is not registered here.");
  }
  const redirect_uri = parameters.get("redirect_uri") ?? "";
  if (!client.redirect_uris.includes(redirect_uri) || parameters.getAll("redirect_uri").length > 1) {
    return errorPage(facility, response, "This app wants to be answered at an address that it did not register.");
  }
  const fault = faultOf(parameters, facility);
  if (fault) {
    const [error, error_description] = fault;
    const sent = parameters.getAll("state");
    const answer: Record<string, string> = { error, error_description };
    if (sent.length === 1 && sent[0]) answer.state = sent[0];
    return response.redirect(303, authorizationResponse(facility, redirect_uri, answer));
  }
  const visit = randomToken();
  state.visits.set(visit, {
    slug: facility.slug,
    client,
    redirect_uri,
    scopes: (parameters.get("scope") ?? "").split(" ").filter(Boolean),
    state: parameters.get("state") ?? "",
    code_challenge: parameters.get("code_challenge") ?? "",
    nonce: parameters.get("nonce") ?? undefined,
    username: null,
  });
  response.redirect(303, `${facility.issuer}/sign-in?visit=${visit}`);
};
