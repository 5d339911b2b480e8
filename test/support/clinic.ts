/**
 * A host's app with mb-connect mounted in it, a simulated hospital beside it, and a patient's browser over plain HTTP: what
 * most tests of the server need. Everything real; only the clock can be put forward.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type MbConnect, type MbConnectOptions, mbConnect } from "@mb-connect/server";
import express, { type Express } from "express";
import { sql } from "kysely";
import { importCatalog } from "#server/catalog/importer.js";
import { openDatabase } from "#server/store/database.js";
import type { Fault } from "../../demo/hospital/facilities.ts";
import { type Facility, type Hospital, type HospitalClient, startHospital } from "../../demo/hospital/server.ts";
import { type PortalVisit, visitPortal } from "./portal.ts";

/** What a host can be opened beside: some facilities whose patients sign in somewhere. */
export interface HospitalBeside {
  facilities: Pick<Facility, "name" | "brand" | "city" | "state" | "zip" | "fhirBaseUrl">[];
  close(): Promise<void>;
}

/** A running host, and the hospital beside it. */
export interface Host<Beside extends HospitalBeside> {
  app: Express;
  /** Origin of the host. */
  url: string;
  /** `publicUrl`. */
  api: string;
  mb: MbConnect;
  hospital: Beside;
  database: string;
  returnUrl: string;
  options: MbConnectOptions;
  /** Lines that mb-connect logged. */
  logged: unknown[];
  /** Puts the clock forward. */
  pass(seconds: number): void;
  /** The id of a facility's source. */
  sourceOf(facility: Pick<Facility, "name" | "city">): string;
  /** How many jobs of a name wait for a connection. */
  waiting(name: string, connection_id: string): Promise<number>;
  /** The sealed columns of a session's newest attempt. */
  sealedOf(session_id: string): Promise<(string | null)[]>;
  close(): Promise<void>;
}

/** A host beside the simulated hospital. */
export interface Clinic extends Host<Hospital> {
  /** The id of the source of a facility with this fault, null for a sound one. */
  source(fault?: Fault | null, which?: number): Promise<string>;
  facility(fault?: Fault | null, which?: number): Facility;
  /** How often the hospital's token endpoints were called. */
  tokenCalls(): number;
}

/** Asks again until the answer is as it should be; fails after a minute. */
export async function until<T>(ask: () => Promise<T>, enough: (answer: T) => boolean): Promise<T> {
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(50)) {
    const answer = await ask();
    if (enough(answer)) return answer;
  }
  return assert.fail("it did not come to be within a minute");
}

/** What a test changes. */
export interface HostOptions {
  database?: string;
  options?: Partial<MbConnectOptions>;
  /** A resolver in place of the machine's. */
  lookup?: LookupFunction;
}

/** The same, and how the app is registered at the simulated hospital. */
export interface ClinicOptions extends HostOptions {
  client?: Partial<HospitalClient>;
}

/** A host beside the simulated hospital, where it is registered as the public app `app`. */
export async function openClinic({ client, ...rest }: ClinicOptions = {}): Promise<Clinic> {
  const registered = { client_id: "app", client_name: "Example", token_endpoint_auth_method: "none" } as const;
  const host = await openHost(
    (redirect_uri) => startHospital({ clients: [{ ...registered, redirect_uris: [redirect_uri], ...client }] }),
    rest,
  );
  const { facilities, requests } = host.hospital;
  const facility = (fault: Fault | null = null, which = 0): Facility => {
    const found = facilities.filter((one) => one.fault === fault)[which];
    assert.ok(found, `a facility with the fault ${fault}`);
    return found;
  };
  return {
    ...host,
    facility,
    source: async (fault, which) => host.sourceOf(facility(fault, which)),
    tokenCalls: () => requests.filter(({ method, path }) => method === "POST" && path.endsWith("/token")).length,
  };
}

/**
 * A host beside any hospital. Who is logged in is the header or the cookie `user` of the request.
 *
 * @param start opens the hospital, which is told the redirect URI that the host is registered with
 */
