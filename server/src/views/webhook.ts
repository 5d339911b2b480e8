/** Webhooks and their events, as a host's server reads them. Secrets are in none of them. */
import { API_VERSION, type Webhook, type WebhookEventRecord } from "../../../shared/src/webhook.ts";
import type { EventRow, WebhookRow } from "../store/schema.ts";
import { time } from "./time.ts";

export function webhookView(row: WebhookRow): Webhook {
  return {
    id: row.id,
    resource_type: "webhook_endpoint",
    url: row.url,
    events: JSON.parse(row.events),
    status: row.status,
    description: row.description,
    metadata: row.metadata === null ? {} : JSON.parse(row.metadata),
    api_version: API_VERSION,
    created_at: new Date(row.created_at).toISOString(),
    updated_at: new Date(row.updated_at).toISOString(),
  };
}

/** An event and what became of its delivery. */
export function eventView(row: EventRow): WebhookEventRecord {
  const { data, api_version } = JSON.parse(row.body);
  return {
    id: row.id,
    resource_type: "event",
    webhook_endpoint_id: row.webhook_id,
    type: row.type,
    data,
    api_version,
    attempts: row.attempts,
    next_attempt_at: time(row.next_attempt_at),
    delivered_at: time(row.delivered_at),
    last_status_code: row.last_status_code,
    last_error: row.last_error,
    last_redelivered_at: time(row.last_redelivered_at),
    created_at: new Date(row.created_at).toISOString(),
  };
}
