/**
 * The hand-over from the pull to the download: notes what documents a page's records point to, in the page's transaction, and
 * has them read. Where no folder keeps documents, they are noted as skipped.
 */
import type { Context } from "./context.ts";
import { attachmentsIn, hasAttachments } from "./fhir/attachments.ts";
import { type NotedAttachment, noteAttachments } from "./store/attachments.ts";
import type { Db, Tx } from "./store/database.ts";
import type { IncomingRecord, RecordOwner } from "./store/records.ts";

/** What notes and the job are made with. */
type Tools = Pick<Context, "configuration" | "ids" | "jobs" | "vault">;

/** Notes the documents of a page's own records; those of companions are not the patient's. */
export async function noteDocuments(
  tools: Tools,
  tx: Tx,
  owner: RecordOwner & { fhir_base_url: string },
  records: readonly IncomingRecord[],
  now: number,
): Promise<void> {
  const { attachmentsFolder } = tools.configuration;
  const noted = records
    .filter(({ role, type }) => role === "match" && hasAttachments(type))
    .flatMap(({ type, fhir_id, body }) =>
      attachmentsIn(JSON.parse(body), owner.fhir_base_url).map(
        ({ position, content_type, version, url, data }): NotedAttachment => ({
          document_id: `${type}/${fhir_id}`,
          position,
          content_type,
          version,
          reason: attachmentsFolder === null ? "no_folder" : url === null && data === null ? "foreign_url" : null,
        }),
      ),
    );
  const waiting = await noteAttachments(tools, tx, owner, noted, now);
  if (waiting > 0) await scheduleDownload(tools, tx, owner.connection_id, now);
}

/** Has the waiting documents of a connection read, not before a time. Never beside its pull. */
export async function scheduleDownload(
  { jobs }: Pick<Context, "jobs">,
  db: Db,
  connection_id: string,
  runAt: number,
): Promise<void> {
  const payload = { connection_id };
  await jobs.enqueue(db, { name: "download", payload, runAt, dedupeKey: connection_id, serialKey: connection_id });
}
