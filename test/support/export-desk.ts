/**
 * A host with records to hand on, on any database: patients and connections as rows, records stored as a pull stores them,
 * exports run one by one or by the worker. No hospital is beside it.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  type DestinationCreate,
  type ExportRun,
  type MbConnect,
  type MbConnectOptions,
  mbConnect,
} from "@mb-connect/server";
import { exportRecords } from "#server/flow/export.js";
import { type ExportTrigger, scheduleExports } from "#server/hand-over.js";
import { compose } from "#server/mb-connect.js";
import { type IncomingRecord, storeRecords } from "#server/store/records.js";
import { takeForm } from "#server/store/record-seal.js";
import type { TestDatabases } from "./databases.ts";

type Context = ReturnType<typeof compose>["context"];

/** Where the hospital of every connection keeps its records. */
export const HOSPITAL = "https://fhir.hospital.example/r4";

/** A host with records to hand on. */
export interface ExportDesk {
  mb: MbConnect;
  /** What the flows work with, on the same database. */
  context: Context;
  options: MbConnectOptions;
  /** Makes a connection of a patient's; the FHIR patient is `p1`. */
  connect(patient_id: string): Promise<Link>;
  /** Stores a page of records, as a pull does. */
  store(link: Link, records: readonly IncomingRecord[]): Promise<void>;
  /** What a pull does when it settles. */
  settle(link: Link): Promise<void>;
  /** Runs an export in this process, as a job would. */
  run(
    destination_id: string,
    link: Link | null,
    more?: { trigger?: ExportTrigger; workMs?: number; signal?: AbortSignal; last?: boolean },
  ): Promise<void>;
  /** A destination's runs, oldest first. */
  runs(destination_id: string): Promise<ExportRun[]>;
}

/** A connection and whose it is. */
export interface Link {
  id: string;
  patient_id: string;
}

/** Opens it; it closes when the test ends. */
export async function openExportDesk(
  t: TestContext,
  { location }: Pick<TestDatabases, "location">,
  changes: Partial<MbConnectOptions> = {},
): Promise<ExportDesk> {
  const options: MbConnectOptions = {
    publicUrl: "http://localhost/api",
    homeUrl: "http://localhost",
    appName: "Example",
    patient: () => null,
    database: await location(),
    sealingKeys: [{ kid: "test", key: randomBytes(32).toString("base64url") }],
    returnUrls: ["http://localhost/connected"],
    registrations: [{ match: { vendor: "epic" }, client_id: "app" }],
    allowLoopback: true,
    logger: { info() {}, warn() {}, error() {} },
    ...changes,
  };
  const mb = mbConnect(options, { jobs: { pollSeconds: 0.05, retrySeconds: 0.05 } });
  await mb.ready;
  const { context, database } = compose(options, {});
  await context.jobs.prepare();
  t.after(async () => {
    await mb.close();
    await Promise.all([context.door.close(), context.ownDoor.close(), database.close()]);
  });
  const { db } = context;
  return {
    mb,
    context,
    options,
    async connect(patient_id) {
      await mb.patients
        .create({ id: patient_id })
        .catch((thrown) => assert.equal(thrown.code, "external_id_already_exists"));
      const id = context.ids.next("conn");
      await db.insertInto("connections").values(connectionRow(id, patient_id)).execute();
      return { id, patient_id };
    },
    async store({ id, patient_id }, records) {
      const form = await takeForm(db, context.vault, id, options.sealRecords ?? false);
      await db
        .transaction()
        .execute((tx) => storeRecords(tx, { connection_id: id, patient_id }, records, context.clock(), form));
    },
    settle: (link) => db.transaction().execute((tx) => scheduleExports(context, tx, link.id)),
    async run(
      destination_id,
      link,
      {
        trigger = "delta",
        workMs = Number.POSITIVE_INFINITY,
        signal = new AbortController().signal,
        last = false,
      } = {},
    ) {
      const payload = { destination_id, connection_id: link?.id ?? null, trigger, after: "" };
      await exportRecords(context, { payload, signal, last }, { workMs });
    },
    async runs(destination_id) {
      const runs: ExportRun[] = [];
      for await (const run of mb.destinations.runs(destination_id, { limit: 100 }).autoPagingIterator())
        runs.unshift(run);
      return runs;
    },
  };
}

