/**
 * Records: what was pulled, one row a resource of a connection. A page is written in one go, in the caller's transaction,
 * beside the place that the pull has reached; a body that did not change costs no write.
 */
import { hash } from "node:crypto";
import { CompiledQuery, PostgresAdapter } from "kysely";
import type { Db, Tx } from "./database.ts";
import type { RecordRow } from "./schema.ts";

/** A resource as it came. */
export interface IncomingRecord extends Pick<RecordRow, "type" | "fhir_id" | "last_updated" | "role"> {
  /** Its own text out of the page. */
  body: string;
}

/** Whose records they are. */
export interface RecordOwner {
  connection_id: string;
  patient_id: string;
}

/** How many records of a page were new, and how many had changed, by type; quarantined ones are in neither. */
export interface Stored {
  added: Map<string, number>;
  changed: Map<string, number>;
}

/** What is kept of a record: its body, or that sealed, and the hash by which a change of it is seen. */
export type KeptForm = (record: IncomingRecord) => Pick<RecordRow, "body" | "hash">;

/** Keeps a body as it was received. */
export const plainForm: KeptForm = ({ body }) => ({ body, hash: hash("sha256", body, "buffer") });

/**
 * Stores a page of records. Of one that comes twice the newer is kept, by `meta.lastUpdated`; one that is as it was is not
 * written. What is written gets the patient's next `seq`, in the order given.
 */
export async function storeRecords(
  tx: Tx,
  { connection_id, patient_id }: RecordOwner,
  incoming: readonly IncomingRecord[],
  now: number,
  form = plainForm,
): Promise<Stored> {
  const stored: Stored = { added: new Map(), changed: new Map() };
  const page = newestOfEach(incoming);
  if (page.length === 0) return stored;
  const { last_record_seq } = await tx
    .updateTable("patients")
    .set((update) => ({ last_record_seq: update("last_record_seq", "+", page.length) }))
    .where("id", "=", patient_id)
    .returning("last_record_seq")
    .executeTakeFirstOrThrow();
  let seq = last_record_seq - page.length;
  const texts = tx.getExecutor().adapter instanceof PostgresAdapter ? UPSERTS.postgres : UPSERTS.sqlite;
  for (let from = 0; from < page.length; ) {
    const { rows, text } = texts.find((one) => one.rows <= page.length - from) as Upsert;
    const parameters: unknown[] = [];
    for (const record of page.slice(from, from + rows)) {
      const { type, fhir_id, last_updated, role } = record;
      const kept = form(record);
      seq += 1;
      parameters.push(
        connection_id,
        patient_id,
        type,
        fhir_id,
        seq,
        kept.hash,
        kept.body,
        last_updated,
        role,
        now,
        now,
      );
    }
    const written = await tx.executeQuery<Written>(CompiledQuery.raw(text, parameters));
    for (const { type, role, version } of written.rows) {
      if (role === "foreign") continue;
      const counts = version === 1 ? stored.added : stored.changed;
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    from += rows;
  }
  return stored;
}

type Upsert = (typeof UPSERTS.sqlite)[number];
type Written = Pick<RecordRow, "type" | "role" | "version">;

const COLUMNS = "connection_id,patient_id,type,fhir_id,seq,hash,body,last_updated,role,created_at,updated_at".split(
  ",",
);

/**
 * Many rows to a statement, of few sizes, so that a connection keeps each prepared: built anew for each page, the statement
 * costs more than the rows. A record that a search matched stays one when it later comes along with another.
 */
function upsert(rows: number, placeholder: (index: number) => string): string {
  const row = (_: unknown, index: number): string =>
    `(${COLUMNS.map((_name, at) => placeholder(index * COLUMNS.length + at + 1)).join(",")},1)`;
  return `insert into records (${COLUMNS.join(",")},version) values ${Array.from({ length: rows }, row).join(",")}
    on conflict (connection_id, type, fhir_id) do update set
      seq = excluded.seq, hash = excluded.hash, body = excluded.body, last_updated = excluded.last_updated,
      role = case when records.role = 'match' and excluded.role = 'include' then 'match' else excluded.role end,
      updated_at = excluded.updated_at, version = records.version + 1
    where (records.hash <> excluded.hash or (records.role = 'include' and excluded.role = 'match'))
      and coalesce(excluded.last_updated >= records.last_updated, true)
    returning type, role, version`;
}

const SIZES = [100, 25, 5, 1];
const UPSERTS = {
  sqlite: SIZES.map((rows) => ({ rows, text: upsert(rows, () => "?") })),
  postgres: SIZES.map((rows) => ({ rows, text: upsert(rows, (index) => `$${index}`) })),
};

/** Which of a patient's records to read. */
export interface RecordsQuery {
  patient_id: string;
  /** Only those of one connection. */
  connection_id?: string;
  types?: readonly string[];
  /** Changed at this time or later. */
  since?: number;
  /** Those with a greater `seq`, the least first. */
  after?: number;
  /** Those with a lesser `seq`, the greatest of them, the least first. */
  before?: number;
  limit: number;
}

/** A patient's records in the order in which they last changed; quarantined ones are left out. */
export async function readRecords(db: Db, query: RecordsQuery): Promise<RecordRow[]> {
  const { patient_id, connection_id, types, since, after, before, limit } = query;
  const backwards = before !== undefined && after === undefined;
  const rows = await db
    .selectFrom("records")
    .selectAll()
    .where("patient_id", "=", patient_id)
    .where("role", "!=", "foreign")
    .$if(connection_id !== undefined, (q) => q.where("connection_id", "=", connection_id ?? ""))
    .$if(types !== undefined, (q) => q.where("type", "in", types ?? []))
    .$if(since !== undefined, (q) => q.where("updated_at", ">=", since ?? 0))
    .$if(after !== undefined, (q) => q.where("seq", ">", after ?? 0))
    .$if(before !== undefined, (q) => q.where("seq", "<", before ?? 0))
    .orderBy("seq", backwards ? "desc" : "asc")
    .limit(limit)
    .execute();
  return backwards ? rows.reverse() : rows;
}

function newestOfEach(incoming: readonly IncomingRecord[]): IncomingRecord[] {
  const kept = new Map<string, IncomingRecord>();
  for (const record of incoming) {
    const key = `${record.type}/${record.fhir_id}`;
    const before = kept.get(key);
    if (before && (before.last_updated ?? 0) > (record.last_updated ?? 0)) continue;
    kept.set(key, record);
  }
  return [...kept.values()];
}
