/** Connections: the grant that a patient gave at a source. One row per patient and source, renewed in place. */
import type { ErrorCode } from "../../../shared/src/errors.ts";
import type { Db } from "./database.ts";
import type { ConnectionRow } from "./schema.ts";

export function findConnection(db: Db, id: string): Promise<ConnectionRow | undefined> {
  return db.selectFrom("connections").selectAll().where("id", "=", id).executeTakeFirst();
}

export function findConnectionAt(db: Db, patient_id: string, source_id: string): Promise<ConnectionRow | undefined> {
  return db
    .selectFrom("connections")
    .selectAll()
    .where("patient_id", "=", patient_id)
    .where("source_id", "=", source_id)
    .executeTakeFirst();
}

/** A patient's connections as they read at a time, newest first. */
export async function listConnections(db: Db, patient_id: string, now: number): Promise<ConnectionRow[]> {
  const rows = await db
    .selectFrom("connections")
    .selectAll()
    .where("patient_id", "=", patient_id)
    .orderBy("id", "desc")
    .execute();
  return rows.map((row) => connectionAt(row, now));
}

/** A connection as it reads at a time: `expired` from the moment its access ends, whether or not a worker has noted it. */
export function connectionAt(row: ConnectionRow, now: number): ConnectionRow {
  return row.status === "active" && accessEndsAt(row) <= now ? { ...row, status: "expired" } : row;
}

/** When a connection's access ends with nothing to renew it; Infinity while it can be renewed. */
export function accessEndsAt(row: Pick<ConnectionRow, "renewable" | "access_expires_at" | "extras">): number {
  const grantEnds = Date.parse(JSON.parse(row.extras ?? "{}").access_grant_expiration ?? "");
  const accessEnds = row.renewable ? Number.POSITIVE_INFINITY : (row.access_expires_at ?? Number.POSITIVE_INFINITY);
  return Number.isNaN(grantEnds) ? accessEnds : Math.min(grantEnds, accessEnds);
}

/** Deletes a patient's connections and answers them as they were, their last tokens included. */
export function takeConnections(db: Db, patient_id: string): Promise<ConnectionRow[]> {
  return db.deleteFrom("connections").where("patient_id", "=", patient_id).returningAll().execute();
}

/** Deletes one connection of a patient and answers it as it was. */
export function takeConnection(db: Db, patient_id: string, id: string): Promise<ConnectionRow | undefined> {
  return db
    .deleteFrom("connections")
    .where("patient_id", "=", patient_id)
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
}

/** What a new grant writes on a connection, whether the row is new or renewed. */
export type Grant = Omit<ConnectionRow, "id" | "patient_id" | "source_id" | "created_at" | keyof RefreshState>;

/** What refreshes keep on a connection. */
export type RefreshState = Pick<
  ConnectionRow,
  "token_generation" | "lease_owner" | "lease_until" | "unanswered_refreshes" | "refused_refreshes" | "refresh_after"
>;

/** No refresh is under way, and none went wrong. */
export const AT_REST = {
  lease_owner: null,
  lease_until: null,
  unanswered_refreshes: 0,
  refused_refreshes: 0,
  refresh_after: null,
} as const satisfies Omit<RefreshState, "token_generation">;

/** Inserts a connection; false where the patient has one at this source already. */
export async function insertConnection(
  db: Db,
  connection: Grant & Pick<ConnectionRow, "id" | "patient_id" | "source_id" | "created_at">,
): Promise<boolean> {
  const result = await db
    .insertInto("connections")
    .values({ ...connection, ...AT_REST, token_generation: 1 })
    .onConflict((conflict) => conflict.columns(["patient_id", "source_id"]).doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Renews a connection by a new grant; its id, and with it its history and records, stays. */
export async function renewConnection(db: Db, id: string, grant: Grant): Promise<void> {
  await db
    .updateTable("connections")
    .set((update) => ({ ...grant, ...AT_REST, token_generation: update("token_generation", "+", 1) }))
    .where("id", "=", id)
    .execute();
}

/** How a connection can end. */
export type Ending = { status: "disconnected" | "expired" } | { status: "refresh_failed"; failure_code: ErrorCode };

/**
 * Ends a connection and forgets its tokens.
 *
 * @param row as it was read: its tokens are the ones forgotten, so that the caller can have just these revoked
 * @param leaseOwner ends it only while that one's refresh is under way
 * @returns false where it has other tokens by now or has ended so already
 */
export async function endConnection(
  db: Db,
  { id, token_generation }: Pick<ConnectionRow, "id" | "token_generation">,
  ending: Ending,
  now: number,
  leaseOwner?: string,
): Promise<boolean> {
  const failure = "failure_code" in ending ? { failure_code: ending.failure_code, failure_at: now } : {};
  const result = await db
    .updateTable("connections")
    .set({
      ...AT_REST,
      ...failure,
      status: ending.status,
      sealed_tokens: null,
      access_expires_at: null,
      renewable: 0,
      updated_at: now,
      token_generation: token_generation + 1,
    })
    .where("id", "=", id)
    .where("token_generation", "=", token_generation)
    .where("status", "!=", ending.status)
    .$if(leaseOwner !== undefined, (query) => query.where("lease_owner", "=", leaseOwner ?? ""))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
