/**
 * The signatures of events, made and checked. One secret signs in two ways: `Medblocks-Signature` takes the secret's text as
 * it is shown, `whsec_` included, for the key; the headers of Standard Webhooks take the 32 bytes that stand in base64 behind
 * `whsec_`.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { Webhook as StandardWebhook } from "standardwebhooks";
import type { WebhookEvent } from "../../shared/src/webhook.ts";

const PREFIX = "whsec_";
const TOLERANCE_SECONDS = 5 * 60;
/** More than any rotation leaves; each costs a comparison. */
const MOST_SIGNATURES = 10;

/** A new secret: `whsec_` and 32 random bytes in base64. */
export function newSecret(): string {
  return PREFIX + randomBytes(32).toString("base64");
}

/** What is signed. `at` is in milliseconds since 1970. */
export interface Signed {
  id: string;
  body: string;
  at: number;
}

/**
 * The headers that sign one attempt at an event, by each of the secrets.
 *
 * @see Standard Webhooks 1.0, "Signature scheme"
 */
export function signatureHeaders(secrets: readonly string[], { id, body, at }: Signed): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const standard = secrets.map((secret) => new StandardWebhook(secret).sign(id, new Date(at), body));
  const own = secrets.map((secret) => `v1=${hmac(secret, timestamp, Buffer.from(body)).toString("hex")}`);
  return {
    "medblocks-signature": [`t=${timestamp}`, ...own].join(","),
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": standard.join(" "),
  };
}

/** Why an event was not believed. */
export type SignatureFault =
  /** The body was parsed, or is something else than the bytes or the text that came. */
  | "body_not_raw"
  | "missing_secret"
  | "missing_header"
  | "malformed_header"
  /** Made more than five minutes ago, or in the future: a replay, or a clock that is wrong. */
  | "timestamp_outside_tolerance"
  /** Another secret, or another body. */
  | "signature_mismatch"
  /** Signed, and still no event. */
  | "malformed_event";

/** Thrown for a delivery that must not be believed: answer it with 400. The message holds nothing of what came. */
export class WebhookSignatureError extends Error {
  override name = "WebhookSignatureError";
  readonly code: SignatureFault;

  constructor(code: SignatureFault, message: string) {
    super(message);
    this.code = code;
  }
}

/** For the server that receives events. It needs no `mbConnect`, no database and no network. */
export const Webhooks = { constructEvent };

/**
 * Checks that a delivery is ours and recent, and answers its event. Deliver the body as it came: `express.raw({ type:
 * "application/json" })`, or `await request.text()`. The same event may come more than once, so remember its `id`; and events
 * may come in another order than they happened in.
 *
 * @param signatureHeader the request's `Medblocks-Signature`
 * @param secret as it was shown when the webhook was made or its secret rotated
 * @param options.clock milliseconds since 1970; default the machine's
 * @throws {WebhookSignatureError} with a `code`
 */
function constructEvent(
  rawBody: string | Uint8Array,
  signatureHeader: string | readonly string[] | null | undefined,
  secret: string,
  { clock = Date.now }: { clock?: () => number } = {},
): WebhookEvent {
  if (typeof rawBody !== "string" && !(rawBody instanceof Uint8Array)) {
    const how = 'use express.raw({ type: "application/json" }) for this route, or await request.text()';
    throw new WebhookSignatureError("body_not_raw", `Pass the body as it came, not parsed: ${how}`);
  }
  if (typeof secret !== "string" || secret === "") {
    throw new WebhookSignatureError("missing_secret", "Pass the webhook's secret, whsec_…");
  }
  const body = typeof rawBody === "string" ? Buffer.from(rawBody) : rawBody;
  const { timestamp, signatures } = readHeader(signatureHeader);
  if (Math.abs(clock() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    const why = "The event was signed more than five minutes from now; look at the clocks";
    throw new WebhookSignatureError("timestamp_outside_tolerance", why);
  }
  const expected = hmac(secret, timestamp, body);
  if (!signatures.some((given) => timingSafeEqual(given, expected))) {
    const why = "No signature fits the secret and the body; the body must be the very bytes that came";
    throw new WebhookSignatureError("signature_mismatch", why);
  }
  return readEvent(body);
}

function readHeader(header: string | readonly string[] | null | undefined): {
  timestamp: string;
  signatures: Buffer[];
} {
  const text = typeof header === "string" ? header : header?.join(",");
  if (!text) throw new WebhookSignatureError("missing_header", "The request has no Medblocks-Signature");
  const parts = text.split(",").map((part) => part.trim());
  const valuesOf = (name: string) =>
    parts.filter((part) => part.startsWith(`${name}=`)).map((part) => part.slice(name.length + 1));
  const [timestamp = "", ...more] = valuesOf("t");
  const signatures = valuesOf("v1").filter((value) => /^[0-9a-f]{64}$/i.test(value));
  if (!/^\d{1,12}$/.test(timestamp) || more.length > 0 || signatures.length === 0) {
    throw new WebhookSignatureError("malformed_header", "The Medblocks-Signature is not t=SECONDS,v1=HEX");
  }
  return { timestamp, signatures: signatures.slice(0, MOST_SIGNATURES).map((value) => Buffer.from(value, "hex")) };
}

function readEvent(body: Uint8Array): WebhookEvent {
  try {
    const event = JSON.parse(new TextDecoder().decode(body));
    if (event.object === "event" && typeof event.type === "string") return event;
  } catch {
    // What is signed and no JSON is told apart from what is not signed, below.
  }
  throw new WebhookSignatureError("malformed_event", "The body is signed, and is no event");
}

function hmac(secret: string, timestamp: string, body: Uint8Array): Buffer {
  return createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest();
}
