/**
 * A host whose worker pulls from a FHIR server, with connections made straight in its database: what the tests of the pull
 * need. Everything runs as in life; the queue looks more often, and the clock can be put forward.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { MbConnectOptions } from "@mb-connect/server";
import { sql } from "kysely";
import type { Context } from "#server/context.js";
import { type Patients, patients } from "#server/library/patients.js";
import { compose, type Surroundings } from "#server/mb-connect.js";
import { requestPull } from "#server/pulling/schedule.js";
import { DEFAULT_PROFILE } from "#server/smart/source-profile.js";
import type { Database } from "#server/store/database.js";
import { type PullProgress, readProgress, type TypeProgress } from "#server/store/pulls.js";
import type { RecordRow } from "#server/store/schema.js";
import { createWorker, type Worker } from "#server/worker.js";
import type { TestDatabases } from "./databases.ts";
import { type FhirServer, PATIENT } from "./fhir-server.ts";

type Profile = typeof DEFAULT_PROFILE;

/** What a connection is made of; the rest is sound. */
export interface ConnectionInput {
  server: Pick<FhirServer, "base" | "tokenEndpoint">;
  patient_id?: string;
  fhir_patient_id?: string;
  scopes?: string[];
  not_granted?: string[];
  profile?: Partial<Omit<Profile, "fhir">> & { fhir?: Partial<Profile["fhir"]> };
  extras?: object;
  renewable?: boolean;
}

/** A host with a worker, and what its database says. */
export interface PullHost {
  worker: Worker;
  patients: Patients;
  /** Its own: another connection to a SQLite file, in one process, would wait for a transaction that waits for it. */
  database: Database;
  context: Context;
  location: string;
  options: MbConnectOptions;
  logged: unknown[];
  /** Milliseconds since 1970, as mb-connect sees it. */
  now(): number;
  /** Puts the clock forward, and with it the jobs that wait. */
  pass(seconds: number): Promise<void>;
  /** Makes a connection and asks for its pull, as a grant does; answers its id. */
  connect(input: ConnectionInput): Promise<string>;
  /** Asks for a pull as a grant does. */
  request(connection_id: string, wanted?: "connect" | "demand"): Promise<void>;
  /**
   * Waits until the pull has settled: `after`, one that began later than that; `passing`, putting the clock forward by so
   * many seconds whenever nothing runs.
   */
  settled(connection_id: string, how?: { after?: PullProgress; passing?: number }): Promise<PullProgress>;
  progress(connection_id: string): Promise<PullProgress>;
  /** How the pull went with one type. */
  type(connection_id: string, type: string): Promise<TypeProgress & { notes: Record<string, number> }>;
  /** What is stored, by type and id. */
  records(connection_id: string): Promise<RecordRow[]>;
  close(): Promise<void>;
}

/** Scopes that open these types. */
export function scopesFor(...types: string[]): string[] {
  return ["launch/patient", "offline_access", ...types.map((type) => `patient/${type}.read`)];
}

/** True while no job runs. */
async function isIdle({ kind, db }: Database): Promise<boolean> {
  const running =
    kind === "sqlite"
      ? await db.selectFrom("jobs").select("id").where("lease", "is not", null).execute()
      : (await sql`select id from mb_jobs.job where state = 'active'`.execute(db)).rows;
  return running.length === 0;
}

/** How a host is opened. */
export interface PullHostOptions extends Surroundings {
  /** False: its worker does not run. */
  worker?: boolean;
  options?: Partial<MbConnectOptions>;
  location?: string;
}

