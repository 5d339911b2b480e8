/** `mb.patients`, as far as it reads what was pulled: records, and the documents that they point to. */
import type { Attachment } from "../../../shared/src/attachment.ts";
import type { PatientRecord, RecordsQuery } from "../../../shared/src/record.ts";
import type { Context } from "../context.ts";
import { type AttachmentContent, attachmentViews, openAttachment } from "../views/attachments.ts";
import type { ListParameters } from "../views/cursor.ts";
import { type PagedList, paged } from "../views/paged.ts";
import { listRecords } from "../views/records.ts";

/** Calls about a patient's records. Each page and each document that is handed out stands in the audit. */
export interface PatientRecords {
  /**
   * A patient's records from all their connections, in the order in which they last changed here; a pull may run meanwhile.
   * `next_cursor` goes back as the cursor that was given, or as `starting_after`. Errors: `bad_request`, `resource_not_found`.
   */
  records(id: string, query?: RecordsQuery): PagedList<PatientRecord>;
  /** The documents that a patient's records point to, oldest first. Errors: `bad_request`, `resource_not_found`. */
  attachments(id: string, parameters?: ListParameters): PagedList<Attachment>;
  /** A stored document with its bytes. Errors: `resource_not_found`, also where it is not stored. */
  attachment(id: string, attachmentId: string): Promise<AttachmentContent>;
}

/** @param ready settles when the database can be used */
export function patientRecords(context: Context, ready: Promise<void>): PatientRecords {
  return {
    records: (id, query) =>
      paged(query, async (input) => {
        await ready;
        return listRecords(context, id, input);
      }),
    attachments: (id, parameters) =>
      paged(parameters, async (input) => {
        await ready;
        return attachmentViews(context, id, input);
      }),
    async attachment(id, attachmentId) {
      await ready;
      return openAttachment(context, id, attachmentId);
    },
  };
}
