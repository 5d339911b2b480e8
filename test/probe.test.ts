/** `mb-connect probe`: what it makes of servers in every state, how gently it asks them, and what patients then see. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { mbConnect } from "@mb-connect/server";
import { importCatalog } from "#server/catalog/importer.js";
import { createPoliteDoor } from "#server/cli/polite-door.js";
import { findEndpoints, type ProbeManners, type ProbeSummary, probe } from "#server/cli/probing.js";
import { createDoor } from "#server/fetch.js";
import type { Database } from "#server/store/database.js";
import { readLiveness } from "#server/store/liveness.js";
import { command } from "./support/command.ts";
import { forEachDatabase, testDatabases } from "./support/databases.ts";
import { NEEDS_REAL_DATA, realData } from "./support/real-data.ts";
import { facility, jsonLines, listFolder } from "./support/source-lists.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const SMART = "/.well-known/smart-configuration";

/** A server of many endpoints; a listener is told the path below the origin. */
interface Servers {
  start(listener: RequestListener): Promise<{ origin: string; asked: string[]; server: Server }>;
}

/** Starts servers that are gone when the suite ends. */
function servers(): Servers {
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
const sound: RequestListener = (request, response) => {
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

/** Below the origin: the endpoint's name and what is asked of it. */
const nameOf = (url = "") => url.split("/")[1] ?? "";

/** By an endpoint's name, how it answers otherwise. */
const ANSWERS: Record<string, RequestListener> = {
  old: ({ url }, response) =>
    url?.endsWith("/metadata")
      ? response.writeHead(200).end(JSON.stringify(STATEMENT))
      : response.writeHead(404, { "content-type": "text/html" }).end("<h1>Not found</h1>"),
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
const varied: RequestListener = (request, response) => (ANSWERS[nameOf(request.url)] ?? sound)(request, response);

/** DNS that knows only this machine. */
const lookup: LookupFunction = (hostname, _options, done) => {
  if (hostname === "localhost") return done(null, [{ address: "127.0.0.1", family: 4 }] as never, 0);
  done(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), "", 0);
};

/** A probe in this process, whose day can be another. */
function prober(database: Database, resolver: LookupFunction = lookup) {
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
        timeoutSeconds: 0.5,
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

forEachDatabase((databases) => {
  const { start } = servers();

  test("D7: every endpoint of a catalog is asked as a sign-in would, and each is told alive or why it is not", async () => {
    const { origin } = await start(varied);
    const { run, mark } = prober(await databases.open());
    const expected: Record<string, string | null> = {
      new: null,
      old: null,
      missing: "no_endpoints",
      page: "no_endpoints",
      silent: "timeout",
      broken: "http_503",
      closed: "http_403",
      gone: "http_410",
      inward: "blocked_endpoint",
      dropped: "unreachable",
    };
    const nowhere = "https://nowhere.example.org/fhir";
    const names = Object.keys(expected);
    const summary = await run([...names.map((name) => `${origin}/${name}`), nowhere]);
    for (const [name, reason] of Object.entries(expected)) {
      const state = reason === null ? "live" : "unknown";
      assert.deepEqual(await mark(`${origin}/${name}`), [state, reason, reason === null ? 0 : 1], name);
    }
    assert.deepEqual(await mark(nowhere), ["unknown", "unknown_host", 1]);
    assert.deepEqual([summary.answered, summary.failed, summary.states.live], [2, 9, 2]);
    assert.equal(summary.faults.no_endpoints, 2);
    assert.deepEqual(summary.became, { live: 2 });
  });
});
