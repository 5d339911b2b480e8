/** The composition root: reads the options, opens what is needed and puts it together. */
import type { Router } from "express";
import { pino } from "pino";
import type { Connection } from "../../shared/src/connection.ts";
import {
  type Patient,
  type PatientCreate,
  type PatientDetail,
  type PatientUpdate,
  patientCreate,
  patientUpdate,
} from "../../shared/src/patient.ts";
import type { PatientSession, PatientSessionInit } from "../../shared/src/patient-session.ts";
import type { ConnectionsQuery, FhirSource } from "../../shared/src/source.ts";
import { recordAudit } from "./audit.ts";
import { createCatalog } from "./catalog/catalog.ts";
import { readVendors } from "./catalog/vendor.ts";
import type { Context } from "./context.ts";
import { badRequest, ConnectError, loggable } from "./errors.ts";
import { createDoor, type Resolver } from "./fetch.ts";
import { disconnect, revokeGrant } from "./flow/disconnect.ts";
import { search } from "./flow/search.ts";
import { createSession } from "./flow/session.ts";
import { createIds } from "./ids.ts";
import { createJobs, type Jobs } from "./jobs/jobs.ts";
import type { JobFault } from "./jobs/worker-loop.ts";
import { type Logger, type MbConnectOptions, OptionsError, readOptions } from "./options.ts";
import { createRouter } from "./router.ts";
import { createDiscovery } from "./smart/discovery.ts";
import { createIssuerKeys } from "./smart/issuer-keys.ts";
import { isOffered } from "./smart/registration.ts";
import { readProfiles } from "./smart/source-profile.ts";
import { listConnections, takeConnections } from "./store/connections.ts";
import { type Database, MissingPeerError, openDatabase } from "./store/database.ts";
import { listSessions } from "./store/patient-sessions.ts";
import { deletePatient, insertPatient, listPatientRows, replacePatient } from "./store/patients.ts";
import { createTokenVault } from "./store/token-vault.ts";
import { readTrail, type TrailStep } from "./trail.ts";
import { untilDone } from "./unfinished.ts";
import { connectionView } from "./views/connection.ts";
import { type ListParameters, page, readListParameters } from "./views/cursor.ts";
import { type PagedList, paged } from "./views/paged.ts";
import { patientNotFound, patientView, retrievePatient } from "./views/patient.ts";
import { retrieveSession, sessionViews } from "./views/patient-session.ts";
import { sourceView } from "./views/source.ts";
import { createWorker, JOB_NAMES, type Worker } from "./worker.ts";

/** What `mbConnect` answers: routes for the browser, calls for the host's own server, and the background. */
export interface MbConnect {
  /** Mount it at the path of `publicUrl`: `app.use("/api", mb.router)`. */
  router: Router;
  worker: Worker;
  /** Settles when the database is open and migrated; rejects with what kept it from it. */
  ready: Promise<void>;
  /** Stops the worker, waits for what is under way at hospitals, and closes the database. Close your HTTP server first. Safe to call twice. */
  close(): Promise<void>;
  patientSession: {
    /** Starts a session; send the browser to its `url`. Errors: `bad_request`, `resource_not_found`. */
    init(init: PatientSessionInit): Promise<PatientSession>;
    /** What became of a session, attempt by attempt. Errors: `resource_not_found`. */
    retrieve(id: string): Promise<PatientSession>;
    /** What happened in a session, step by step. Errors: `resource_not_found`. */
    trail(id: string): Promise<TrailStep[]>;
  };
  patients: {
    /** In the order of their ids. */
    list(parameters?: ListParameters): PagedList<Patient>;
    /** Errors: `bad_request`, `external_id_already_exists`. */
    create(patient: PatientCreate): Promise<Patient>;
    /** With their connections, newest first. Errors: `resource_not_found`. */
    retrieve(id: string): Promise<PatientDetail>;
    /** Replaces name, email and metadata whole. Errors: `bad_request`, `resource_not_found`. */
    update(id: string, patient: PatientUpdate): Promise<Patient>;
    /** Revokes their access at the hospitals and deletes all that is theirs. Errors: `resource_not_found`. */
    delete(id: string): Promise<{ id: string; resource_type: "patient"; deleted: true }>;
    /** Newest first. Errors: `resource_not_found`. */
    listPatientSessions(id: string, parameters?: ListParameters): PagedList<PatientSession>;
    /** Newest first. Errors: `resource_not_found`. */
    getConnections(id: string): Promise<Connection[]>;
    /** Ends a connection (`conn_…`), here at once and at the hospital if it will. Errors: `resource_not_found`. */
    disconnectConnection(
      id: string,
      connectionId: string,
    ): Promise<{ id: string; resource_type: "connection"; disconnected: true }>;
  };
  connections: {
    /** Searches the sources that can be offered. Errors: `bad_request`. */
    list(query?: ConnectionsQuery): PagedList<FhirSource>;
    /** One source of the catalog, offered or not, by its `fhirsrc_` id. Errors: `resource_not_found`. */
    retrieve(id: string): Promise<FhirSource>;
  };
}

