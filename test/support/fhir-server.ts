/**
 * A FHIR server over plain HTTP whose answers a test chooses: sound until told otherwise. It holds resources as texts, so that
 * a test can compare what is stored with what was sent, byte for byte; it pages, checks its tokens, renews them at a token
 * endpoint, and writes down all that it is asked.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request, as it came. */
export interface FhirRequest {
  method: string;
  /** Below the FHIR base: `Observation`, `Patient/p1`. */
  path: string;
  query: URLSearchParams;
  /** Path and query below the base, as they came. */
  url: string;
  headers: IncomingHttpHeaders;
}

/** An answer. A body that is no text is sent as JSON. `cut` ends the line after so many bytes; `hang` never answers. */
export interface FhirReply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  cut?: number;
  hang?: boolean;
}

/** What a test makes the server do: the first rule that answers wins, before all that is sound. */
export type FhirRule = (request: FhirRequest) => FhirReply | null | undefined | Promise<FhirReply | null | undefined>;

/** The running server. */
export interface FhirServer {
  /** FHIR base, without a slash at its end. */
  base: string;
  tokenEndpoint: string;
  requests: FhirRequest[];
  /** Texts of resources, by type. */
  resources: Map<string, string[]>;
  rules: FhirRule[];
  /** Tokens that open it. A refresh adds one. */
  tokens: Set<string>;
  /** Answered at `metadata`; null answers 404. */
  capabilities: object | null;
  /** Entries on a page, whatever `_count` says; null heeds it. */
  pageSize: number | null;
  /** Adds resources, given as objects or as texts. */
  add(...resources: (object | string)[]): void;
  /** Requests for a type, oldest first. */
  asked(type: string): FhirRequest[];
  close(): Promise<void>;
}

/** The one patient that the server knows. */
export const PATIENT = "p1";

/** A resource of the patient's. */
export function resource(type: string, id: string, more: object = {}): Record<string, unknown> {
  return {
    resourceType: type,
    id,
    ...(type === "Patient" ? {} : { subject: { reference: `Patient/${PATIENT}` } }),
    ...more,
  };
}

/** An OperationOutcome. */
export function operationOutcome(code: string, text = "", severity = "error"): object {
  return { resourceType: "OperationOutcome", issue: [{ severity, code, diagnostics: text }] };
}

/** The text of a searchset. */
export function searchset(
  entries: (string | { text: string; mode: string })[],
  links: Record<string, string> = {},
): string {
  const link = Object.entries(links).map(([relation, url]) => ({ relation, url }));
  const texts = entries.map((entry) =>
    typeof entry === "string"
      ? `{"resource":${entry},"search":{"mode":"match"}}`
      : `{"resource":${entry.text},"search":{"mode":"${entry.mode}"}}`,
  );
  return `{"resourceType":"Bundle","type":"searchset","link":${JSON.stringify(link)},"entry":[${texts.join(",")}]}`;
}

/** Starts it, with the patient in it. */
export async function startFhirServer(): Promise<FhirServer> {
  const http = createServer((incoming, response) => void serve(incoming, response).catch(() => response.destroy()));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  let refreshes = 0;
  const server: FhirServer = {
    base: `${origin}/fhir`,
    tokenEndpoint: `${origin}/token`,
    requests: [],
    resources: new Map(),
    rules: [],
    tokens: new Set(["token-0"]),
    capabilities: null,
    pageSize: null,
    add(...resources) {
      for (const one of resources) {
        const text = typeof one === "string" ? one : JSON.stringify(one);
        const { resourceType } = JSON.parse(text) as { resourceType: string };
        server.resources.set(resourceType, [...(server.resources.get(resourceType) ?? []), text]);
      }
    },
    asked: (type) => server.requests.filter(({ path }) => path === type),
    async close() {
      http.closeAllConnections();
      http.close();
    },
  };
  server.add(resource("Patient", PATIENT));

  async function serve(incoming: import("node:http").IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? "/", origin);
    for await (const _ of incoming);
    if (url.pathname === "/token") {
      refreshes += 1;
      const access_token = `token-${refreshes}`;
      server.tokens.add(access_token);
      return send(response, { body: { access_token, token_type: "Bearer", expires_in: 3600, patient: PATIENT } });
    }
    const path = url.pathname.replace(/^\/fhir\/?/, "");
    const request = {
      method: incoming.method ?? "GET",
      path,
      query: url.searchParams,
      url: path + url.search,
      headers: incoming.headers,
    };
    server.requests.push(request);
    for (const rule of server.rules) {
      const reply = await rule(request);
      if (reply) return send(response, reply);
    }
    return send(response, sound(request));
  }

  function sound({ path, query, headers }: FhirRequest): FhirReply {
    if (path === "metadata") return server.capabilities ? { body: server.capabilities } : { status: 404 };
    if (!server.tokens.has((headers.authorization ?? "").replace(/^Bearer /, ""))) return { status: 401 };
    const [type = "", id] = path.split("/");
    const all = server.resources.get(type) ?? [];
    if (id !== undefined) {
      const text = all.find((one) => (JSON.parse(one) as { id: string }).id === id);
      return text ? { body: text } : { status: 404, body: operationOutcome("not-found") };
    }
    const size = server.pageSize ?? Number(query.get("_count") ?? 50);
    const from = Number(query.get("cursor") ?? 0);
    const next = new URLSearchParams(query);
    next.set("cursor", String(from + size));
    const links: Record<string, string> = from + size < all.length ? { next: `${server.base}/${type}?${next}` } : {};
    return { body: searchset(all.slice(from, from + size), { self: `${server.base}/${path}`, ...links }) };
  }

  return server;
}

function send(response: ServerResponse, { status = 200, headers, body = "", cut, hang }: FhirReply): void {
  if (hang) return;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const length = cut === undefined ? {} : { "content-length": String(Buffer.byteLength(text)) };
  response.writeHead(status, { "content-type": "application/fhir+json", ...length, ...headers });
  if (cut === undefined) return void response.end(text);
  response.write(Buffer.from(text).subarray(0, cut), () => response.destroy());
}
