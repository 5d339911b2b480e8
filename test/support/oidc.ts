/**
 * Facilities whose sign-in is `oidc-provider`: an authorization server that others wrote and certified, made a SMART one by
 * what SMART adds to OAuth (a configuration at the FHIR base, `aud`, a patient in the token answer), with a small FHIR
 * server beside it. All facilities share its endpoints; each is its own FHIR base with its own client.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Express } from "express";
import { type AdapterFactory, type AdapterPayload, type ClientMetadata, errors, Provider } from "oidc-provider";
import type { HospitalBeside } from "./clinic.ts";
import type { PortalVisit } from "./portal.ts";

/** A facility: the app's registration there, and how it tells the app who the patient is. */
export interface OidcFacility {
  name: string;
  client: ClientMetadata;
  /** In the token answer, by the id_token's `fhirUser`, or by nothing but the one Patient that the token opens. */
  patientBy: "token" | "id_token" | "search";
}

/** The running server. */
export interface OidcHospital extends HospitalBeside {
  url: string;
  /** How often its token endpoint was asked, and with which status it answered, oldest first. */
  tokenAnswers: number[];
  /** The values of the live tokens of a client. */
  tokens(client_id: string, kind: "AccessToken" | "RefreshToken"): string[];
}

/** The FHIR id of the patient who signs in. */
const PATIENT = "erika-7";

/**
 * Starts it.
 *
 * @param redirect_uri the app's, for every client
 */
export async function startOidcHospital(facilities: OidcFacility[], redirect_uri: string): Promise<OidcHospital> {
  const app = express().disable("x-powered-by");
  const server = createServer(app);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const baseOf = new Map(facilities.map(({ client }, index) => [client.client_id, `${url}/fhir/${index}`]));
  const stored = new Map<string, AdapterPayload>();
  const provider = newProvider(url, { facilities, redirect_uri, baseOf, stored });
  const tokenAnswers: number[] = [];

  provider.use(async (context, next) => {
    await next();
    if (context.oidc?.route !== "token") return;
    tokenAnswers.push(context.status);
    const { client_id } = context.oidc.client?.metadata() ?? {};
    const facility = facilities.find(({ client }) => client.client_id === client_id);
    if (context.status === 200 && facility?.patientBy === "token") {
      context.body = { ...(context.body as object), patient: PATIENT };
    }
  });
  addPortal(app, provider);
  addFhir(app, provider, url);
  app.use(provider.callback());

  return {
    url,
    facilities: facilities.map(({ name, client }) => ({
      name,
      brand: name,
      city: "Oakford",
      state: "VT",
      zip: null,
      fhirBaseUrl: baseOf.get(client.client_id) ?? "",
    })),
    tokenAnswers,
    tokens: (client_id, kind) =>
      [...stored.values()].flatMap((one) =>
        one.clientId === client_id && one.kind === kind && one.jti ? [one.jti] : [],
      ),
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function newProvider(
  url: string,
  at: {
    facilities: OidcFacility[];
    redirect_uri: string;
    baseOf: Map<string, string>;
    stored: Map<string, AdapterPayload>;
  },
): Provider {
  const bases = new Set(at.baseOf.values());
  return new Provider(url, {
    clients: at.facilities.map(({ client }) => ({
      redirect_uris: [at.redirect_uri],
      grant_types: ["authorization_code", "refresh_token"],
      ...client,
    })),
    adapter: memory(at.stored),
    scopes: ["openid", "offline_access", "launch/patient", "patient/Patient.rs", "patient/Condition.rs"],
    claims: { openid: ["sub"], fhirUser: ["fhirUser"] },
    // The code flow leaves claims to userinfo, unless told otherwise; SMART has `fhirUser` in the id_token.
    conformIdTokenClaims: false,
    findAccount(context, accountId) {
      const client_id = context.oidc.client?.clientId ?? "";
      const facility = at.facilities.find(({ client }) => client.client_id === client_id);
      const fhirUser = `${at.baseOf.get(client_id)}/Patient/${accountId}`;
      return {
        accountId,
        claims: () => ({ sub: accountId, ...(facility?.patientBy === "id_token" ? { fhirUser } : {}) }),
      };
    },
    extraParams: {
      aud(_context, value) {
        if (!bases.has(value ?? "")) throw new errors.InvalidRequest("aud is not a FHIR base of this server");
      },
    },
    pkce: { required: () => true },
    enabledJWA: { clientAuthSigningAlgValues: ["ES384", "RS384"] },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => token.clientId === client.clientId },
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    // It lets no request out to loopback, where the app's keys are here.
    fetch: (input, init) => fetch(input, { signal: init?.signal ?? null }),
    jwks: { keys: [privateJwk("rsa"), privateJwk("ec")] },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    ttl: {
      AccessToken: 3600,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 3600,
    },
    renderError(context, { error, error_description }) {
      context.type = "text";
      context.body = `${error}: ${error_description}`;
    },
  });
}

function privateJwk(type: "rsa" | "ec") {
  const { privateKey } =
    type === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...privateKey.export({ format: "jwk" }), kid: type, use: "sig" } as const;
}