/** Adds a destination and lets its backfill pass without a worker: nothing is there yet. */
export async function addDestination({ mb }: ExportDesk, destination: DestinationCreate): Promise<string> {
  return (await mb.destinations.create(destination)).id;
}

/** A new folder, gone when the test ends. */
export async function newFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mb-export-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** An invented record; `version` tells one state of it from the next. */
export function record(type: string, fhir_id: string, more: object = {}, version = 1): IncomingRecord {
  const last_updated = Date.UTC(2026, 0, 1) + version * 1000;
  const meta = { versionId: String(version), lastUpdated: new Date(last_updated).toISOString() };
  return {
    type,
    fhir_id,
    last_updated,
    role: "match",
    body: JSON.stringify({ resourceType: type, id: fhir_id, meta, ...more }),
  };
}

/** An invented patient's records, as many as asked for: themselves, visits, and what was observed at them. */
export function records(count: number, version = 1): IncomingRecord[] {
  const subject = { reference: "Patient/p1" };
  return Array.from({ length: count }, (_, index) => {
    if (index === 0) return record("Patient", "p1", { name: [{ family: "Sampleton" }] }, version);
    if (index % 4 === 0)
      return record("Encounter", `e${index}`, { status: "finished", class: { code: "AMB" }, subject }, version);
    const encounter = { reference: `Encounter/e${Math.max(4, index - (index % 4))}` };
    return record(
      "Observation",
      `o${index}`,
      { status: "final", code: { text: "Weight" }, subject, encounter, valueQuantity: { value: 70.5 } },
      version,
    );
  });
}

/** What a folder of NDJSON holds: for each connection its files by name, and whatever is not NDJSON beside. */
export async function readFolder(
  folder: string,
  link: Link,
): Promise<{ files: Map<string, string[]>; others: string[] }> {
  const place = join(folder, link.id);
  const names = await readdir(place).catch(() => []);
  const files = new Map<string, string[]>();
  for (const name of names.filter((one) => one.endsWith(".ndjson")).sort()) {
    const text = await readFile(join(place, name), "utf8");
    assert.ok(text.endsWith("\n"), `${name} ends with a whole line`);
    files.set(name, text.trimEnd().split("\n"));
  }
  return { files, others: names.filter((name) => !name.endsWith(".ndjson")) };
}

/** `Type/id version` of each line of all files, in their order. */
export function lineNames(files: Map<string, string[]>): string[] {
  return [...files.values()].flat().map((line) => {
    const { resourceType, id, meta } = JSON.parse(line);
    return `${resourceType}/${id} ${meta.versionId}`;
  });
}

/** The same of records. */
export function recordNames(all: readonly IncomingRecord[]): string[] {
  return all.map(({ body }) => lineNames(new Map([["", [body]]]))[0] ?? "");
}

function connectionRow(id: string, patient_id: string) {
  return {
    id,
    patient_id,
    source_id: `fhirsrc_${id}`,
    session_id: null,
    status: "active" as const,
    scopes: "[]",
    not_granted: "[]",
    fhir_base_url: HOSPITAL,
    fhir_patient_id: "p1",
    patient_from: "token",
    identity: "absent",
    snapshot: "{}",
    sealed_tokens: null,
    access_expires_at: null,
    renewable: 1,
    extras: null,
    token_generation: 1,
    lease_owner: null,
    lease_until: null,
    unanswered_refreshes: 0,
    refused_refreshes: 0,
    refresh_after: null,
    failure_code: null,
    failure_at: null,
    last_refreshed_at: null,
    created_at: 1,
    updated_at: 1,
  };
}
