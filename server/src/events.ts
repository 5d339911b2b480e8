/**
 * The outbox: what a host's server may want to hear is written as rows, one for each webhook that wants it, in the
 * transaction of what it tells of, so that neither is ever there without the other. The job `deliver` takes it from there.
 */
import { API_VERSION, type EventObjects, type EventType } from "../../shared/src/webhook.ts";
import type { Context } from "./context.ts";
import type { Db } from "./store/database.ts";
import { insertEvents } from "./store/events.ts";
import { listActiveWebhooks } from "./store/webhooks.ts";

/** Something that happened. Its object holds ids, codes, times and counts: never a token, never clinical data. */
export interface NewEvent<T extends EventType> {
  type: T;
  /** Whom it is about, with whom it is deleted; null where it is about nobody. */
  patient_id: string | null;
  /** The object itself, or what reads it: called only when somebody wants to hear of it. */
  object: EventObjects[T] | (() => Promise<EventObjects[T]>);
}

/** Records an event for every active webhook that wants its type; writes nothing where none does. */
export async function recordEvent<T extends EventType>(
  context: Pick<Context, "ids" | "clock" | "jobs">,
  tx: Db,
  { type, patient_id, object }: NewEvent<T>,
): Promise<void> {
  const receivers = (await listActiveWebhooks(tx)).filter(({ events }) => wants(JSON.parse(events), type));
  if (receivers.length === 0) return;
  const now = context.clock();
  const created_at = new Date(now).toISOString();
  const data = { object: typeof object === "function" ? await object() : object };
  const rows = receivers.map((webhook) => {
    const id = context.ids.next("evt");
    return {
      id,
      webhook_id: webhook.id,
      type,
      patient_id,
      body: JSON.stringify({ id, object: "event", type, api_version: API_VERSION, created_at, data }),
      attempts: 0,
      next_attempt_at: now,
      last_status_code: null,
      last_error: null,
      delivered_at: null,
      last_redelivered_at: null,
      created_at: now,
    };
  });
  await insertEvents(tx, rows);
  // Without the webhook's key, by which those who record events would wait for each other, two of them perhaps for ever.
  for (const { webhook_id } of rows) {
    await context.jobs.enqueue(tx, { name: "deliver", payload: { webhook_id, wake: true }, runAt: now });
  }
}

/** Makes sure that the one job waits which delivers a webhook's events. */
export async function scheduleDelivery(
  context: Pick<Context, "jobs">,
  db: Db,
  webhook_id: string,
  runAt: number,
): Promise<void> {
  const job = { name: "deliver", payload: { webhook_id }, dedupeKey: webhook_id, serialKey: webhook_id };
  await context.jobs.enqueue(db, { ...job, runAt });
}

function wants(events: readonly string[], type: EventType): boolean {
  return events.includes("*") || events.includes(type);
}
