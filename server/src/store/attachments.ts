/**
 * Attachments: the documents that a connection's records point to, one row each. A page of the pull notes them in its own
 * transaction; the download reads them one by one and writes what became of each. Where a document lies, the record itself
 * says when it is read.
 */
import type { Ids } from "../ids.ts";
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
 * @returns how many wait by this to be read
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
    if (row && !isDue(row, reason, vault.open(row.sealed_version, versionOf(id)) === version)) continue;
    const state = reason === null ? ("waiting" as const) : ("skipped" as const);
    if (state === "waiting") waiting += 1;
    const news = { state, reason, content_type, sealed_version: vault.seal(version, versionOf(id)), updated_at: now };
    if (row) {
      await tx
        .updateTable("attachments")
        .set({ ...news, attempts: 0 })
        .where("id", "=", id)
        .execute();
    } else {
      const nothing = { size: null, file: null, sealed_key: null, attempts: 0, created_at: now };
      fresh.push({ id, connection_id, patient_id, document_id, position, ...news, ...nothing });
    }
  }
  if (fresh.length > 0) await tx.insertInto("attachments").values(fresh).execute();
  return waiting;
}

type Known = Pick<AttachmentRow, "id" | "document_id" | "position" | "state" | "reason" | "sealed_version">;

async function knownOf(
  db: Db,
  connection_id: string,
  noted: readonly NotedAttachment[],
): Promise<ReadonlyMap<string, Known>> {
  const rows = await db
    .selectFrom("attachments")
    .select(["id", "document_id", "position", "state", "reason", "sealed_version"])
    .where("connection_id", "=", connection_id)
    .where("document_id", "in", [...new Set(noted.map(({ document_id }) => document_id))])
    .execute();
  return new Map(rows.map((row) => [`${row.document_id} ${row.position}`, row]));
}

/** Whether a known attachment is to be noted anew. */
function isDue(row: Known, reason: NotedAttachment["reason"], same: boolean): boolean {
  if (!same || row.state === "failed") return true;
  return row.state === "skipped" && row.reason === "no_folder" && reason === null;
}

function versionOf(id: string): Place {
  return { table: "attachments", id, column: "version" };
}
