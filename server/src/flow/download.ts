/**
 * Fetches the documents that a connection's records point to: the job `download`, one document after the other, which enqueues
 * itself for what is left or put off. Reads the attachments that wait and the records that name them; leaves an encrypted file
 * for each, or why there is none.
 *
 * @see FHIR R4, Attachment and Binary
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Access, access } from "../access.ts";
import type { Context } from "../context.ts";
import { scheduleDownload } from "../documents.ts";
import { ConnectError } from "../errors.ts";
import { DoorError } from "../fetch.ts";
import { type AttachmentAnswer, fetchAttachment, LARGEST_ATTACHMENT } from "../fhir/attachment-fetch.ts";
import { type Attachment, attachmentsIn } from "../fhir/attachments.ts";
import { NoBinaryError } from "../fhir/binary.ts";
import { SNIFFED_BYTES, sniffType } from "../fhir/content-type.ts";
import type { JobRun } from "../jobs/worker-loop.ts";
import { limitsAt, MOST_FAILURES, pauseHost, turnsOf } from "../pulling/fhir-host.ts";
import { retryAfter } from "../retry-after.ts";
import type { AuthorizationSnapshot } from "../smart/authorization-request.ts";
import { removeAttachment, writeAttachment } from "../store/attachment-files.ts";
import { findConnection } from "../store/connections.ts";
import { keepAttachment, leaveAttachment, nextAttachment } from "../store/attachments.ts";
import { countFhirFailure, findFhirHost, forgetFhirFailures } from "../store/fhir-hosts.ts";
import { openBodies } from "../store/record-seal.ts";
import type { AttachmentRow, ConnectionRow, FhirHostRow } from "../store/schema.ts";

/** A job's work; what is left goes to the next one. */
const WORK_MS = 20_000;
/** A turn that comes within this is waited for. */
const SHORT_MS = 500;
const MOST_TRIES = 6;
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** Where there is no access just now, a server throttles and does not say for how long, or fails again and again. */
const PAUSE_MS = 60_000;

/**
 * Why a document is not there. `skipped` for good, or until the record says otherwise; `waiting` for another try. `wait` is what
 * the server asked for, in milliseconds; `tried` false where the try does not count.
 */
type Left = { state: "skipped"; reason: string } | { state: "waiting"; reason: string; wait: number; tried: boolean };

/** @param run with the `connection_id` in its payload */
export async function download(
  context: Context,
  { payload, last, signal }: Pick<JobRun, "payload" | "signal"> & Partial<Pick<JobRun, "last">>,
  workMs = WORK_MS,
): Promise<void> {
  const { db, clock, configuration } = context;
  const { attachmentsFolder: folder } = configuration;
  const connection_id = String(payload.connection_id);
  // A disk may stay full for longer than the attempts last, and the next pull may not name these documents again.
  if (last) await scheduleDownload(context, db, connection_id, clock() + LONGEST_PAUSE_MS);
  const connection = await findConnection(db, connection_id);
  const begun = clock();
  while (connection && folder !== null) {
    const row = await nextAttachment(db, connection_id);
    if (!row) return;
    let usable: Access;
    try {
      usable = await access(context, connection_id);
    } catch (thrown) {
      if (!(thrown instanceof ConnectError)) throw thrown;
      // Of a connection that has ended the documents wait for the pull that follows a new grant.
      if (thrown.code === "token_unavailable") return;
      return scheduleDownload(context, db, connection_id, clock() + PAUSE_MS);
    }
    const host = new URL(usable.fhir_base_url).host;
    const standing = await findFhirHost(db, host);
    const due = Math.max(row.due_at, standing?.paused_until ?? 0);
    const turn = due > clock() ? { at: due } : takeTurn(context, connection, host, standing);
    const now = clock();
    if ("at" in turn && turn.at - now <= SHORT_MS && now - begun < workMs && !signal.aborted) {
      await delay(turn.at - now);
      continue;
    }
    if ("at" in turn || now - begun >= workMs || signal.aborted) {
      if ("release" in turn) turn.release();
      return scheduleDownload(context, db, connection_id, "at" in turn ? turn.at : now);
    }
    try {
      const left = await read(context, folder, row, usable, signal);
      if (left && !signal.aborted) await leave(context, row, host, left);
      if (!left && standing?.failures) await forgetFhirFailures(db, host);
    } finally {
      turn.release();
    }
  }
}

/** Among the pull's own requests to the host, at the pace that it bears. */
function takeTurn(
  { pace, clock }: Context,
  { source_id, snapshot }: ConnectionRow,
  host: string,
  standing: FhirHostRow | undefined,
) {
  const { profile } = JSON.parse(snapshot) as AuthorizationSnapshot;
  return pace.take(turnsOf(host, source_id), limitsAt(standing, profile.fhir), clock());
}

/** Reads one document and keeps it; answers why it is not kept, or null. */
async function read(
  context: Context,
  folder: string,
  row: AttachmentRow,
  usable: Access,
  signal: AbortSignal,
): Promise<Left | null> {
  const { db, vault, clock } = context;
  const place = { folder, connection_id: row.connection_id };
  try {
    const attachment = await attachmentOf(context, row, usable.fhir_base_url);
    if (!attachment) return { state: "skipped", reason: "not_in_record" };
    if ((attachment.size ?? 0) > LARGEST_ATTACHMENT) return { state: "skipped", reason: "too_large" };
    const answer = await contentOf(context, row.connection_id, attachment, usable, signal);
    if (!answer) return { state: "skipped", reason: "foreign_url" };
    if (!answer.content) return leftBy(answer, clock());
    const measure = newMeasure();
    const written = await writeAttachment(place, row.id, measure.through(answer.content));
    const { size, oddity, content_type } = measure.compare(attachment);
    const kept = await keepAttachment(db, vault, row.id, { content_type, size, reason: oddity, written }, clock());
    // Deleted meanwhile: then no file of it may be left either.
    await removeAttachment(place, row.id, kept ? written.file : null);
    return null;
  } catch (thrown) {
    const left = leftByFault(thrown);
    if (left) return left;
    // The connection's folder was taken away under the file.
    const { code } = thrown as { code?: unknown };
    if (code === "ENOENT" && (await nextAttachment(db, row.connection_id))?.id !== row.id) return null;
    throw thrown;
  }
}

