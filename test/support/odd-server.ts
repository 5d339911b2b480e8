/**
 * A second hospital, whose answers a test chooses: an authorization server and a FHIR server that are sound until told to
 * misbehave. Nobody signs in; the portal sends the browser straight back. It writes down all that it is asked, so that a
 * test can judge the requests themselves.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from "jose";
import type { HospitalBeside } from "./clinic.ts";

type Said = Record<string, unknown>;

/** A facility: one FHIR base with its own endpoints. */
export interface OddFacility {
  name: string;
  /** What its smart-configuration says otherwise, if need be by the URL below which it stands; undefined leaves a member out. */
  configuration?: Said | ((root: string) => Said);
}

/** One request, as it came. */
export interface OddRequest {
  method: string;
  /** Without the facility. */
  path: string;
  facility: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  form: URLSearchParams;
}

/** An answer; `drop` cuts the line instead. A body that is no text is sent as JSON. */
export type Reply = "drop" | { status?: number; headers?: Record<string, string>; body?: unknown };

/** Signs an id_token. `key` `foreign` is one that the issuer does not publish. */
export type Sign = (
  claims: JWTPayload,
  options?: { header?: Partial<JWTHeaderParameters>; key?: "own" | "foreign" },
) => Promise<string>;

/** What it does otherwise than a sound server. */
export interface Behaviour {
  /** @param sound what it would have answered to the token request */
  token?: (sound: Record<string, unknown>, request: OddRequest) => Reply | Promise<Reply>;
  /** @param sound the claims it would have signed; null leaves the id_token out */
  idToken?: (sound: JWTPayload, sign: Sign, publicKey: JWK) => Promise<unknown>;
  keys?: (sound: { keys: JWK[] }) => Reply;
  revoke?: Reply;
  /** By the path below the FHIR base, without query. */
  fhir?: Record<string, Reply>;
}

/** The running server. */
export interface OddServer extends HospitalBeside {
  url: string;
  requests: OddRequest[];
  /** Sound again, but for this. Forgets what was asked. */
  behave(behaviour?: Behaviour): void;
  /** What was asked at a path, oldest first. */
  asked(path: string): OddRequest[];
  baseOf(name: string): string;
  /** What the facility signs for; two facilities may share one in their configuration. */
  issuerOf(name: string): string;
}

/** The FHIR id of the one patient. */
export const ODD_PATIENT = "odd-1";

/** A searchset of resources. */
export function searchset(resources: object[], next?: string): object {
  const link = next === undefined ? {} : { link: [{ relation: "next", url: next }] };
  return { resourceType: "Bundle", type: "searchset", ...link, entry: resources.map((resource) => ({ resource })) };
}