/** Opens the host; its worker runs unless told not to. */
export async function openPullHost(
  databases: TestDatabases,
  { worker = true, options = {}, location, ...surroundings }: PullHostOptions = {},
): Promise<PullHost> {
  const at = location ?? (await databases.location());
  const logged: unknown[] = [];
  const log = (...line: unknown[]): void => void logged.push(line);
  const all: MbConnectOptions = {
    publicUrl: "http://localhost/api",
    homeUrl: "http://localhost/",
    appName: "Example",
    patient: () => null,
    database: at,
    sealingKeys: [{ kid: "test", key: randomBytes(32).toString("base64url") }],
    returnUrls: ["http://localhost/connected"],
    registrations: [{ match: { vendor: "simulated" }, client_id: "app" }],
    allowLoopback: true,
    logger: { info: log, warn: log, error: log },
    ...options,
  };
  let ahead = 0;
  const now = () => Date.now() + ahead;
  // A job that runs while a test puts the clock forward keeps its lease.
  const timing = { pollSeconds: 0.02, retrySeconds: 0.02, leaseSeconds: 21_600, ...surroundings.jobs };
  const { context, database } = compose(all, { clock: now, ...surroundings, jobs: timing });
  const ready = database.migrate().then(() => context.jobs.prepare());
  await ready;
  const background = createWorker(context, ready);
  if (worker) await background.start();
  let serial = 0;

  async function progress(connection_id: string): Promise<PullProgress> {
    const found = (await readProgress(database.db, [connection_id])).get(connection_id);
    return found ?? assert.fail("there is no such pull");
  }

  const host: PullHost = {
    worker: background,
    patients: patients(context, ready),
    database,
    context,
    location: at,
    options: all,
    logged,
    now,
    async pass(seconds) {
      ahead += seconds * 1000;
      if (database.kind === "postgres") {
        await sql`update mb_jobs.job set start_after = start_after - ${seconds} * interval '1 second'
          where state = 'created'`.execute(database.db);
      }
    },
    async connect(input) {
      const { server, extras = null } = input;
      serial += 1;
      const id = `conn_${String(serial).padStart(26, "0")}`;
      const source_id = `fhirsrc_${String(serial).padStart(26, "0")}`;
      const patient_id = input.patient_id ?? `patient-${serial}`;
      const profile = {
        ...DEFAULT_PROFILE,
        ...input.profile,
        fhir: { ...DEFAULT_PROFILE.fhir, rps: 1000, ...input.profile?.fhir },
      };
      const snapshot = {
        registration: "vendor:simulated",
        client_id: "app",
        fhir_base_url: server.base,
        scopes: input.scopes ?? [],
        profile,
        configuration: { token_endpoint: server.tokenEndpoint, authorization_endpoint: server.tokenEndpoint },
      };
      const tokens = { access_token: "token-0", refresh_token: "refresh-0" };
      await database.db.transaction().execute(async (tx) => {
        const at = now();
        await tx
          .insertInto("patients")
          .values({
            id: patient_id,
            last_record_seq: 0,
            created_at: at,
            updated_at: at,
            name: null,
            email: null,
            metadata: null,
          })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        await tx
          .insertInto("sources")
          .values({
            id: source_id,
            name: "Example Hospital",
            brand: null,
            brand_identifier: null,
            aliases: "[]",
            places: null,
            city: null,
            state: null,
            zip: null,
            vendor: null,
            type: null,
            fhir_base_url: server.base,
            fhir_version: "4.0.1",
            portal_url: null,
            portal_name: null,
            logo_url: null,
            status: "active",
            updated_at: at,
          })
          .execute();
        await tx
          .insertInto("connections")
          .values({
            id,
            patient_id,
            source_id,
            session_id: null,
            status: "active",
            scopes: JSON.stringify(input.scopes ?? scopesFor("*")),
            not_granted: JSON.stringify(input.not_granted ?? []),
            fhir_base_url: server.base,
            fhir_patient_id: input.fhir_patient_id ?? PATIENT,
            patient_from: "token",
            identity: "absent",
            snapshot: JSON.stringify(snapshot),
            sealed_tokens: context.vault.seal(tokens, { table: "connections", id, column: "tokens" }),
            access_expires_at: at + 30 * 24 * 3_600_000,
            renewable: input.renewable === false ? 0 : 1,
            extras: extras && JSON.stringify(extras),
            token_generation: 1,
            lease_owner: null,
            lease_until: null,
            unanswered_refreshes: 0,
            refused_refreshes: 0,
            refresh_after: null,
            failure_code: null,
            failure_at: null,
            last_refreshed_at: at,
            created_at: at,
            updated_at: at,
          })
          .execute();
        await requestPull(context, tx, id, "connect");
      });
      return id;
    },
    request: (connection_id, wanted = "connect") =>
      database.db.transaction().execute((tx) => requestPull(context, tx, connection_id, wanted)),
    async settled(connection_id, { after, passing = 0 } = {}) {
      for (const end = Date.now() + 30_000; Date.now() < end; await delay(20)) {
        // A database that is restarted is there again in a moment.
        const found = await progress(connection_id).catch(() => null);
        if (found?.state === "settled" && (after === undefined || found.started_at !== after.started_at)) return found;
        if (passing > 0 && (await isIdle(database))) await host.pass(passing);
      }
      return assert.fail(
        `the pull has not settled: ${JSON.stringify(await progress(connection_id))} ${JSON.stringify(logged)}`,
      );
    },
    progress,
    async type(connection_id, type) {
      const row = await database.db
        .selectFrom("pull_types")
        .selectAll()
        .where("connection_id", "=", connection_id)
        .where("type", "=", type)
        .executeTakeFirstOrThrow();
      return { ...row, notes: JSON.parse(row.notes) };
    },
    records: (connection_id) =>
      database.db
        .selectFrom("records")
        .selectAll()
        .where("connection_id", "=", connection_id)
        .orderBy("type")
        .orderBy("fhir_id")
        .execute(),
    async close() {
      await background.stop();
      await Promise.allSettled(context.unfinished);
      await Promise.all([context.door.close(), context.ownDoor.close(), database.close()]);
    },
  };
  return host;
}