/** What the record says of it now. */
async function attachmentOf(
  { db, vault }: Context,
  { connection_id, document_id, position }: AttachmentRow,
  fhir_base_url: string,
): Promise<Attachment | undefined> {
  const [type = "", fhir_id = ""] = document_id.split("/");
  const rows = await db
    .selectFrom("records")
    .select(["connection_id", "type", "fhir_id", "body"])
    .where("connection_id", "=", connection_id)
    .where("type", "=", type)
    .where("fhir_id", "=", fhir_id)
    .execute();
  const [record] = await openBodies(db, vault, rows);
  const found = record ? attachmentsIn(JSON.parse(record.body), fhir_base_url) : [];
  return found.find((one) => one.position === position);
}

/** Its content, or the answer that came in its place; null where no token may go to it. */
async function contentOf(
  context: Context,
  connection_id: string,
  attachment: Attachment,
  usable: Access,
  signal: AbortSignal,
): Promise<AttachmentAnswer | null> {
  const { data, url } = attachment;
  if (data !== null) return { content: inline(data) };
  if (url === null) return null;
  const answer = await fetchAttachment(context.door, usable, { ...attachment, url }, signal);
  if (answer.content || answer.status !== 401) return answer;
  const renewed = await access(context, connection_id, usable.generation);
  return fetchAttachment(context.door, renewed, { ...attachment, url }, signal);
}

async function* inline(base64: string): AsyncGenerator<Buffer> {
  yield Buffer.from(base64, "base64");
}

function leftBy({ status, html, headers }: AttachmentAnswer & { content: null }, now: number): Left {
  const wait = retryAfter(headers.get("retry-after"), now, LONGEST_PAUSE_MS);
  if (status === 429) return { state: "waiting", reason: "http_429", wait: wait || PAUSE_MS, tried: false };
  if (html) return { state: "waiting", reason: "html_answer", wait, tried: true };
  if (status >= 500 || status === 408 || status === 425) {
    return { state: "waiting", reason: `http_${status}`, wait, tried: true };
  }
  return { state: "skipped", reason: `http_${status}` };
}

function leftByFault(thrown: unknown): Left | null {
  if (thrown instanceof TooLargeError) return { state: "skipped", reason: "too_large" };
  if (thrown instanceof NoBinaryError) return { state: "waiting", reason: "no_binary", wait: 0, tried: true };
  if (thrown instanceof ConnectError) return { state: "waiting", reason: thrown.code, wait: 0, tried: false };
  if (!(thrown instanceof DoorError)) return null;
  const { reason } = thrown;
  if (["too_large", "too_many_redirects", "blocked_url", "blocked_address"].includes(reason)) {
    return { state: "skipped", reason };
  }
  return { state: "waiting", reason, wait: 0, tried: true };
}

/** Writes why a document is not there, and what its server's host is left alone for. */
async function leave(context: Context, row: AttachmentRow, host: string, left: Left): Promise<void> {
  const { db, clock } = context;
  const now = clock();
  if (left.state === "skipped") {
    await leaveAttachment(db, row.id, { state: "skipped", reason: left.reason }, now);
    return;
  }
  const attempts = row.attempts + (left.tried ? 1 : 0);
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** row.attempts, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
  const due_at = Math.ceil(now + Math.max(left.wait, pause));
  const state = attempts >= MOST_TRIES ? ("failed" as const) : ("waiting" as const);
  await leaveAttachment(db, row.id, { state, reason: left.reason, attempts, due_at }, now);
  if (left.wait > 0) await pauseHost(context, host, now + left.wait);
  const failures = left.tried ? await countFhirFailure(db, host) : 0;
  // Not for longer with each further one: a few broken documents must not keep all patients' records waiting.
  if (failures > 0 && failures % MOST_FAILURES === 0) await pauseHost(context, host, now + PAUSE_MS);
}

class TooLargeError extends Error {
  override name = "TooLargeError";
}

/** Looks at a document's bytes as they pass. */
function newMeasure() {
  const [sha1, sha256] = [createHash("sha1"), createHash("sha256")];
  let head = Buffer.alloc(0);
  let size = 0;
  return {
    async *through(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of content) {
        size += chunk.length;
        if (size > LARGEST_ATTACHMENT) throw new TooLargeError("Too large");
        if (head.length < SNIFFED_BYTES) head = Buffer.concat([head, chunk]).subarray(0, SNIFFED_BYTES);
        sha1.update(chunk);
        sha256.update(chunk);
        yield chunk;
      }
    },
    /**
     * Against what the record says of it. A document that is made anew at each reading never matches, so one that does not is
     * kept all the same, and the oddity told.
     */
    compare(said: Attachment) {
      const digest = said.hash?.length === 32 ? sha256.digest() : sha1.digest();
      const differs = said.hash !== null && !said.hash.equals(digest);
      const oddity = differs ? "hash_differs" : said.size !== null && said.size !== size ? "size_differs" : null;
      return { size, oddity, content_type: sniffType(head, said.content_type) };
    },
  };
}
