/** Webhooks: where events are delivered to, and whether they are. */
import type { Db, Tx } from "./database.ts";
import type { WebhookRow } from "./schema.ts";

export async function insertWebhook(db: Db, webhook: WebhookRow): Promise<void> {
  await db.insertInto("webhooks").values(webhook).execute();
}

export function findWebhook(db: Db, id: string): Promise<WebhookRow | undefined> {
  return db.selectFrom("webhooks").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Those that events are delivered to, always in one order. */
export function listActiveWebhooks(db: Db): Promise<Pick<WebhookRow, "id" | "events">[]> {
  return db.selectFrom("webhooks").select(["id", "events"]).where("status", "=", "active").orderBy("id").execute();
}

/** A page of them, newest first. */
export function listWebhookRows(
  db: Db,
  status: WebhookRow["status"] | undefined,
  after: string | null,
  limit: number,
): Promise<WebhookRow[]> {
  return db
    .selectFrom("webhooks")
    .selectAll()
    .$if(status !== undefined, (query) => query.where("status", "=", status ?? "active"))
    .$if(after !== null, (query) => query.where("id", "<", after ?? ""))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/** What a host can change, and what a rotation does. */
export type WebhookChange = Partial<Omit<WebhookRow, "id" | "created_at">>;

/** Changes a webhook; false where there is none. */
export async function updateWebhook(db: Db, id: string, change: WebhookChange): Promise<boolean> {
  const result = await db.updateTable("webhooks").set(change).where("id", "=", id).executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Keeps others from changing or deleting a webhook until the transaction ends. */
export async function holdWebhook(tx: Tx, id: string): Promise<void> {
  await tx
    .updateTable("webhooks")
    .set((update) => ({ status: update.ref("status") }))
    .where("id", "=", id)
    .execute();
}

/** Disables a webhook that is as it was read; false where it was changed since, or disabled. */
export async function disableWebhook(
  db: Db,
  { id, url, updated_at }: Pick<WebhookRow, "id" | "url" | "updated_at">,
  now: number,
): Promise<boolean> {
  const result = await db
    .updateTable("webhooks")
    .set({ status: "disabled", updated_at: now })
    .where("id", "=", id)
    .where("status", "=", "active")
    .where("url", "=", url)
    .where("updated_at", "=", updated_at)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Deletes a webhook with its events; false where there is none. */
export async function deleteWebhook(db: Db, id: string): Promise<boolean> {
  const result = await db.deleteFrom("webhooks").where("id", "=", id).executeTakeFirst();
  await db.deleteFrom("events").where("webhook_id", "=", id).execute();
  return result.numDeletedRows === 1n;
}

/** Forgets the secrets that were rotated out and whose time is over. */
export async function forgetPreviousSecrets(db: Db, now: number): Promise<void> {
  await db
    .updateTable("webhooks")
    .set({ sealed_previous_secret: null, previous_until: null })
    .where("previous_until", "<=", now)
    .execute();
}
