/**
 * A server that somebody hostile put into a catalog, or took over: a FHIR base whose metadata, sign-in, tokens and reads are
 * what each test makes of them. It keeps whatever it is sent.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { HospitalBeside } from "./clinic.ts";

/** A request as it arrived. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  form: Record<string, string>;
}

/** The running server. */
export interface HostileServer extends HospitalBeside {
  origin: string;
  /** Oldest first. */
  received: Received[];
  /** What its smart-configuration says beyond the usual; a member set to undefined is left out. */
  metadata: Record<string, unknown>;
  /** What its token answers say beyond the usual, made anew for each. */
  tokenAnswer: () => object | Promise<object>;
  /** Where its FHIR reads are redirected to; null answers an empty Bundle. */
  redirectReadsTo: string | null;
  /** An id_token that its own keys verify, for a nonce. */
  idToken(nonce: string): Promise<string>;
  /** Called when a code or a token has arrived and is not answered yet. */
  onToken: (form: Record<string, string>) => void | Promise<void>;
  /** How often its token endpoint was called. */
  tokenCalls(): number;
}

/** Starts it at `localhost`, apart from the simulated hospital's 127.0.0.1. */
export async function startHostileServer(): Promise<HostileServer> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "RS256", use: "sig" };
  const hostile: Omit<HostileServer, "origin" | "facilities" | "close" | "idToken"> = {
    received: [],
    metadata: {},
    tokenAnswer: () => ({}),
    redirectReadsTo: null,
    onToken: () => {},
    tokenCalls: () => hostile.received.filter(({ path }) => path === "/token").length,
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method = "", headers } = request;
    hostile.received.push({ method, path: pathname, headers, form: Object.fromEntries(new URLSearchParams(body)) });
    if (pathname === "/token") await hostile.onToken(hostile.received.at(-1)?.form ?? {});
    if (pathname.startsWith("/fhir/Patient") && hostile.redirectReadsTo !== null) {
      return response.writeHead(302, { location: hostile.redirectReadsTo }).end();
    }
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(await answer(pathname)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;

  async function answer(pathname: string): Promise<object> {
    switch (pathname) {
      case "/fhir/.well-known/smart-configuration":
        return {
          issuer: origin,
          jwks_uri: `${origin}/keys`,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          revocation_endpoint: `${origin}/revoke`,
          code_challenge_methods_supported: ["S256"],
          capabilities: ["permission-v2"],
          ...hostile.metadata,
        };
      case "/keys":
        return { keys: [jwk] };
      case "/token":
        return {
          access_token: "access-canary",
          token_type: "Bearer",
          expires_in: 3600,
          ...(await hostile.tokenAnswer()),
        };
      default:
        return { resourceType: "Bundle", type: "searchset" };
    }
  }

  return Object.assign(hostile, {
    origin,
    facilities: [
      {
        name: "Nettleship Clinic",
        brand: null,
        city: "Elmford",
        state: "ME",
        zip: null,
        fhirBaseUrl: `${origin}/fhir`,
      },
    ],
    idToken: (nonce: string) =>
      new SignJWT({ nonce })
        .setProtectedHeader({ alg: "RS256", kid: "k1" })
        .setIssuer(origin)
        .setSubject("somebody")
        .setAudience("app")
        .setIssuedAt()
        .setExpirationTime("5m")
        .sign(privateKey),
    async close() {
      server.closeAllConnections();
      server.close();
    },
  });
}
