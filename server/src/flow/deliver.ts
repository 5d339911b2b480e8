/**
 * Events go out: the one job of a webhook posts what is due, one after the other, and enqueues itself for what is due later.
 * Reads the webhook and its events; leaves each event delivered, put off, or given up with its webhook disabled. An attempt is
 * written when it has ended, so a worker that is killed in one has it made again: the receiver hears twice rather than never,
 * and tells by the event's id.
 */
import { recordAudit } from "../audit.ts";
import type { Context } from "../context.ts";
import { recordEvent, scheduleDelivery } from "../events.ts";
import { DoorError } from "../fetch.ts";
import type { JobRun } from "../jobs/worker-loop.ts";
import { retryAfter } from "../retry-after.ts";
import { findNextEvent, writeAttempt } from "../store/events.ts";
import type { EventRow, WebhookRow } from "../store/schema.ts";
import { disableWebhook, findWebhook, holdWebhook } from "../store/webhooks.ts";
import { webhookView } from "../views/webhook.ts";
import { openSecrets } from "../webhook-secrets.ts";
import { signatureHeaders } from "../webhook-signature.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** How long after a failed attempt the next one is made; after the one that follows the last of these there is none. */
const PAUSES_MS = [1, 5, 30, 120, 720, 1440, 1440, 1440].map((minutes) => minutes * MINUTE_MS);

/** How long a receiver has to answer. */
const ANSWER_SECONDS = 5;
/** More of an answer than this is not read: only its status counts, and a short rest lets the connection serve again. */
const ANSWER_BYTES = 8 * 1024;
/** A turn of one webhook's job. */
const TURN_MS = 20_000;
/** A receiver that did not answer at all is left alone as long, lest its events take up a worker. */
const SILENCE_MS = 30_000;

/** @param run with the `webhook_id` in its payload; one with `wake` only makes sure of the webhook's own job */
export async function deliver(
  context: Context,
  { payload, last = false, signal }: Pick<JobRun, "payload"> & Partial<Pick<JobRun, "last" | "signal">>,
): Promise<void> {
  const { db, clock } = context;
  const webhook_id = String(payload.webhook_id);
  const begun = clock();
  if (payload.wake) return scheduleDelivery(context, db, webhook_id, begun);
  // What failed ten times on our side, such as a secret that no key opens, is not lost for that.
  if (last) await scheduleDelivery(context, db, webhook_id, begun + HOUR_MS);
  for (let silentUntil = 0; ; ) {
    const webhook = await findWebhook(db, webhook_id);
    const event = webhook?.status === "active" && (await findNextEvent(db, webhook_id));
    if (!event) return;
    const due = Math.max(event.next_attempt_at ?? 0, silentUntil);
    const now = clock();
    if (due > now || now - begun > TURN_MS || signal?.aborted) {
      return scheduleDelivery(context, db, webhook_id, due);
    }
    const answer = await post(context, webhook, event);
    if (answer.status === null) silentUntil = clock() + SILENCE_MS;
    await settle(context, webhook, event, answer);
  }
}

/** How an attempt ended: an HTTP status, or why there was none. `wait` is what the receiver asked for, in milliseconds. */
interface Answer {
  status: number | null;
  error: string | null;
  wait: number;
}

async function post(context: Context, webhook: WebhookRow, { id, body }: EventRow): Promise<Answer> {
  const at = context.clock();
  const signature = signatureHeaders(openSecrets(context, webhook, at), { id, body, at });
  try {
    const {
      status,
      headers,
      body: rest,
    } = await context.door.stream(webhook.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...signature },
      body,
      timeoutSeconds: ANSWER_SECONDS,
      maxBytes: ANSWER_BYTES,
    });
    await letPass(rest);
    return { status, error: null, wait: retryAfter(headers.get("retry-after"), context.clock(), DAY_MS) };
  } catch (thrown) {
    if (!(thrown instanceof DoorError)) throw thrown;
    return { status: thrown.status, error: thrown.reason, wait: 0 };
  }
}

/** Reads a body that nobody wants, as far as it comes. */
async function letPass(body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const _ of body);
  } catch (thrown) {
    if (!(thrown instanceof DoorError)) throw thrown;
  }
}

async function settle(
  context: Context,
  webhook: WebhookRow,
  event: EventRow,
  { status, error, wait }: Answer,
): Promise<void> {
  const now = context.clock();
  const attempts = event.attempts + 1;
  const attempted = { attempts, last_status_code: status, last_error: error, next_attempt_at: null };
  if (status !== null && status >= 200 && status <= 299) {
    await writeAttempt(context.db, event, { ...attempted, delivered_at: now });
    return;
  }
  const pause = PAUSES_MS[attempts - 1];
  if (pause !== undefined) {
    const next_attempt_at = now + Math.max(pause, wait);
    await writeAttempt(context.db, event, { ...attempted, next_attempt_at, delivered_at: null });
    return;
  }
  const disabled = await context.db.transaction().execute(async (tx) => {
    // The webhook before its event, as whoever deletes it takes them: Postgres would else let one of the two fail.
    await holdWebhook(tx, webhook.id);
    if (!(await writeAttempt(tx, event, { ...attempted, delivered_at: null }))) return false;
    if (!(await disableWebhook(tx, webhook, now))) return false;
    const { id } = webhook;
    await recordAudit(context, tx, { action: "webhook_disabled", actor: "server", subject: id, detail: { attempts } });
    const { url: _, ...object } = webhookView({ ...webhook, status: "disabled", updated_at: now });
    await recordEvent(context, tx, { type: "webhook.disabled", patient_id: null, object });
    return true;
  });
  if (disabled) context.logger.error({ webhook_id: webhook.id, status, error }, "A webhook was disabled");
}
