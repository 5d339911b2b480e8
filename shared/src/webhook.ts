import { z } from "zod";
import { connection } from "./connection.ts";
import { metadata, patientSession } from "./patient-session.ts";

/** The version of the wire that events are written in. */
export const API_VERSION = "2026-04-25";

/** Everything that a webhook can hear of. */
export const eventType = z.enum([
  "patient_session.completed",
  "connection.failed",
  "connection.token_refresh_failed",
  "records.sync.completed",
  "records.sync.failed",
  "webhook.disabled",
]);

export type EventType = z.infer<typeof eventType>;

/** Which events a webhook hears of: `["*"]` for all, those of later versions included, or a list of types. */
export const webhookEvents = z.union([z.tuple([z.literal("*")]), z.array(eventType).min(1).max(20)], {
  error: `["*"], or a list of: ${eventType.options.join(", ")}`,
});

/** `active`: events are delivered. `disabled`: by the host, or because no attempt at an event was answered well. */
export const webhookStatus = z.enum(["active", "disabled"]);

const url = z.string().max(2000);
const description = z.string().max(500).nullable();
const someMetadata = metadata.refine((given) => Object.keys(given).length <= 50, "at most 50 keys");

/** What `mb.webhooks.create` takes. `events` is `["*"]` where it is left out. Unknown fields are refused. */
export const webhookCreate = z.strictObject({
  url,
  events: webhookEvents.optional(),
  description: description.optional(),
  metadata: someMetadata.optional(),
});

/** What `mb.webhooks.update` takes: what is left out stays. `status: "active"` puts a disabled one to use again. */
export const webhookUpdate = webhookCreate.extend({ status: webhookStatus.optional() }).partial();

export type WebhookCreate = z.infer<typeof webhookCreate>;
export type WebhookUpdate = z.infer<typeof webhookUpdate>;

/** A receiver of events. */
export const webhook = z.object({
  id: z.string(),
  resource_type: z.literal("webhook_endpoint"),
  url: z.string(),
  events: z.array(z.string()),
  status: webhookStatus,
  description: z.string().nullable(),
  metadata,
  api_version: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
});

/** A receiver with the secret that signs for it, which is shown this once. */
export const webhookWithSecret = webhook.extend({ secret: z.string() });

export type Webhook = z.infer<typeof webhook>;
export type WebhookWithSecret = z.infer<typeof webhookWithSecret>;

/** An attempt that did not end in a connection. `connection_id` is the source's id. */
export const failedConnection = z.object({
  id: z.null(),
  resource_type: z.literal("connection"),
  patient_id: z.string(),
  patient_session_id: z.string(),
  connection_id: z.string(),
  status: z.literal("failed"),
  failure_code: z.string(),
  failure_at: z.string(),
  created_at: z.string(),
});

/** How a pull went: whose, of which connection (`conn_…`), at which source (`connection_id`). */
const sync = z.object({ id: z.string(), patient_id: z.string(), connection_id: z.string() });

/** A pull that settled: the records that are stored, the types that could not be read whole, the time that it took. */
export const syncCompleted = sync.extend({ total: z.number(), errors: z.number(), duration_ms: z.number() });

/** A pull that ended before every type was asked for, and why, as a code. */
export const syncFailed = sync.extend({ failure_code: z.string() });

/** A webhook that is no longer delivered to. Its URL is left out, since some carry a secret in it. */
export const webhookDisabled = webhook.omit({ url: true });

const envelope = <T extends EventType, O extends z.ZodType>(type: T, object: O) =>
  z.object({
    id: z.string(),
    object: z.literal("event"),
    type: z.literal(type),
    api_version: z.string(),
    created_at: z.string(),
    data: z.object({ object }),
  });

/** An event as it is delivered; `type` tells what `data.object` is. The same `id` may come more than once. */
export const webhookEvent = z.discriminatedUnion("type", [
  envelope("patient_session.completed", patientSession),
  envelope("connection.failed", failedConnection),
  envelope("connection.token_refresh_failed", connection.extend({ patient_id: z.string() })),
  envelope("records.sync.completed", syncCompleted),
  envelope("records.sync.failed", syncFailed),
  envelope("webhook.disabled", webhookDisabled),
]);

export type WebhookEvent = z.infer<typeof webhookEvent>;

/** What `data.object` is, by type. */
export type EventObjects = { [E in WebhookEvent as E["type"]]: E["data"]["object"] };

/** An event with what became of its delivery, as `mb.webhooks.listEvents` tells it. */
export const webhookEventRecord = z.object({
  id: z.string(),
  resource_type: z.literal("event"),
  webhook_endpoint_id: z.string(),
  type: z.string(),
  data: z.object({ object: z.json() }),
  api_version: z.string(),
  attempts: z.number(),
  /** When the next attempt is due; null once the event is delivered or given up. */
  next_attempt_at: z.string().nullable(),
  delivered_at: z.string().nullable(),
  last_status_code: z.number().nullable(),
  /** Why the last attempt had no answer, as `timeout`; or null. */
  last_error: z.string().nullable(),
  last_redelivered_at: z.string().nullable(),
  created_at: z.string(),
});

export type WebhookEventRecord = z.infer<typeof webhookEventRecord>;
