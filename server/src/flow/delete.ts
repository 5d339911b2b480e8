/**
 * Deletes for good: a patient, or a connection with all that came through it. Takes the rows with their last tokens; leaves an
 * entry in the audit, the grant revoked, no file, and nothing in the database's own files. What cannot be finished at once,
 * because somebody reads or a disk fails, is left to the job `purge`.
 */
import { setTimeout as delay } from "node:timers/promises";
import { recordAudit } from "../audit.ts";
import type { Context } from "../context.ts";
import { revokeGrant } from "../revoke-grant.ts";
import { listAttachmentFolders, removeAttachments } from "../store/attachment-files.ts";
import { takeConnection, takeConnections } from "../store/connections.ts";
import type { Db, Tx } from "../store/database.ts";
import { deletePatient as deletePatientRow, lockPatient } from "../store/patients.ts";
import type { ConnectionRow } from "../store/schema.ts";
import { untilDone } from "../unfinished.ts";

/** When the job looks after a deletion, and when it looks again while somebody keeps the log from being emptied. */
const NEXT_LOOK_MS = 10_000;
/** How often, and how far apart, a deletion itself tries to empty the log. */
const TRIES = 20;
const TRY_MS = 25;
/** Postgres's code for it. */
const DEADLOCK = "40P01";

/** Revokes a patient's access at the hospitals and deletes all that is theirs. @returns false where there is none */
export async function deletePatient(context: Context, id: string): Promise<boolean> {
  const taken = await inTransaction(context.db, async (tx) => {
    await lockPatient(tx, id);
    // In one transaction with the deletion, so that no refresh or new grant slips between.
    const connections = await takeConnections(tx, id);
    if (!(await deletePatientRow(tx, id))) return null;
    const detail = { connections: connections.length };
    const entry = { action: "patient_deleted", actor: "host", subject: null, patient_id: id } as const;
    await recordAudit(context, tx, { ...entry, detail });
    await schedulePurge(context, tx);
    return connections;
  });
  if (taken) await finish(context, taken);
  return taken !== null;
}

/** Revokes a connection and deletes it with its records. @returns false where it is not this patient's, or none */
export async function deleteConnection(context: Context, patient_id: string, id: string): Promise<boolean> {
  const taken = await inTransaction(context.db, async (tx) => {
    await lockPatient(tx, patient_id);
    const connection = await takeConnection(tx, patient_id, id);
    if (!connection) return null;
    const detail = { source: connection.source_id };
    const entry = { action: "connection_deleted", actor: "host", subject: id, patient_id } as const;
    await recordAudit(context, tx, { ...entry, detail });
    await schedulePurge(context, tx);
    return connection;
  });
  if (taken) await finish(context, [taken]);
  return taken !== null;
}

/** The job: what deletions have left to be done. */
export async function purge(context: Context): Promise<void> {
  const { db, configuration, clock } = context;
  const { attachmentsFolder: folder } = configuration;
  for (const connection_id of folder === null ? [] : await listAttachmentFolders(folder)) {
    const connection = await db
      .selectFrom("connections")
      .select("id")
      .where("id", "=", connection_id)
      .executeTakeFirst();
    if (!connection && folder !== null) await removeAttachments({ folder, connection_id });
  }
  if (!context.purge()) await schedulePurge(context, db, clock() + NEXT_LOOK_MS);
}

/** A grant that is being written may hold what is deleted here, and wait for what this holds: then one of them begins anew. */
async function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction().execute(work);
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code !== DEADLOCK || tries === 5) throw thrown;
    }
  }
}

async function schedulePurge({ jobs, clock }: Context, db: Db | Tx, runAt = clock() + NEXT_LOOK_MS): Promise<void> {
  await jobs.enqueue(db, { name: "purge", payload: {}, runAt, dedupeKey: "purge", serialKey: "purge" });
}

/** Right away, so that whoever asked is not told too early; the job has the rest. */
async function finish(context: Context, connections: readonly ConnectionRow[]): Promise<void> {
  const { attachmentsFolder: folder } = context.configuration;
  const ends = connections.map(async (connection) => {
    if (folder !== null) await removeAttachments({ folder, connection_id: connection.id }).catch(() => {});
    await revokeGrant(context, connection);
  });
  await untilDone(context, Promise.all([...ends, emptyLog(context)]));
}

async function emptyLog(context: Context): Promise<void> {
  for (let tries = 0; tries < TRIES && !context.purge(); tries++) await delay(TRY_MS);
}