/** Starts it. */
export async function startOddServer(facilities: OddFacility[]): Promise<OddServer> {
  const own = await generateKeyPair("RS256");
  const foreign = await generateKeyPair("RS256");
  const publicKey = { ...(await exportJWK(own.publicKey)), kid: "odd", alg: "RS256", use: "sig" };
  const requests: OddRequest[] = [];
  const nonces = new Map<string, string | null>();
  let behaviour: Behaviour = {};
  let serial = 0;

  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rootOf = (index: number): string => `${url}/${index}`;
  const indexOf = (name: string): number => facilities.findIndex((one) => one.name === name);
  const signed: Sign = (claims, { header, key = "own" } = {}) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: "odd", ...header })
      .sign((key === "own" ? own : foreign).privateKey);

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of incoming) body += chunk;
    const { pathname, searchParams } = new URL(incoming.url ?? "/", url);
    const [, index = "", ...rest] = pathname.split("/");
    const facility = facilities[Number(index)];
    if (!facility) return void response.writeHead(404).end();
    const { method = "GET", headers } = incoming;
    const path = rest.join("/");
    const form = new URLSearchParams(body);
    const request = { method, path, facility: facility.name, query: searchParams, headers, form };
    requests.push(request);
    const reply = await answer(request, rootOf(Number(index)), facility);
    if (reply === "drop") return void incoming.socket.destroy();
    const text = typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body ?? {});
    response.writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers }).end(text);
  }

  async function answer(request: OddRequest, root: string, facility: OddFacility): Promise<Reply> {
    const { path, query } = request;
    if (path === "fhir/.well-known/smart-configuration") {
      return { body: { ...soundConfiguration(root), ...saidBy(facility, root) } };
    }
    if (path === "authorize") {
      const code = `code-${++serial}-${root}`;
      nonces.set(code, query.get("nonce"));
      const location = new URL(query.get("redirect_uri") ?? "");
      location.search = new URLSearchParams({ code, state: query.get("state") ?? "" }).toString();
      return { status: 302, headers: { location: location.href } };
    }
    if (path === "token") return tokenAnswer(request, root, facility);
    if (path === "revoke") return behaviour.revoke ?? {};
    if (path === "keys") return behaviour.keys?.({ keys: [publicKey] }) ?? { body: { keys: [publicKey] } };
    if (path.startsWith("fhir/")) return behaviour.fhir?.[path.slice("fhir/".length)] ?? soundFhir(path);
    return { status: 404, headers: { "content-type": "text/html" }, body: "<html>Not found" };
  }

  async function tokenAnswer(request: OddRequest, root: string, facility: OddFacility): Promise<Reply> {
    const { form } = request;
    const code = form.get("code") ?? "";
    const now = Math.floor(Date.now() / 1000);
    const nonce = nonces.get(code);
    const claims: JWTPayload = {
      iss: issuerAt(root, facility),
      sub: "somebody",
      aud: clientOf(request),
      iat: now,
      exp: now + 300,
      ...(nonce ? { nonce } : {}),
      fhirUser: `${root}/fhir/Patient/${ODD_PATIENT}`,
    };
    const id_token = behaviour.idToken ? await behaviour.idToken(claims, signed, publicKey) : await signed(claims);
    const sound = {
      access_token: `access-${++serial}`,
      refresh_token: `refresh-${serial}`,
      token_type: "Bearer",
      expires_in: 3600,
      scope: "launch/patient openid fhirUser offline_access patient/Patient.rs patient/Condition.rs",
      patient: ODD_PATIENT,
      ...(id_token === null ? {} : { id_token }),
    };
    return behaviour.token?.(sound, request) ?? { body: sound };
  }

  return {
    url,
    requests,
    behave(next = {}) {
      behaviour = next;
      requests.length = 0;
    },
    asked: (path) => requests.filter((one) => one.path === path),
    baseOf: (name) => `${rootOf(indexOf(name))}/fhir`,
    issuerOf: (name) => issuerAt(rootOf(indexOf(name)), facilities[indexOf(name)] ?? { name }),
    facilities: facilities.map(({ name }, index) => ({
      name,
      brand: name,
      city: "Oddville",
      state: "VT",
      zip: null,
      fhirBaseUrl: `${rootOf(index)}/fhir`,
    })),
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function soundConfiguration(root: string): Record<string, unknown> {
  return {
    issuer: root,
    authorization_endpoint: `${root}/authorize`,
    token_endpoint: `${root}/token`,
    revocation_endpoint: `${root}/revoke`,
    introspection_endpoint: `${root}/introspect`,
    jwks_uri: `${root}/keys`,
    code_challenge_methods_supported: ["S256"],
    capabilities: ["launch-standalone", "context-standalone-patient", "permission-offline", "permission-v2"],
  };
}

function saidBy({ configuration = {} }: OddFacility, root: string): Said {
  return typeof configuration === "function" ? configuration(root) : configuration;
}

function issuerAt(root: string, facility: OddFacility): string {
  const { issuer } = saidBy(facility, root);
  return typeof issuer === "string" ? issuer : root;
}

function soundFhir(path: string): Reply {
  const patients = searchset([{ resourceType: "Patient", id: ODD_PATIENT }]);
  return path === "fhir/Patient" ? { body: patients } : { body: searchset([]) };
}

/** Who asks, taken at their word. */
function clientOf({ headers, form }: OddRequest): string {
  const [, encoded = ""] = /^Basic (.+)$/.exec(headers.authorization ?? "") ?? [];
  const [id = ""] = Buffer.from(encoded, "base64").toString().split(":");
  return form.get("client_id") ?? decodeURIComponent(id);
}

/** Goes through the portal from an authorization URL: the app's callback, at once. */
export async function visitOddPortal(authorizationUrl: string | URL): Promise<URL> {
  const response = await fetch(authorizationUrl, { redirect: "manual" });
  return new URL(response.headers.get("location") ?? "about:nowhere");
}
