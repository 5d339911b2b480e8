/** `mb.destinations`: where records are handed on to, and how that goes. */
import { isAbsolute, normalize } from "node:path";
import {
  type Destination,
  type DestinationCreate,
  type DestinationExport,
  type DestinationTest,
  type DestinationUpdate,
  destinationCreate,
  destinationExport,
  destinationUpdate,
  type ExportRun,
} from "../../../shared/src/destination.ts";
import { type AuditAction, recordAudit } from "../audit.ts";
import type { Context } from "../context.ts";
import { DestinationError } from "../destinations/destination.ts";
import { type Configured, columnsOf, configuredOf, openDestination } from "../destinations/open.ts";
import { badRequest, ConnectError } from "../errors.ts";
import { scheduleExport, scheduleExportOfAll } from "../hand-over.ts";
import { findConnection } from "../store/connections.ts";
import type { Tx } from "../store/database.ts";
import {
  deleteDestination,
  endRuns,
  findDestination,
  insertDestination,
  listDestinationRows,
  listRunRows,
  resetWatermarks,
  updateDestination,
} from "../store/destinations.ts";
import type { DestinationRow } from "../store/schema.ts";
import { type ListParameters, page, readListParameters } from "../views/cursor.ts";
import { destinationView, runView } from "../views/destination.ts";
import { type PagedList, paged } from "../views/paged.ts";

/** Calls about destinations. */
export interface Destinations {
  /**
   * Adds a destination, tried first, and hands it what there is. Errors: `bad_request`, also where it cannot be used: the
   * message says what failed and what to do.
   */
  create(destination: DestinationCreate): Promise<Destination>;
  /** Newest first. */
  list(parameters?: ListParameters): PagedList<Destination>;
  /** Errors: `resource_not_found`. */
  retrieve(id: string): Promise<Destination>;
  /**
   * New secrets are tried first. One made inactive gets nothing more, but for the batch that is on its way; made active again
   * it catches up. Errors: `bad_request`, `resource_not_found`.
   */
  update(id: string, changes: DestinationUpdate): Promise<Destination>;
  /** Hands nothing on to it any more. What it has stays there: it is yours. Errors: `resource_not_found`. */
  delete(id: string): Promise<{ id: string; resource_type: "destination"; deleted: true }>;
  /** Tries it. Errors: `resource_not_found`. */
  test(id: string): Promise<DestinationTest>;
  /** Hands it what is new, or everything again, in the background; `runs` tells how it goes. Errors: `bad_request`, `resource_not_found`. */
  export(id: string, what?: DestinationExport): Promise<{ id: string; resource_type: "destination"; scheduled: true }>;
  /** Its runs, newest first; they are kept for 90 days. Errors: `resource_not_found`. */
  runs(id: string, parameters?: ListParameters): PagedList<ExportRun>;
}

