/** Documents that a patient's records point to, as a host's server reads them. Each reading is noted in the audit first. */
import type { Readable } from "node:stream";
import type { Attachment } from "../../../shared/src/attachment.ts";
import type { List } from "../../../shared/src/list.ts";
import { recordAudit } from "../audit.ts";
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import { readAttachment } from "../store/attachment-files.ts";
import { fileOf, findAttachment, listAttachments } from "../store/attachments.ts";
import { findPatientRow } from "../store/patients.ts";
import type { AttachmentRow } from "../store/schema.ts";
import { page, readListParameters } from "./cursor.ts";
import { patientNotFound } from "./patient.ts";

/** A document with its bytes. */
export interface AttachmentContent extends Attachment {
  /**
   * What to send it to a browser with, so that nothing in it runs as a page of the host's: its type, as a download, in a
   * sandbox.
   */
  headers: Record<string, string>;
  /** The bytes. Fails before it gives one that is not as it was stored; destroy it when it is not read to its end. */
  stream: Readable;
}

/** @throws {ConnectError} `bad_request`, `resource_not_found` */
export async function attachmentViews(context: Context, patient_id: string, input: unknown): Promise<List<Attachment>> {
  const { limit, after } = readListParameters(input);
  if (!(await findPatientRow(context.db, patient_id))) throw patientNotFound();
  const rows = await listAttachments(context.db, patient_id, after, limit + 1);
  const list = page(rows, limit, attachmentView, (row) => row.id);
  const entry = { action: "attachments_listed", actor: "host", subject: null, patient_id } as const;
  await recordAudit(context, context.db, { ...entry, detail: { count: list.data.length } });
  return list;
}

/** @throws {ConnectError} `resource_not_found`, also where it is not stored */
export async function openAttachment(context: Context, patient_id: string, id: string): Promise<AttachmentContent> {
  const { db, vault, configuration } = context;
  const { attachmentsFolder: folder } = configuration;
  const row = await findAttachment(db, patient_id, id);
  if (!row) throw notFound("There is no such attachment");
  const written = fileOf(vault, row);
  if (!written || folder === null) throw notFound(`The attachment is not stored: ${row.reason ?? row.state}`);
  const { connection_id } = row;
  const stream = await readAttachment({ folder, connection_id }, written);
  if (!stream) throw notFound("The attachment's file is not in the folder attachmentsFolder");
  try {
    const entry = { action: "attachment_read", actor: "host", subject: connection_id, patient_id } as const;
    await recordAudit(context, db, { ...entry, detail: { attachment: id } });
  } catch (thrown) {
    stream.destroy();
    throw thrown;
  }
  const headers = {
    "content-type": row.content_type ?? "application/octet-stream",
    "content-disposition": "attachment",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  };
  return { ...attachmentView(row), headers, stream };
}

function attachmentView(row: AttachmentRow): Attachment {
  return {
    id: row.id,
    resource_type: "attachment",
    record: row.document_id,
    position: row.position,
    connection: row.connection_id,
    status: row.state,
    reason: row.reason,
    content_type: row.content_type,
    size: row.size,
    created_at: new Date(row.created_at).toISOString(),
    updated_at: new Date(row.updated_at).toISOString(),
  };
}

function notFound(message: string): ConnectError {
  return new ConnectError("resource_not_found", { message, param: "attachmentId" });
}