/** What tests put in place of the machine's own. */
export interface Surroundings {
  /** Milliseconds since 1970; default `Date.now`. */
  clock?: () => number;
  /** A folder of vendor files in place of the package's own. */
  vendors?: URL;
  /** A resolver in place of the system's. */
  lookup?: Resolver;
}

/**
 * Starts mb-connect inside the host's process.
 *
 * @throws {OptionsError} naming every fault of the options at once
 * @throws {VendorFileError} naming the vendor file that cannot be read, and every fault in it
 */
export function mbConnect(options: MbConnectOptions, surroundings: Surroundings = {}): MbConnect {
  const { context, database } = compose(options, surroundings);
  const { logger, jobs } = context;
  const ready = database.migrate().then(() => jobs.prepare());
  // Whoever awaits it is told; a host that does not must not end by an unhandled rejection, and hears of it here.
  ready.catch((thrown) => logger.error(loggable(thrown), "The database cannot be used"));
  const worker = createWorker(context, ready);
  let closed: Promise<void> | undefined;
  async function end(): Promise<void> {
    await worker.stop();
    await ready.catch(() => {});
    // What runs at a hospital may start more: its revocation, its place in the audit.
    while (context.unfinished.size > 0) await Promise.allSettled(context.unfinished);
    await Promise.all([context.door.close(), database.close()]);
  }

  return {
    router: createRouter(context, ready),
    worker,
    ready,
    close() {
      closed ??= end();
      return closed;
    },
    ...library(context, ready),
  };
}

/**
 * Puts the parts together. Nothing runs yet, and the database is not migrated: that is what `mbConnect` adds.
 *
 * @throws as `mbConnect` does
 */
export function compose(
  options: MbConnectOptions,
  surroundings: Surroundings,
): { context: Context; database: Database } {
  const clock = surroundings.clock ?? Date.now;
  const noteUse = firstUses((use, kid) => recordUse(context, use, kid));
  const configuration = readOptions(options, { clock, onSign: (kid) => noteUse("sign", kid) });
  const vendors = readVendors(surroundings.vendors);
  const profiles = readProfiles(vendors);
  const logger: Logger = configuration.logger ?? pino({ name: "mb-connect", level: "warn" });
  const { database, jobs } = open(configuration.database, clock, logger);
  const { allowLoopback } = configuration;
  const door = createDoor({ allowLoopback, ...(surroundings.lookup ? { lookup: surroundings.lookup } : {}) });
  const offered: Context["offered"] = (source) => isOffered(configuration.registrations, source, door.allows);
  const context: Context = {
    configuration,
    db: database.db,
    vault: createTokenVault(configuration.sealingKeys, { clock, onUse: noteUse }),
    catalog: createCatalog({ database, offered, clock, vendors }),
    vendors,
    profiles,
    offered,
    jobs,
    door,
    discovery: createDiscovery({ door, db: database.db, logger, clock }),
    issuerKeys: createIssuerKeys(door, clock),
    ids: createIds(clock),
    logger,
    unfinished: new Set(),
    clock,
  };
  return { context, database };
}

/** Calls on at the first use of each key in each way. */
function firstUses(record: (use: string, kid: string) => void): (use: string, kid: string) => void {
  const known = new Set<string>();
  return (use, kid) => {
    const first = !known.has(`${use} ${kid}`);
    known.add(`${use} ${kid}`);
    if (first) record(use, kid);
  };
}

// A key is used in the midst of a transaction, which a row of the audit must neither hold up nor be undone with.
function recordUse(context: Context, use: string, kid: string): void {
  const recorded = recordAudit(context, context.db, {
    action: "key_used",
    actor: "server",
    subject: kid,
    detail: { use },
  }).catch((thrown) => context.logger.error(loggable(thrown), "The audit could not be written"));
  void untilDone(context, recorded);
}

