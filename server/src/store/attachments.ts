/**
 * Attachments: the documents that a connection's records point to, one row each. A page of the pull notes them in its own
 * transaction; the download reads them one by one and writes what became of each. Where a document lies, the record itself
 * says when it is read.
 */
import type { Ids } from "../ids.ts";
import type { WrittenFile } from "./attachment-files.ts";
import { batchesOf } from "./batches.ts";
import type { Db, Tx } from "./database.ts";
import type { RecordOwner } from "./records.ts";
import type { AttachmentRow } from "./schema.ts";
import type { Place, TokenVault } from "./token-vault.ts";

/** An attachment, as a record tells of it now. */
export interface NotedAttachment extends Pick<AttachmentRow, "document_id" | "position" | "content_type"> {
  /** What tells one state of the document from the next. */
  version: string;
  /** Why it is not to be read, a code of ours; else null. */
  reason: "foreign_url" | "no_folder" | null;
}

/** What notes are made with. */
export interface NoteTools {
  ids: Ids;
  vault: TokenVault;
}

/**
 * Notes attachments in the caller's transaction. One that is stored stays so until its version is another; one that failed
 * is tried anew.
 *
 * @returns how many of them wait to be read
 */
export async function noteAttachments(
  { ids, vault }: NoteTools,
  tx: Tx,
  { connection_id, patient_id }: RecordOwner,
  noted: readonly NotedAttachment[],
  now: number,
): Promise<number> {
  if (noted.length === 0) return 0;
  const known = await knownOf(tx, connection_id, noted);
  const fresh: AttachmentRow[] = [];
  let waiting = 0;
  for (const { document_id, position, content_type, version, reason } of noted) {
    const row = known.get(`${document_id} ${position}`);
    const id = row?.id ?? ids.next("file");
    if (row && !isDue(row, reason, vault.open(row.sealed_version, placeOf(id, "version")) === version)) {
      if (row.state === "waiting") waiting += 1;
      continue;
    }
    const state = reason === null ? ("waiting" as const) : ("skipped" as const);
    if (state === "waiting") waiting += 1;
    const sealed_version = vault.seal(version, placeOf(id, "version"));
    const news = { state, reason, content_type, sealed_version, attempts: 0, due_at: now, updated_at: now };
    if (row) {
      await tx.updateTable("attachments").set(news).where("id", "=", id).execute();
    } else {
      const nothing = { size: null, file: null, sealed_key: null, created_at: now };
      fresh.push({ id, connection_id, patient_id, document_id, position, ...news, ...nothing });
    }
  }
  for (const batch of batchesOf(fresh)) await tx.insertInto("attachments").values(batch).execute();
  return waiting;
}

/** The attachment of a connection that is to be read next, whether or not its time has come. */
export function nextAttachment(db: Db, connection_id: string): Promise<AttachmentRow | undefined> {
  return db
    .selectFrom("attachments")
    .selectAll()
    .where("connection_id", "=", connection_id)
    .where("state", "=", "waiting")
    .orderBy("due_at")
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
}

/** What an attachment that was read is kept as. */
export interface KeptAttachment extends Pick<AttachmentRow, "content_type" | "reason"> {
  size: number;
  written: WrittenFile;
}

/** Notes that an attachment is stored; false where it is gone meanwhile. */
export async function keepAttachment(
  db: Db,
  vault: TokenVault,
  id: string,
  { content_type, reason, size, written }: KeptAttachment,
  now: number,
): Promise<boolean> {
  const sealed_key = vault.seal(written.key, placeOf(id, "key"));
  const kept = { state: "stored" as const, content_type, reason, size, file: written.file, sealed_key };
  return writeAttachmentRow(db, id, { ...kept, updated_at: now });
}

/** Writes on an attachment that waits why it is not read, or not yet. */
export function leaveAttachment(
  db: Db,
  id: string,
  left: Partial<Pick<AttachmentRow, "state" | "reason" | "attempts" | "due_at">>,
  now: number,
): Promise<boolean> {
  return writeAttachmentRow(db, id, { ...left, updated_at: now });
}

async function writeAttachmentRow(db: Db, id: string, changes: Partial<AttachmentRow>): Promise<boolean> {
  const result = await db
    .updateTable("attachments")
    .set(changes)
    .where("id", "=", id)
    .where("state", "=", "waiting")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** One attachment of a patient. */
export function findAttachment(db: Db, patient_id: string, id: string): Promise<AttachmentRow | undefined> {
  return db
    .selectFrom("attachments")
    .selectAll()
    .where("patient_id", "=", patient_id)
    .where("id", "=", id)
    .executeTakeFirst();
}

/** A patient's attachments in the order of their ids, after one of them. */
export function listAttachments(
  db: Db,
  patient_id: string,
  after: string | null,
  limit: number,
): Promise<AttachmentRow[]> {
  return db
    .selectFrom("attachments")
    .selectAll()
    .where("patient_id", "=", patient_id)
    .$if(after !== null, (query) => query.where("id", ">", after ?? ""))
    .orderBy("id")
    .limit(limit)
    .execute();
}

/** The file of an attachment that has one. */
export function fileOf(vault: TokenVault, { id, file, sealed_key }: AttachmentRow): WrittenFile | null {
  if (file === null || sealed_key === null) return null;
  return { file, key: vault.open<string>(sealed_key, placeOf(id, "key")) };
}

type Known = Pick<AttachmentRow, "id" | "document_id" | "position" | "state" | "reason" | "sealed_version">;

async function knownOf(
  db: Db,
  connection_id: string,
  noted: readonly NotedAttachment[],
): Promise<ReadonlyMap<string, Known>> {
  const known = new Map<string, Known>();
  for (const batch of batchesOf([...new Set(noted.map(({ document_id }) => document_id))])) {
    const rows = await db
      .selectFrom("attachments")
      .select(["id", "document_id", "position", "state", "reason", "sealed_version"])
      .where("connection_id", "=", connection_id)
      .where("document_id", "in", batch)
      .execute();
    for (const row of rows) known.set(`${row.document_id} ${row.position}`, row);
  }
  return known;
}

/** Whether a known attachment is to be noted anew. */
function isDue(row: Known, reason: NotedAttachment["reason"], same: boolean): boolean {
  if (!same || row.state === "failed") return true;
  return row.state === "skipped" && row.reason === "no_folder" && reason === null;
}

function placeOf(id: string, column: "version" | "key"): Place {
  return { table: "attachments", id, column };
}
