/**
 * A host's database filled as a pull fills it, page by page, with records that the test writes itself; and the host's parts
 * beside the running one, to run single jobs.
 */
import type { MbConnectOptions } from "@mb-connect/server";
import type { Context } from "#server/context.js";
import { noteDocuments } from "#server/documents.js";
import { compose } from "#server/mb-connect.js";
import { takeForm } from "#server/store/record-seal.js";
import { type IncomingRecord, type Stored, storeRecords } from "#server/store/records.js";

/** A resource as it is written down: an object, or JSON text. */
export type Written = string | { resourceType: string; id: string; [member: string]: unknown };

/** The shelf. */
export interface Shelf {
  /** The parts of a second process of the same host. */
  context: Context;
  /** Stores a page, and notes its documents. */
  store(connection_id: string, resources: Written[], role?: IncomingRecord["role"]): Promise<Stored>;
  /** Puts the clock of these parts forward. */
  pass(seconds: number): void;
  close(): Promise<void>;
}

/** @param options as the host was started with */
export async function openShelf(options: MbConnectOptions): Promise<Shelf> {
  let ahead = 0;
  const { context, database } = compose(options, { clock: () => Date.now() + ahead });
  await database.migrate();
  await context.jobs.prepare();
  return {
    context,
    async store(connection_id, resources, role = "match") {
      const { db, vault, configuration, clock } = context;
      const form = await takeForm(db, vault, connection_id, configuration.sealRecords);
      const connection = await db
        .selectFrom("connections")
        .select(["patient_id", "fhir_base_url"])
        .where("id", "=", connection_id)
        .executeTakeFirstOrThrow();
      const owner = { connection_id, ...connection };
      const page = resources.map((resource) => incoming(resource, role));
      return db.transaction().execute(async (tx) => {
        const stored = await storeRecords(tx, owner, page, clock(), form);
        await noteDocuments(context, tx, owner, page, clock());
        return stored;
      });
    },
    pass(seconds) {
      ahead += seconds * 1000;
    },
    async close() {
      await Promise.allSettled(context.unfinished);
      await Promise.all([context.door.close(), database.close()]);
    },
  };
}

function incoming(resource: Written, role: IncomingRecord["role"]): IncomingRecord {
  const body = typeof resource === "string" ? resource : JSON.stringify(resource);
  const { resourceType, id, meta } = JSON.parse(body);
  const last_updated = meta?.lastUpdated ? Date.parse(meta.lastUpdated) : null;
  return { type: resourceType, fhir_id: id, body, last_updated, role };
}
