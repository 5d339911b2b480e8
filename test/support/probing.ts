/** What tests of `mb-connect probe` share: servers with endpoints in every state, and a probe with a clock of its own. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { after } from "node:test";
import { type ProbeManners, type ProbeSummary, probe } from "#server/cli/probing.js";
import { createDoor } from "#server/fetch.js";
import type { Database } from "#server/store/database.js";

/** A day, for clocks that are put forward. */
export const DAY_MS = 24 * 60 * 60 * 1000;
/** Where a smart-configuration stands below a FHIR base. */
export const SMART = "/.well-known/smart-configuration";

/** A running server of many endpoints, and what it was asked, as paths. */
export interface EndpointServer {
  origin: string;
  asked: string[];
  server: Server;
}

/** Starts servers that are gone when the suite ends. Call it inside a `describe`, or at a file's top. */
export function endpointServers(): { start(listener: RequestListener): Promise<EndpointServer> } {
  const started: Server[] = [];
  after(() => {
    for (const server of started) {
      server.closeAllConnections();
      server.close();
    }
  });
  return {
    async start(listener) {
      const asked: string[] = [];
      const server = createServer((request, response) => {
        asked.push(request.url ?? "");
        listener(request, response);
      });
      started.push(server);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      return { origin: `http://localhost:${(server.address() as AddressInfo).port}`, asked, server };
    },
  };
}

/** What a sound server says below any base. */
export const sound: RequestListener = (request, response) => {
  if (!request.url?.endsWith(SMART)) return response.writeHead(404).end();
  const origin = `http://${request.headers.host}`;
  const body = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` };
  return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
};

const STATEMENT = {
  resourceType: "CapabilityStatement",
  rest: [
    {
      security: {
        extension: [
          {
            url: "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
            extension: [
              { url: "authorize", valueUri: "authorize" },
              { url: "token", valueUri: "token" },
            ],
          },
        ],
      },
    },
  ],
};

/** The endpoint that a path belongs to: its first part. */
export const nameOf = (url = "") => url.split("/")[1] ?? "";

/** Endpoint → how it answers otherwise than a sound one. */
export const ODD_ANSWERS: Record<string, RequestListener> = {
  old: ({ url }, response) =>
    url?.endsWith("/metadata")
      ? response.writeHead(200).end(JSON.stringify(STATEMENT))
      : response.writeHead(404, { "content-type": "text/html" }).end("<h1>Not found</h1>"),
  half: ({ url }, response) =>
    url?.endsWith("/metadata")
      ? response.writeHead(200).end(JSON.stringify(STATEMENT))
      : response.writeHead(410, { "content-type": "application/json" }).end("{}"),
  missing: (_, response) => response.writeHead(404).end("{}"),
  page: (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<h1>Welcome</h1>"),
  silent: () => {},
  broken: (_, response) => response.writeHead(503).end(),
  closed: (_, response) => response.writeHead(403, { "content-type": "application/json" }).end("{}"),
  gone: (_, response) => response.writeHead(410).end("{}"),
  inward: (_, response) =>
    response
      .writeHead(200)
      .end(JSON.stringify({ authorization_endpoint: "https://10.0.0.1/authorize", token_endpoint: "token" })),
  dropped: (request) => request.socket.destroy(),
};

/** Answers for each endpoint as told, for others soundly. Told otherwise later on, it answers otherwise. */
export function varied(answers: Record<string, RequestListener> = ODD_ANSWERS): RequestListener {
  return (request, response) => (answers[nameOf(request.url)] ?? sound)(request, response);
}

/** DNS that knows only this machine. */
export const lookup: LookupFunction = (hostname, _options, done) => {
  if (/(^|\.)localhost$/.test(hostname)) return done(null, [{ address: "127.0.0.1", family: 4 }] as never, 0);
  done(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), "", 0);
};

/** A probe in this process, whose clock can be put forward. Its requests follow one another at once. */
export function prober(database: Database, resolver: LookupFunction = lookup) {
  const door = createDoor({ allowLoopback: true, lookup: resolver });
  after(() => door.close());
  let ahead = 0;
  const clock = () => Date.now() + ahead;
  return {
    clock,
    pass(ms: number) {
      ahead += ms;
    },
    run(endpoints: string[], how: Partial<ProbeManners> = {}): Promise<ProbeSummary> {
      return probe({ db: database.db, door, clock }, endpoints, {
        limit: 1000,
        maxAgeMs: 0,
        concurrency: 16,
        paceMs: 1,
        timeoutSeconds: 15,
        signal: new AbortController().signal,
        progress() {},
        ...how,
      });
    },
    async mark(fhir_base_url: string) {
      const { db } = database;
      const row = await db
        .selectFrom("source_liveness")
        .select(["state", "reason", "failures"])
        .where("fhir_base_url", "=", fhir_base_url)
        .executeTakeFirst();
      return row && [row.state, row.reason, Number(row.failures)];
    },
  };
}

/** A host's options but for `patient`, registered with what the lists hold of Epic's. */
export const optionsFor = (database: string, more: object = {}) => ({
  publicUrl: "http://localhost/api",
  homeUrl: "http://localhost/",
  appName: "Example",
  database,
  sealingKeys: [{ kid: "a", key: randomBytes(32).toString("base64url") }],
  returnUrls: ["http://localhost/connected"],
  registrations: [{ match: { vendor: "Epic" }, client_id: "app" }],
  allowLoopback: true,
  ...more,
});
