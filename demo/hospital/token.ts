/**
 * POST /{facility}/token: a code, or a refresh token, for tokens. Reads codes and tokens, spends them, writes new ones. A
 * code or refresh token that comes a second time ends everything that came of its grant.
 *
 * @see RFC 6749 section 4.1.3, 5 and 6; RFC 7636 section 4.6; RFC 9700 section 4.14; SMART App Launch 2.2, Obtain access token
 */
import { SignJWT } from "jose";
import { fhirPatientId } from "./accounts.ts";
import { authenticatedClient, OAuthRefusal, refuse } from "./client-authentication.ts";
import { formOf, type Place, type Route, repeatedOf } from "./route.ts";
import { type Grant, type HospitalClient, type HospitalState, randomToken, sha256, type Token } from "./state.ts";

const ACCESS_SECONDS = 3600;

const invalidGrant = (description: string): OAuthRefusal => new OAuthRefusal("invalid_grant", description);

/** What tokens are issued for. */
interface Redeemed {
  grant: Grant;
  scopes: string[];
}

function redeemCode({ state, facility }: Place, client: HospitalClient, form: URLSearchParams): Redeemed {
  const code = state.codes.get(form.get("code") ?? "");
  if (!code || code.grant.client_id !== client.client_id || code.grant.slug !== facility.slug) {
    throw invalidGrant("the code is not known");
  }
  if (code.used) {
    code.grant.revoked = true;
    throw invalidGrant("the code was used before; what came of it is revoked");
  }
  code.used = true;
  if (state.clock() >= code.expires_at) throw invalidGrant("the code has expired");
  if (form.get("redirect_uri") !== code.redirect_uri) throw invalidGrant("redirect_uri is not the one of the request");
  const verifier = form.get("code_verifier") ?? "";
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier) || sha256(verifier) !== code.code_challenge) {
    throw invalidGrant("code_verifier does not match");
  }
  return { grant: code.grant, scopes: code.grant.scopes };
}

function redeemRefreshToken({ state, facility }: Place, client: HospitalClient, form: URLSearchParams): Redeemed {
  const token = state.tokens.get(form.get("refresh_token") ?? "");
  const { grant } = token ?? {};
  const theirs = grant?.client_id === client.client_id && grant.slug === facility.slug;
  if (!token || !grant || token.kind !== "refresh" || !theirs) throw invalidGrant("the refresh token is not known");
  if (token.spent) grant.revoked = true;
  if (grant.revoked) throw invalidGrant("the refresh token no longer opens anything");
  const scopes = form.get("scope")?.split(" ").filter(Boolean) ?? grant.scopes;
  if (scopes.some((scope) => !grant.scopes.includes(scope))) {
    throw new OAuthRefusal("invalid_scope", "more than was granted");
  }
  token.spent = true;
  return { grant, scopes };
}

function redeem(place: Place, client: HospitalClient, form: URLSearchParams): Redeemed {
  switch (form.get("grant_type")) {
    case "authorization_code":
      return redeemCode(place, client, form);
    case "refresh_token":
      return redeemRefreshToken(place, client, form);
    default:
      throw new OAuthRefusal("unsupported_grant_type", "only authorization_code and refresh_token");
  }
}

function issue(state: HospitalState, { grant, scopes }: Redeemed, kind: Token["kind"]): string {
  const value = randomToken();
  const expires_at = kind === "access" ? state.clock() + ACCESS_SECONDS * 1000 : Number.POSITIVE_INFINITY;
  state.tokens.set(value, { grant, kind, scopes, expires_at, spent: false, uses: 0 });
  return value;
}

async function idToken({ state, facility }: Place, grant: Grant): Promise<string> {
  const { privateKey, publicJwk } = state.signingKey;
  const now = Math.floor(state.clock() / 1000);
  const fhirUser = `${facility.fhirBaseUrl}/Patient/${fhirPatientId(facility, grant.username)}`;
  return new SignJWT({
    ...(grant.nonce === undefined ? {} : { nonce: grant.nonce }),
    ...(grant.scopes.includes("fhirUser") ? { fhirUser } : {}),
  })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", kid: publicJwk.kid ?? "" })
    .setIssuer(facility.issuer)
    .setSubject(sha256(`${facility.slug} ${grant.username}`).slice(0, 16))
    .setAudience(grant.client_id)
    .setIssuedAt(now)
    .setExpirationTime(now + ACCESS_SECONDS)
    .sign(privateKey);
}

export const token: Route = async (place, request, response) => {
  const { state, facility } = place;
  if (facility.fault === "dead_token_endpoint") return request.socket.destroy();
  response.set({ "Cache-Control": "no-store", Pragma: "no-cache" });
  try {
    const form = formOf(request);
    const repeated = repeatedOf(form);
    if (repeated) throw new OAuthRefusal("invalid_request", `${repeated} stands more than once`);
    if (!form.get("grant_type")) throw new OAuthRefusal("invalid_request", "grant_type is required, in a form body");
    const client = await authenticatedClient(state, request, form, `${facility.issuer}/token`);
    const redeemed = redeem(place, client, form);
    const { grant, scopes } = redeemed;
    const lasting = grant.scopes.includes("offline_access");
    response.json({
      access_token: issue(state, redeemed, "access"),
      token_type: "Bearer",
      expires_in: ACCESS_SECONDS,
      scope: scopes.join(" "),
      ...(scopes.includes("launch/patient") ? { patient: fhirPatientId(facility, grant.username) } : {}),
      ...(scopes.includes("openid") ? { id_token: await idToken(place, grant) } : {}),
      ...(lasting ? { refresh_token: issue(state, { grant, scopes: grant.scopes }, "refresh") } : {}),
    });
  } catch (error) {
    refuse(error, response);
  }
};
