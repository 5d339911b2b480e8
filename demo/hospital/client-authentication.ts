/**
 * Who calls the token or the revocation endpoint. An app proves itself in the one way it registered, and in no other.
 *
 * @see RFC 6749 section 2.3 and 5.2; RFC 7523 section 3; SMART App Launch 2.2, Client Authentication
 */
import type { Request, Response } from "express";
import { decodeProtectedHeader, importJWK, type JSONWebKeySet, type JWK, jwtVerify } from "jose";
import type { HospitalClient, HospitalState } from "./state.ts";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ASSERTION_SECONDS = 300;

/** A refusal in OAuth's words. */
export class OAuthRefusal extends Error {
  readonly status: number;
  readonly error: string;
  constructor(error: string, description: string, status = 400) {
    super(description);
    this.error = error;
    this.status = status;
  }
}

const invalidClient = (description: string): OAuthRefusal => new OAuthRefusal("invalid_client", description, 401);

/** Answers a refusal as RFC 6749 section 5.2 has it; anything else goes on to the server's own error page. */
export function refuse(error: unknown, response: Response): void {
  if (!(error instanceof OAuthRefusal)) throw error;
  if (error.status === 401) response.set("WWW-Authenticate", 'Basic realm="simulated hospital"');
  response.status(error.status).json({ error: error.error, error_description: error.message });
}

async function checkAssertion(
  state: HospitalState,
  client: HospitalClient,
  assertion: string,
  endpoint: string,
): Promise<void> {
  const { alg, kid, typ } = decodeProtectedHeader(assertion);
  if (typ !== "JWT" || !kid) throw new Error("the header must have typ JWT and a kid");
  const key = (await keysOf(client)).find((candidate) => candidate.kid === kid);
  if (!key) throw new Error("no key of this app has that kid");
  const { payload } = await jwtVerify(assertion, await importJWK(key, alg), {
    algorithms: ["RS384", "ES384"],
    issuer: client.client_id,
    subject: client.client_id,
    currentDate: new Date(state.clock()),
    requiredClaims: ["exp", "jti"],
  });
  if (payload.aud !== endpoint) throw new Error("aud must be this endpoint's exact URL, a single string");
  if (Number(payload.exp) > state.clock() / 1000 + ASSERTION_SECONDS) throw new Error("exp is too far away");
  const once = `${client.client_id} ${payload.jti}`;
  if (state.assertions.has(once)) throw new Error("jti was used before");
  state.assertions.add(once);
}

async function keysOf(client: HospitalClient): Promise<JWK[]> {
  if (!client.jwks_uri) return client.jwks?.keys ?? [];
  const response = await fetch(client.jwks_uri, { headers: { Accept: "application/json" } });
  return ((await response.json()) as JSONWebKeySet).keys;
}

/** The id and secret of a Basic header, decoded from base64 and not from the form encoding that RFC 6749 asks for: real servers compare them raw. */
function basicOf(request: Request): { id: string; secret: string } | null {
  const [, encoded] = /^Basic +(.+)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (!encoded) return null;
  const [, id = "", secret = ""] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString()) ?? [];
  return { id, secret };
}

/**
 * The app that makes a request.
 *
 * @param endpoint the exact URL that was called: what an assertion must name as its audience
 * @throws OAuthRefusal `invalid_request` for two methods at once, else `invalid_client`
 */
export async function authenticatedClient(
  state: HospitalState,
  request: Request,
  form: URLSearchParams,
  endpoint: string,
): Promise<HospitalClient> {
  const basic = basicOf(request);
  const assertion = form.get("client_assertion");
  const secret = form.get("client_secret");
  const shown = [basic !== null, assertion !== null, secret !== null];
  if (shown.filter(Boolean).length > 1)
    throw new OAuthRefusal("invalid_request", "more than one way of authentication");
  const client = state.clients.get(basic?.id ?? form.get("client_id") ?? subjectOf(assertion));
  if (!client) throw invalidClient("this app is not known");
  const method = basic
    ? "client_secret_basic"
    : assertion !== null
      ? "private_key_jwt"
      : secret !== null
        ? "client_secret_post"
        : "none";
  if (method !== client.token_endpoint_auth_method) throw invalidClient("this app registered another way");
  const given = form.get("client_id");
  if (given !== null && given !== client.client_id) throw invalidClient("client_id is another app's");
  if (assertion !== null) {
    if (form.get("client_assertion_type") !== ASSERTION_TYPE) throw invalidClient("client_assertion_type is not known");
    await checkAssertion(state, client, assertion, endpoint).catch((reason: Error) => {
      throw invalidClient(`the assertion does not hold: ${reason.message}`);
    });
  } else if (method !== "none" && (basic?.secret ?? secret) !== client.client_secret) {
    throw invalidClient("the secret is wrong");
  }
  return client;
}

/** The `sub` of an assertion, unverified: only to know whose keys to verify it with. */
function subjectOf(assertion: string | null): string {
  try {
    const claims = JSON.parse(Buffer.from(assertion?.split(".")[1] ?? "", "base64url").toString()) as { sub?: unknown };
    return String(claims.sub);
  } catch {
    return "";
  }
}
