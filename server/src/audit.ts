/**
 * The audit: what was ended, deleted or done with keys, by whom, when. The table takes new rows only; the database itself
 * refuses to change or delete one. It outlives the patients it is about, so a patient's id never stands in it: only a
 * keyed hash with the kid of its key, by which whoever holds the sealing keys and the id can find the rows. A plain hash
 * would not do, since the host's ids may be short enough to be tried out.
 */
import type { Ids } from "./ids.ts";
import type { Db } from "./store/database.ts";
import type { AuditRow } from "./store/schema.ts";
import type { TokenVault } from "./store/token-vault.ts";

/** What is recorded. */
export type AuditAction =
  | "connection_disconnected"
  | "connection_deleted"
  | "patient_deleted"
  /** Somebody was given records, told by their number and types; the list of documents; a document. */
  | "records_read"
  | "attachments_listed"
  | "attachment_read"
  /** A destination was handed records, told by their number; a run's end, whether it is through or failed. */
  | "records_exported"
  | "destination_created"
  | "destination_updated"
  | "destination_deleted"
  /** A process used this key in this way for the first time since it started. */
  | "key_used"
  | "key_added"
  | "key_dropped"
  | "values_resealed"
  | "change_accepted"
  | "webhook_created"
  | "webhook_updated"
  | "webhook_secret_rotated"
  | "webhook_deleted"
  /** No attempt at one of its events was answered well. */
  | "webhook_disabled";

/** Who did it: the patient in the browser, the host's own server by a call, the operator by command, or mb-connect by itself. */
export type AuditActor = "patient" | "host" | "operator" | "server";

/** What is written. `subject` is the id of a connection, a webhook or a destination, the kid of a key, or the address of a server; null for a patient. */
export interface AuditEntry {
  action: AuditAction;
  actor: AuditActor;
  subject: string | null;
  /** The host's id of the patient, which is hashed. */
  patient_id?: string;
  /** Plain words and numbers of ours. */
  detail?: Record<string, string | number>;
}

/** What an entry is written with. */
export interface AuditTools {
  ids: Ids;
  clock(): number;
  /** Needed for entries with a patient. */
  vault?: Pick<TokenVault, "sign" | "kid">;
}

/** One row, as it is read back. */
export interface AuditRecord {
  id: string;
  at: string;
  action: string;
  actor: string;
  subject: string | null;
  /** The kid of a sealing key, a dot, and a hash of the patient's id by that key; null where it is about nobody. */
  patient: string | null;
  detail: Record<string, string | number> | null;
}

const PURPOSE = "audit patient";

/** Writes an entry; in the transaction of what it is about, so that neither stands without the other. */
export async function recordAudit({ ids, clock, vault }: AuditTools, db: Db, entry: AuditEntry): Promise<void> {
  const { action, actor, subject, patient_id, detail } = entry;
  const patient = patient_id === undefined || !vault ? null : `${vault.kid()}.${vault.sign(PURPOSE, patient_id)}`;
  const row = { id: ids.next("audit"), at: clock(), action, actor, subject, patient };
  await db
    .insertInto("audit")
    .values({ ...row, detail: detail ? JSON.stringify(detail) : null })
    .execute();
}

/**
 * The audit, oldest first, a page at a time.
 *
 * @param after the id of the last row of the page before
 */
export async function readAudit(db: Db, after: string | null, limit: number): Promise<AuditRecord[]> {
  const rows = await db
    .selectFrom("audit")
    .selectAll()
    .$if(after !== null, (query) => query.where("id", ">", after ?? ""))
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(auditRecord);
}

/** Whether a record is about a patient. Only the key that hashed it can tell: see `patientKid`. */
export function isAbout(vault: Pick<TokenVault, "verify">, { patient }: AuditRecord, patient_id: string): boolean {
  return patient !== null && vault.verify(PURPOSE, patient_id, patient.slice(patient.indexOf(".") + 1));
}

/** The kid of the key that hashed the patient of a record; null where it is about nobody. */
export function patientKid({ patient }: AuditRecord): string | null {
  return patient === null ? null : patient.slice(0, patient.indexOf("."));
}

function auditRecord({ at, detail, ...row }: AuditRow): AuditRecord {
  return { ...row, at: new Date(at).toISOString(), detail: detail === null ? null : JSON.parse(detail) };
}
