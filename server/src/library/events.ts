/** `mb.events`: events that were made for webhooks. */
import type { WebhookEventRecord } from "../../../shared/src/webhook.ts";
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import { scheduleDelivery } from "../events.ts";
import { findEvent, redeliverEvent } from "../store/events.ts";
import { findWebhook } from "../store/webhooks.ts";
import { eventView } from "../views/webhook.ts";

/** Calls about events. */
export interface Events {
  /**
   * Delivers an event again, whatever became of it, to its webhook, under the same id; once a minute at most. The answer tells
   * when the attempt is due; `mb.webhooks.listEvents` tells how it ended. Errors: `resource_not_found`, `bad_request` while the
   * webhook is disabled, `throttled`.
   */
  redeliver(id: string): Promise<WebhookEventRecord>;
}

/** What a second redelivery of an event has to wait for. */
const PAUSE_MS = 60_000;

/** @param ready settles when the database can be used */
export function events(context: Context, ready: Promise<void>): Events {
  return {
    async redeliver(id) {
      await ready;
      return context.db.transaction().execute(async (tx) => {
        const event = await findEvent(tx, id);
        const webhook = event && (await findWebhook(tx, event.webhook_id));
        if (!webhook) throw new ConnectError("resource_not_found", { message: "There is no such event", param: "id" });
        if (webhook.status !== "active") {
          const message = `${webhook.id} is disabled; set its status to active first`;
          throw new ConnectError("bad_request", { message, param: "id" });
        }
        const now = context.clock();
        if (!(await redeliverEvent(tx, id, now, now - PAUSE_MS))) throw new ConnectError("throttled", { param: "id" });
        await scheduleDelivery(context, tx, webhook.id, now);
        return eventView({ ...event, attempts: 0, next_attempt_at: now, delivered_at: null, last_redelivered_at: now });
      });
    },
  };
}
