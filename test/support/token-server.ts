/**
 * A small authorization server whose answers to refreshes each test writes itself. Left alone it is strict: each refresh
 * token is good for one refresh, and one that comes twice ends its grant.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type HospitalBeside, type Host, openHost, type PatientBrowser, patientBrowser } from "./clinic.ts";
import { type Log, newLog } from "./log.ts";

/** How a request is answered: a body, sent as JSON unless it is a text. `null` closes the connection instead. */
export type Answer = { status?: number; headers?: Record<string, string>; body?: object | string } | null;

/** A refresh as it arrived: its parameters, and as `path` where. */
export type RefreshRequest = Record<string, string>;

/** A running server. */
export interface TokenServer extends HospitalBeside {
  /** Refreshes so far, also those that have no answer yet. */
  refreshes: Log<RefreshRequest>;
  /** Tokens that were posted to be revoked, in order. */
  revoked: Log<string>;
  /** How often a token came that was spent. */
  replays(): number;
  /** Decides how refreshes are answered from now on; `usual` is the strict server's own answer. */
  onRefresh(decide: (request: RefreshRequest, usual: () => Answer) => Answer | Promise<Answer>): void;
  onRevoke(decide: () => Answer | Promise<Answer>): void;
  /** What the answer to a code says beyond tokens; a member set to undefined is left out. */
  granted: Record<string, unknown>;
  /** How the FHIR server answers, given the bearer. */
  onFhir(decide: (bearer: string) => Answer): void;
  /** What its smart-configuration says beyond the usual. */
  configuration: Record<string, unknown>;
}

/** Starts it on a free port. */
export async function startTokenServer(): Promise<TokenServer> {
  const refreshes = newLog<RefreshRequest>();
  const revoked = newLog<string>();
  const granted: Record<string, unknown> = {};
  const configuration: Record<string, unknown> = {};
  const live = new Map<string, { spent: boolean; grant: { dead: boolean } }>();
  let replays = 0;
  let made = 0;
  let decideRefresh: Parameters<TokenServer["onRefresh"]>[0] = (_request, usual) => usual();
  let decideRevoke: Parameters<TokenServer["onRevoke"]>[0] = () => ({ status: 200 });
  let decideFhir: Parameters<TokenServer["onFhir"]>[0] = () => ({
    body: { resourceType: "Bundle", type: "searchset" },
  });

  const newRefreshToken = (grant: { dead: boolean }): string => {
    const token = `refresh-${++made}`;
    live.set(token, { spent: false, grant });
    return token;
  };
  const tokens = () => ({ access_token: `access-${++made}`, token_type: "Bearer", expires_in: 3600 });
  const usualRefresh = (request: RefreshRequest): Answer => {
    const token = live.get(request.refresh_token ?? "");
    if (token?.spent) {
      replays += 1;
      token.grant.dead = true;
    }
    if (!token || token.spent || token.grant.dead) return { status: 400, body: { error: "invalid_grant" } };
    token.spent = true;
    return { body: { ...tokens(), refresh_token: newRefreshToken(token.grant) } };
  };
  const answerToken = async (request: Record<string, string>): Promise<Answer> => {
    if (request.grant_type === "refresh_token") {
      refreshes.add(request);
      return decideRefresh(request, () => usualRefresh(request));
    }
    const refresh_token = newRefreshToken({ dead: false });
    return { body: { ...tokens(), refresh_token, patient: "p-1", ...granted } };
  };
  const route = async (url: URL, request: IncomingMessage): Promise<Answer> => {
    switch (url.pathname) {
      case "/fhir/.well-known/smart-configuration":
        return {
          body: {
            authorization_endpoint: `${url.origin}/authorize`,
            token_endpoint: `${url.origin}/token`,
            revocation_endpoint: `${url.origin}/revoke`,
            code_challenge_methods_supported: ["S256"],
            capabilities: ["permission-v2"],
            ...configuration,
          },
        };
      case "/authorize": {
        const back = new URL(url.searchParams.get("redirect_uri") ?? "");
        back.search = new URLSearchParams({ code: "code", state: url.searchParams.get("state") ?? "" }).toString();
        return { status: 302, headers: { location: back.href } };
      }
      case "/token":
      case "/moved":
        return answerToken({ ...(await form(request)), path: url.pathname });
      case "/revoke":
        revoked.add((await form(request)).token ?? "");
        return decideRevoke();
      default:
        return decideFhir((request.headers.authorization ?? "").replace("Bearer ", ""));
    }
  };

  const server = createServer(async (request, response) => {
    const answer = await route(new URL(request.url ?? "/", `http://${request.headers.host}`), request);
    if (answer === null) return void request.socket.destroy();
    const { status = 200, headers = {}, body = "" } = answer;
    const json = typeof body === "object";
    response.writeHead(status, { ...(json ? { "content-type": "application/json" } : {}), ...headers });
    response.end(json ? JSON.stringify(body) : body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const fhirBaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;
  return {
    facilities: [{ name: "Larkspur Clinic", brand: null, city: "Elmford", state: "ME", zip: "00501", fhirBaseUrl }],
    refreshes,
    revoked,
    granted,
    configuration,
    replays: () => replays,
    onRefresh(decide) {
      decideRefresh = decide;
    },
    onRevoke(decide) {
      decideRevoke = decide;
    },
    onFhir(decide) {
      decideFhir = decide;
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function form(request: IncomingMessage): Promise<Record<string, string>> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return Object.fromEntries(new URLSearchParams(body));
}

/** A host beside it. */
export function openTokenHost(options: Parameters<typeof openHost>[1] = {}): Promise<Host<TokenServer>> {
  return openHost(startTokenServer, options);
}

/** A patient's browser there, whose portal asks nothing. */
export function tokenBrowser(host: Host<TokenServer>, user: string): PatientBrowser {
  return patientBrowser(host, user, async (url) => {
    const answer = await fetch(url, { redirect: "manual" });
    return new URL(answer.headers.get("location") ?? "about:blank");
  });
}

/** Connects a patient, and answers the connection's id. */
export async function connected(host: Host<TokenServer>, user: string): Promise<string> {
  const [facility] = host.hospital.facilities;
  const returned = await tokenBrowser(host, user).connect(host.sourceOf(facility as { name: string; city: string }));
  if (returned.searchParams.get("success") !== "true") throw new Error(`not connected: ${returned.search}`);
  const [connection] = (await host.mb.patients.retrieve(user)).connections;
  return connection?.id ?? "";
}
