/** `mb.webhooks`: where a host's server hears of what happened. */
import { z } from "zod";
import {
  type Webhook,
  type WebhookCreate,
  type WebhookEventRecord,
  type WebhookUpdate,
  type WebhookWithSecret,
  webhookCreate,
  webhookStatus,
  webhookUpdate,
} from "../../../shared/src/webhook.ts";
import { recordAudit } from "../audit.ts";
import type { Context } from "../context.ts";
import { badRequest, ConnectError } from "../errors.ts";
import { scheduleDelivery } from "../events.ts";
import { listEventRows, resumeEvents } from "../store/events.ts";
import type { WebhookRow } from "../store/schema.ts";
import { deleteWebhook, findWebhook, insertWebhook, listWebhookRows, updateWebhook } from "../store/webhooks.ts";
import { type ListParameters, page, readListParameters } from "../views/cursor.ts";
import { type PagedList, paged } from "../views/paged.ts";
import { eventView, webhookView } from "../views/webhook.ts";
import { rotateSecret, sealSecret } from "../webhook-secrets.ts";
import { newSecret } from "../webhook-signature.ts";

/** Calls about webhooks. */
export interface Webhooks {
  /** Its `secret` is shown here and never again. Errors: `bad_request`, also for a URL that may not be called. */
  create(webhook: WebhookCreate): Promise<WebhookWithSecret>;
  /** Errors: `resource_not_found`. */
  retrieve(id: string): Promise<Webhook>;
  /** Newest first. Errors: `bad_request`. */
  list(parameters?: WebhookListParameters): PagedList<Webhook>;
  /**
   * Changes what is given. `status: "active"` puts a disabled one to use again, and what it still waited for is delivered
   * anew. Errors: `bad_request`, `resource_not_found`.
   */
  update(id: string, change: WebhookUpdate): Promise<Webhook>;
  /** Deletes it with its events. Errors: `resource_not_found`. */
  delete(id: string): Promise<{ id: string; resource_type: "webhook_endpoint"; deleted: true }>;
  /** Makes a new `secret`, shown here and never again. The old one signs beside it for 24 hours. Errors: `resource_not_found`. */
  rotateSecret(id: string): Promise<WebhookWithSecret>;
  /** Its events of the last 30 days and what became of them, newest first. Errors: `bad_request`, `resource_not_found`. */
  listEvents(id: string, parameters?: EventListParameters): PagedList<WebhookEventRecord>;
}

/** `status`: only those. */
export type WebhookListParameters = ListParameters & { status?: WebhookRow["status"] };

/** `delivered`: only those that were, or only those that were not. */
export type EventListParameters = ListParameters & { delivered?: boolean };

/** @param ready settles when the database can be used */
export function webhooks(context: Context, ready: Promise<void>): Webhooks {
  const { db, ids, clock } = context;

  function checkUrl(url: string | undefined): void {
    if (url === undefined || context.door.allows(url)) return;
    const message = "url: must be https, on a public address, without a user name";
    throw new ConnectError("bad_request", { message, param: "url" });
  }

  return {
    async create(input) {
      await ready;
      const { url, events = ["*"], description = null, metadata } = read(webhookCreate, input);
      checkUrl(url);
      const id = ids.next("wh");
      const secret = newSecret();
      const now = clock();
      const row: WebhookRow = {
        id,
        url,
        events: JSON.stringify(events),
        description,
        metadata: metadata === undefined ? null : JSON.stringify(metadata),
        ...sealSecret(context, id, secret),
        sealed_previous_secret: null,
        previous_until: null,
        status: "active",
        created_at: now,
        updated_at: now,
      };
      await db.transaction().execute(async (tx) => {
        await insertWebhook(tx, row);
        await recordAudit(context, tx, { action: "webhook_created", actor: "host", subject: id });
      });
      return { ...webhookView(row), secret };
    },
    async retrieve(id) {
      await ready;
      return webhookView((await findWebhook(db, id)) ?? notFound());
    },
    list: (parameters) =>
      paged(parameters, async ({ status, ...rest }) => {
        await ready;
        const { limit, after } = readListParameters(rest);
        const wanted = read(z.object({ status: webhookStatus.optional() }), { status });
        const rows = await listWebhookRows(db, wanted.status, after, limit + 1);
        return page(rows, limit, webhookView, ({ id }) => id);
      }),
    async update(id, input) {
      await ready;
      const { events, metadata, ...given } = read(webhookUpdate, input);
      checkUrl(given.url);
      return db.transaction().execute(async (tx) => {
        const now = clock();
        const before = (await findWebhook(tx, id)) ?? notFound();
        const change = {
          ...given,
          ...(events === undefined ? {} : { events: JSON.stringify(events) }),
          ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
          updated_at: now,
        };
        if (!(await updateWebhook(tx, id, change))) notFound();
        const after = { ...before, ...change };
        const detail = { status: after.status };
        await recordAudit(context, tx, { action: "webhook_updated", actor: "host", subject: id, detail });
        if (before.status === "disabled" && after.status === "active") {
          await resumeEvents(tx, id, now);
          await scheduleDelivery(context, tx, id, now);
        }
        return webhookView(after);
      });
    },
    async delete(id) {
      await ready;
      await db.transaction().execute(async (tx) => {
        if (!(await deleteWebhook(tx, id))) notFound();
        await recordAudit(context, tx, { action: "webhook_deleted", actor: "host", subject: id });
      });
      return { id, resource_type: "webhook_endpoint", deleted: true };
    },
    async rotateSecret(id) {
      await ready;
      const secret = newSecret();
      const row = await db.transaction().execute(async (tx) => {
        const before = (await findWebhook(tx, id)) ?? notFound();
        const now = clock();
        const change = { ...rotateSecret(context, before, secret, now), updated_at: now };
        await updateWebhook(tx, id, change);
        await recordAudit(context, tx, { action: "webhook_secret_rotated", actor: "host", subject: id });
        return { ...before, ...change };
      });
      return { ...webhookView(row), secret };
    },
    listEvents: (id, parameters) =>
      paged(parameters, async ({ delivered, ...rest }) => {
        await ready;
        const { limit, after } = readListParameters(rest);
        const wanted = read(z.object({ delivered: z.boolean().optional() }), { delivered });
        if (!(await findWebhook(db, id))) notFound();
        const rows = await listEventRows(db, id, wanted.delivered, after, limit + 1);
        return page(rows, limit, eventView, (row) => row.id);
      }),
  };
}

function read<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw badRequest(parsed.error);
  return parsed.data;
}

function notFound(): never {
  throw new ConnectError("resource_not_found", { message: "There is no such webhook", param: "id" });
}