/** Where a patient is asked. One page signs in and consents. */
function addPortal(app: Express, provider: Provider): void {
  app.get("/interaction/:uid", async (request, response) => {
    const { params } = await provider.interactionDetails(request, response);
    const button = (decision: string): string => `<button name="decision" value="${decision}">${decision}</button>`;
    const buttons = button("allow") + button("deny");
    response.send(`<form method="post"><p>${params.client_id} asks for access</p>${buttons}</form>`);
  });
  app.post("/interaction/:uid", express.urlencoded(), async (request, response) => {
    const { params } = await provider.interactionDetails(request, response);
    if (request.body.decision !== "allow") {
      const error = { error: "access_denied", error_description: "The end-user said no" };
      return provider.interactionFinished(request, response, error, { mergeWithLastSubmission: false });
    }
    const grant = new provider.Grant({ accountId: PATIENT, clientId: String(params.client_id) });
    grant.addOIDCScope(String(params.scope));
    // Both at once: a login alone would come back to ask for the consent.
    const result = { login: { accountId: PATIENT }, consent: { grantId: await grant.save() } };
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  });
}

function addFhir(app: Express, provider: Provider, url: string): void {
  app.get("/fhir/:facility/.well-known/smart-configuration", (_request, response) => {
    // Neither keys nor algorithms: as at many hospitals, those stand at the issuer alone.
    response.json({
      issuer: url,
      authorization_endpoint: `${url}/auth`,
      token_endpoint: `${url}/token`,
      revocation_endpoint: `${url}/token/revocation`,
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
      grant_types_supported: ["authorization_code"],
      code_challenge_methods_supported: ["S256"],
      capabilities: ["launch-standalone", "context-standalone-patient", "permission-offline", "permission-v2"],
      authorization_response_iss_parameter_supported: true,
    });
  });
  app.get("/fhir/:facility/Patient", async (request, response) => {
    const [, bearer = ""] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "") ?? [];
    const token = await provider.AccessToken.find(bearer);
    if (!token?.scopes.has("patient/Patient.rs")) return response.status(401).end();
    const resource = { resourceType: "Patient", id: token.accountId };
    return response
      .type("application/fhir+json")
      .send(JSON.stringify({ resourceType: "Bundle", type: "searchset", total: 1, entry: [{ resource }] }));
  });
}

/** What the server remembers, by model and id. Its own memory is shared by all of a process, and says so on the console. */
function memory(stored: Map<string, AdapterPayload>): AdapterFactory {
  return (model) => {
    const key = (id: string): string => `${model}:${id}`;
    return {
      find: async (id) => stored.get(key(id)),
      findByUid: async (uid) => [...stored.values()].find((one) => one.kind === model && one.uid === uid),
      findByUserCode: async () => undefined,
      upsert: async (id, payload) => void stored.set(key(id), payload),
      destroy: async (id) => void stored.delete(key(id)),
      async consume(id) {
        const payload = stored.get(key(id));
        if (payload) payload.consumed = Math.floor(Date.now() / 1000);
      },
      async revokeByGrantId(grantId) {
        for (const [id, payload] of stored) if (payload.grantId === grantId) stored.delete(id);
      },
    };
  };
}

/** Goes through the portal from an authorization URL, cookies kept: where it sends the browser, the app's callback. */
export async function visitOidcPortal(
  authorizationUrl: string | URL,
  { decision = "allow" }: PortalVisit = {},
): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = new URL(authorizationUrl);
  let body: URLSearchParams | undefined;
  for (const { origin } = url; url.origin === origin; ) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie },
      ...(body && { method: "POST", body }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    const page = await response.text();
    assert.ok(location || page.includes("<form"), `the portal answered ${response.status} ${page}`);
    body = location ? undefined : new URLSearchParams({ decision });
    url = new URL(location ?? url, url);
  }
  return url;
}