function open(location: string, clock: () => number, logger: Logger): { database: Database; jobs: Jobs } {
  const onError = (fault: JobFault): void => logger.error(fault, "A job failed");
  try {
    const database = openDatabase(location);
    return { database, jobs: createJobs(database, { names: JOB_NAMES, clock, onError }) };
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    const opened =
      typeof code === "string" ? `${code}; check that its folder exists and can be written` : "cannot be opened";
    const why = cause instanceof MissingPeerError ? cause.message : opened;
    throw new OptionsError(`mb-connect cannot start:\n- database: ${why}`);
  }
}

function library(
  context: Context,
  ready: Promise<void>,
): Pick<MbConnect, "patientSession" | "patients" | "connections"> {
  const { db } = context;
  return {
    patientSession: {
      async init(init) {
        await ready;
        const { id } = await createSession(context, init, null);
        return retrieveSession(context, id);
      },
      async retrieve(id) {
        await ready;
        return retrieveSession(context, id);
      },
      async trail(id) {
        await ready;
        await retrieveSession(context, id);
        return readTrail(db, id);
      },
    },
    patients: {
      list: (parameters) =>
        paged(parameters, async (input) => {
          await ready;
          const { limit, after } = readListParameters(input);
          return page(await listPatientRows(db, after, limit + 1), limit, patientView, (row) => row.id);
        }),
      async create(input) {
        await ready;
        const parsed = patientCreate.safeParse(input);
        if (!parsed.success) throw badRequest(parsed.error);
        if (!(await insertPatient(db, parsed.data, context.clock()))) {
          throw new ConnectError("external_id_already_exists", { param: "id" });
        }
        return withoutConnections(await retrievePatient(context, parsed.data.id));
      },
      async retrieve(id) {
        await ready;
        return retrievePatient(context, id);
      },
      async update(id, input) {
        await ready;
        const parsed = patientUpdate.safeParse(input);
        if (!parsed.success) throw badRequest(parsed.error);
        if (!(await replacePatient(db, id, parsed.data, context.clock()))) throw patientNotFound();
        return withoutConnections(await retrievePatient(context, id));
      },
      async delete(id) {
        await ready;
        const connections = await db.transaction().execute(async (tx) => {
          // In one transaction with the deletion, so that no refresh or new grant slips between.
          const connections = await takeConnections(tx, id);
          if (!(await deletePatient(tx, id))) return null;
          const detail = { connections: connections.length };
          await recordAudit(context, tx, {
            action: "patient_deleted",
            actor: "host",
            subject: null,
            patient_id: id,
            detail,
          });
          return connections;
        });
        if (!connections) throw patientNotFound();
        const revocations = connections.map((connection) => revokeGrant(context, connection));
        await untilDone(context, Promise.all(revocations));
        return { id, resource_type: "patient", deleted: true };
      },
      listPatientSessions: (id, parameters) =>
        paged(parameters, async (input) => {
          await ready;
          const { limit, after } = readListParameters(input);
          await retrievePatient(context, id);
          const rows = await listSessions(db, id, after, limit + 1);
          const views = new Map((await sessionViews(context, rows)).map((view) => [view.id, view]));
          return page(
            rows,
            limit,
            (row) => views.get(row.id) as PatientSession,
            (row) => row.id,
          );
        }),
      async getConnections(id) {
        await ready;
        await retrievePatient(context, id);
        return (await listConnections(db, id, context.clock())).map(connectionView);
      },
      async disconnectConnection(id, connectionId) {
        await ready;
        if (!(await disconnect(context, id, connectionId, "host"))) {
          throw new ConnectError("resource_not_found", {
            message: "There is no such connection",
            param: "connectionId",
          });
        }
        return { id: connectionId, resource_type: "connection", disconnected: true };
      },
    },
    connections: {
      list: (query) =>
        paged(query, async (input) => {
          await ready;
          return search(context, input);
        }),
      async retrieve(id) {
        await ready;
        const source = await context.catalog.get(id);
        if (!source) throw new ConnectError("resource_not_found", { message: "There is no such source", param: "id" });
        return sourceView(source, context.vendors, context.configuration.publicUrl);
      },
    },
  };
}

function withoutConnections({ connections: _, ...patient }: PatientDetail): Patient {
  return patient;
}