export async function openHost<Beside extends HospitalBeside>(
  start: (redirect_uri: string) => Promise<Beside>,
  { database, options, lookup }: HostOptions = {},
): Promise<Host<Beside>> {
  const folder = await mkdtemp(join(tmpdir(), "mb-clinic-"));
  const app = express();
  const server = createServer(app);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  const api = `${url}/api`;
  const hospital = await start(`${api}/callback`);
  const location = database ?? join(folder, "mb-connect.db");
  const sources = await importHospital(hospital, location, folder);
  const beside = openDatabase(location);
  const logged: unknown[] = [];
  const log = (...line: unknown[]): void => void logged.push(line);
  const returnUrl = `${url}/connected`;
  const all: MbConnectOptions = {
    publicUrl: api,
    homeUrl: url,
    appName: "Example",
    patient: loggedInUser,
    database: location,
    sealingKeys: [{ kid: "test", key: randomBytes(32).toString("base64url") }],
    returnUrls: [returnUrl],
    registrations: [{ match: { vendor: VENDOR }, client_id: "app" }],
    allowLoopback: true,
    logger: { info: log, warn: log, error: log },
    ...options,
  };
  let ahead = 0;
  const mb = mbConnect(all, { clock: () => Date.now() + ahead, ...(lookup ? { lookup } : {}) });
  app.use("/api", mb.router);
  await mb.ready;
  return {
    app,
    url,
    api,
    mb,
    hospital,
    database: location,
    returnUrl,
    options: all,
    logged,
    pass: (seconds) => {
      ahead += seconds * 1000;
    },
    sourceOf({ name, city }) {
      const id = sources.get(`${name} ${city}`);
      assert.ok(id, `the source of ${name}`);
      return id;
    },
    async waiting(name, connection_id) {
      const rows =
        beside.kind === "sqlite"
          ? await beside.db
              .selectFrom("jobs")
              .select("payload")
              .where("name", "=", name)
              .where("lease", "is", null)
              .where("failed_at", "is", null)
              .execute()
          : (
              await sql<{ payload: string }>`select data::text as payload from mb_jobs.job
                where name = ${name} and state = 'created'`.execute(beside.db)
            ).rows;
      return rows.filter(({ payload }) => payload.includes(connection_id)).length;
    },
    async sealedOf(session_id) {
      const row = await beside.db
        .selectFrom("attempts")
        .select(["sealed_verifier", "sealed_code"])
        .where("session_id", "=", session_id)
        .orderBy("id", "desc")
        .executeTakeFirstOrThrow();
      return [row.sealed_verifier, row.sealed_code];
    },
    async close() {
      await stop(server);
      await Promise.all([mb.close(), hospital.close(), beside.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const VENDOR = "Simulated";

/** Imports the hospital's facilities, and answers their ids by name and city. */
async function importHospital(
  hospital: HospitalBeside,
  location: string,
  folder: string,
): Promise<Map<string, string>> {
  const file = join(folder, "facilities.jsonl");
  const lines = hospital.facilities.map(({ name, brand, city, state, zip, fhirBaseUrl }) =>
    JSON.stringify({ name, brand, city, state, zip, fhirBaseUrl, vendor: VENDOR, fhirVersion: "4.0.1" }),
  );
  await writeFile(file, lines.join("\n"));
  const database = openDatabase(location);
  await database.migrate();
  await importCatalog(database, { files: [file], list: "hospital" }, Date.now);
  const rows = await database.db.selectFrom("sources").select(["id", "name", "city"]).execute();
  await database.close();
  return new Map(rows.map(({ id, name, city }) => [`${name} ${city}`, id]));
}

function loggedInUser(request: { headers: Record<string, unknown> }): string | null {
  const cookie = /(?:^|;\s*)user=([^;]+)/.exec(String(request.headers.cookie ?? ""))?.[1];
  return (request.headers["x-user"] as string | undefined) ?? cookie ?? null;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
}

/** A browser over plain HTTP: keeps the cookies of the clinic, follows nothing by itself. */
export interface PatientBrowser {
  /** Cookies as the clinic set them, by name. */
  cookies: Map<string, string>;
  /** A navigation or a same-origin request of a page. */
  visit(url: string, init?: RequestInit): Promise<Response>;
  /** Posts to the session route as the tag does. */
  start(connectionId: string, more?: object): Promise<Response>;
  /** From a session's url to the portal and back: the callback's address, not yet visited. */
  portal(sessionUrl: string, visit?: PortalVisit): Promise<URL>;
  /** The whole way: the address at the host where it ends. */
  connect(connectionId: string, visit?: PortalVisit): Promise<URL>;
}

/**
 * A browser with a login at the clinic, or none.
 *
 * @param goThroughPortal what the patient does at the hospital; default: what the simulated one asks for
 */
export function patientBrowser(
  clinic: Pick<Host<HospitalBeside>, "api" | "url">,
  user: string | null = "user_42",
  goThroughPortal: typeof visitPortal = visitPortal,
): PatientBrowser {
  const cookies = new Map<string, string>(user === null ? [] : [["user", user]]);
  const visit: PatientBrowser["visit"] = async (url, init = {}) => {
    const headers = new Headers(init.headers);
    if (cookies.size > 0) headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(url, { redirect: "manual", ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    return response;
  };
  const start: PatientBrowser["start"] = (connectionId, more = {}) =>
    visit(`${clinic.api}/patient-sessions`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: clinic.url },
      body: JSON.stringify({ connectionId, ...more }),
    });
  const portal: PatientBrowser["portal"] = async (sessionUrl, at) => {
    const opened = await visit(sessionUrl);
    assert.equal(opened.status, 303, await opened.text());
    return goThroughPortal(new URL(opened.headers.get("location") ?? ""), at);
  };
  return {
    cookies,
    visit,
    start,
    portal,
    async connect(connectionId, at) {
      const response = await start(connectionId);
      const { url } = (await response.json()) as { url: string };
      assert.ok(url, `a session, not ${response.status}`);
      const opened = await visit(url);
      const location = new URL(opened.headers.get("location") ?? "");
      if (location.origin === clinic.url) return location;
      const arrived = await visit((await goThroughPortal(location, at)).href);
      return new URL(arrived.headers.get("location") ?? `about:${arrived.status}`);
    },
  };
}
