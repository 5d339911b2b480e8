/** Events, each on its way to one webhook: what is due, and how its last attempt ended. */
import type { Db } from "./database.ts";
import type { EventRow } from "./schema.ts";

export async function insertEvents(db: Db, events: readonly EventRow[]): Promise<void> {
  await db.insertInto("events").values(events).execute();
}

export function findEvent(db: Db, id: string): Promise<EventRow | undefined> {
  return db.selectFrom("events").selectAll().where("id", "=", id).executeTakeFirst();
}

/** The event of a webhook that is due next, whether or not its time has come. */
export function findNextEvent(db: Db, webhook_id: string): Promise<EventRow | undefined> {
  return db
    .selectFrom("events")
    .selectAll()
    .where("webhook_id", "=", webhook_id)
    .where("next_attempt_at", "is not", null)
    .orderBy("next_attempt_at")
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
}

/** A page of a webhook's events, newest first. */
export function listEventRows(
  db: Db,
  webhook_id: string,
  delivered: boolean | undefined,
  after: string | null,
  limit: number,
): Promise<EventRow[]> {
  return db
    .selectFrom("events")
    .selectAll()
    .where("webhook_id", "=", webhook_id)
    .$if(delivered !== undefined, (query) => query.where("delivered_at", delivered ? "is not" : "is", null))
    .$if(after !== null, (query) => query.where("id", "<", after ?? ""))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/** What an attempt leaves behind. */
export type Attempted = Pick<
  EventRow,
  "attempts" | "next_attempt_at" | "last_status_code" | "last_error" | "delivered_at"
>;

/** Writes how an attempt ended; false where the event is gone, or another worker wrote one meanwhile. */
export async function writeAttempt(
  db: Db,
  { id, attempts }: Pick<EventRow, "id" | "attempts">,
  attempted: Attempted,
): Promise<boolean> {
  const result = await db
    .updateTable("events")
    .set(attempted)
    .where("id", "=", id)
    .where("attempts", "=", attempts)
    .where("next_attempt_at", "is not", null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Makes an event due again, whatever became of it; false where that was done after a given time. */
export async function redeliverEvent(db: Db, id: string, now: number, notAfter: number): Promise<boolean> {
  const result = await db
    .updateTable("events")
    .set({ attempts: 0, next_attempt_at: now, delivered_at: null, last_redelivered_at: now })
    .where("id", "=", id)
    .where((where) =>
      where.or([where("last_redelivered_at", "is", null), where("last_redelivered_at", "<=", notAfter)]),
    )
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Makes all events due now that a webhook still waits for, as if none had been tried. */
export async function resumeEvents(db: Db, webhook_id: string, now: number): Promise<void> {
  await db
    .updateTable("events")
    .set({ attempts: 0, next_attempt_at: now })
    .where("webhook_id", "=", webhook_id)
    .where("next_attempt_at", "is not", null)
    .execute();
}

/** Deletes some of the events that were made before a time, and answers how many. */
export async function deleteEventsBefore(db: Db, time: number, limit: number): Promise<number> {
  const old = db.selectFrom("events").select("id").where("created_at", "<", time).limit(limit);
  const result = await db.deleteFrom("events").where("id", "in", old).executeTakeFirst();
  return Number(result.numDeletedRows);
}