/** @param ready settles when the database can be used */
export function destinations(context: Context, ready: Promise<void>): Destinations {
  const { db, clock } = context;

  async function find(id: string): Promise<DestinationRow> {
    await ready;
    return (await findDestination(db, id)) ?? notFound();
  }
  const audited = (tx: Tx, action: AuditAction, subject: string, detail?: Record<string, string>): Promise<void> =>
    recordAudit(context, tx, { action, actor: "host", subject, ...(detail ? { detail } : {}) });
  const view = (row: DestinationRow): Destination => destinationView(row, configuredOf(context, row));

  return {
    async create(input) {
      await ready;
      const parsed = destinationCreate.safeParse(input);
      if (!parsed.success) throw badRequest(parsed.error);
      const configured = configuration(parsed.data);
      await tried(context, configured);
      const now = clock();
      const id = context.ids.next("dest");
      const row: DestinationRow = {
        id,
        ...columnsOf(context, id, configured),
        status: "active",
        created_at: now,
        updated_at: now,
      };
      await db.transaction().execute(async (tx) => {
        await insertDestination(tx, row);
        await audited(tx, "destination_created", id, { kind: row.kind });
        await scheduleExportOfAll(context, tx, id, "backfill");
      });
      return view(row);
    },
    list: (parameters) =>
      paged(parameters, async (input) => {
        await ready;
        const { limit, after } = readListParameters(input);
        return page(await listDestinationRows(db, after, limit + 1), limit, view, ({ id }) => id);
      }),
    retrieve: async (id) => view(await find(id)),
    async update(id, input) {
      const row = await find(id);
      const parsed = destinationUpdate.safeParse(input);
      if (!parsed.success) throw badRequest(parsed.error);
      const { status, ...secrets } = parsed.data;
      const configured = withSecrets(configuredOf(context, row), secrets);
      const renewed = Object.keys(secrets).length > 0;
      if (renewed || (row.status === "inactive" && status === "active")) await tried(context, configured);
      // Only what was given: a trial takes its time, and what somebody else changed meanwhile must stand.
      const { sealed_secrets } = columnsOf(context, id, configured);
      const change = { ...(status && { status }), ...(renewed && { sealed_secrets }), updated_at: clock() };
      return db.transaction().execute(async (tx) => {
        const before = (await findDestination(tx, id)) ?? notFound();
        const after = { ...before, ...change };
        await updateDestination(tx, id, change);
        const detail = { status: after.status, secrets: Object.keys(secrets).join() || "kept" };
        await audited(tx, "destination_updated", id, detail);
        if (after.status === "inactive") {
          await endRuns(tx, { destination_id: id, connection_id: null }, "inactive", clock());
        } else if (before.status === "inactive") {
          await scheduleExportOfAll(context, tx, id, "catch_up");
        }
        return view(after);
      });
    },
    async delete(id) {
      await find(id);
      await db.transaction().execute(async (tx) => {
        await deleteDestination(tx, id);
        await audited(tx, "destination_deleted", id);
      });
      return { id, resource_type: "destination", deleted: true };
    },
    async test(id) {
      const row = await find(id);
      const error = await fault(context, configuredOf(context, row));
      const told = error && { code: error.code, message: error.message };
      return { id, resource_type: "destination_test", ok: error === null, error: told };
    },
    async export(id, what) {
      const row = await find(id);
      const parsed = destinationExport.safeParse(what ?? {});
      if (!parsed.success) throw badRequest(parsed.error);
      if (row.status !== "active") {
        throw new ConnectError("bad_request", { message: "The destination is inactive: make it active", param: "id" });
      }
      const { connection = null, again } = parsed.data;
      if (connection !== null && !(await findConnection(db, connection))) {
        throw new ConnectError("resource_not_found", { message: "There is no such connection", param: "connection" });
      }
      await db.transaction().execute(async (tx) => {
        if (again) await resetWatermarks(tx, id, connection, clock());
        if (connection === null) await scheduleExportOfAll(context, tx, id, "manual");
        else await scheduleExport(context, tx, id, connection, "manual");
      });
      return { id, resource_type: "destination", scheduled: true };
    },
    runs: (id, parameters) =>
      paged(parameters, async (input) => {
        const { limit, after } = readListParameters(input);
        await find(id);
        return page(await listRunRows(db, id, after, limit + 1), limit, runView, (run) => run.id);
      }),
  };
}

type Checked = ReturnType<typeof destinationCreate.parse>;

/** @throws {ConnectError} `bad_request` */
function configuration(input: Checked): Configured {
  switch (input.kind) {
    case "ndjson":
      if (!isAbsolute(input.folder)) refuse("folder: must be an absolute path", "folder");
      return { kind: "ndjson", settings: { folder: normalize(input.folder) }, secrets: null };
    case "fhir": {
      const url = new URL(input.url);
      checkAddress(url, "url", "auth");
      return { kind: "fhir", settings: { url: url.href.replace(/\/+$/, "") }, secrets: input.auth ?? null };
    }
    case "s3": {
      const { bucket, region, endpoint = null, prefix = "", path_style = endpoint !== null, credentials } = input;
      if (endpoint !== null) checkAddress(new URL(endpoint), "endpoint", "credentials");
      return { kind: "s3", settings: { bucket, region, endpoint, prefix, path_style }, secrets: credentials };
    }
  }
}

/**
 * An address is stored and shown as it is, so it must hold no secret.
 *
 * @throws {ConnectError} `bad_request`
 */
function checkAddress(url: URL, param: string, secrets: string): void {
  if (url.search || url.hash) refuse(`${param}: takes no query`, param);
  if (url.username || url.password) refuse(`${param}: takes no user info; use ${secrets}`, param);
}

/** @throws {ConnectError} `bad_request` where the secrets are another kind's */
function withSecrets(configured: Configured, { auth, credentials }: Omit<DestinationUpdate, "status">): Configured {
  if (auth !== undefined && configured.kind !== "fhir") refuse("auth: only a FHIR server takes it", "auth");
  if (credentials !== undefined && configured.kind !== "s3") refuse("credentials: only S3 takes them", "credentials");
  if (configured.kind === "fhir" && auth !== undefined) return { ...configured, secrets: auth };
  return configured.kind === "s3" && credentials ? { ...configured, secrets: credentials } : configured;
}

/** @throws {ConnectError} `bad_request` where the destination cannot be used */
async function tried(context: Context, configured: Configured): Promise<void> {
  const error = await fault(context, configured);
  if (!error) return;
  const { code, message, param } = error;
  throw new ConnectError("bad_request", { message, reason: code, ...(param === null ? {} : { param }) });
}

/** What is wrong with a destination; null where nothing is. */
async function fault(context: Context, configured: Configured): Promise<DestinationError | null> {
  try {
    await openDestination(context, configured).test();
    return null;
  } catch (thrown) {
    if (thrown instanceof DestinationError) return thrown;
    throw thrown;
  }
}

function notFound(): never {
  throw new ConnectError("resource_not_found", { message: "There is no such destination", param: "id" });
}

function refuse(message: string, param: string): never {
  throw new ConnectError("bad_request", { message, param });
}
