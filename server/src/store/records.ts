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
  /** `meta.versionId`, where there is one. */
  version_id?: string | null;
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
 * Stores a page of records. Of one that comes twice the newer is kept, by `meta.lastUpdated`, and on one page by
 * `meta.versionId` where that is the same; one that is as it was is not written, and one that a search matched stays a match when it later comes along with another. What is written gets the
 * patient's next `seq`, in the order given. The caller's transaction keeps other writers of the connection out.
 */
export async function storeRecords(
  tx: Tx,
  owner: RecordOwner,
  incoming: readonly IncomingRecord[],
  now: number,
  form = plainForm,
): Promise<Stored> {
  const stored: Stored = { added: new Map(), changed: new Map() };
  const page = newestOfEach(incoming);
  const standing = await findStanding(tx, owner.connection_id, page);
  const writing: Writing[] = [];
  for (const record of page) {
    const before = standing.get(`${record.type}/${record.fhir_id}`);
    const kept = form(record);
    if (before && !replaces(record, kept.hash, before)) continue;
    const role = before?.role === "match" && record.role === "include" ? "match" : record.role;
    writing.push({ ...record, ...kept, role });
    if (role === "foreign") continue;
    const counts = before ? stored.changed : stored.added;
    counts.set(record.type, (counts.get(record.type) ?? 0) + 1);
  }
  await write(tx, owner, writing, now);
  return stored;
}

type Standing = Pick<RecordRow, "type" | "fhir_id" | "hash" | "last_updated" | "role">;
type Writing = IncomingRecord & Pick<RecordRow, "hash">;

function replaces(record: IncomingRecord, hash: Buffer, before: Standing): boolean {
  if (before.hash.equals(hash)) return before.role === "include" && record.role === "match";
  return record.last_updated === null || before.last_updated === null || record.last_updated >= before.last_updated;
}

/** What is stored of a page already, by type and id. */
async function findStanding(
  tx: Tx,
  connection_id: string,
  page: readonly IncomingRecord[],
): Promise<Map<string, Standing>> {
  const ids = new Map<string, string[]>();
  for (const { type, fhir_id } of page) ids.set(type, [...(ids.get(type) ?? []), fhir_id]);
  const standing = new Map<string, Standing>();
  for (const [type, all] of ids) {
    for (const { part, text } of inParts(tx, all, "lookUp")) {
      const { rows } = await tx.executeQuery<Standing>(CompiledQuery.raw(text, [connection_id, type, ...part]));
      for (const row of rows) standing.set(`${type}/${row.fhir_id}`, row);
    }
  }
  return standing;
}

async function write(tx: Tx, { connection_id, patient_id }: RecordOwner, all: Writing[], now: number): Promise<void> {
  if (all.length === 0) return;
  const { last_record_seq } = await tx
    .updateTable("patients")
    .set((update) => ({ last_record_seq: update("last_record_seq", "+", all.length) }))
    .where("id", "=", patient_id)
    .returning("last_record_seq")
    .executeTakeFirstOrThrow();
  let seq = last_record_seq - all.length;
  for (const { part, text } of inParts(tx, all, "upsert")) {
    const parameters: unknown[] = [];
    for (const { type, fhir_id, hash, body, last_updated, role } of part) {
      seq += 1;
      parameters.push(connection_id, patient_id, type, fhir_id, seq, hash, body, last_updated, role, now, now);
    }
    await tx.executeQuery(CompiledQuery.raw(text, parameters));
  }
}

const COLUMNS = "connection_id,patient_id,type,fhir_id,seq,hash,body,last_updated,role,created_at,updated_at".split(
  ",",
);

type Placeholder = (index: number) => string;

function upsert(rows: number, placeholder: Placeholder): string {
  const row = (_: unknown, index: number): string =>
    `(${COLUMNS.map((_name, at) => placeholder(index * COLUMNS.length + at + 1)).join(",")},1)`;
  return `insert into records (${COLUMNS.join(",")},version) values ${Array.from({ length: rows }, row).join(",")}
    on conflict (connection_id, type, fhir_id) do update set
      seq = excluded.seq, hash = excluded.hash, body = excluded.body, last_updated = excluded.last_updated,
      role = excluded.role, updated_at = excluded.updated_at, version = records.version + 1`;
}

function lookUp(rows: number, placeholder: Placeholder): string {
  const ids = Array.from({ length: rows }, (_, index) => placeholder(index + 3));
  return `select type, fhir_id, hash, last_updated, role from records
    where connection_id = ${placeholder(1)} and type = ${placeholder(2)} and fhir_id in (${ids.join(",")})`;
}

/**
 * Statements for many rows, of few sizes, so that a connection keeps each prepared: built anew for each page they cost more
 * than the rows. None returns what it wrote, which would cost half as much again.
 */
const SIZES = [100, 25, 5, 1];
const STATEMENTS = {
  sqlite: SIZES.map((rows) => ({ rows, upsert: upsert(rows, () => "?"), lookUp: lookUp(rows, () => "?") })),
  postgres: SIZES.map((rows) => {
    const placeholder: Placeholder = (index) => `$${index}`;
    return { rows, upsert: upsert(rows, placeholder), lookUp: lookUp(rows, placeholder) };
  }),
};

/** A list in parts as large as the statements. */
function inParts<T>(tx: Tx, all: readonly T[], statement: "upsert" | "lookUp"): { part: T[]; text: string }[] {
  const statements = tx.getExecutor().adapter instanceof PostgresAdapter ? STATEMENTS.postgres : STATEMENTS.sqlite;
  const parts: { part: T[]; text: string }[] = [];
  let from = 0;
  for (const { rows, [statement]: text } of statements) {
    for (; from + rows <= all.length; from += rows) parts.push({ part: all.slice(from, from + rows), text });
  }
  return parts;
}

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

/** Of records that a page holds more than once, the newest of each; the later one where they do not tell. */
export function newestOfEach<Incoming extends IncomingRecord>(incoming: readonly Incoming[]): Incoming[] {
  const kept = new Map<string, Incoming>();
  for (const record of incoming) {
    const name = `${record.type}/${record.fhir_id}`;
    const before = kept.get(name);
    if (!before || !isOlder(record, before)) kept.set(name, record);
  }
  return [...kept.values()];
}

function isOlder(record: IncomingRecord, before: IncomingRecord): boolean {
  const [updated, standing] = [record.last_updated ?? 0, before.last_updated ?? 0];
  if (updated !== standing) return updated < standing;
  // Only versions that count can be compared.
  const [version = "", other = ""] = [record.version_id ?? "", before.version_id ?? ""];
  return COUNTED.test(version) && COUNTED.test(other) && Number(version) < Number(other);
}

const COUNTED = /^\d{1,15}$/;
