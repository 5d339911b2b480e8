/** The composition root: reads the options, opens what is needed and puts it together. */
import type { Router } from "express";
import { pino } from "pino";
import { recordAudit } from "./audit.ts";
import { createCatalog } from "./catalog/catalog.ts";
import { readVendors } from "./catalog/vendor.ts";
import type { Context } from "./context.ts";
import { loggable } from "./errors.ts";
import { createDoor, type Resolver } from "./fetch.ts";
import { createPace } from "./fhir/pace.ts";
import { createIds } from "./ids.ts";
import { createJobs, type Jobs, type JobsOptions } from "./jobs/jobs.ts";
import type { JobFault } from "./jobs/worker-loop.ts";
import { connections, type Connections } from "./library/connections.ts";
import { type Destinations, destinations } from "./library/destinations.ts";
import { type Events, events } from "./library/events.ts";
import { type PatientSessions, patientSessions } from "./library/patient-sessions.ts";
import { type Patients, patients } from "./library/patients.ts";
import { type Webhooks, webhooks } from "./library/webhooks.ts";
import { type Logger, type MbConnectOptions, OptionsError, readOptions } from "./options.ts";
import { createRouter } from "./router.ts";
import { createDiscovery } from "./smart/discovery.ts";
import { createIssuerKeys } from "./smart/issuer-keys.ts";
import { isOffered } from "./smart/registration.ts";
import { readProfiles } from "./smart/source-profile.ts";
import { type Database, MissingPeerError, openDatabase } from "./store/database.ts";
import { createTokenVault } from "./store/token-vault.ts";
import { untilDone } from "./unfinished.ts";
import { createWorker, JOB_NAMES, LONG_JOBS, type Worker } from "./worker.ts";

/** What `mbConnect` answers: routes for the browser, calls for the host's own server, and the background. */
export interface MbConnect {
  /** Mount it at the path of `publicUrl`: `app.use("/api", mb.router)`. */
  router: Router;
  worker: Worker;
  /** Settles when the database is open and migrated; rejects with what kept it from it. */
  ready: Promise<void>;
  /** Stops the worker, waits for what is under way at hospitals, and closes the database. Close your HTTP server first. Safe to call twice. */
  close(): Promise<void>;
  patientSession: PatientSessions;
  patients: Patients;
  connections: Connections;
  destinations: Destinations;
  webhooks: Webhooks;
  events: Events;
}

/** What tests put in place of the machine's own. */
export interface Surroundings {
  /** Milliseconds since 1970; default `Date.now`. */
  clock?: () => number;
  /** A folder of vendor files in place of the package's own. */
  vendors?: URL;
  /** A resolver in place of the system's. */
  lookup?: Resolver;
  /** How the queue keeps time in place of its defaults. */
  jobs?: Partial<Pick<JobsOptions, "leaseSeconds" | "pollSeconds" | "retrySeconds" | "stopSeconds" | "concurrency">>;
  /** How long a job of the pull works before it hands on to itself, in milliseconds; default 20,000. */
  pullWorkMs?: number;
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
    await Promise.all([context.door.close(), context.ownDoor.close(), database.close()]);
  }

  return {
    router: createRouter(context, ready),
    worker,
    ready,
    close() {
      closed ??= end();
      return closed;
    },
    patientSession: patientSessions(context, ready),
    patients: patients(context, ready),
    connections: connections(context, ready),
    destinations: destinations(context, ready),
    webhooks: webhooks(context, ready),
    events: events(context, ready),
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
  const { database, jobs } = open(configuration.database, clock, logger, surroundings.jobs);
  const { allowLoopback } = configuration;
  const doors = { allowLoopback, ...(surroundings.lookup ? { lookup: surroundings.lookup } : {}) };
  const door = createDoor(doors);
  const offered: Context["offered"] = (source) =>
    isOffered(configuration.registrations, source, door.allows) &&
    !(configuration.unreachableSources === "hide" && source.liveness === "unreachable");
  const context: Context = {
    configuration,
    db: database.db,
    purge: () => database.purge(),
    vault: createTokenVault(configuration.sealingKeys, { clock, onUse: noteUse }),
    catalog: createCatalog({
      database,
      offered,
      clock,
      vendors,
      recommended: configuration.recommendedConnectionIds,
    }),
    vendors,
    profiles,
    offered,
    jobs,
    door,
    ownDoor: createDoor({ ...doors, privateNetwork: true }),
    pace: createPace(),
    pullWorkMs: surroundings.pullWorkMs ?? 20_000,
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

function open(
  location: string,
  clock: () => number,
  logger: Logger,
  timing: Surroundings["jobs"],
): { database: Database; jobs: Jobs } {
  const onError = (fault: JobFault): void => logger.error(fault, "A job failed");
  try {
    const database = openDatabase(location);
    return { database, jobs: createJobs(database, { ...timing, names: JOB_NAMES, long: LONG_JOBS, clock, onError }) };
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    const opened =
      typeof code === "string" ? `${code}; check that its folder exists and can be written` : "cannot be opened";
    const why = cause instanceof MissingPeerError ? cause.message : opened;
    throw new OptionsError(`mb-connect cannot start:\n- database: ${why}`);
  }
}
